"""Make the slide decks: python slides/decks.py [NOTEBOOK ...] [--pdf] [--language zh]    (default: all chapters)

A deck is one HTML file, slides/decks/NN_topic.html, that needs no network: reveal.js, MathJax and all pictures are
inside. Open it in a browser: arrows move, S opens the speaker's view with the notes, F fills the screen. With --pdf a
hand-out lies beside it, printed by an installed Chromium, Chrome or Edge. Outputs are the stored ones: nothing is run.

A slide shows a headline, a few sentences and one thing to look at. What else a chapter's text says goes to the speaker's
notes, word for word, after the instructor's own, slides/notes/NN_topic.md. `divide` has the rule; template/deck.js lays
the parts of a section out on as many slides as they need.
"""

import argparse
import ast
import html
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import nbformat
from nbconvert.filters import Highlight2HTML, ansi2html
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments.formatters import HtmlFormatter

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"
DECKS = HERE / "decks"
NOTES = HERE / "notes"
BROWSERS = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
]

FILL = 34  # sentences of a text are put on its slide up to this number of words
MOST = 40  # and with its questions it should have no more than these
EXERCISE = 16  # words of an exercise, if its first sentence has no more
LIST = 60  # words of a list with the text before it
CODE_LINES = 21  # of one slide; longer code goes on on the next
OUTPUT_LINES = 17


def chapters(folder: Path | None = None) -> list[Path]:
    """The chapters' notebooks, in order, without copies that the lab or a system has made."""
    paths = (folder or NOTEBOOKS).glob("*.ipynb")
    return sorted(path for path in paths if re.fullmatch(r"\d\d_\w+", path.stem))


def notes(stem: str) -> dict[str, tuple[int | None, str]]:
    """The speaker's notes of a chapter, from slides/notes: for a cell's id the minutes that the section which begins
    there takes (None where no section begins) and the text, Markdown, which may be empty.

    Raises OSError if the file cannot be read, ValueError for a heading of another form or one that comes twice.
    """
    text = (NOTES / f"{stem}.md").read_text(encoding="utf-8")
    found = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, note = part.partition("\n")
        form = re.fullmatch(r"([\w-]+)(?: · (\d+) minutes?)?", heading.strip())
        if not form or form[1] in found:
            raise ValueError(f"a heading of {stem}.md should be a cell's id, once, not {heading!r}")
        found[form[1]] = (int(form[2]) if form[2] else None, note.strip())
    return found


def blocks(text: str) -> list[str]:
    """The blocks of Markdown: what empty lines separate, but fences and formulas in one piece."""
    found: list[str] = []
    within = None
    for part in re.split(r"\n\s*\n", text.strip()):
        if within:
            found[-1] += f"\n\n{part}"
        else:
            found.append(part)
        for mark in ("```", "$$"):
            if within in (None, mark) and part.count(mark) % 2:
                within = None if within else mark
    return [block for block in found if block.strip()]


def kind_of(block: str) -> str:
    """What a block is: heading, table, list, picture, formula, quote, code, text."""
    forms = {
        r"#+ ": "heading",
        r"\|": "table",
        r"(?:[-*]|\d+\.) ": "list",
        r"!\[": "picture",
        r"\$\$": "formula",
        r"> ": "quote",
        r"```": "code",
    }
    return next((kind for form, kind in forms.items() if re.match(form, block)), "text")


def sentences(paragraph: str) -> list[str]:
    """The sentences of a paragraph, which give it when joined by spaces (or nothing, in Chinese)."""
    kept: list[str] = []

    def hide(match: re.Match) -> str:
        kept.append(match[0])
        return f"\x00{len(kept) - 1}\x01"

    # Dots in code, in a formula or in an address end no sentence.
    text = re.sub(r"`+[^`]*`+|\$[^$]+\$|\]\([^)]*\)", hide, " ".join(paragraph.split("\n")))
    end = r"(?:(?<=[.?!])|(?<=[.?!][)\"'”*_])|(?<=[.?!]\*\*))"
    pieces = re.split(rf"{end}\s+(?=[\"'“(*_\[]*[A-Z0-9\x00])|(?<=[。？！])", text)
    found: list[str] = []
    for piece in filter(None, pieces):
        # An abbreviation, open bold type and open brackets go on.
        if found and (
            re.search(r"(?:\be\.g\.|\bi\.e\.|\bvs\.|\bFig\.)$", found[-1])
            or found[-1].count("**") % 2
            or found[-1].count("(") > found[-1].count(")")
        ):
            found[-1] += f" {piece}"
        else:
            found.append(piece)
    return [re.sub(r"\x00(\d+)\x01", lambda match: kept[int(match[1])], piece) for piece in found]


def words(text: str) -> int:
    """The number of words in Markdown, without marks; two Chinese characters count as one."""
    text = re.sub(r"\]\([^)]*\)|\$[^$]*\$", " ", text)
    chinese = len(re.findall(r"[\u4e00-\u9fff]", text))
    return len(re.findall(r"\S*[^\W_]\S*", re.sub(r"[\u4e00-\u9fff]", " ", text))) + chinese // 2


@dataclass
class Part:
    """What becomes of a cell of text: Markdown for the headline, for the slide, and for the speaker's notes."""

    headline: str = ""
    level: int = 0  # of the headline: 1 the chapter's, 2 and 3 a section's, 0 none
    shown: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


LEAD = re.compile(r"\*\*(?P<bold>(?:[^*`]|`[^`]*`){1,60}?)(?P<stop>[.:]?)\*\*(?P<after>[.:]?)(?=\s|$)\s*")
ASKS = re.compile(r"[?？][)*\"”]*$|^Before you run")
FOR_THE_SPEAKER = re.compile(
    r"(?:\| minutes to teach|Previous: |Next: |Documentation: |Replace each `\.\.\.`"
    r"|\| 讲授分钟数|上一章：|下一章：|文档：|把每个 `\.\.\.` 换成)"
)


def divide(source: str, said: bool = False, lead: bool = True, fill: int = FILL) -> Part:
    """Divide a cell of text between its slide and the notes.

    The headline is the cell's heading, or with `lead` the bold words that it begins with. Of the text the questions
    stay, and whole sentences from the beginning until there are `fill` words; of what is said after an output (`said`)
    its first sentence. A quote keeps the sentences that begin in bold. A table, a formula, a picture stays; so does a
    list of up to LIST words; of a longer one its items' first sentences stay while there is room.
    """
    part, parts = Part(), blocks(source)
    if parts and (heading := re.match(r"(#{1,3}) +(.*)", parts[0])):
        part.level, part.headline = len(heading[1]), heading[2].strip()
        rest = parts[0][heading.end() :].strip()
        parts[:1] = [rest] if rest else []
    elif lead and parts and (bold := LEAD.match(parts[0])):
        if bold["stop"] or bold["after"]:
            part.level, part.headline = 3, bold["bold"]
            rest = parts[0][bold.end() :]
            rest = rest[:1].upper() + rest[1:]
            parts[:1] = [rest] if rest else []

    while parts and part.level == 1 and kind_of(parts[0]) == "heading":
        parts.pop(0)
    kinds = ["speaker" if FOR_THE_SPEAKER.match(block) else kind_of(block) for block in parts]
    pieces = [
        sentences(re.sub(r"^> ?", "", block, flags=re.MULTILINE) if kind == "quote" else block)
        if kind in ("text", "quote")
        else []
        for kind, block in zip(kinds, parts, strict=True)
    ]
    wanted: list[set[int]] = []  # for each block the sentences that stay
    for i, (kind, found) in enumerate(zip(kinds, pieces, strict=True)):
        keep = set()
        if kind in ("text", "quote") and not said:
            keep = {k for k, piece in enumerate(found) if ASKS.search(piece)}
            if i == len(kinds) - 1 and found and found[-1].endswith((":", "：")):
                keep.add(len(found) - 1)
        if kind == "quote":
            keep |= {k for k, piece in enumerate(found) if piece.startswith("**")} or {0}
        wanted.append(keep)
    count = sum(words(found[k]) for found, keep in zip(pieces, wanted, strict=True) for k in keep)
    full = False
    for i, (kind, found) in enumerate(zip(kinds, pieces, strict=True)):
        following = kinds[i + 1] if i + 1 < len(kinds) else ""
        tied = following in ("list", "table", "formula", "picture", "code") and not (
            said and following == "list"
        )
        for k, piece in enumerate(found):
            if k in wanted[i]:
                continue
            if tied and k == len(found) - 1 and not piece.endswith((".", "!", "。")):
                wanted[i].add(k)  # it leads to what stays
                count += words(piece)
                continue
            nothing = not any(wanted) and not any(kind in ("list", "table") for kind in kinds[:i])
            if full or not (nothing or (not said and count + words(piece) <= fill)):
                full = True
                continue
            wanted[i].add(k)
            count += words(piece)
            full = said
    for kind, block, found, keep in zip(kinds, parts, pieces, wanted, strict=True):
        if kind == "speaker":
            part.left.append(block)
        elif kind in ("text", "quote"):
            mark = "> " if kind == "quote" else ""
            for chosen, stays in ((part.shown, True), (part.left, False)):
                some = " ".join(piece for k, piece in enumerate(found) if (k in keep) == stays)
                if some := re.sub("(?<=[。？！]) ", "", some):
                    chosen.append(mark + some)
        elif kind == "list" and said:
            part.left.append(block)
        elif kind == "list" and (count := 0 if part.level == 1 else count) + words(block) > LIST:
            part.left.append(block)
            items, room = re.split(r"\n(?=(?:[-*]|\d+\.) )", block), []
            for item in items:
                first = sentences(re.sub(r"\n\s+", " ", item))[0]
                if room and count + words(first) > LIST:
                    break
                room.append(first)
                count += words(first)
            part.shown.append("\n".join(room))
        else:
            count += words(block) if kind == "list" else 0
            part.shown.append(block)
    return part


def begins(cell: nbformat.NotebookNode) -> bool:
    """Does a cell begin a new section? A heading does, and a text on a slide of its own that is not said after code."""
    slide_type, text = cell.metadata.slideshow.slide_type, cell.cell_type == "markdown"
    if text and re.match(r"#{1,3} ", cell.source):
        return True
    return slide_type == "slide" or (slide_type == "subslide" and text and not cell.id.endswith("-said"))


def exercise(cell: nbformat.NotebookNode) -> str | None:
    """The number of the exercise that a cell of text sets, as in "9.1", if it sets one."""
    found = cell.cell_type == "markdown" and re.search(r"^\*\*(\d+\.\d+)\*\*", cell.source, re.MULTILINE)
    return found[1] if found else None


def chunks(source: str, most: int = CODE_LINES) -> list[str]:
    """The source in pieces of at most `most` lines, cut between statements, if possible of the outermost level."""
    source = re.sub(r"\n\n\n+", "\n\n", source.strip("\n"))
    lines = source.split("\n")
    if len(lines) <= most:
        return [source]
    try:
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
    except SyntaxError:  # a magic
        nodes = []
    starts = {
        min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1: node.col_offset
        for node in nodes
    }
    places = [i for i in starts if 0 < i <= most and len(lines) - i > 1] or [most]

    def cost(i: int) -> tuple:
        halves = abs(i - len(lines) / 2)
        return (starts.get(i, 99) + 2 * bool(lines[i - 1].strip()), halves if len(lines) <= 2 * most else -i)

    cut = min(places, key=cost)
    while lines[cut - 1].lstrip().startswith("#"):  # a comment belongs to what follows
        cut -= 1
    if cut < 1:
        cut = most
    rest = "\n".join(lines[cut:]).strip("\n")
    return ["\n".join(lines[:cut]).rstrip("\n"), *chunks(rest, most)]


def shortened(text: str) -> str:
    """An output that is longer than a slide, cut."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) <= OUTPUT_LINES:
        return text.rstrip("\n")
    return "\n".join([*lines[: OUTPUT_LINES - 1], f"… {len(lines) - OUTPUT_LINES + 1} more lines"])


class Deck:
    """The HTML of a chapter's slides: stacks of sections, each with its headline, its cells and their notes."""

    def __init__(self, notebook: Path):
        self.nb = nbformat.read(notebook, as_version=4)
        self.notes = notes(notebook.stem)
        folder = notebook.parent
        # Of an edition in another language: its pictures lie one folder up.
        if (folder.parent / "images").is_dir():
            folder = folder.parent
            for cell in self.nb.cells:
                cell.source = cell.source.replace("](../images/", "](images/")
        renderer = IPythonRenderer(
            escape=False, embed_images=True, path=str(folder), exclude_anchor_links=True
        )
        self.markdown = MarkdownWithMath(renderer=renderer).render
        self.code = Highlight2HTML(pygments_lexer="ipython3")
        self.stacks: list[list[list[str]]] = []  # stack, section, its pieces of HTML
        self.section = "", 0  # the title that goes on, and its level
        self.after_output = False
        self.exercises: list[tuple[str, str, str]] = []  # on one slide: id, first sentence, all the text
        cells = [cell for cell in self.nb.cells if cell.metadata.slideshow.slide_type != "skip"]
        for cell, following in zip(cells, [*cells[1:], None], strict=True):
            if number := exercise(cell):
                self.add_exercise(cell, number)
            elif not (cell.cell_type == "code" and re.search(r"^check\(", cell.source, re.MULTILINE)):
                self.add(cell, alone=following is None or begins(following))
        self.put_exercises()
        if self.notes:
            names = ", ".join(self.notes)
            raise ValueError(f"{notebook.stem}.md has notes for cells that are not there: {names}")

    def add(self, cell: nbformat.NotebookNode, alone: bool) -> None:
        """Add a cell to the last section, or begin one; `alone` if the next cell begins another."""
        slide_type = cell.metadata.slideshow.slide_type
        fresh = begins(cell)
        text = cell.cell_type == "markdown"
        part = Part()
        if text:
            asks = any(ASKS.search(s) for block in blocks(cell.source) for s in sentences(block))
            said = not fresh and (cell.id.endswith("-said") or (self.after_output and not asks))
            part = divide(cell.source, said, lead=fresh, fill=MOST if fresh and alone else FILL)
            if part.level in (1, 2) or (part.level == 3 and cell.source.startswith("#")):
                self.section = part.headline, part.level
            if fresh:
                self.begin(part.headline or self.section[0], part.level or 3, slide_type == "slide")
            body, goals = part.shown, []
            if part.level == 1 and any(kind_of(block) == "list" for block in body):
                at = next(i for i, block in enumerate(body) if kind_of(block) == "list")
                body, goals = body[: at - 1], body[at - 1 :]
            self.text(cell.id, body, said)
        else:
            if fresh:
                self.begin(self.section[0], 3, True)
            self.add_code(cell)
        minutes, note = self.notes.pop(cell.id, (None, ""))
        if minutes:
            note = f"**{minutes} minute{'s' if minutes > 1 else ''}**\n\n{note}"
        self.note(cell.id, [note, *part.left])
        if text and goals:  # what you will be able to do
            self.begin(goals[0].rstrip(",:"), 3, False)
            self.text(cell.id, goals[1:], False)
        self.after_output = not text and bool(cell.outputs)

    def add_exercise(self, cell: nbformat.NotebookNode, number: str) -> None:
        """Collect an exercise. It is done in the notebook: slides show which there are, the notes say all."""
        parts = blocks(cell.source)
        if heading := re.match(r"#{1,3} +(.*)", parts[0]):
            self.put_exercises()
            self.section = heading[1], 2
            self.begin(heading[1], 2, True)
            parts[:1] = list(filter(None, [parts[0][heading.end() :].strip()]))
        found = next(block for block in parts if block.startswith(f"**{number}**"))
        item, *more = sentences(found)
        if more and words(item) + words(more[0]) <= EXERCISE:
            item += f" {more[0]}"
        if self.exercises and sum(words(text) for _, text, _ in self.exercises) + words(item) > LIST:
            self.put_exercises()
            self.begin(self.section[0], 2, False)
        self.exercises.append((cell.id, item, "\n\n".join(parts)))

    def put_exercises(self) -> None:
        """Put what add_exercise has collected on a slide."""
        collected, self.exercises = self.exercises, []
        if collected:
            self.text(collected[0][0], ["\n".join(f"- {item}" for _, item, _ in collected)], False)
        for name, _, text in collected:
            minutes, note = self.notes.pop(name, (None, ""))
            self.note(name, [note, text])

    def begin(self, headline: str, level: int, stack: bool) -> None:
        self.put_exercises()
        if stack or not self.stacks:
            self.stacks.append([])
        inner = self.markdown(headline).strip().removeprefix("<p>").removesuffix("</p>")
        tag = "h1" if level == 1 else "h2"
        self.stacks[-1].append([f'<{tag} class="headline">{inner}</{tag}>'])
        self.after_output = False

    def put(self, piece: str) -> None:
        self.stacks[-1][-1].append(piece)

    def text(self, name: str, shown: list[str], said: bool) -> None:
        if shown:
            kind, inner = " said" if said else "", self.markdown("\n\n".join(shown))
            self.put(f'<div class="cell markdown{kind}" data-cell="{name}">{inner}</div>')

    def note(self, name: str, parts: list[str]) -> None:
        if text := "\n\n".join(filter(None, parts)):
            self.put(f'<aside class="notes" data-cell="{name}">{self.markdown(text)}</aside>')

    def add_code(self, cell: nbformat.NotebookNode) -> None:
        if "plot" not in cell.metadata.get("tags", []):
            apart = " apart" if cell.metadata.slideshow.slide_type == "subslide" else ""
            for chunk in chunks(cell.source):
                self.put(f'<div class="cell code{apart}" data-cell="{cell.id}">{self.code(chunk)}</div>')
        for output in cell.outputs:
            data = output.get("data", {})
            kind = output.output_type
            if output.output_type == "stream":
                shown = f"<pre>{ansi2html(shortened(output.text))}</pre>"
            elif output.output_type == "error":
                said = shortened(f"{output.ename}: {output.evalue}")
                shown = f"<pre>{html.escape(said)}</pre>"
            elif "image/png" in data:
                kind += " picture"
                alt = html.escape(cell.metadata.get("alt", f"what cell {cell.id} draws"))
                png = data["image/png"].replace("\n", "")
                shown = f'<img alt="{alt}" src="data:image/png;base64,{png}">'
            elif "text/html" in data:
                shown = data["text/html"]
            else:
                shown = f"<pre>{ansi2html(shortened(data['text/plain']))}</pre>"
            self.put(f'<div class="cell output {kind}" data-cell="{cell.id}">{shown}</div>')

    @property
    def slides(self) -> str:
        def whole(pieces: list[str]) -> str:
            return "\n".join(["<section>", *pieces, "</section>\n"])

        return "".join(whole([whole(section) for section in stack]) for stack in self.stacks)


def inside(name: str, folder: str = "vendor") -> str:
    return (HERE / folder / name).read_text(encoding="utf-8")


def make(notebook: Path, folder: Path = DECKS, language: str = "en") -> Path:
    """Write the deck of a chapter into `folder`; returns its path.

    Raises OSError if the notebook or its notes cannot be read, ValueError if the notes do not fit the notebook.
    """
    deck = Deck(notebook)
    slides = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', deck.slides)  # from deck to deck
    slides = re.sub(r'href="(?!https?:|#|\d\d_\w+\.html)', 'href="../../notebooks/', slides)
    css = [
        inside("reveal.css"),
        inside("white.css"),
        HtmlFormatter(style="friendly").get_style_defs(".highlight"),
    ]
    theme = re.sub(r"@import url\([^)]*\);?", "", "\n".join(css))  # the theme's web fonts
    text = "".join(cell.source for cell in deck.nb.cells if cell.cell_type == "markdown")
    scripts = [inside("reveal.js"), inside("notes.js")]
    if "$" in re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL):
        scripts += [inside("math.js", "template"), inside("tex-svg.js")]
    scripts.append(inside("deck.js", "template"))
    page = Template(inside("index.html", "template")).substitute(
        language=language,
        title=html.escape(re.sub(r"^# ", "", deck.nb.cells[0].source.partition("\n")[0])),
        css=f"{theme}\n{inside('deck.css', 'template')}",
        slides=slides,
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{notebook.stem}.html"
    path.write_text(page, encoding="utf-8")
    return path


def find_browser() -> str | None:
    """The path of a browser that can print, None if there is none in the usual places."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_pdf(deck: Path, browser: str) -> Path:
    """Print a deck's hand-out beside it, slides and notes; returns its path.

    Raises RuntimeError if the browser does not print it all.
    """
    path = deck.with_suffix(".pdf")
    sections = deck.read_text(encoding="utf-8").count('class="headline"')
    path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, "--headless", "--disable-gpu", "--disable-background-networking"]
        command += ["--no-first-run", f"--user-data-dir={profile}", "--virtual-time-budget=20000"]
        if sys.platform == "linux":
            command.append("--no-sandbox")  # in a container or as root there is none to be had
        command += ["--no-pdf-header-footer", f"--print-to-pdf={path}", f"{deck.as_uri()}?hand-out"]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    pages = len(re.findall(rb"/Type\s*/Page\b", path.read_bytes())) if path.exists() else 0
    if pages * 8 >= sections:  # a page holds up to six slides
        return path
    path.unlink(missing_ok=True)
    said = result.stderr.strip()[-500:]
    raise RuntimeError(f"{browser} printed {pages} pages of {path.name}, which has {sections} slides: {said}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--pdf", action="store_true", help="also print a hand-out of each deck")
    parser.add_argument(
        "--language",
        choices=["en", "zh"],
        default="en",
        help="of the chapters; zh has its own folder of decks",
    )
    options = parser.parse_args()
    browser = find_browser() if options.pdf else None
    if options.pdf and not browser:
        sys.exit(
            "decks.py: --pdf needs Chromium, Chrome or Edge, and none was found; the decks need none to be made"
        )
    folder, source = DECKS, NOTEBOOKS
    if options.language != "en":
        folder, source = DECKS / options.language, NOTEBOOKS / options.language
    for notebook in options.notebooks or chapters(source):
        try:
            deck = make(notebook, folder, options.language)
            print(deck.relative_to(Path.cwd()) if deck.is_relative_to(Path.cwd()) else deck, flush=True)
            if browser:
                print_pdf(deck, browser)
        except (OSError, ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
            sys.exit(f"decks.py: {notebook}: {error}")


if __name__ == "__main__":
    main()
