"""What the course says, in the language of the notebook that it speaks to.

    _("{call} has shape {shape}, but should have {wanted}.", call="f(x)", shape=(2, 3), wanted=(3, 2))

Each text is a template with the values apart, as gettext has it (https://docs.python.org/3/library/gettext.html); the
translations are in zh/texts.json, template by template. A text that has none is shown in English.
"""

import json
import os
import re
import sys
from functools import cache
from pathlib import Path

CHINESE = re.compile(r"[\u4e00-\u9fff]")
# A space that no Chinese text has, where a template and a value in it meet.
NO_SPACE = re.compile(
    r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff（“])|(?<=[，。：；？！）”、]) | (?=[，。：；？！）”、])"
)


def language() -> str:
    """ "en" or "zh".

    In a notebook it is Chinese if the comment in its set-up cell is. On a console the variable COURSE_LANGUAGE decides,
    or else the language that the system is set to.
    """
    if "IPython" in sys.modules:
        from IPython import get_ipython

        if shell := get_ipython():
            setup = next((cell for cell in shell.user_ns.get("In", []) if "sys.path +=" in cell), "")
            return "zh" if CHINESE.search(setup) else "en"
    wanted = os.environ.get("COURSE_LANGUAGE")
    if wanted is None:
        names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
        wanted = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return "zh" if wanted.lower().startswith("zh") else "en"


@cache
def catalogue(name: str) -> dict[str, str]:
    """The translations into a language, from template to template; none for English."""
    path = Path(__file__).with_name(name) / "texts.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


class Text:
    """A template with named places and the values for them, put together only when it is shown.

    A value may be a Text itself. Raises KeyError, when shown, if a place has no value.
    """

    def __init__(self, template: str, **values: object):
        self.template, self.values = template, values

    def __str__(self) -> str:
        name = language()
        text = catalogue(name).get(self.template, self.template).format(**self.values)
        return NO_SPACE.sub("", text) if name == "zh" else text

    __repr__ = __str__


_ = Text


def join(*texts: Text | str) -> Text:
    """The texts that are not empty, one after the other."""
    shown = [text for text in texts if not isinstance(text, str) or text]
    return Text(
        " ".join(f"{{part{i}}}" for i in range(len(shown))),
        **{f"part{i}": text for i, text in enumerate(shown)},
    )
