"""Which notebooks lie in a folder of those that learners handed in, of whom, and of which chapter.

Who: 1. A name as a learning platform writes it, in a folder or a file: `Ada Lovelace_12345_assignsubmission_file`
(Moodle), `lovelaceada_12345_67890_09_convolution.ipynb` (Canvas). 2. Else the first folder below the one that was named,
but for folders called after a chapter or a week. 3. Else the file's name without the chapter's: `09_convolution_Ada.ipynb`,
`Ada.ipynb`. 4. Else the folder that was named.

Which chapter: the one whose exercises the notebook checks most; if it checks none, the one that its name names.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

import start

import progress

MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_")
CANVAS = re.compile(r"(?P<name>.+?)(?:_LATE)?_(?P<id>\d{3,})_\d{3,}_", re.IGNORECASE)
# Folders that are nobody's name.
GENERAL = re.compile(
    r"(chapter|week|lesson|exercises?|assignment|submissions?|homework)?[ _-]*\d*|notebooks|my|solutions",
    re.IGNORECASE,
)
COPY = re.compile(r"(-Copy\d*| ?\(\d+\)|\.\d{4}-\d\d-\d\d(-\d+)?)$")  # the lab's, a browser's, start.py's
LARGEST = 100 * 2**20  # bytes

# A sentence that leads to the solutions, in English or Chinese.
SOLUTIONS = re.compile(
    r"\s*[A-Z][^.!?\[]*\[[^\]\n]*\]\((?:notebooks/)?solutions\b[^)\n]*\)[^.!?]*\."
    r"|\s*答案[^。！？\[]*\[[^\]\n]*\]\((?:notebooks/zh/)?solutions\b[^)\n]*\)[^。！？]*。"
)


@dataclass
class HandedIn:
    """A file that a learner handed in."""

    path: Path
    name: str  # as it lies in the folder, with "/"
    learner: str
    number: str = ""  # that a platform gave the learner: two may have one name
    chapter: str = ""  # 09_convolution.ipynb; "" for none
    notebook: dict | None = None
    problem: str = ""  # why it is left out, a sentence
    note: str = ""  # what is to be said of it all the same


def without_solutions(notebook: dict) -> dict:
    """A chapter as learners get it who get no solutions: without the sentence that leads to them."""
    cells = []
    for cell in notebook["cells"]:
        source = progress.text(cell["source"])
        if cell["cell_type"] == "markdown" and SOLUTIONS.search(source):
            cell = cell | {"source": SOLUTIONS.sub("", source).splitlines(keepends=True)}
        cells.append(cell)
    return notebook | {"cells": cells}


class Course:
    """The chapters that a notebook may belong to."""

    def __init__(self) -> None:
        self.exercises: dict[str, list[str]] = {}  # of 09_convolution.ipynb: 9.1, 9.2, …
        self.titles: dict[str, str] = {}
        self.versions: dict[
            str, set[str]
        ] = {}  # how a learner's copy may name the chapter that it was made from
        for path in progress.chapters(progress.NOTEBOOKS):
            try:
                notebook = progress.read(path)
            except ValueError:  # damaged; the other chapters can be judged
                continue
            self.exercises[path.name] = [
                number
                for cell in progress.code_cells(notebook)
                for number in progress.CALL.findall(progress.text(cell.get("source")))
            ]
            self.titles[path.name] = progress.title_of(notebook)
            self.versions[path.name] = {
                start.digest(version) for version in (notebook, without_solutions(notebook))
            }
        self.chapter_of = {number: name for name, numbers in self.exercises.items() for number in numbers}

    def chapter(self, notebook: dict, file: str) -> str:
        """The chapter of a notebook in a file called `file`; "" if it is of none."""
        calls = Counter(
            self.chapter_of[number]
            for cell in progress.code_cells(notebook)
            for number in progress.CALL.findall(progress.text(cell.get("source")))
            if number in self.chapter_of
        )
        if calls:
            return calls.most_common(1)[0][0]
        return next((name for name in self.exercises if name.removesuffix(".ipynb") in file), "")

    def is_unchanged(self, one: HandedIn) -> bool:
        """Whether a notebook is a chapter as it came, and no copy of it."""
        try:
            return one.chapter != "" and start.digest(one.notebook) in self.versions[one.chapter]
        except (KeyError, TypeError):
            return False

    def note(self, notebook: dict, chapter: str) -> str:
        """What is to be said of a notebook's version."""
        metadata = notebook.get("metadata")
        record = metadata.get("course") if isinstance(metadata, dict) else None
        made_from = record.get("made_from") if isinstance(record, dict) else None
        if made_from and made_from not in self.versions[chapter]:
            return "made from another version of the chapter"
        return ""


def learner(path: PurePath, folder: str, chapters: Iterable[str]) -> tuple[str, str]:
    """The name and the platform's number ("" for none) of the learner whose file lies at `path` in a folder called
    `folder`; see above."""
    for part in path.parts:
        if form := MOODLE.match(part) or CANVAS.match(part):
            return tidy(form["name"]), form["id"]
    stems = [name.removesuffix(".ipynb") for name in chapters]
    for part in path.parts[:-1]:
        if part not in stems and not GENERAL.fullmatch(part):
            return tidy(part), ""
    stem = re.sub(r"\.ipynb.*$", "", path.name, flags=re.IGNORECASE)
    while COPY.search(stem):
        stem = COPY.sub("", stem)
    for name in stems:
        stem = stem.replace(name, "")
    return tidy(stem) or tidy(folder), ""


def tidy(name: str) -> str:
    """A name with single spaces, in one way of writing accents."""
    return " ".join(unicodedata.normalize("NFC", name).replace("_", " ").split()).strip(" -.")


def is_notebook(path: PurePath) -> bool:
    """Whether a file was meant as a notebook; browsers save 09_convolution.ipynb.txt or .json."""
    return re.search(r"\.ipynb(\.txt|\.json)?$", path.name, re.IGNORECASE) is not None


def course_of(path: Path, folder: Path) -> Path | None:
    """The whole course that `path` lies in, if a learner handed in one (as on a hub); None otherwise."""
    for root in path.parents:
        if root == folder:
            break
        if (root / "start.py").is_file() and (root / "notebooks").is_dir():
            return root / "notebooks"
    return None


def find(folder: Path, course: Course, only: str | None = None) -> list[HandedIn]:
    """The notebooks in a folder, and what else learners handed in who handed in no notebook.

    only: the number of a chapter ("09"); notebooks of others are left out without a word.
    """
    found, others = [], []
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or any(part.startswith((".", "__MACOSX")) for part in inside.parts):
            continue
        whole = course_of(path, folder)
        if whole and (whole / "solutions" in path.parents or not is_notebook(path)):
            continue
        who, number = learner(inside, folder.resolve().name, course.exercises)
        one = HandedIn(path, inside.as_posix(), who, number)
        if is_notebook(path):
            _read(one, course)
            if not (whole and path.parent == whole and (whole / "my").is_dir() and course.is_unchanged(one)):
                found.append(one)
        else:
            others.append(one)
    found = [one for one in found if not only or one.problem or one.chapter.startswith(only)]
    known = {(one.learner, one.number) for one in found}
    for one in others:
        if (one.learner, one.number) not in known:
            known.add((one.learner, one.number))
            one.problem = "not a notebook, and this learner handed in none"
            found.append(one)
    _choose(found)
    _tell_apart(found)
    return found


def _read(one: HandedIn, course: Course) -> None:
    """Read a notebook and say which chapter it is of, or what is wrong."""
    try:
        if one.path.stat().st_size > LARGEST:
            raise ValueError("more than 100 MiB")
        one.notebook = progress.read(one.path)
    except OSError as error:
        one.problem = f"the file cannot be opened ({error.strerror})"
        return
    except ValueError:
        one.problem = "the file is not a notebook that can be read"
        if one.path.stat().st_size == 0:
            one.problem = "the file is empty"
        return
    one.chapter = course.chapter(one.notebook, one.path.name)
    if one.chapter:
        one.note = course.note(one.notebook, one.chapter)
    else:
        one.problem = "the notebook belongs to no chapter: it checks none of the course's exercises"


def _choose(found: list[HandedIn]) -> None:
    """Of a learner's notebooks of one chapter let the one that was saved last count."""
    groups = defaultdict(list)
    for one in found:
        if not one.problem:
            groups[one.learner, one.number, one.chapter].append(one)
    for group in groups.values():
        last = max(group, key=lambda one: (one.path.stat().st_mtime, -len(one.name), one.name))
        for one in group:
            if one is not last:
                one.problem = f"handed in twice: {last.name} was saved later and counts"


def _tell_apart(found: list[HandedIn]) -> None:
    """Add the platform's number to the names of learners who have one name."""
    numbers = defaultdict(set)
    for one in found:
        numbers[one.learner].add(one.number)
    for one in found:
        if len(numbers[one.learner]) > 1 and one.number:
            one.learner = f"{one.learner} ({one.number})"
