"""How far you are: python notebooks/progress.py

Reads the saved copies of the chapters in notebooks/my and lists the exercises that their outputs call correct. It
runs no code of yours, and it changes nothing.

How far a class is: python notebooks/progress.py FOLDER

Reads the notebooks that learners handed in, with folders or names such as a learning platform gives them, and writes a
table (FOLDER.csv) and a page (FOLDER.html): who has done what, and which exercises and hints were most frequent.
"""

import argparse
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from language import Text, _

NOTEBOOKS = Path(__file__).resolve().parent
CHAPTER = re.compile(r"\d\d_\w+\.ipynb")  # not 09_topic-Copy1.ipynb, which JupyterLab makes

# The call that an exercise ends with, and the line that it prints.
CALL = re.compile(r"""^check\(\s*["'](\d+\.\d+)["']""", re.MULTILINE)
VERDICTS = {"正确": "correct", "还不对": "not yet", "还没有作答": "not attempted yet"}
VERDICT = re.compile(
    rf"^(\d+\.\d+) · (correct|not yet|not attempted yet|{'|'.join(VERDICTS)})(?!\w)(?:[:.：。] ?(.*))?",
    re.MULTILINE,
)

WARNING = """\
--run runs other people's code as you, on this machine. Each notebook gets a kernel of its own in an empty folder, with
limits for its time and memory and, where the system allows, no network. That stops accidents. It does not stop code
that means harm: it may read, change or delete any file of yours, or fill the disk. If you do not trust everybody, run
this as a user who owns nothing, in a container or in a virtual machine.

The course's checkers judge, whatever a notebook calls `check`, prints or stores. But answers run beside the checkers,
in one process: somebody who reads how this works and wants to cheat still can, say by replacing functions of PyTorch
that the checkers use, or by writing results. Read the code of those who surprise you."""


@dataclass
class Row:
    """One chapter, as far as it is done."""

    name: str  # 09_convolution.ipynb
    title: str  # Convolution
    exercises: list[str]  # their numbers, from the chapter as it came
    done: set[str] = field(default_factory=set)
    tried: set[str] = field(default_factory=set)  # not correct yet
    missing: bool = False  # there is no copy
    problem: Text | str = ""  # a sentence, if the copy cannot be read


def read(path: Path) -> dict:
    """The notebook in a file. Raises ValueError if it holds none, OSError if it cannot be opened."""
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("no cells")
    return notebook


def text(lines: object) -> str:
    """A notebook keeps a text as a string or as a list of lines."""
    return "".join(map(str, lines)) if isinstance(lines, list) else str(lines or "")


def code_cells(notebook: dict) -> Iterator[dict]:
    """The code cells of a notebook; whatever is not a cell is left out."""
    return (cell for cell in notebook["cells"] if isinstance(cell, dict) and cell.get("cell_type") == "code")


def said(notebook: dict) -> Iterator[tuple[str, str, str]]:
    """Number, verdict and hint of each line of a notebook's outputs that `check` has printed."""
    for cell in code_cells(notebook):
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            if isinstance(output, dict):
                for number, verdict, hint in VERDICT.findall(text(output.get("text"))):
                    yield number, VERDICTS.get(verdict, verdict), hint


def verdicts(notebook: dict) -> Iterator[tuple[str, str]]:
    """The same without the hint."""
    return ((number, verdict) for number, verdict, hint in said(notebook))


def title_of(notebook: dict) -> str:
    """Convolution, for a chapter that begins with "# 9 · Convolution"."""
    first = text(notebook["cells"][0].get("source")).partition("\n")[0]
    return first.partition(" · ")[2] or first


def chapters(folder: Path) -> list[Path]:
    """The chapters in a folder, or copies of them, in order."""
    return sorted(path for path in folder.glob("*.ipynb") if CHAPTER.fullmatch(path.name))


def progress(folder: Path) -> list[Row]:
    """A row for each chapter of the course, with what its copy in `folder` says.

    An exercise counts as done if one of its outputs says so.
    """
    rows = []
    for path in chapters(NOTEBOOKS):
        chapter = read(path)
        numbers = [
            number for cell in code_cells(chapter) for number in CALL.findall(text(cell.get("source")))
        ]
        row = Row(path.name, title_of(chapter), numbers)
        rows.append(row)
        try:
            own = read(folder / path.name)
            found = list(verdicts(own))
        except FileNotFoundError:
            row.missing = True
        except OSError as error:
            row.problem = _("{name} cannot be opened ({reason}).", name=path.name, reason=error.strerror)
        except ValueError:
            row.problem = _(
                "{name} is not a notebook that can be read, so its exercises are not counted.", name=path.name
            )
        else:
            if own["cells"] and isinstance(own["cells"][0], dict):
                row.title = title_of(own) or row.title  # it may be in another language
            row.done = {number for number, verdict in found if verdict == "correct"} & set(numbers)
            row.tried = {number for number, verdict in found if verdict == "not yet"} & set(
                numbers
            ) - row.done
    return rows


def table(rows: list[Row]) -> str:
    """The rows as text: a line for each chapter, the sum, and what could not be read."""
    problems = [str(row.problem) for row in rows if row.problem]
    if missing := [row.name[:2] for row in rows if row.missing]:
        problems.append(
            str(_("Not copied yet: {numbers}. To copy them: python start.py", numbers=", ".join(missing)))
        )
    if not any(row.done or row.tried for row in rows):
        return "\n".join([str(_("No exercise is done yet.")), *problems])
    width = max(columns(row.title) for row in rows)
    lines = []
    for row in rows:
        bar = "".join(
            "#" if number in row.done else "o" if number in row.tried else "." for number in row.exercises
        )
        count = f"{len(row.done)}/{len(row.exercises)}"
        title = row.title + " " * (width - columns(row.title))
        lines.append(f"{row.name[:2]}  {title}  {count}  {bar}")
    done, total = (
        sum(len(row.done) for row in rows),
        sum(len(row.exercises) for row in rows),
    )
    lines += ["", str(_("{done} of {total} exercises are correct (#).", done=done, total=total))]
    tried = [number for row in rows for number in row.exercises if number in row.tried]
    if tried:
        lines.append(str(_("Tried, not correct yet (o): {numbers}.", numbers=", ".join(tried))))
    return "\n".join([*lines, *problems])


def columns(text: str) -> int:
    """How wide a text is in a terminal: a Chinese character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def show_progress() -> None:
    """Print the table of the chapters in the folder of this notebook; if it has none, of those in notebooks/my."""
    folder = Path.cwd()
    print(table(progress(folder if chapters(folder) else NOTEBOOKS / "my")))


def main(arguments: list[str] | None = None) -> None:
    """The command. Raises SystemExit with one sentence if there is no such folder."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=WARNING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", nargs="?", type=Path, help="of a class's notebooks")
    of_class = parser.add_argument_group("for a class")
    of_class.add_argument(
        "--run",
        action="store_true",
        help="run the notebooks instead of reading their outputs; read the end of this help first",
    )
    of_class.add_argument(
        "--chapter",
        type=lambda text: text.zfill(2),
        metavar="09",
        help="only this one",
    )
    of_class.add_argument("--to", type=Path, metavar="NAME", help="write NAME.csv and NAME.html")
    of_class.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="notebooks that run at a time; default: one for each core",
    )
    of_class.add_argument(
        "--seconds",
        type=float,
        default=300,
        help="that a notebook may run, default 300; one cell a quarter of it",
    )
    of_class.add_argument(
        "--memory",
        type=float,
        default=3,
        help="that it may take, in GiB; default 3",
    )
    asked = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A path may hold what the console cannot show.
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    folder = asked.folder or NOTEBOOKS / "my"
    if not folder.is_dir():
        advice = "" if asked.folder else _(": python start.py makes your copies of the chapters")
        sys.exit(str(_("There is no folder {folder}{advice}.", folder=folder, advice=advice)))
    if not asked.folder:
        if asked.run:
            parser.error("--run needs the folder of a class's notebooks")
        print(table(progress(folder)))
        return
    if asked.jobs < 1 or asked.seconds <= 0 or asked.memory <= 0:
        parser.error("--jobs, --seconds and --memory must be greater than 0")
    import classroom

    limits = None
    if asked.run:
        print(WARNING, classroom.network(), sep="\n\n", end="\n\n")
        limits = classroom.Limits(asked.seconds, asked.memory * 2**30)
    # Beside the folder: in it the files would be a learner's.
    to = asked.to or folder.resolve()
    sys.exit(classroom.main(folder, to, limits, asked.jobs, asked.chapter))


if __name__ == "__main__":
    sys.modules["progress"] = sys.modules["__main__"]  # which classroom imports
    main()
