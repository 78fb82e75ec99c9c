"""A class: notebooks that learners handed in, whose they are, and that only the course's checkers judge them."""

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path, PurePosixPath

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import classroom
import progress
import replay
from classroom import handed_in, report
from classroom.report import Row

CHAPTER = "00_first_network.ipynb"
SETUP = 'import sys\n\nsys.path += ["..", "notebooks"]\n\nfrom checks import check'
RIGHT = 'def name_of(i, labels, classes):\n    return classes[labels[i]]\n\n\ncheck("0.1", name_of)'
WRONG = RIGHT.replace("classes[labels[i]]", "classes[i]")
STUB = RIGHT.replace("return classes[labels[i]]", "...")


@pytest.fixture(scope="module")
def course():
    return handed_in.Course()


def put(path: Path, *cells: str, printed: str = "", **metadata) -> Path:
    """A notebook of these cells; `printed` is the last one's output."""
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata=metadata)
    if printed:
        notebook.cells[-1].outputs = [new_output("stream", text=printed)]
    nbformat.write(notebook, path)
    return path


def judge(folder: Path, *options: str) -> list[dict]:
    """The rows of the table that the command writes for a folder."""
    with pytest.raises(SystemExit) as end:
        progress.main([str(folder), *options])
    assert end.value.code == 0
    return rows(folder.with_name(f"{folder.name}.csv"))


def rows(table: Path) -> list[dict]:
    with table.open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def told(found: list[dict], learner: str) -> dict[str, tuple[str, str]]:
    """For a learner's exercises, and "" for the whole notebook, the result and the hint or the note."""
    return {
        row["exercise"]: (row["result"], row["hint"] or row["note"])
        for row in found
        if row["learner"] == learner
    }


# Whose


@pytest.mark.parametrize(
    "path, name, number",
    [
        ("Ada Lovelace_12345_assignsubmission_file/09_convolution.ipynb", "Ada Lovelace", "12345"),
        ("Ada Lovelace_12345_assignsubmission_file_/my answer.ipynb", "Ada Lovelace", "12345"),
        ("Ada Lovelace_12345_assignsubmission_file_09_convolution.ipynb", "Ada Lovelace", "12345"),
        ("Week 3/Ada_L_1_assignsubmission_file/x.ipynb", "Ada L", "1"),
        ("lovelaceada_12345_67890_09_convolution.ipynb", "lovelaceada", "12345"),
        ("lovelaceada_LATE_12345_67890_09_convolution-1.ipynb", "lovelaceada", "12345"),
        ("ada/09_convolution.ipynb", "ada", ""),
        ("ada/pytorch-cell-by-cell/notebooks/my/09_convolution.ipynb", "ada", ""),
        ("09_convolution/Ada Lovelace.ipynb", "Ada Lovelace", ""),
        ("chapter 9/Ada/answers.ipynb", "Ada", ""),
        ("submissions/notebooks/Ada.ipynb", "Ada", ""),
        ("09_convolution_Ada_Lovelace.ipynb", "Ada Lovelace", ""),
        ("Ada-09_convolution.ipynb", "Ada", ""),
        ("09_convolution_Ada-Copy1.ipynb", "Ada", ""),
        ("09_convolution_Ada (2).ipynb", "Ada", ""),
        ("09_convolution_Ada.ipynb.txt", "Ada", ""),
        ("Ada.ipynb", "Ada", ""),
        ("李雷.ipynb", "李雷", ""),
        ("Zoe\u0308.ipynb", "Zo\u00eb", ""),
        ("09_convolution.ipynb", "class of 2026", ""),
        ("09_convolution.2026-11-27.ipynb", "class of 2026", ""),
    ],
)
def test_whose_a_notebook_is(path, name, number):
    chapters = ["09_convolution.ipynb", "10_pooling.ipynb"]
    assert handed_in.learner(PurePosixPath(path), "class of 2026", chapters) == (name, number)


def find(folder: Path, course, only=None) -> dict[str, tuple[str, str, str]]:
    return {one.name: (one.learner, one.chapter, one.problem) for one in handed_in.find(folder, course, only)}


def test_which_chapter(tmp_path, course):
    put(tmp_path / "Ada.ipynb", RIGHT)
    put(tmp_path / "01_settings_Bo.ipynb", RIGHT)  # its exercises say more than its name
    put(tmp_path / "01_settings_Cy.ipynb", "1 + 1")
    put(tmp_path / "Di.ipynb", "1 + 1", 'check("99.1", 3)')
    found = find(tmp_path, course)
    assert found["Ada.ipynb"] == ("Ada", CHAPTER, "")
    assert found["01_settings_Bo.ipynb"] == ("Bo", CHAPTER, "")
    assert found["01_settings_Cy.ipynb"] == ("Cy", "01_settings.ipynb", "")
    assert found["Di.ipynb"][2].startswith("the notebook belongs to no chapter")
    assert set(find(tmp_path, course, "01")) == {"01_settings_Cy.ipynb", "Di.ipynb"}


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("Ada.ipynb", b"", "the file is empty"),
        ("Ada.ipynb", b'{"cells": [', "the file is not a notebook that can be read"),
        ("Ada.ipynb", b"my answers", "the file is not a notebook that can be read"),
        ("Ada.ipynb", b"\xff\xfe\x00", "the file is not a notebook that can be read"),
        ("Ada.ipynb", b'{"cells": 3}', "the file is not a notebook that can be read"),
        ("Ada.ipynb", b"[" * 100_000, "the file is not a notebook that can be read"),
        ("Ada.ipynb", b'{"cells": [3, null]}', "the notebook belongs to no chapter"),
        ("Ada/answers.pdf", b"%PDF", "not a notebook, and this learner handed in none"),
        ("Ada/09_convolution.py", b"1", "not a notebook, and this learner handed in none"),
    ],
)
def test_what_is_no_notebook_is_one_row(tmp_path, capsys, name, content, problem):
    folder = tmp_path / "in"
    put(folder / "Bo.ipynb", RIGHT, printed="0.1 · correct. Yes.\n")
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)
    found = judge(folder)
    (row,) = [row for row in found if row["learner"] == "Ada"]
    assert (row["notebook"], row["exercise"], row["result"]) == (name, "", "left out")
    assert row["note"].startswith(problem)
    assert told(found, "Bo")["0.1"][0] == "correct"


def test_a_notebook_by_another_name(tmp_path, course):
    put(tmp_path / "Ada.ipynb.ipynb", RIGHT).rename(tmp_path / "Ada.ipynb.txt")
    assert find(tmp_path, course) == {"Ada.ipynb.txt": ("Ada", CHAPTER, "")}


def test_handed_in_twice_the_last_counts(tmp_path, course):
    first, last = put(tmp_path / "Ada-Copy1.ipynb", RIGHT), put(tmp_path / "Ada.ipynb", WRONG)
    os.utime(first, (1, 1))
    found = find(tmp_path, course)
    assert found["Ada.ipynb"][2] == ""
    assert found["Ada-Copy1.ipynb"][2] == "handed in twice: Ada.ipynb was saved later and counts"
    os.utime(last, (0, 0))
    assert find(tmp_path, course)["Ada-Copy1.ipynb"][2] == ""


def test_two_learners_of_one_name(tmp_path, course):
    for number in (1, 2):
        put(tmp_path / f"Ada Byron_{number}_assignsubmission_file" / "x.ipynb", RIGHT)
    assert {learner for learner, _, _ in find(tmp_path, course).values()} == {
        "Ada Byron (1)",
        "Ada Byron (2)",
    }


def test_what_systems_leave_behind_is_nobodys(tmp_path, course):
    for name in (
        "__MACOSX/._Ada.ipynb",
        "Ada/.ipynb_checkpoints/Ada-checkpoint.ipynb",
        "._Bo.ipynb",
        ".DS_Store",
    ):
        put(tmp_path / name, RIGHT)
    put(tmp_path / "Ada" / "Ada.ipynb", RIGHT)
    assert list(find(tmp_path, course)) == ["Ada/Ada.ipynb"]


def test_whole_courses_as_on_a_hub(tmp_path, course):
    """Of a learner's course count the copies in notebooks/my, and a chapter that was edited in its place."""
    ours = replay.ROOT / "notebooks"
    for learner in ("ada", "bo"):
        notebooks = tmp_path / learner / "pytorch" / "notebooks"
        put(notebooks / "solutions" / CHAPTER, RIGHT)
        (notebooks.parent / "start.py").write_text("")
        (notebooks.parent / "README.md").write_text("")
        shutil.copy(ours / CHAPTER, notebooks)
        shutil.copy(ours / "01_settings.ipynb", notebooks)
    put(tmp_path / "ada/pytorch/notebooks/my" / CHAPTER, RIGHT)
    put(tmp_path / "ada/pytorch/notebooks/01_settings.ipynb", 'check("1.1", ...)')
    assert find(tmp_path, course) == {
        f"ada/pytorch/notebooks/my/{CHAPTER}": ("ada", CHAPTER, ""),
        "ada/pytorch/notebooks/01_settings.ipynb": ("ada", "01_settings.ipynb", ""),
        f"bo/pytorch/notebooks/{CHAPTER}": ("bo", CHAPTER, ""),
        "bo/pytorch/notebooks/01_settings.ipynb": ("bo", "01_settings.ipynb", ""),
    }


def test_another_version_of_a_chapter_is_said(tmp_path, course):
    """A copy of the chapter, also of the chapter as learners get it who get no solutions, is of this version."""
    chapter = progress.read(replay.ROOT / "notebooks" / CHAPTER)
    bare = handed_in.without_solutions(chapter)
    assert bare != chapter and "solutions/" not in str([cell["source"] for cell in bare["cells"]])
    for name, version in (("Ada", chapter), ("Bo", bare), ("Cy", {"cells": []})):
        made_from = handed_in.start.digest(version)
        put(tmp_path / f"{name}.ipynb", RIGHT, course={"made_from": made_from})
    put(tmp_path / "Di.ipynb", RIGHT, course=3)
    notes = {one.learner: one.note for one in handed_in.find(tmp_path, course)}
    assert notes == {"Ada": "", "Bo": "", "Cy": "made from another version of the chapter", "Di": ""}


# What the stored outputs say


def test_stored_outputs_are_read_and_nothing_runs(tmp_path, capsys):
    folder = tmp_path / "my class"
    trap = tmp_path / "trap"
    put(
        folder / "Ada.ipynb",
        f"open({str(trap)!r}, 'w')",
        STUB,
        printed="0.1 · not yet: That is 3.\n0.2 · correct. Yes.\n0.3 · not attempted yet\n9.9 · correct\n",
    )
    before = (folder / "Ada.ipynb").read_bytes()
    found = judge(folder)
    assert [tuple(row.values()) for row in found] == [
        ("Ada", "Ada.ipynb", "0.1", "not yet", "That is 3.", ""),
        ("Ada", "Ada.ipynb", "0.2", "correct", "", classroom.NO_CALL),
        ("Ada", "Ada.ipynb", "0.3", "not attempted", "", classroom.NO_CALL),
    ]
    assert not trap.exists() and (folder / "Ada.ipynb").read_bytes() == before
    assert "other people's code" not in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"my class", "my class.csv", "my class.html"}


def test_to_names_other_files(tmp_path, capsys):
    put(tmp_path / "in" / "Ada.ipynb", RIGHT)
    with pytest.raises(SystemExit) as end:
        progress.main([str(tmp_path / "in"), "--to", str(tmp_path / "v1.week 3")])
    assert end.value.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in", "v1.week 3.csv", "v1.week 3.html"}


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nowhere"], "There is no folder"),
        (["empty"], "There are no notebooks in"),
        (["in", "--to", "nowhere/x"], "cannot be written"),
        (["--run"], None),
        (["in", "--jobs", "0"], None),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "my").mkdir()
    monkeypatch.setattr(progress, "NOTEBOOKS", tmp_path) if arguments == ["--run"] else None
    put(tmp_path / "in" / "Ada.ipynb", RIGHT)
    with pytest.raises(SystemExit) as end:
        progress.main(arguments)
    assert said in str(end.value.code) if said else end.value.code == 2


# The table and the page


@pytest.mark.parametrize(
    "text, cell",
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1+1", "'=1+1"),
        ("\n =1", "'=1"),
        ("a\nb\r\nc", "a b c"),
        ("9.1", "9.1"),
        ('a "b", c', 'a "b", c'),
    ],
)
def test_no_cell_is_a_formula(text, cell):
    assert report.harmless(text) == cell


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_names_are_text_in_the_table_and_on_the_page(tmp_path, capsys):
    folder = tmp_path / "in"
    names = ["=1+1", "<script>alert(1)</script>", "李雷 & <b>"]
    names = [name.replace("/", "") for name in names]
    for name in names:
        put(folder / f"{name}.ipynb", RIGHT, printed="0.1 · not yet: <img src=x> & more\n")
    found = judge(folder)
    assert {row["learner"] for row in found} == {f"'{names[0]}", *names[1:]}
    page = (tmp_path / "in.html").read_text(encoding="utf-8")
    assert (tmp_path / "in.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert "<script" not in page and "<b>" not in page and "<img" not in page
    assert all(name in unescape(page) for name in names)
    assert not re.search(r"https?:|<[^>]*(src|href)=|@import|url\(", page)
    assert '<meta name="viewport" content="width=device-width' in page
    assert "3 learners." in page and "&lt;img src=x&gt; &amp; more" in page


def test_the_page_counts(tmp_path, course):
    path = tmp_path / "x.html"
    found = [
        Row(f"learner {i}", "n.ipynb", "0.1", result, hint, "", CHAPTER)
        for i, (result, hint) in enumerate(
            [
                ("correct", ""),
                ("not yet", "rare"),
                ("not yet", "often"),
                ("not yet", "often"),
                ("not run", ""),
            ]
        )
    ]
    report.write_page(
        [*found, Row("Zoe", "z", "", "left out", "", "a note", "")], course, path, "a class", True
    )
    page = path.read_text(encoding="utf-8")
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", page.split("<h2>")[1])
    assert cells[:5] == ["0.1", "1", "3", "0", "1"] and cells[5:10] == ["0.2", "0", "0", "0", "0"]
    assert "Most often not yet correct: 0.1 (3)." in page
    assert page.index(">often<") < page.index(">rare<") and "a note" in page and "6 learners." in page


# Runs

ODD = {
    "honest": [  # an added cell, an exercise in an earlier place, one twice, an error on purpose, `exit()`, no id kept
        RIGHT,
        SETUP,
        STUB,
        RIGHT,
        "1 / 0",
        "exit()",
        "input('name? ')",
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "print(len(sys.path), __name__)\nassert __name__ == '__main__'",
        'check("0.2", lambda number, guesses, labels: 3)',
        "def small_network(hidden):\n    return hidden +\n\n\ncheck('0.3', small_network)",
    ],
    "cheat": [
        "import checks\nchecks.expect = checks.require = lambda *a, **k: None\n"
        "checks.CHECKERS['0.2'] = lambda *a: 'Yes.'",
        'check("0.2", lambda number, guesses, labels: 3)',
        'def check(number, *answer):\n    print(f"{number} · correct. Yes.")',
        STUB,
        'print("0.1 · correct. Yes.")',
        "import sys, types\nfake = types.ModuleType('checks')\nfake.check = check\nsys.modules['checks'] = fake",
        f"from checks import check\n\n\n{WRONG}",
        "del sys.modules['checks']\nopen('checks.py', 'w').write('def check(*a): print(\"0.1 · correct\")')",
        f"sys.path.insert(0, '.')\n{SETUP}\n{WRONG}",
        'check("9.1", ...)\ncheck("0.9", name_of)',
    ],
    "hangs": [
        SETUP,
        "while True:\n    print('x' * 1000)",
        RIGHT,
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass",
        RIGHT.replace("0.1", "0.2"),
    ],
    "crashes": [SETUP, RIGHT, "import os\nos._exit(3)", RIGHT.replace("0.1", "0.2")],
    "grows": [SETUP, "x = []\nwhile True:\n    x.append(bytearray(10**6))", RIGHT],
    "calls": [
        SETUP,
        "import os, socket, subprocess, sys\n"
        "def refused(host):\n"
        "    try:\n"
        "        socket.create_connection((host, 9), 2)\n"
        "    except ConnectionRefusedError:\n"
        "        return False\n"
        "    except OSError:\n"
        "        return True",
        "assert refused('192.0.2.1') and refused('example.org') and not refused('127.0.0.1')",
        "assert os.listdir('.') == ['notebook.ipynb'] and 'PYTEST_CURRENT_TEST' not in os.environ",
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])",
        # one that has lost its parent
        'code = \'import subprocess, sys; p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdout=-3, stderr=-3); '
        "print(p.pid)'\n"
        "orphan = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True).stdout",
        "open(TRAP, 'w').write(f'{child.pid} {orphan}')",
        RIGHT,
    ],
}
posix = pytest.mark.skipif(os.name != "posix", reason="Windows cannot interrupt a cell")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """The rows of a class of odd notebooks, and what the command printed."""
    folder = tmp_path_factory.mktemp("class")
    for name, cells in ODD.items():
        cells = [cell.replace("TRAP", repr(str(folder / "pids"))) for cell in cells]
        put(folder / "in" / f"{name}.ipynb", *cells, printed="0.1 · correct. Yes.\n")
    (folder / "in" / "broken.ipynb").write_text("{")
    command = [sys.executable, progress.__file__, str(folder / "in"), "--run", "--jobs", "2"]
    done = subprocess.run(
        [*command, "--seconds", "40", "--memory", "1.5"],
        env=replay.environment(folder),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return rows(folder / "in.csv"), done.stdout, folder


def test_the_warning_comes_once_and_first(ran):
    _, printed, _ = ran
    assert printed.startswith(progress.WARNING) and printed.count("other people's code") == 1
    help_text = subprocess.run(
        [sys.executable, progress.__file__, "--help"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    assert progress.WARNING in help_text


def test_nobody_is_lost(ran):
    found, printed, folder = ran
    assert {row["learner"] for row in found} == {*ODD, "broken"}
    for learner in ODD:
        assert [row["exercise"] for row in found if row["learner"] == learner and row["exercise"]] == [
            "0.1",
            "0.2",
            "0.3",
        ]
    assert re.findall(r"^\[(\d)/7\]", printed, re.MULTILINE) == list("1234567")
    assert "Every notebook was run" in (folder / "in.html").read_text(encoding="utf-8")


def test_cells_may_be_added_moved_and_wrong(ran):
    told_of = told(ran[0], "honest")
    assert told_of["0.1"] == ("correct", "")
    assert told_of["0.2"][0] == "not yet" and told_of["0.2"][1].startswith("The accuracy for class 3")
    assert told_of["0.3"][0] == "not yet"
    assert told_of["0.3"][1].startswith("The cell ended before its check: SyntaxError")
    assert "" not in told_of


def test_only_the_courses_checkers_judge(ran):
    told_of = told(ran[0], "cheat")
    assert told_of["0.1"][0] == "not yet" and told_of["0.2"][0] == "not yet"
    notes = {row["exercise"]: row["note"] for row in ran[0] if row["learner"] == "cheat"}
    assert "its stored output says correct, this run does not" in notes["0.1"]
    assert notes["0.2"] == "changes the course's checkers, which were put back (0.2, expect, require)"
    assert set(told_of) == {"0.1", "0.2", "0.3"}


@posix
def test_a_notebook_that_hangs(ran):
    told_of = told(ran[0], "hangs")
    assert told_of["0.1"] == ("correct", "")  # after the first loop, which was interrupted
    assert told_of["0.2"][0] == "not run"
    assert told_of[""][0] == "stopped" and told_of[""][1].endswith("could not be interrupted")


def test_a_notebook_that_crashes(ran):
    told_of = told(ran[0], "crashes")
    assert told_of["0.1"][0] == "correct" and told_of["0.2"][0] == "not run"
    assert told_of[""] == (
        "crashed",
        "the kernel ended with exit code 3, in the cell that begins with 'import os'",
    )
    notes = {row["exercise"]: row["note"] for row in ran[0] if row["learner"] == "crashes"}
    assert notes["0.3"] == classroom.NO_CALL


def test_a_notebook_that_takes_all_memory(ran):
    told_of = told(ran[0], "grows")
    assert told_of["0.1"] == ("not run", "its stored output says correct, this run does not")
    assert told_of[""][0] == "stopped" and "more than 1.5 GiB of memory" in told_of[""][1]


def test_no_network_and_nothing_left_running(ran):
    found, _, folder = ran
    assert told(found, "calls")["0.1"] == ("correct", "")
    pids = [int(pid) for pid in (folder / "pids").read_text().split()]
    assert len(pids) == 2 and not any(
        psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids
    )


@posix
def test_ctrl_c_keeps_the_rows(tmp_path):
    put(tmp_path / "in" / "a.ipynb", SETUP, RIGHT)
    put(tmp_path / "in" / "b.ipynb", SETUP, "import time\ntime.sleep(600)", RIGHT)
    put(tmp_path / "in" / "c.ipynb", SETUP, "import time\ntime.sleep(600)", RIGHT)
    # A shell starts what runs in the background with Ctrl+C switched off, and a process hands that on.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(
        [sys.executable, progress.__file__, str(tmp_path / "in"), "--run", "--jobs", "1"],
        env=replay.environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    signal.signal(signal.SIGINT, before)
    try:
        end = time.monotonic() + 120
        while not (tmp_path / "in.csv").exists() or not rows(tmp_path / "in.csv"):
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.1)
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        printed = process.communicate(timeout=60)[0]
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in printed
    assert "Stopped: the files hold 1 of 3 notebooks." in printed
    assert told(rows(tmp_path / "in.csv"), "a")["0.1"][0] == "correct"
    assert (tmp_path / "in.html").exists()


def test_all_solutions_of_a_chapter(tmp_path):
    """A whole chapter as a learner may hand it in, with its answers."""
    put(tmp_path / "in" / "x.ipynb", "")
    shutil.copy(
        replay.ROOT / "notebooks" / "solutions" / "02_tools.ipynb", tmp_path / "in" / "02_tools_Ada.ipynb"
    )
    found = judge(tmp_path / "in", "--run", "--chapter", "2")
    told_of = told(found, "Ada")
    assert list(told_of) == ["2.1", "2.2", "2.3", "2.4", "2.5"]
    assert all(result == "correct" for result, _ in told_of.values())


@pytest.mark.weekly
def test_sixty_notebooks_in_a_quarter_of_an_hour(tmp_path):
    """Chapter 09 whole, solved, sixty times; on two quiet cores or more."""
    name = "09_convolution.ipynb"
    chapter = nbformat.read(replay.ROOT / "notebooks" / name, as_version=4)
    solved = nbformat.read(replay.ROOT / "notebooks" / "solutions" / name, as_version=4)
    answers = {number: cell.source for cell in solved.cells for number in progress.CALL.findall(cell.source)}
    for cell in chapter.cells:
        for number in progress.CALL.findall(cell.source):
            cell.source = answers[number]
    (tmp_path / "in").mkdir()
    for i in range(60):
        nbformat.write(chapter, tmp_path / "in" / f"learner {i}.ipynb")
    began = time.monotonic()
    found = judge(tmp_path / "in", "--run")
    assert [row["result"] for row in found] == ["correct"] * 60 * len(answers)
    assert time.monotonic() - began < 15 * 60
