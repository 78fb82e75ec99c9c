"""The suite where a shell, a disk or somebody's files are set against it: a small course passes there, as it does elsewhere.

The small course is a copy of ours with one tiny chapter. Each test says what is hostile.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import course_data
import helpers
import refresh
import replay

PROGRAMS = [
    "language.py",
    "shadows.py",
    "helpers.py",
    "tracebacks.py",
    "train.py",
    "residual.py",
    "course_data.py",
    "ranks.py",
    "progress.py",
]
# What a hostile environment could change: a plot, a Python program's colours, a width, words beyond ASCII.
CELLS = [
    "import os, subprocess, sys\nimport matplotlib.pyplot as plt\nprint('… 课程')",
    "plt.plot([1, 3, 2])\nplt.show()",
    "run = subprocess.run([sys.executable, '-c', '1 / 0'], capture_output=True, text=True)\nprint(run.stderr)",
    "import shutil\nprint(shutil.get_terminal_size())",
    "print([name for name in os.environ if name.lower().endswith('_proxy')])",
]


def small_course(root: Path) -> Path:
    """A course in `root` with one chapter of CELLS, stored as ours are."""
    for folder in ("notebooks/solutions", "data", "slides", "logs"):
        (root / folder).mkdir(parents=True)
    for name in PROGRAMS:
        shutil.copy(replay.ROOT / "notebooks" / name, root / "notebooks")
    shutil.copytree(
        replay.ROOT / "tests",
        root / "tests",
        ignore=shutil.ignore_patterns("test_*", "__pycache__", "answers"),
    )
    (root / "tests" / "test_tiny.py").write_text(TINY_TEST)
    shutil.copy(replay.ROOT / "pyproject.toml", root)
    notebook = new_notebook(cells=[new_markdown_cell("# Tiny"), *map(new_code_cell, CELLS)])
    nbformat.write(notebook, root / "notebooks" / "01_tiny.ipynb")
    refreshed = run(root, "tests/refresh.py", "notebooks/01_tiny.ipynb")
    assert refreshed.returncode == 0, refreshed.stderr
    return root


def run(root: Path, *arguments, prefix=(), **environment) -> subprocess.CompletedProcess:
    """A Python program of the course in `root`; an environment variable of value None is left out."""
    env = {**os.environ, **environment}
    env = {name: value for name, value in env.items() if value is not None}
    return subprocess.run(
        [*prefix, sys.executable, *map(str, arguments)],
        cwd=root,
        env=env,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=120,
    )


def suite(root: Path, *arguments, **more) -> subprocess.CompletedProcess:
    """The replay of the small course, as somebody starts it in a shell: without what this suite has set."""
    unset = dict.fromkeys((*replay.SETTINGS, "PYTEST_CURRENT_TEST"))
    return run(root, "-m", "pytest", "-n0", *arguments, **{**unset, **more})


def passes(result: subprocess.CompletedProcess, more: int = 0) -> bool:
    """Whether the chapter was replayed, `more` other tests passed too, and nothing failed."""
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"{len(CELLS) + more} passed" in result.stdout and "warning" not in result.stdout, result.stdout
    return True


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    return small_course(tmp_path_factory.mktemp("surroundings") / "course")


# A test that the small course has beside its chapter: what the programs see that the suite starts.
TINY_TEST = """
import os
import subprocess
import sys


def test_programs_that_the_suite_starts():
    code = "import os; print([n for n in os.environ if 'COLOR' in n or n.lower().endswith('_proxy') or n in"
    code += " ('PYTEST_ADDOPTS', 'MPLBACKEND', 'PYTHONIOENCODING', 'PYTHONWARNINGS')])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "['PYTHON_COLORS']", run.stdout
"""
COLOURS = ("FORCE_COLOR", "PY_COLORS", "PYTHON_COLORS", "CLICOLOR_FORCE", "TTY_COMPATIBLE")
PROXIES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "HTTP_PROXY")
SHELLS = {
    "colours": dict.fromkeys(COLOURS, "1") | {"COLUMNS": "300", "LINES": "3"},
    "proxies": dict.fromkeys(PROXIES, "http://127.0.0.1:9"),
    "options": {"PYTEST_ADDOPTS": "--color=yes -v", "PYTHONWARNINGS": "error", "MPLBACKEND": "Agg"},
    "gbk": {"PYTHONIOENCODING": "gbk", "PYTHONUTF8": "0"},
    "ascii": {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"},
}
ALL = {name: value for shell in SHELLS.values() for name, value in shell.items()}


def test_everything_that_a_shell_may_set_at_once(course):
    result = suite(course, "--color=no", **ALL)
    assert passes(result, more=1)


@pytest.mark.weekly
@pytest.mark.parametrize("shell", [*SHELLS, "cp437", "cp1252"])
def test_what_a_shell_may_set(shell, course):
    assert passes(suite(course, "--color=no", **SHELLS.get(shell, {"PYTHONIOENCODING": shell})), more=1)


@pytest.mark.weekly
def test_a_home_that_cannot_be_written_to(course):
    """It lies below a file: not even root can make it."""
    nowhere = str(course / "pyproject.toml" / "home")
    unset = dict.fromkeys(("MPLCONFIGDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR"))
    homes = dict.fromkeys(
        ("HOME", "USERPROFILE", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), nowhere
    )
    assert passes(suite(course, **unset, **homes), more=1)


def test_a_read_only_checkout(course, tmp_path):
    private = ["unshare", "--mount", *(["--map-root-user"] if getattr(os, "geteuid", int)() else [])]
    try:
        works = subprocess.run([*private, "true"], capture_output=True).returncode == 0
    except OSError:
        works = False
    if not works:
        pytest.skip("there is no way here to a read-only view of a folder")
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    result = suite(course, prefix=[*private, "sh", "-c", script, str(course)])
    assert passes(result, more=1)
    reads = "import helpers; helpers.new_writer('x')"
    said = run(
        course,
        "-c",
        f"import sys; sys.path.append('notebooks'); {reads}",
        prefix=[*private, "sh", "-c", script, str(course)],
    ).stderr.splitlines()[-1]
    assert (
        "logs/x cannot be written to (Read-only file system): set the variable COURSE_LOGS to a folder"
        in said
    )


@pytest.mark.weekly
def test_a_long_and_odd_path(course, tmp_path):
    odd = tmp_path / "my course (1) & [é] 100% 'x'" / "课程 笔记" / ("long " * 12).strip()
    odd.parent.mkdir(parents=True)
    shutil.copytree(course, odd)
    # refresh.py stores no path of this computer, whatever it looks like.
    (odd / "notebooks" / "own.py").write_text("def fail():\n    raise ValueError('no')\n")
    page = nbformat.read(odd / "notebooks" / "01_tiny.ipynb", as_version=4)
    page.cells.append(new_code_cell("import own\nown.fail()", metadata={"tags": ["raises-exception"]}))
    nbformat.write(page, odd / "notebooks" / "01_tiny.ipynb")
    stored = run(odd, "tests/refresh.py", "notebooks/01_tiny.ipynb")
    assert stored.returncode == 0, stored.stderr
    text = (odd / "notebooks" / "01_tiny.ipynb").read_text(encoding="utf-8")
    assert (
        "own.py" in text
        and "my course" not in text
        and "课程 笔记/" not in text
        and str(tmp_path) not in text
    )
    assert passes(suite(odd), more=2)


def test_refresh_refuses_an_output_that_names_a_folder_of_this_computer():
    def local(words):
        return refresh.local_path([new_output("stream", name="stdout", text=words)])

    assert local(f"saved in {replay.ROOT / 'logs' / 'x'}") == replay.ROOT.as_posix()
    assert local(repr(str(replay.ROOT / "logs" / "x"))) == replay.ROOT.as_posix()
    assert local(f"found {Path(sys.prefix) / 'lib'}") == Path(sys.prefix).as_posix()
    assert local("saved in logs/x, 1/2 of it, https://pytorch.org/docs") is None


@pytest.mark.parametrize(
    "path",
    [
        "~/my course/notebooks/train.py",
        "/home/Ann Lee/a (1)/notebooks/train.py",
        "C:\\Users\\Ann Lee\\课程\\notebooks\\train.py",
        "\x1b[32m~/my course/notebooks/train.py",
    ],
)
def test_a_traceback_is_stored_without_local_folders(path):
    (entry,) = refresh.shortened([f"File {path}:12, in f(x)\n     11 y = a / b"])
    assert re.fullmatch(r"File (\x1b\[32m)?notebooks[/\\]train\.py:12, in f\(x\)\n     11 y = a / b", entry)


STRAYS = [
    "notebooks/Untitled.ipynb",
    "notebooks/01_tiny-Copy1.ipynb",
    "notebooks/01_tiny (1).ipynb",
    "notebooks/01_tiny copy.ipynb",
    "notebooks/._01_tiny.ipynb",
    "notebooks/.ipynb_checkpoints/01_tiny-checkpoint.ipynb",
    "notebooks/.ipynb_checkpoints/01_tiny.ipynb",
    "notebooks/solutions/01_tiny-Copy1.ipynb",
    "notebooks/solutions/.ipynb_checkpoints/01_tiny-checkpoint.ipynb",
    "notebooks/my/02_mine.ipynb",
    "tests/.ipynb_checkpoints/test_tiny-checkpoint.py",
    *(
        f"{folder}/{name}"
        for folder in ("notebooks", "data", "slides")
        for name in (".DS_Store", "Thumbs.db")
    ),
    *(f"{folder}/.ipynb_checkpoints/x-checkpoint.ipynb" for folder in ("data", "slides")),
    "data/Untitled.ipynb",
    "slides/Untitled.ipynb",
]


@pytest.mark.weekly
def test_files_that_other_programs_leave(course, tmp_path):
    root = tmp_path / "course"
    shutil.copytree(course, root)
    for name in STRAYS:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("no notebook")
    assert passes(suite(root), more=1)
    listed = run(
        root, "-c", "import sys; sys.path.append('tests'); import replay; print(len(replay.all_notebooks()))"
    )
    assert listed.stdout == "1\n", listed.stderr


def test_pictures_that_other_programs_leave_are_not_data(tmp_path, monkeypatch):
    shutil.copytree(helpers.DATA / "ants_bees", tmp_path / "data" / "ants_bees")
    monkeypatch.setattr(course_data, "ROOT", tmp_path)
    monkeypatch.setattr(course_data, "DATA", tmp_path / "data")
    monkeypatch.setenv("COURSE_DATA", "sample")
    folder = tmp_path / "data" / "ants_bees" / "train" / "ants"
    picture = next(folder.glob("*.jpg"))
    (folder / ".ipynb_checkpoints").mkdir()
    shutil.copy(picture, folder / ".ipynb_checkpoints" / f"{picture.stem}-checkpoint.jpg")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", f"._{picture.name}"):
        (folder / name).write_bytes(b"?")
    assert course_data.ants_bees() == tmp_path / "data" / "ants_bees"


# A learner's own files


@pytest.mark.parametrize("name", ["torch.py", "random.py", "queue.py", "numpy.py"])
@pytest.mark.parametrize("program", ["helpers", "train.py", "ranks.py"])
def test_a_file_that_hides_a_module_is_named(program, name, course, tmp_path):
    """Beside a copied chapter, or beside the programs."""
    if program == "helpers":
        folder = tmp_path
        code = f"import sys; sys.path += [{str(course / 'notebooks')!r}]; import helpers"
        command = ["-c", code]
    else:
        folder = tmp_path / "notebooks"
        shutil.copytree(course / "notebooks", folder)
        command = [folder / program]
    (folder / name).write_text("x = 1\n")
    said = run(tmp_path, *command).stderr.splitlines()[-1]
    assert said == (
        f"ImportError: {folder / name} hides the module {name[:-3]!r}, which the course needs: rename that file and "
        "restart the kernel (Kernel > Restart)"
    )


def test_the_suite_imports_nothing_from_a_learner_s_folder(course, tmp_path):
    """pytest itself starts, and the chapter's own report names the file."""
    root = tmp_path / "course"
    shutil.copytree(course, root)
    for name in ("queue.py", "json.py", "pathlib.py"):
        (root / "notebooks" / name).write_text("raise RuntimeError('a file of a learner was imported')\n")
    result = suite(root, "tests")
    assert result.returncode == 0 and "1 passed" in result.stdout, result.stdout + result.stderr


def test_pictures_appear_where_matplotlib_is_told_to_write_files(tmp_path):
    """MPLBACKEND=Agg in a profile: the helpers bring the notebook's own backend back."""
    code = f"import sys; sys.path.append({str(replay.ROOT / 'notebooks')!r})\nimport matplotlib.pyplot as plt\nimport helpers"
    page = new_notebook(cells=[new_code_cell(code), new_code_cell("plt.plot([1, 2])\nplt.show()")])
    with replay.kernel_options(tmp_path / "a.ipynb") as (manager, start):
        start["env"]["MPLBACKEND"] = "Agg"
        NotebookClient(page, km=AsyncKernelManager(**manager), timeout=100).execute(cleanup_kc=True, **start)
    assert ["image/png" in output.get("data", {}) for output in page.cells[1].outputs] == [True]


# Texts on a console that knows few characters

CONSOLES = ["ascii", "cp437", "cp1252", "gbk"]
COMMANDS = {
    "train.py": ["notebooks/train.py", "--help"],
    "progress.py": ["notebooks/progress.py", "--help"],
    "start.py": ["start.py", "--help"],
    "bench.py": ["tests/bench.py", "--help"],
    "draw_sample.py": ["data/draw_sample.py", "--help"],
    "decks.py": ["slides/decks.py", "--help"],
}


@pytest.mark.parametrize(
    ("program", "console"),
    [
        pytest.param(
            program,
            console,
            marks=()
            if console == "ascii" and program in ("train.py", "progress.py", "start.py")
            else pytest.mark.weekly,
        )
        for program in COMMANDS
        for console in CONSOLES
    ],
)
def test_a_program_says_what_it_has_to_say_on_any_console(program, console):
    """ASCII stands for all of them each time: what it can show, every console can."""
    result = run(replay.ROOT, *COMMANDS[program], PYTHONIOENCODING=console, PYTHONUTF8="0")
    assert result.returncode == 0 and "Traceback" not in result.stderr, result.stderr
    assert result.stdout
