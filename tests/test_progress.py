"""A learner's progress, and the contents of chapter 00: what they say is so."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import language
import progress
import replay

CHAPTERS = replay.chapters()
FIRST = CHAPTERS[0]
LINKED = re.compile(r"\[(\d\d) [^\]]+\]\((\w+)\.ipynb\)")


# Progress


def put(path: Path, number: int, *printed: str) -> None:
    """A chapter with an exercise for each text, which its cell has printed; "" for a cell without an output."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_markdown_cell(f"# {number} · Topic {number}\n\ntext")]
    for place, text in enumerate(printed, 1):
        outputs = [nbformat.v4.new_output("stream", text=text)] if text else []
        source = f'def answer():\n    ...\n\n\ncheck("{number}.{place}", answer)'
        notebook.cells.append(nbformat.v4.new_code_cell(source, outputs=outputs))
    nbformat.write(notebook, path)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course of three chapters with two exercises each, in a folder with a space and Chinese in its name."""
    notebooks = tmp_path / "课程 my course" / "notebooks"
    (notebooks / "my").mkdir(parents=True)
    for number in (0, 1, 9):
        put(notebooks / f"{number:02}_topic.ipynb", number, "", "")
    monkeypatch.setattr(progress, "NOTEBOOKS", notebooks)
    return notebooks


def test_what_is_done_is_counted(course, capsys):
    my = course / "my"
    put(my / "00_topic.ipynb", 0, "0.1 · correct. Well.\n", "0.2 · not yet: should be 3.\n")
    put(my / "01_topic.ipynb", 1, "1.1 · not attempted yet\n", "a line\n1.2 · correct. Yes.\n")
    put(my / "09_topic.ipynb", 9, "", "")
    progress.main([])
    assert capsys.readouterr().out.splitlines() == [
        "00  Topic 0  1/2  #o",
        "01  Topic 1  1/2  .#",
        "09  Topic 9  0/2  ..",
        "",
        "2 of 6 exercises are correct (#).",
        "Tried, not correct yet (o): 0.2.",
    ]


def test_a_second_try_beside_the_first_counts(course):
    put(course / "my" / "00_topic.ipynb", 0, "0.1 · not yet: no.\n", "0.1 · correct. Yes.\n")
    row = progress.progress(course / "my")[0]
    assert (row.done, row.tried) == ({"0.1"}, set())


def test_what_is_no_exercise_of_the_chapter_does_not_count(course):
    put(
        course / "my" / "00_topic.ipynb",
        0,
        "9.1 · correct. Yes.\n0.7 · correct.\nx 0.1 · correct",
        "0.1 · corrected",
    )
    row = progress.progress(course / "my")[0]
    assert (row.done, row.tried) == (set(), set())


def test_text_as_a_list_of_lines(course):
    path = course / "my" / "00_topic.ipynb"
    put(path, 0, "0.1 · correct. Yes.\n", "")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(notebook["cells"][1]["outputs"][0]["text"], list)
    notebook["cells"][1]["outputs"][0]["text"] = "0.1 · correct. Yes.\n"
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert progress.progress(course / "my")[0].done == {"0.1"}


def test_nothing_done_is_one_sentence(course, capsys):
    for number in (0, 1, 9):
        put(course / "my" / f"{number:02}_topic.ipynb", number, f"{number}.1 · not attempted yet\n", "")
    progress.main([])
    assert capsys.readouterr().out == "No exercise is done yet.\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"\xff\xfe\x00",
        b"[]",
        b"{}",
        b'{"cells": 3}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_notebook_is_named(course, capsys, content):
    put(course / "my" / "01_topic.ipynb", 1, "1.1 · correct. Yes.\n", "")
    (course / "my" / "00_topic.ipynb").write_bytes(content)
    progress.main([])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "00  Topic 0  0/2  .."
    assert lines[-2:] == [
        "00_topic.ipynb is not a notebook that can be read, so its exercises are not counted.",
        "Not copied yet: 09. To copy them: python start.py",
    ]


@pytest.mark.parametrize(
    "cells",
    [[3, None, "x"], [{"cell_type": "code", "outputs": {"a": 1}}], [{"cell_type": "code", "outputs": [1]}]],
)
def test_odd_cells_are_left_out(course, cells):
    (course / "my" / "00_topic.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    row = progress.progress(course / "my")[0]
    assert (row.done, row.problem) == (set(), "")


def test_a_folder_in_place_of_a_notebook_is_named(course):
    (course / "my" / "00_topic.ipynb").mkdir()
    assert str(progress.progress(course / "my")[0].problem).startswith("00_topic.ipynb cannot be opened (")


def test_no_folder_is_one_sentence(course):
    (course / "my").rmdir()
    with pytest.raises(SystemExit, match=r"^There is no folder .*: python start.py makes your copies"):
        progress.main([])


def test_it_runs_nothing_and_changes_nothing(course):
    """A cell that would write a file, in a notebook whose bytes stay as they are."""
    path = course / "my" / "00_topic.ipynb"
    put(path, 0, "0.1 · correct. Yes.\n", "")
    notebook = nbformat.read(path, as_version=4)
    trap = course / "my" / "trap"
    notebook.cells[1].source = f"open({str(trap)!r}, 'w')"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    progress.progress(course / "my")
    assert path.read_bytes() == before and not trap.exists()


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "gbk", "utf-8"])
def test_any_console_can_show_it(course, encoding):
    for module in (progress, language):
        shutil.copy(module.__file__, course)
    put(course / "00_topic.ipynb", 0, "", "")
    chapter = nbformat.read(course / "00_topic.ipynb", as_version=4)
    chapter.cells[0].source = "# 0 · 第一个网络 é"
    nbformat.write(chapter, course / "00_topic.ipynb")
    put(course / "my" / "00_topic.ipynb", 0, "0.1 · correct. Yes.\n", "")
    run = subprocess.run(
        [sys.executable, str(course / "progress.py")],
        env={**replay.environment(course), "PYTHONIOENCODING": encoding},
        capture_output=True,
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"1/2  #." in run.stdout and b"1 of 6 exercises are correct (#)." in run.stdout


def test_in_a_notebook_it_reads_the_notebooks_beside(course, capsys, monkeypatch):
    """In my/ those there; where no chapters are, those in my/; beside the chapters as they came, none is done."""
    put(course / "my" / "00_topic.ipynb", 0, "0.1 · correct. Yes.\n", "")
    for folder, done in ((course / "my", True), (course.parent, True), (course, False)):
        monkeypatch.chdir(folder)
        progress.show_progress()
        assert ("1 of 6 exercises" in capsys.readouterr().out) == done


def test_all_solutions_are_done():
    """In the real solutions every exercise of every chapter counts, so no chapter's lines are overlooked."""
    for row in progress.progress(replay.ROOT / "notebooks" / "solutions"):
        assert row.exercises and row.done == set(row.exercises), row.name
    for row in progress.progress(replay.ROOT / "notebooks"):
        assert not row.done and not row.tried, row.name


# The contents of chapter 00


def cells() -> dict[str, str]:
    return {cell.id: cell.source for cell in nbformat.read(FIRST, as_version=4).cells}


def opening(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[0].source


def minutes(path: Path) -> int:
    return int(re.search(r"^\| (\d+) \|", opening(path), re.MULTILINE)[1])


def needs(path: Path) -> list[str]:
    row = re.search(r"^\| \d+ \| ([^|]+) \|", opening(path), re.MULTILINE)[1]
    return re.findall(r"\d+", row)


BY_NUMBER = {path.stem[:2]: path for path in CHAPTERS}


def test_the_contents_list_all_chapters_with_their_minutes():
    found = re.findall(
        r"^\| \[(\d+ · [^\]]+)\]\((\S+)\) \| (\d+) \| \S.* \|$", cells()["contents"], re.MULTILINE
    )
    assert found == [
        (opening(path).partition("\n")[0].removeprefix("# "), path.name, str(minutes(path)))
        for path in CHAPTERS
    ]


def rows(text: str) -> list[tuple[list[str], int]]:
    """The rows of a path's table: the chapters that its links name, and the minutes beside them."""
    found = []
    for line in re.findall(r"^\|(.+)\|$", text, re.MULTILINE)[2:]:
        parts = [part.strip() for part in line.split("|")]
        links = LINKED.findall(parts[1])
        assert [BY_NUMBER[number].stem for number, _ in links] == [stem for _, stem in links]
        found.append(([number for number, _ in links], int(parts[2])))
    return found


def test_the_minutes_of_the_paths_add_up():
    afternoon, *days = rows(cells()["paths-md"])
    weeks = rows(cells()["term"])
    for chapters, shown in (afternoon, *days, *weeks):
        assert chapters and sum(minutes(BY_NUMBER[number]) for number in chapters) == shown, chapters
    assert len(days) == 2 and len(weeks) == 12
    assert 150 <= afternoon[1] <= 240
    assert all(shown <= 390 for _, shown in days)
    assert all(shown <= 90 for _, shown in weeks)


def test_a_path_has_what_its_chapters_need():
    """Each needed chapter comes before; in two days, but for those that the text names."""
    afternoon, *days = ([chapters] for chapters, _ in rows(cells()["paths-md"]))
    left_out = re.search(r"also use chapters ([\d, and]+)", cells()["paths-md"])[1]
    home = [
        [number for number, _ in LINKED.findall(line.split("|")[4])]
        for line in re.findall(r"^\| \d+ \|.+$", cells()["term"], re.MULTILINE)
    ]
    term = [
        part
        for (chapters, _), read in zip(rows(cells()["term"]), home, strict=True)
        for part in (chapters, read)
    ]
    for path, missing in ((afternoon, []), ([*days[0], *days[1]], re.findall(r"\d+", left_out)), (term, [])):
        before = set()
        lacking = set()
        for number in [number for chapters in path for number in chapters]:
            lacking |= set(needs(BY_NUMBER[number])) - before
            before.add(number)
        assert sorted(lacking) == missing
    assert sum(map(len, home)) == len(set(sum(home, [])))
    for line in re.findall(r"^\| \d+ \|.+$", cells()["term"], re.MULTILINE):
        for number, shown in re.findall(r"\[(\d\d) [^\]]+\]\(\w+\.ipynb\) \((\d+)\)", line.split("|")[4]):
            assert minutes(BY_NUMBER[number]) == int(shown)
