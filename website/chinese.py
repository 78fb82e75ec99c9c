"""Search in Chinese: a text is indexed, and a query cut, by pairs of characters, since no spaces part the words."""

import re
from itertools import pairwise

from sphinx.search.zh import SearchChinese

RUN = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z0-9_]+")


class Pairs(SearchChinese):
    """Sphinx's search in Chinese, which stems English words, without its dictionary of words."""

    language_name = "English"  # whose stemmer it has: Sphinx calls the script's class by this name

    js_splitter_code = """
function splitQuery(query) {
  return (query.match(/[\\u4e00-\\u9fff]+|[A-Za-z0-9_]+/g) ?? []).flatMap((run) =>
    run.length > 1 && run >= "\\u4e00" ? [...run].slice(1).map((last, i) => run[i] + last) : [run],
  );
}
"""

    def split(self, text: str) -> list[str]:
        """The words and pairs of a text; a single character between others stays alone."""
        found = []
        for run in RUN.findall(text):
            if run.isascii():
                self.latin_terms.add(run)
                found.append(run)
            else:
                found += ["".join(pair) for pair in pairwise(run)] or [run]
        return found

    def word_filter(self, word: str) -> bool:
        """Whether a word is put into the index."""
        return not word.isascii() or (len(word) > 1 and not word.isdigit())


def setup(app):
    """Sphinx calls this when it loads the extension."""
    app.add_search_language(Pairs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
