"""The plans for teaching in slides/README.md: their minutes add up with the chapters and with the notes."""

import re
from textwrap import wrap

import nbformat
import pytest

import decks
import progress
import replay

PAGE = (replay.ROOT / "slides" / "README.md").read_text(encoding="utf-8")
CHAPTERS = {path.stem[:2]: path for path in replay.chapters()}
LINK = re.compile(r"\[(\d\d) [^\]]+\]\(\.\./notebooks/(\w+)\.ipynb\)")
PLAN = re.compile(r"^\*\*([^*\n]+?), (\d+) minutes\.?\*\*[^|]*?\n\n((?:\|.*\n)+)", re.MULTILINE)


def rows(table: str) -> list[list[str]]:
    return [[part.strip() for part in line.strip("|").split("|")] for line in table.strip().split("\n")[2:]]


PLANS = {name: (int(total), rows(table)) for name, total, table in PLAN.findall(PAGE)}
WEEKS = rows(re.search(r"\*\*A term of 12 weeks[^|]*\n\n((?:\|.*\n)+)", PAGE)[1])


def taught(text: str) -> tuple[list[str], int]:
    """The chapters of a row, and the minutes that they take without the sections that the row leaves out."""
    numbers, total = [], 0
    for number, stem in LINK.findall(text):
        assert CHAPTERS[number].stem == stem
        numbers.append(number)
        total += sum(minutes or 0 for minutes, _ in decks.notes(stem).values())
    left_out = re.findall(r"`([\w-]+)`", text)
    assert not left_out or len(numbers) == 1
    for name in left_out:
        minutes = decks.notes(CHAPTERS[numbers[0]].stem).get(name, (None,))[0]
        assert minutes, f"{numbers[0]} has no section {name}"
        total -= minutes
    return numbers, total


def exercises(text: str) -> list[str]:
    return re.findall(r"(?<![\w.])\d+\.\d+(?![\w.])", LINK.sub("", text))


def paths(cell: str, rows: int) -> list[list[str]]:
    """The chapters of each row of a table in chapter 00."""
    source = {cell.id: cell.source for cell in nbformat.read(CHAPTERS["00"], as_version=4).cells}[cell]
    lines = re.findall(r"^\|.+$", source, re.MULTILINE)[2:]
    assert len(lines) == rows
    return [re.findall(r"\[(\d\d) [^\]]+\]\(\w+\.ipynb\)", line.split("|")[2]) for line in lines]


def test_there_are_three_plans():
    assert list(PLANS) == ["An afternoon", "Day 1 of 2", "Day 2 of 2"] and len(WEEKS) == 12


@pytest.mark.parametrize("name", PLANS)
def test_the_minutes_of_a_day(name):
    total, found = PLANS[name]
    wrong, added = [], 0
    for what, minutes, _, for_exercises in found:
        if LINK.search(what):
            numbers, right = taught(what)
            if int(minutes) != right:
                wrong.append(f"{', '.join(numbers)}: {minutes} stands there, the sections take {right}")
            minutes = right
        else:
            assert what.startswith(("break", "lunch"))
        added += int(minutes) + int(for_exercises or 0)
    assert not wrong and added == total, (wrong, added)
    assert total <= (250 if name == "An afternoon" else 480)


@pytest.mark.parametrize("name", PLANS)
def test_nobody_sits_for_two_hours(name):
    sitting = 0
    for what, minutes, _, for_exercises in PLANS[name][1]:
        part = int(minutes) + int(for_exercises or 0)
        sitting = 0 if what.startswith(("break", "lunch")) and "in chapter" not in what else sitting + part
        assert sitting <= 120, what


def test_the_minutes_of_the_weeks():
    for number, (week, what, minutes, _, for_exercises, _) in enumerate(WEEKS, 1):
        assert (int(week), int(minutes)) == (number, taught(what)[1])
        assert int(minutes) + int(for_exercises) + 5 <= 90, week


def test_they_are_the_paths_of_chapter_00():
    days = [[number for row in PLANS[name][1] for number, _ in LINK.findall(row[0])] for name in PLANS]
    assert days == paths("paths-md", 3)
    assert [taught(week[1])[0] for week in WEEKS] == paths("term", 12)


def test_the_exercises_are_of_the_chapters():
    there = {row.name[:2]: row.exercises for row in progress.progress(replay.ROOT / "notebooks")}
    for _, found in PLANS.values():
        for what, _, named, minutes in found:
            ((number, _),) = LINK.findall(what) or [("", "")]
            assert set(exercises(named)) <= set(there.get(number, []))
            assert bool(named) == bool(minutes) and 5 * len(exercises(named)) <= int(minutes or 0)
    for week in WEEKS:
        numbers = [number for number, _ in LINK.findall(week[1] + week[5])]
        known = {exercise for number in numbers for exercise in there[number]}
        assert exercises(week[3]) and set(exercises(week[3])) <= known
        assert set(exercises(week[5])) <= known - set(exercises(week[3])), week[0]


def rendered_lines(page: str, width: int = 100) -> int:
    """The lines that a Markdown page takes on a screen of `width` columns; a gap between two blocks is one, too."""
    total = -1
    for block in re.split(r"\n\s*\n", page.strip("\n")):
        if not block.startswith("    "):
            block = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", block)
            block = re.sub(r"\n\|[ |:-]+(?=\n)", "", block)  # between a table's head and its rows
            block = re.sub(r"[`*]", "", block)
            block = re.sub(r"\n(?!\||- ) *", " ", block)  # a line break within a paragraph is a space
        total += 1 + sum(len(wrap(line, width)) for line in block.splitlines())
    return total


@pytest.mark.parametrize(
    "page, lines",
    [
        ("one\ntwo", 1),
        ("# a\n\nb", 3),
        ("word " * 40, 2),
        ("- one\n  more\n- two", 2),
        ("| a | b |\n| --- | --- |\n| c | d |", 2),
        ("    x = 1\n    y = 2", 2),
        ("[a](" + "b" * 200 + ") c", 1),
    ],
)
def test_rendered_lines(page, lines):
    assert rendered_lines(page) == lines


def test_the_page_has_at_most_four_screens():
    assert rendered_lines(PAGE) <= 4 * 40
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert target.startswith("http") or (replay.ROOT / "slides" / target).exists(), target
