"""How far you are: python notebooks/progress.py

Reads the saved copies of the chapters in notebooks/my, or in the folder that you name, and lists the exercises that
their outputs call correct. It runs no code of yours, and it changes nothing.
"""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parent
CHAPTER = re.compile(
    r"\d\d_\w+\.ipynb"
)  # not 09_topic-Copy1.ipynb, which JupyterLab makes

# The call that an exercise ends with, and the line that it prints.
CALL = re.compile(r"""^check\(\s*["'](\d+\.\d+)["']""", re.MULTILINE)
VERDICT = re.compile(
    r"^(\d+\.\d+) · (correct|not yet|not attempted yet)\b", re.MULTILINE
)


@dataclass
class Row:
    """One chapter, as far as it is done."""

    name: str  # 09_convolution.ipynb
    title: str  # Convolution
    exercises: list[str]  # their numbers, from the chapter as it came
    done: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)  # not correct yet
    missing: bool = False  # there is no copy
    problem: str = ""  # a sentence, if the copy cannot be read


def read(path: Path) -> dict:
    """The notebook in a file. Raises ValueError if it holds none, OSError if it cannot be opened."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(notebook, dict) or not isinstance(
        notebook.get("cells"), list
    ):
        raise ValueError("no cells")
    return notebook


def text(lines: object) -> str:
    """A notebook keeps a text as a string or as a list of lines."""
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")


def code_cells(notebook: dict) -> Iterator[dict]:
    """The code cells of a notebook; whatever is not a cell is left out."""
    return (
        cell
        for cell in notebook["cells"]
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    )


def verdicts(notebook: dict) -> Iterator[tuple[str, str]]:
    """Number and verdict of each line of a notebook's outputs that `check` has printed."""
    for cell in code_cells(notebook):
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            if isinstance(output, dict):
                yield from VERDICT.findall(text(output.get("text")))


def title_of(notebook: dict) -> str:
    """Convolution, for a chapter that begins with "# 9 · Convolution"."""
    first = text(notebook["cells"][0].get("source")).partition("\n")[0]
    return first.partition(" · ")[2] or first


def chapters(folder: Path) -> list[Path]:
    """The chapters in a folder, or copies of them, in order."""
    return sorted(
        path for path in folder.glob("*.ipynb") if CHAPTER.fullmatch(path.name)
    )


def progress(folder: Path) -> list[Row]:
    """A row for each chapter of the course, with what its copy in `folder` says.

    An exercise counts as done if one of its outputs says so.
    """
    rows = []
    for path in chapters(NOTEBOOKS):
        chapter = read(path)
        numbers = [
            number
            for cell in code_cells(chapter)
            for number in CALL.findall(text(cell.get("source")))
        ]
        row = Row(path.name, title_of(chapter), numbers)
        rows.append(row)
        try:
            found = list(verdicts(read(folder / path.name)))
        except FileNotFoundError:
            row.missing = True
        except OSError as error:
            row.problem = f"{path.name} cannot be opened ({error.strerror})."
        except ValueError:
            row.problem = f"{path.name} is not a notebook that can be read, so its exercises are not counted."
        else:
            row.done = {
                number for number, verdict in found if verdict == "correct"
            } & set(numbers)
            row.tried = {
                number for number, verdict in found if verdict == "not yet"
            } & set(numbers) - row.done
    return rows


def table(rows: list[Row]) -> str:
    """The rows as text: a line for each chapter, the sum, and what could not be read."""
    problems = [row.problem for row in rows if row.problem]
    if missing := [row.name[:2] for row in rows if row.missing]:
        problems.append(
            f"Not copied yet: {', '.join(missing)}. To copy them: python start.py"
        )
    if not any(row.done or row.tried for row in rows):
        return "\n".join(["No exercise is done yet.", *problems])
    width = max(len(row.title) for row in rows)
    lines = []
    for row in rows:
        bar = "".join(
            "#" if number in row.done else "o" if number in row.tried else "."
            for number in row.exercises
        )
        count = f"{len(row.done)} of {len(row.exercises)}"
        lines.append(f"{row.name[:2]}  {row.title:{width}}  {count}  {bar}")
    done, total = (
        sum(len(row.done) for row in rows),
        sum(len(row.exercises) for row in rows),
    )
    lines += ["", f"{done} of {total} exercises are correct (#)."]
    tried = [
        number for row in rows for number in row.exercises if number in row.tried
    ]
    if tried:
        lines.append(f"Tried, not correct yet (o): {', '.join(tried)}.")
    return "\n".join([*lines, *problems])


def show_progress() -> None:
    """Print the table of the chapters in the folder of this notebook; if it has none, of those in notebooks/my."""
    folder = Path.cwd()
    print(table(progress(folder if chapters(folder) else NOTEBOOKS / "my")))


def main(arguments: list[str] | None = None) -> None:
    """The command. Raises SystemExit with one sentence if there is no such folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=NOTEBOOKS / "my",
        help="default: notebooks/my",
    )
    folder = parser.parse_args(arguments).folder
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="backslashreplace"
            )  # a path may hold what the console cannot show
    if not folder.is_dir():
        sys.exit(
            f"There is no folder {folder}: python start.py makes your copies of the chapters."
        )
    print(table(progress(folder)))


if __name__ == "__main__":
    main()
