"""What the checkers say, ready to be translated: each text is a template, and the values in it stand apart.

    _("{call} has shape {shape}, but should have {wanted}.", call="f(x)", shape=(2, 3), wanted=(3, 2))

`_` marks the templates, as gettext (https://docs.python.org/3/library/gettext.html) and its tools expect.
"""

import gettext

# The catalogue that templates are looked up in; without one they stay as they are written.
catalogue: gettext.NullTranslations = gettext.NullTranslations()


class Text:
    """A template with named places and the values for them, put together only when it is shown.

    A value may be a Text itself. Raises KeyError, when shown, if a place has no value.
    """

    def __init__(self, template: str, **values: object):
        self.template, self.values = template, values

    def __str__(self) -> str:
        return catalogue.gettext(self.template).format(**self.values)

    __repr__ = __str__


_ = Text


def join(*texts: Text | str) -> Text:
    """The texts that are not empty, one after the other."""
    shown = [text for text in texts if not isinstance(text, str) or text]
    return Text(
        " ".join(f"{{part{i}}}" for i in range(len(shown))),
        **{f"part{i}": text for i, text in enumerate(shown)},
    )
