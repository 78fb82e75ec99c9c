"""Make the web site: python website/build.py [--decks] [--hand-outs] [--serve]

The site is website/_build; open index.html in a browser. It needs no network and no server. It is made from the
notebooks as they are stored; nothing is run. The Chinese site, made from notebooks/zh, is in website/_build/zh.
--decks makes the slide decks too, --hand-outs has a browser print them; the pages link to what was made. --serve shows
the site at http://127.0.0.1:8000 afterwards.

Needs `pip install -r website/requirements.txt`.
"""

import argparse
import base64
import functools
import html
import http.server
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import nbformat
from sphinx import locale
from sphinx.cmd.build import main as sphinx

import pages
from pages import WORDS, Site, Term, anchor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
BUILT = HERE / "_build"


# Pages that no notebook has


def picture_of(cells: list[nbformat.NotebookNode]) -> bytes | None:
    """A chapter's plot with most in it, as the bytes of a PNG; None if the chapter has no plot."""
    found = [
        output.data["image/png"]
        for cell in cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    return base64.b64decode(max(found, key=len)) if found else None


def card(path: Path, source: Path, language: str) -> str:
    """A chapter on the start page: picture, title, why, minutes. Its picture is written beside the pages in `source`."""
    cells = nbformat.read(path, as_version=4).cells
    title, picture = pages.title_of(cells), picture_of(cells)
    shown = ""
    if picture:
        target = source / "_static" / "cards" / f"{path.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(picture)
        shown = f'<img src="_static/cards/{path.stem}.png" alt="" loading="lazy">'
    return (
        f'<a class="chapter-card" href="{path.stem}.html"><span class="picture">{shown}</span>'
        f"<strong>{html.escape(title)}</strong><span>{html.escape(pages.why(cells))}</span>"
        f"<small>{WORDS[language]['minutes'].format(minutes=pages.minutes_of(cells))}</small></a>"
    )


def start_page(paths: list[Path], source: Path, language: str) -> str:
    """The first page, as Markdown: what the course is, how to begin, the three paths, a card for each chapter."""
    words = WORDS[language]
    first = nbformat.read(paths[0], as_version=4).cells
    ways = next((cell.source for cell in first if cell.id == "paths-md"), "")
    cards = "\n".join(card(path, source, language) for path in paths)
    toc = "\n".join(path.stem for path in paths)
    return f"""# PyTorch, Cell by Cell

<p class="lead">{words["lead"].format(count=len(paths))}</p>

<p class="begin"><a class="button" href="{paths[0].stem}.html">{words["begin"]}</a>
<a class="button quiet" href="start.html">{words["get"]}</a></p>

{re.sub("^#+ .*$", f"## {words['paths']}", ways, count=1, flags=re.MULTILINE)}

## {words["chapters"]}

<div class="chapter-cards">
{cards}
</div>

```{{toctree}}
:hidden:
:maxdepth: 1

start
{toc}
glossary
```
"""


def getting_page(language: str) -> str:
    """How to get the course: README's part on it, all between its first heading and its table of chapters."""
    name = "README.md" if language == "en" else "README.zh-CN.md"
    readme = (ROOT / name).read_text(encoding="utf-8")
    part = re.search(r"^## .*?(?=^## [^\n]*\n(?:(?!^## ).)*^\| 00 )", readme, re.MULTILINE | re.DOTALL)
    if not part:
        sys.exit(f"build.py: {name} has no part on getting the course before its table of chapters")
    text = re.sub(r"\]\((?!https?:|#)[^)]*/(\d\d_\w+)\.ipynb\)", r"](\1.ipynb)", part[0])
    # Links to files that are not pages become plain text.
    text = re.sub(r"\[([^\]]*)\]\((?!https?:|#|\d\d_\w+\.ipynb)[^)]*\)", r"\1", text)
    return f"# {WORDS[language]['get']}\n\n{text}"


def glossary_page(terms: Iterable[Term], language: str) -> str:
    """All terms in alphabetical order, each with the sentence that explains it and a link to it."""
    entries = [
        f"### {term.name}\n\n{term.sentence}\n\n[{term.title}: {re.sub('[`*]', '', term.heading)}]"
        f"({term.chapter}.ipynb#{anchor(term.heading)})\n"
        for term in sorted(terms, key=lambda term: term.name.lower())
    ]
    # Left out of the search, or it would stand before the chapters.
    return (
        f"---\nnosearch: true\n---\n# {WORDS[language]['glossary']}\n\n{WORDS[language]['glossary about']}\n\n"
        + "\n".join(entries)
    )


# The index of the search knows in which pages a word is, not how often. This puts the chapter that says it most first.
SCORER = """\
const HOMES = %s;
var Scorer = {
  score: ([page, , , , score]) => {
    const query = new URLSearchParams(window.location.search).get("q") ?? "";
    const words = query.toLowerCase().match(/[\\w-]+|[\\u4e00-\\u9fff]{2}/g) ?? [];
    return score + words.filter((word) => HOMES[word] === page).length * 200;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
"""


def words_of(text: str) -> list[str]:
    """The words of a text, and its pairs of Chinese characters: Chinese has no spaces between words."""
    latin = re.findall(r"[a-z0-9_-]{3,}", text.lower())
    return latin + re.findall(r"(?=([\u4e00-\u9fff]{2}))", text)


def homes(paths: list[Path], terms: Iterable[Term]) -> dict[str, str]:
    """For each word, the chapter that explains it, or else that it takes the largest share of: text and code, and
    headings above all.
    """
    shares: dict[str, tuple[float, str]] = {}
    for path in paths:
        cells = nbformat.read(path, as_version=4).cells
        text = "\n".join(cell.source for cell in cells if "setup" not in cell.id)
        headings = re.findall(r"^#+ (.+)$", text.lower(), re.MULTILINE)
        words = words_of(text) + 10 * words_of(" ".join(headings)) + 300 * words_of(headings[0])
        for word, count in Counter(words).items():
            if count > 1:
                shares[word] = max(shares.get(word, (0.0, "")), (count / len(words), path.stem))
    found = {word: home for word, (_, home) in sorted(shares.items())}
    return found | {term.name: term.chapter for term in terms if term.name in found}


# The build


def prepare(source: Path, site: Site, made: set[str]) -> None:
    """Write all pages into the empty folder `source`. made: names of decks and hand-outs that there are."""
    language, paths = site.language, pages.chapters(site.language)
    words = WORDS[language]
    shutil.copytree(HERE / "_static", source / "_static")
    shutil.copytree(HERE / "_templates", source / "_templates")
    for name in ("conf.py", "mathml.py", "chinese.py"):
        shutil.copy(HERE / name, source)
    shutil.copytree(pages.NOTEBOOKS / "images", source / "images")
    found = json.dumps(homes(paths, site.terms.values()), ensure_ascii=False, separators=(",", ":"))
    (source / "scorer.js").write_text(SCORER % found, encoding="utf-8")
    for script in pages.NOTEBOOKS.glob("*.py"):  # chapters link to some of them
        shutil.copy(script, source)
    (source / "_extra" / "notebooks").mkdir(parents=True)  # copied as they are
    for path in paths:
        shutil.copy(path, source / "_extra" / "notebooks")
        links = {words["notebook"]: f"notebooks/{path.name}"}
        for text, name in (("slides", f"{path.stem}.html"), ("hand-out", f"{path.stem}.pdf")):
            if name in made:
                links[words[text]] = f"decks/{name}"
        if site.address:
            place = path.relative_to(ROOT).as_posix()
            links["Colab"] = f"https://colab.research.google.com/github/{site.address}/blob/HEAD/{place}"
            links["Binder"] = f"https://mybinder.org/v2/gh/{site.address}/HEAD?urlpath=lab/tree/{place}"
        nbformat.write(pages.page(path, site, links), source / path.name)
    for name, text in (
        ("index", start_page(paths, source, language)),
        ("start", getting_page(language)),
        ("glossary", glossary_page(site.terms.values(), language)),
    ):
        (source / f"{name}.md").write_text(text, encoding="utf-8", newline="\n")


def finish(built: Path, site: Site) -> None:
    """What Sphinx leaves open: the words on what is folded, descriptions, redirects, the site's map."""
    words = {old: new for old, new in WORDS[site.language].items() if old[:4] in ("Show", "Hide")}
    found_pages = sorted(built.glob("*.html"))
    for page in found_pages:
        text = page.read_text(encoding="utf-8")
        for old, new in words.items():
            text = text.replace(old, new)
        text = re.sub(r'(?<=<img )(?=[^>]*src="_images/)', 'loading="lazy" ', text)
        paragraphs = re.findall(r"<p(?: class=\"lead\")?>(.*?)</p>", text.partition("<article")[2], re.DOTALL)
        plain = (html.unescape(re.sub(r"<[^>]+>|\s+", " ", found)).strip() for found in paragraphs)
        if said := next((found for found in plain if len(found) > 40), None):
            meta = f'<meta name="description" content="{html.escape(said[:200])}">'
            text = text.replace("<title>", f"{meta}\n<title>", 1)
        page.write_text(text, encoding="utf-8")
    if site.language != "en":
        return
    moved = [line.split() for line in (HERE / "redirects.txt").read_text(encoding="utf-8").splitlines()]
    for old, new in (pair for pair in moved if pair and pair[0] != "#"):
        (built / old).parent.mkdir(parents=True, exist_ok=True)
        (built / old).write_text(
            f'<!doctype html><meta charset="utf-8"><title>Moved</title><link rel="canonical" href="{new}">'
            f'<meta http-equiv="refresh" content="0; url={new}"><a href="{new}">This page has moved.</a>\n',
            encoding="utf-8",
        )
    if site.address:
        owner, _, name = site.address.partition("/")
        base = f"https://{owner}.github.io/{name}/"
        found_pages += sorted(built.glob("zh/*.html"))
        names = [page.relative_to(built).as_posix() for page in found_pages]
        urls = "".join(f"<url><loc>{base}{name}</loc></url>" for name in names)
        (built / "sitemap.xml").write_text(
            f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>\n'
        )


def build(built: Path = BUILT, with_decks: bool = False, hand_outs: bool = False) -> Path:
    """Make the site in a folder, which is emptied first; returns the folder.

    Raises SystemExit with a message if something is wrong; Sphinx's warnings are errors.
    """
    shutil.rmtree(built, ignore_errors=True)
    languages = [
        language for language in ("zh", "en") if pages.is_whole(language)
    ]  # zh first: the map lists it
    for language in languages:
        build_in(language, built if language == "en" else built / language, languages, with_decks, hand_outs)
    return built


def build_in(language: str, built: Path, languages: list[str], with_decks: bool, hand_outs: bool) -> None:
    """Make the site in one language. languages: all that there are, for the links from one to the other."""
    address = HERE / "address.txt"
    site = Site(
        pages.find_terms(pages.chapters(language), language),
        address.read_text().strip() if address.exists() else None,
        language,
    )
    made = make_decks(built / "decks", hand_outs, language) if with_decks or hand_outs else set()
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "source"), Path(folder, "out")
        source.mkdir()
        prepare(source, site, made)
        # Else Sphinx's and the theme's own words stay in the language of the site that was made before.
        locale.translators.clear()
        options = ["-D", f"language={'zh_CN' if language == 'zh' else language}"]
        options += ["-A", f"others={len(languages) - 1}"]
        if sphinx(["-q", "-W", "--keep-going", "-b", "html", *options, str(source), str(out)]):
            sys.exit("build.py: Sphinx warned; see above")
        shutil.rmtree(out / ".doctrees", ignore_errors=True)
        shutil.copytree(out, built, dirs_exist_ok=True)
    finish(built, site)


def make_decks(folder: Path, hand_outs: bool, language: str) -> set[str]:
    """Make all decks, and their hand-outs if wanted; returns the files' names."""
    sys.path.insert(0, str(ROOT / "slides"))
    import decks

    browser = decks.find_browser() if hand_outs else None
    if hand_outs and not browser:
        sys.exit("build.py: --hand-outs needs Chromium, Chrome or Edge, and none was found")
    for path in pages.chapters(language):
        deck = decks.make(path, folder, language)
        if browser:
            decks.print_pdf(deck, browser)
    return {path.name for path in folder.iterdir()}


def serve(folder: Path, port: int = 8000) -> None:
    """Show the site on this machine alone until Ctrl+C."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        print(f"http://127.0.0.1:{port}/ (Ctrl+C stops it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--decks", action="store_true", help="make the slide decks too")
    parser.add_argument("--hand-outs", action="store_true", help="and have a browser print them as PDF files")
    parser.add_argument("--serve", action="store_true", help="show the site afterwards, until Ctrl+C")
    options = parser.parse_args()
    print(build(BUILT, options.decks, options.hand_outs) / "index.html", flush=True)
    if options.serve:
        serve(BUILT)


if __name__ == "__main__":
    main()
