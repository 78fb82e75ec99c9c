"""Make the slide decks: python slides/decks.py [NOTEBOOK ...] [--pdf]    (default: all chapters)

A deck is one HTML file, slides/decks/NN_topic.html, that needs no network: reveal.js, MathJax and all pictures are
inside. Open it in a browser: arrows move, S opens the speaker's view with the notes, F fills the screen. With --pdf a
hand-out lies beside it, printed by an installed Chromium, Chrome or Edge. Outputs are the stored ones: nothing is run.
The speaker's notes of a chapter are slides/notes/NN_topic.md.
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


def chapters() -> list[Path]:
    """The chapters' notebooks, in order, without copies that the lab or a system has made."""
    return sorted(path for path in NOTEBOOKS.glob("*.ipynb") if re.fullmatch(r"\d\d_\w+", path.stem))


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


def with_notes(cells: list[nbformat.NotebookNode], stem: str) -> list[nbformat.NotebookNode]:
    """The cells of a chapter, each followed by its speaker's note as a cell of slide type "notes"."""
    texts, found = notes(stem), []
    for cell in cells:
        found.append(cell)
        minutes, text = texts.pop(cell.id, (None, ""))
        if minutes:
            text = f"**{minutes} minute{'s' if minutes > 1 else ''}**\n\n{text}"
        if text:
            metadata = {"slideshow": {"slide_type": "notes"}}
            found.append(nbformat.v4.new_markdown_cell(text, id=f"notes-{cell.id}", metadata=metadata))
    if texts:
        raise ValueError(f"{stem}.md has notes for cells that are not there: {', '.join(texts)}")
    return found


def make(notebook: Path, folder: Path = DECKS) -> Path:
    """Write the deck of a chapter into `folder`; returns its path.

    Raises OSError if the notebook or its notes cannot be read, ValueError if the notes do not fit the notebook.
    """
    nb = nbformat.read(notebook, as_version=4)
    nb.cells = with_notes(nb.cells, notebook.stem)
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


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--pdf", action="store_true", help="also print a hand-out of each deck")
    options = parser.parse_args()
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
