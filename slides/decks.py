"""Make the slide decks: python slides/decks.py [NOTEBOOK ...] [--pdf] [--guide]    (default: all chapters)

A deck is one HTML file, slides/decks/NN_topic.html, that needs no network: reveal.js, MathJax and all pictures are
inside. Open it in a browser: arrows move, S opens the speaker's view with the notes, F fills the screen. With --pdf a
hand-out lies beside it, printed by an installed Chromium, Chrome or Edge. Outputs are the stored ones: nothing is run.
With --guide the part of slides/README.md that follows the chapters is written anew.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from traitlets.config import Config

HERE = Path(__file__).resolve().parent
NOTEBOOKS = HERE.parent / "notebooks"
DECKS = HERE / "decks"
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


GUIDE = "## Chapter by chapter"  # what follows this heading in slides/README.md is made by --guide
NOTE = "*For the instructor:* "  # how a speaker's note begins, since a learner meets it in the notebook too


def chapters() -> list[Path]:
    """The chapters' notebooks, in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def make(notebook: Path, folder: Path = DECKS) -> Path:
    """Write the deck of a chapter into `folder`; returns its path. Raises OSError if the notebook cannot be read."""
    nb = nbformat.read(notebook, as_version=4)
    text = "".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    without_code = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
    exporter = SlidesExporter(
        config=Config({"CSSHTMLHeaderPreprocessor": {"style": "friendly"}}),
        template_name="template",
        extra_template_basedirs=[str(HERE)],
        extra_template_paths=[str(HERE / "vendor")],
        embed_images=True,
    )
    title = re.sub(r"^# ", "", nb.cells[0].source.partition("\n")[0])
    resources = {"metadata": {"path": str(notebook.parent)}, "title": title, "math": "$" in without_code}
    html, _ = exporter.from_notebook_node(nb, resources)
    html = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', html)  # from deck to deck
    html = re.sub(r'href="(?!https?:|#|\d\d_\w+\.html)', 'href="../../notebooks/', html)
    folder.mkdir(parents=True, exist_ok=True)
    html = re.sub(r"@import url\([^)]*\);?", "", html)  # the theme has none but its web fonts
    path = folder / f"{notebook.stem}.html"
    path.write_text(html, encoding="utf-8")
    return path


def find_browser() -> str | None:
    """The path of a browser that can print, None if there is none in the usual places."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def print_pdf(deck: Path, browser: str) -> Path:
    """Print a deck as a PDF beside it; returns its path. Raises RuntimeError if the browser does not print it all."""
    path = deck.with_suffix(".pdf")
    html = deck.read_text(encoding="utf-8")
    slides = html.count("<section>") - html.count("<section><section>")  # a long one fills more than one page
    path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser, "--headless", "--disable-gpu", "--disable-background-networking"]
        command += ["--no-first-run", f"--user-data-dir={profile}", "--virtual-time-budget=20000"]
        if sys.platform == "linux":
            command.append("--no-sandbox")  # in a container or as root there is none to be had
        command += ["--no-pdf-header-footer", f"--print-to-pdf={path}", f"{deck.as_uri()}?print-pdf"]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    pages = len(re.findall(rb"/Type\s*/Page\b", path.read_bytes())) if path.exists() else 0
    if pages >= slides:
        return path
    path.unlink(missing_ok=True)
    said = result.stderr.strip()[-500:]
    raise RuntimeError(f"{browser} printed {pages} pages of {path.name}, which has {slides}: {said}")


def notes(cells: list[nbformat.NotebookNode]) -> list[tuple[str, str]]:
    """The speaker's notes of a chapter: the section that each belongs to, and its text."""
    found, section = [], ""
    for cell in cells:
        if cell.cell_type == "markdown":
            section = next(iter(re.findall(r"^##? (.+)$", cell.source, re.MULTILINE)), section)
            if cell.metadata.slideshow.slide_type == "notes":
                found.append((section, cell.source.strip().removeprefix(NOTE)))
    return found


def guide() -> str:
    """The instructor's page for each chapter, from its opening row, headings, notes and exercises, as Markdown."""
    pages = []
    for path in chapters():
        cells = nbformat.read(path, as_version=4).cells
        title = re.sub(r"^# ", "", cells[0].source.partition("\n")[0])
        _, minutes, needs, _ = (
            part.strip() for part in re.findall(r"^\|(.+)\|$", cells[0].source, re.M)[2].split("|")
        )
        text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        plan = [
            name
            for name in re.findall(r"^## (.+)$", text, re.MULTILINE)
            if name not in ("Exercises", "Recap")
        ]
        opening, *others = notes(cells)
        numbers = re.findall(r"^\*\*(\d+\.\d+)\*\*", text, re.MULTILINE)
        pages.append(
            f"### {title}\n\n{minutes} minutes. Needs: {needs}.\n\n{opening[1]}\n\n"
            f"- **Plan:** {' · '.join(plan)}\n"
            + "".join(f"- **At “{section}”:** {note}\n" for section, note in others)
            + f"- **Exercises:** {', '.join(numbers[:2])} in class; {', '.join(numbers[2:-1])} to choose from; "
            f"{numbers[-1]} as homework, it uses the whole chapter\n"
        )
    return "\n".join(pages)


def write_guide() -> None:
    """Put the guide behind its heading in slides/README.md."""
    path = HERE / "README.md"
    head, mark, _ = path.read_text(encoding="utf-8").partition(GUIDE)
    path.write_text(f"{head}{mark}\n\n{guide()}", encoding="utf-8", newline="\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--pdf", action="store_true", help="also print a hand-out of each deck")
    parser.add_argument("--guide", action="store_true", help="write the instructor's page anew, and no deck")
    options = parser.parse_args()
    if options.guide:
        return write_guide()
    browser = find_browser() if options.pdf else None
    if options.pdf and not browser:
        sys.exit(
            "decks.py: --pdf needs Chromium, Chrome or Edge, and none was found; the decks need none to be made"
        )
    for notebook in options.notebooks or chapters():
        try:
            deck = make(notebook)
            print(deck.relative_to(Path.cwd()) if deck.is_relative_to(Path.cwd()) else deck, flush=True)
            if browser:
                print_pdf(deck, browser)
        except (OSError, ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
            sys.exit(f"decks.py: {notebook}: {error}")


if __name__ == "__main__":
    main()
