"""Put the address of a GitHub repository into the course, or take it out.

    python website/publish.py OWNER/NAME    # the course will live at https://github.com/OWNER/NAME
    python website/publish.py --remove      # it will live nowhere in particular

Putting it in gives README.md buttons for Colab, Binder and Codespaces and the address to clone, CITATION.cff its
`repository-code`, and each chapter and solution a folded cell that fetches the course when the notebook runs in Colab;
website/address.txt holds the address, for the web site. Taking it out leaves every file as it was. Both may be run
twice. Commit what has changed, and push it to the default branch of that repository.
"""

import argparse
import re
import sys
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parent.parent
FIRST = "notebooks/my/00_first_network.ipynb"  # what Binder opens, a copy made by binder/postBuild

# GitHub's rules: letters, digits and single hyphens; for the repository also dots and underscores.
ADDRESS = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}/(?!\.{1,2}$)[\w.-]{1,100}", re.ASCII)

PLACEHOLDER = "OWNER/NAME"
BUTTONS = re.compile(r"(?<=<!-- buttons -->\n).*?(?=<!-- end of the buttons -->\n)", re.DOTALL)

# The 7 of `In[7]`, how a traceback names a cell, before which a colour may be switched on.
CELL_NUMBER = re.compile(r"((?:\x1b\[[\d;]*m|\b)In\[)(\d+)(?=\])")

CELL_ID = "colab"
CELL = """\
import os
import subprocess
import sys

# In Colab fetch the course; anywhere else it is here already.
if "google.colab" in sys.modules and not os.path.exists("helpers.py"):
    course = "/content/{name}"
    if not os.path.exists(course):
        address = "https://github.com/{address}"
        clone = ["git", "clone", "-q", "--depth=1", address, course]
        subprocess.run(clone, check=True)
    os.chdir(f"{{course}}/notebooks")
    sys.path.append(os.getcwd())"""


def checked(address: str) -> str:
    """The address if it has the form OWNER/NAME; raises argparse.ArgumentTypeError if not."""
    if not ADDRESS.fullmatch(address) or address.endswith(".git") or address == PLACEHOLDER:
        raise argparse.ArgumentTypeError(
            f"it should look like OWNER/NAME, as in pytorch/vision, not {address!r}"
        )
    return address


def notebooks(root: Path) -> list[Path]:
    """Chapters, solutions and translations, but not the learner's own copies in notebooks/my."""
    found = [*(root / "notebooks").glob("*.ipynb"), *(root / "notebooks").glob("*/*.ipynb")]
    found = [path for path in found if re.fullmatch(r"\d\d_\w+", path.stem)]
    return sorted(path for path in found if path.parent.name != "my" and not path.parent.name.startswith("."))


def shift(notebook: nbformat.NotebookNode, by: int) -> None:
    """Add `by` to the numbers of all code cells that have run: the count, and `In[7]` in a traceback."""

    def renumbered(entry: str) -> str:
        return CELL_NUMBER.sub(lambda match: f"{match[1]}{int(match[2]) + by}", entry)

    for cell in notebook.cells:
        if cell.cell_type != "code" or cell.execution_count is None:
            continue
        cell.execution_count += by
        for output in cell.outputs:
            if output.get("execution_count") is not None:
                output.execution_count += by
            if output.output_type == "error":
                output.traceback = [renumbered(entry) for entry in output.traceback]


def without_cell(notebook: nbformat.NotebookNode) -> None:
    """Take the cell for Colab out of a notebook that has it."""
    notebook.cells = [cell for cell in notebook.cells if cell.id != CELL_ID]
    shift(notebook, -1)


def with_cell(notebook: nbformat.NotebookNode, address: str) -> None:
    """Put the cell for Colab before the first code cell, counted as if it had run first."""
    code = [cell.cell_type for cell in notebook.cells].index("code")
    ran = notebook.cells[code].execution_count is not None
    source = CELL.format(address=address, name=address.partition("/")[2])
    metadata = {"jupyter": {"source_hidden": True}, "slideshow": {"slide_type": "skip"}}
    cell = nbformat.v4.new_code_cell(source, id=CELL_ID, metadata=metadata)
    shift(notebook, 1)
    cell.execution_count = 1 if ran else None
    notebook.cells.insert(code, cell)


def buttons(address: str, chapters: list[str]) -> str:
    """README's links that open the course elsewhere, in Markdown."""
    colab = f"https://colab.research.google.com/github/{address}/blob/HEAD/notebooks"
    row = " ".join(f"[{stem[:2]}]({colab}/{stem}.ipynb)" for stem in chapters)
    return (
        "Without installing anything:\n"
        f"[open in Binder](https://mybinder.org/v2/gh/{address}/HEAD?urlpath=lab/tree/{FIRST}) ·\n"
        f"[open in Codespaces](https://codespaces.new/{address}) ·\n"
        f"open a chapter in Colab: {row}\n\n"
    )


def write(path: Path, text: str) -> bool:
    """Write the text, with \\n as line ends, if the file does not hold it yet; returns whether it was written."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.write_text(text, encoding="utf-8", newline="\n")
    return True


def publish(address: str | None, root: Path = ROOT) -> list[Path]:
    """Put the address into all places, None to take it out; returns the files that have changed.

    Raises OSError if a file cannot be read or written, ValueError if README.md has lost the marks for the buttons.
    """
    record = root / "website" / "address.txt"
    before = record.read_text(encoding="utf-8").strip() if record.exists() else PLACEHOLDER
    chapters = [path.stem for path in notebooks(root) if path.parent == root / "notebooks"]
    texts = {}

    for page in sorted(root.glob("README*.md")):
        text = page.read_text(encoding="utf-8")
        if not BUTTONS.search(text):
            raise ValueError(f"{page.name} has no <!-- buttons --> and <!-- end of the buttons --> any more")
        text = BUTTONS.sub(buttons(address, chapters) if address else "", text)
        there = f"https://github.com/{address or PLACEHOLDER}.git"
        texts[page] = text.replace(f"https://github.com/{before}.git", there)

    citation = root / "CITATION.cff"
    text = re.sub(r"^repository-code: .*\n", "", citation.read_text(encoding="utf-8"), flags=re.MULTILINE)
    texts[citation] = text + f"repository-code: https://github.com/{address}\n" * bool(address)

    for path in notebooks(root):
        notebook = nbformat.read(path, as_version=4)
        has_cell = any(cell.id == CELL_ID for cell in notebook.cells)
        if has_cell:
            without_cell(notebook)
        if address:
            with_cell(notebook, address)
        if has_cell or address:
            texts[path] = nbformat.writes(notebook) + "\n"

    changed = [path for path, text in texts.items() if write(path, text)]
    if address and write(record, f"{address}\n"):
        changed.append(record)
    if not address and record.exists():
        record.unlink()
        changed.append(record)
    return changed


def main(arguments: list[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="publish.py"
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("address", nargs="?", type=checked, metavar="OWNER/NAME")
    which.add_argument("--remove", action="store_true", help="take the address out")
    given = parser.parse_args(arguments)
    try:
        changed = publish(given.address)
    except (OSError, ValueError) as problem:
        sys.exit(f"publish.py: {problem}")
    what = f"https://github.com/{given.address} is" if given.address else "no address is"
    print(f"{what} in the course; {len(changed)} files have changed")


if __name__ == "__main__":
    main(sys.argv[1:])
