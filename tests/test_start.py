"""start.py and the learner's own copies. In the lab itself: test_lab.py."""

import ast
import asyncio
import errno
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import replay

LIGHT = "02_tools.ipynb"  # a chapter that runs in a few seconds without data
LINK = re.compile(r"\]\((?P<target>[^)\s#]+)")


def load(course: Path):
    """The start.py of a course, as a module."""
    spec = importlib.util.spec_from_file_location("start", course / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


start = load(replay.ROOT)


def put(path: Path, *cells: str, output: str = "1\n") -> None:
    """Write a small chapter: prose first, then a cell of code for each text, with an output."""
    prose, *code = cells
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    notebook.cells = [nbformat.v4.new_markdown_cell(prose, id="opening")]
    for number, text in enumerate(code, 1):
        shown = [nbformat.v4.new_output("stream", text=output)]
        notebook.cells.append(
            nbformat.v4.new_code_cell(text, id=f"code-{number}", execution_count=number, outputs=shown)
        )
    nbformat.write(notebook, path)


@pytest.fixture
def course(tmp_path):
    """A small course of three chapters, its folder with a space and Chinese in its name."""
    root = tmp_path / "课程 my course"
    (root / "notebooks").mkdir(parents=True)
    shutil.copy(replay.ROOT / "start.py", root)
    for number in (0, 1, 9):
        put(
            root / "notebooks" / f"{number:02}_topic.ipynb",
            f"# {number}\n\n![a](images/a.png)",
            "print(1)",
            "...",
        )
    return root


def run(course: Path, *arguments: str, **options) -> subprocess.CompletedProcess:
    """`python start.py ...`, from another folder, as a learner's shell would start it."""
    command = [sys.executable, str(course / "start.py"), *arguments]
    return subprocess.run(
        command,
        capture_output=True,
        cwd=course.parent,
        timeout=60,
        check=False,
        **({"encoding": "utf-8"} | options),
    )


def copies(course: Path, *arguments: str) -> str:
    """What `python start.py --copies-only ...` prints; it must succeed."""
    done = run(course, "--copies-only", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def answer(path: Path, text: str = "my answer") -> None:
    """Write an answer into a copy, run, as the lab would save it."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-1].source = text
    notebook.cells[-1].execution_count = 7
    notebook.cells[-1].outputs = [nbformat.v4.new_output("stream", text="correct\n")]
    nbformat.write(notebook, path)


# Copies


@pytest.mark.parametrize(
    "before, after",
    [
        ("![a](images/a.png)", "![a](../images/a.png)"),
        ('![a b](images/a.png "title")', '![a b](../images/a.png "title")'),
        (
            "[s](solutions/09_topic.ipynb#x) [t](train.py)",
            "[s](../solutions/09_topic.ipynb#x) [t](../train.py)",
        ),
        ("[up](../README.md) [here](./a)", "[up](../../README.md) [here](.././a)"),
        ("[a](<my file.png>)", "[a](<../my file.png>)"),
        ("[![a](images/a.png)](train.py)", "[![a](../images/a.png)](../train.py)"),
        ('<img alt="a" src="images/a.png" width="9">', '<img alt="a" src="../images/a.png" width="9">'),
        ("see\n\n[1]: images/a.png", "see\n\n[1]: ../images/a.png"),
        ("`\n` [a](b.png) `x`", "`\n` [a](../b.png) `x`"),
        ("图 ![图](images/图.png)", "图 ![图](../images/图.png)"),
    ],
)
def test_links_lead_one_folder_up(before, after):
    assert start.one_deeper(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "[next](10_pooling.ipynb) [part](10_pooling.ipynb#idea)",
        "[docs](https://docs.pytorch.org/x) <a href='mailto:a@b'>m</a> [data](data:image/png;base64,xx)",
        "[below](#recap) [root](/files/a)",
        "`rows[0](x)` and ``a ` [b](c)`` and `x[i](y)`",
        "```python\ntable[0](images)\n```",
        "a list [1, 2] (two numbers), f(x)[0]",
    ],
)
def test_chapters_addresses_and_code_stay(text):
    assert start.one_deeper(text) == text


@pytest.mark.parametrize("path", replay.chapters(), ids=lambda path: path.stem)
def test_a_copy_is_the_chapter_without_outputs(path):
    """The same cells in the same order, ready for the lab; every link leads to a file that the lab shows."""
    chapter = nbformat.read(path, as_version=4)
    text = json.dumps(start.copy_of(start.read(path)), ensure_ascii=False, indent=1, sort_keys=True)
    copy = nbformat.reads(text, as_version=4)
    nbformat.validate(copy)
    assert nbformat.writes(copy) == text, "the lab would write it otherwise"
    assert [(cell.id, cell.cell_type, cell.metadata) for cell in copy.cells] == [
        (cell.id, cell.cell_type, cell.metadata) for cell in chapter.cells
    ]
    my, links = replay.ROOT / "notebooks" / "my", 0
    for cell, original in zip(copy.cells, chapter.cells, strict=True):
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
            assert cell.source == original.source
            continue
        for link in LINK.finditer(re.sub(r"```.*?```|`[^`\n]+`", "", cell.source, flags=re.DOTALL)):
            if re.match(r"\w+:", link["target"]):
                continue
            links += 1
            target = Path(os.path.normpath(my / link["target"]))
            assert target.is_relative_to(replay.ROOT / "notebooks"), f"leaves the lab's root: {link[0]}"
            if target.parent == my:
                target = target.parent.parent / target.name  # start.py copies each chapter
                assert target in replay.chapters(), link[0]
            assert target.exists(), f"leads nowhere: {link[0]}"
    assert links >= 2


def test_copies_are_made_once_and_never_overwritten(course):
    my = course / "notebooks" / "my"
    chapters = contents(course / "notebooks")
    assert copies(course) == "Copied to notebooks/my, where your answers live: 00, 01, 09.\n"
    assert sorted(contents(my)) == ["00_topic.ipynb", "01_topic.ipynb", "09_topic.ipynb"]
    answer(my / "09_topic.ipynb")
    put(my / "Untitled.ipynb", "my own")
    (my / "01_topic.ipynb").unlink()
    mine = contents(my)
    assert copies(course) == "Copied to notebooks/my, where your answers live: 01.\n"
    assert contents(my).items() >= mine.items()
    assert copies(course) == "Your copies of the chapters are in notebooks/my.\n"
    assert len(contents(my)) == 4
    (course / "notebooks" / "my").rename(course / "elsewhere")
    assert contents(course / "notebooks") == chapters


def test_chinese_chapters_have_copies_of_their_own(course):
    zh, my = course / "notebooks" / "zh", course / "notebooks" / "my"
    zh.mkdir()
    put(zh / "01_topic.ipynb", "x = 1  # 第一个数")
    notebook = nbformat.read(zh / "01_topic.ipynb", as_version=4)
    links = "[图](../images/a.svg) [答案](solutions/01_topic.ipynb) [下一章](02_topic.ipynb)"
    notebook.cells.append(nbformat.v4.new_markdown_cell(links, id="links"))
    nbformat.write(notebook, zh / "01_topic.ipynb")
    said = copies(course, "--language", "zh")
    assert said == "Copied to notebooks/my/zh, where your answers live: 01.\n"
    assert sorted(contents(my / "zh")) == ["01_topic.ipynb"]
    cell = nbformat.read(my / "zh" / "01_topic.ipynb", as_version=4).cells[-1]
    assert cell.source == (
        "[图](../../images/a.svg) [答案](../../zh/solutions/01_topic.ipynb) [下一章](02_topic.ipynb)"
    )
    assert copies(course, "--language", "zh") == "Your copies of the chapters are in notebooks/my/zh.\n"
    put(zh / "01_topic.ipynb", "x = 2  # 第一个数")
    assert "python start.py --language zh --anew 01" in copies(course, "--language", "zh")


def test_an_update_is_told_and_changes_no_copy(course):
    notebooks, my = course / "notebooks", course / "notebooks" / "my"
    copies(course)
    answer(my / "09_topic.ipynb")
    before = contents(my)
    put(notebooks / "01_topic.ipynb", "# 1\n\n![a](images/a.png)", "print(1)", "...", output="other\n")
    assert copies(course) == "Your copies of the chapters are in notebooks/my.\n", (
        "only an output has changed"
    )
    put(notebooks / "09_topic.ipynb", "# 9, better", "print(1)", "...")
    put(notebooks / "10_topic.ipynb", "# 10", "print(1)")
    assert copies(course).splitlines() == [
        "Copied to notebooks/my, where your answers live: 10.",
        "Changed since you copied them: 09. Your copies were left as they are. "
        "New ones, with yours kept beside them: python start.py --anew 09",
    ]
    assert contents(my).items() >= before.items()
    copies(course, "--anew", "09")
    assert copies(course) == "Your copies of the chapters are in notebooks/my.\n"


def test_anew_keeps_the_old_copy_beside_the_new(course):
    my = course / "notebooks" / "my"
    copies(course)
    fresh = contents(my)
    kept = {}
    for count in range(3):
        answer(my / "09_topic.ipynb", f"answer {count}")
        kept[count] = (my / "09_topic.ipynb").read_bytes()
        said = copies(course, "--anew", "9", "09")
        name = re.fullmatch(r"notebooks/my/09_topic.ipynb is new. Your old one is beside it: (.+)\.\n", said)[
            1
        ]
        assert (my / name).read_bytes() == kept[count]
    after = contents(my)
    assert {name: after[name] for name in fresh} == fresh
    assert sorted(after[name] for name in set(after) - set(fresh)) == sorted(kept.values())
    (my / "01_topic.ipynb").unlink()
    said = copies(course, "--anew=00", "--anew", "00", "01").splitlines()
    assert said[0] == "Copied to notebooks/my, where your answers live: 01."
    assert len(said) == 2 and "00_topic.ipynb is new" in said[1]


@pytest.mark.parametrize("number", ["26", "x", "-", "09_topic"])
def test_an_unknown_chapter_is_one_sentence(course, number):
    done = run(course, "--copies-only", "--anew", "01", number)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"There is no chapter \S+; there are 00 to 09\.\n", done.stderr)
    assert not (course / "notebooks" / "my").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"cells": 3}', '{"cells": [], "metadata": 5}', "<<<<<<< HEAD\n{}"]
)
def test_damaged_files_are_named_and_left_alone(course, text):
    copies(course)
    notebooks, my = course / "notebooks", course / "notebooks" / "my"
    (my / "01_topic.ipynb").write_text(text)
    (notebooks / "09_topic.ipynb").write_text(text)
    before = contents(my)
    said = copies(course)
    assert "notebooks/09_topic.ipynb is damaged, so it was left out: get the course again." in said
    assert "notebooks/my/01_topic.ipynb is damaged and was left as it is." in said
    assert contents(my) == before
    said = copies(course, "--anew", "01", "09")
    assert "notebooks/my/01_topic.ipynb is new" in said
    assert set(before.values()) <= set(contents(my).values())
    start.read(my / "01_topic.ipynb")


def test_a_copy_without_a_record_counts_as_old(course):
    """An answer written into a chapter itself before there was start.py, and put into my/ by hand."""
    (course / "notebooks" / "my").mkdir()
    shutil.copy(course / "notebooks" / "09_topic.ipynb", course / "notebooks" / "my")
    assert "Changed since you copied them: 09." in copies(course)


def test_a_file_that_hides_a_module_is_named(course):
    copies(course)
    my = course / "notebooks" / "my"
    for name in (
        "torch.py",
        "random.py",
        "helpers.py",
        "mine.py",
        "test.py",
        "slides.py",
        "a.b.py",
        "numpy.txt",
    ):
        (my / name).touch()
    (course / "notebooks" / "helpers.py").touch()
    (course / "slides").mkdir()
    (my / "PIL").mkdir()
    (my / "PIL" / "__init__.py").touch()
    (my / "matplotlib").mkdir()  # a plain folder hides nothing
    assert copies(course).splitlines() == [
        f"notebooks/my/{name} hides a module of the same name from your chapters: rename it."
        for name in ("PIL", "helpers.py", "random.py", "torch.py")
    ]


# Places that cannot be written to


@pytest.mark.skipif(os.name != "posix", reason="Windows has no read-only folders")
def test_a_read_only_course(course, capsys):
    """One sentence; and if only the folder of the copies can be written to, all is well."""
    folder = Path(tempfile.mkdtemp(prefix="start-"))  # others may not enter pytest's
    folder.chmod(0o755)
    root = folder / "课 程"
    shutil.copytree(course, root)
    notebooks, my = root / "notebooks", root / "notebooks" / "my"
    notebooks.chmod(0o555)
    module, user = load(root), os.geteuid()
    try:
        if user == 0:  # root may write anywhere
            os.seteuid(65534)
        with pytest.raises(SystemExit) as stopped:
            module.main(["--copies-only"])
        assert stopped.value.code == (
            f"Your copies of the chapters cannot be written to {my} (Permission denied): "
            "copy the course to a folder of your own and run start.py there."
        )
        os.seteuid(user)
        notebooks.chmod(0o755)
        my.mkdir()
        my.chmod(0o777)
        for path in [*notebooks.glob("*.ipynb"), notebooks]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        if user == 0:
            os.seteuid(65534)
        module.main(["--copies-only"])
        module.main(["--copies-only"])
        shown = capsys.readouterr().out
        assert shown.splitlines()[1:] == ["Your copies of the chapters are in notebooks/my."]
        (my / "09_topic.ipynb").write_text("an answer", encoding="utf-8")
        os.seteuid(user)
        my.chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        with pytest.raises(SystemExit, match="Permission denied"):  # the lab could not save there
            module.main(["--copies-only"])
    finally:
        os.seteuid(user)
        for place in (notebooks, my):
            if place.exists():
                place.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    "number, advice",
    [
        (errno.ENOSPC, "make room and run start.py again."),
        (errno.EROFS, "copy the course to a folder of your own and run start.py there."),
    ],
)
def test_writing_fails_whole(course, monkeypatch, capsys, number, advice):
    """The old copy is where it was, nothing half written lies about, and a sentence says why."""
    copies(course)
    answer(course / "notebooks" / "my" / "09_topic.ipynb")
    before = contents(course / "notebooks" / "my")
    module = load(course)

    def full(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(SystemExit) as stopped:
        module.main(["--copies-only", "--anew", "09"])
    assert str(stopped.value).endswith(f"({os.strerror(number)}): {advice}")
    assert contents(course / "notebooks" / "my") == before


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "gbk", "utf-8"])
def test_any_console(course, encoding):
    """A path in Chinese is printed, escaped where the console has no Chinese."""
    (course / "notebooks" / "my").touch()
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = run(course, "--copies-only", encoding=encoding, env=environment)
    assert (done.returncode, done.stdout) == (1, "")
    name = "课程" if encoding in ("gbk", "utf-8") else r"\u8bfe\u7a0b"
    assert name in done.stderr
    assert (
        done.stderr.endswith("this is a file; rename it and run start.py again.\n")
        and done.stderr.count("\n") == 1
    )


def test_start_alone_says_where_it_belongs(course):
    shutil.rmtree(course / "notebooks")
    done = run(course)
    assert done.returncode == 1
    assert done.stderr.startswith("There are no chapters in ") and done.stderr.count("\n") == 1


# JupyterLab


@pytest.fixture
def lab(course, monkeypatch):
    """The start.py of the small course, and the list of arguments that JupyterLab was given."""
    given, module = [], load(course)
    monkeypatch.setattr("jupyterlab.labapp.LabApp.launch_instance", given.extend)
    return module, given


def test_the_lab_opens_the_first_copy(course, lab):
    module, given = lab
    before = dict(os.environ)
    module.main([])
    assert f"--ServerApp.root_dir={course / 'notebooks'}" in given
    assert "--LabApp.default_url=/lab/tree/my/00_topic.ipynb" in given
    assert dict(os.environ) == before


def test_what_start_does_not_know_goes_to_the_lab(lab):
    module, given = lab
    module.main(["--port", "8890", "--no-browser", "--anew", "09", "--ServerApp.token=x y", "--copies"])
    assert given[-5:] == ["--port", "8890", "--no-browser", "--copies", "--ServerApp.token=x y"]


def test_the_lab_hands_notebooks_out_as_it_would_write_them(course, lab, monkeypatch):
    """So opening one changes nothing; but a notebook with another kernel keeps it."""
    module, _ = lab
    notebooks = course / "notebooks"
    other = nbformat.v4.new_notebook(metadata={"kernelspec": {"name": "mine", "display_name": "Mine"}})
    nbformat.write(other, notebooks / "other.ipynb")
    monkeypatch.setattr(
        "jupyterlab.labapp.LabApp.make_serverapp", classmethod(lambda cls, **options: options)
    )
    options = module.course_lab().make_serverapp()
    contents = options["contents_manager_class"](root_dir=str(notebooks))
    ours = asyncio.run(contents.get("00_topic.ipynb"))
    assert ours["content"]["metadata"] == module.METADATA
    assert asyncio.run(contents.get("other.ipynb"))["content"]["metadata"] == other.metadata
    assert asyncio.run(contents.get("00_topic.ipynb", content=False))["content"] is None
    assert asyncio.run(contents.get("", type="directory"))["type"] == "directory"


def test_the_lab_starts_on_another_port_and_without_a_browser(course, tmp_path):
    """Another Jupyter has the port already, and no browser can be opened: the address is printed all the same."""
    environment = replay.environment(tmp_path)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "JUPYTER_PORT", "JUPYTER_TOKEN"):
        environment.pop(name, None)
    for name in ("CONFIG", "DATA", "RUNTIME"):
        environment[f"JUPYTER_{name}_DIR"] = str(tmp_path / name)
    command = [sys.executable, str(course / "start.py"), "--allow-root"]
    page = "/lab/tree/my/00_topic.ipynb"
    printed = re.compile(rf"http://127\.0\.0\.1:(\d+){re.escape(page)}\?token=\w+")
    if sys.platform == "linux":
        environment["PATH"] = str(tmp_path)  # no browser for terminals, either
    else:
        command.append("--no-browser")  # there one is always found
    with socket.socket() as other:
        with suppress(OSError):  # it is taken already
            other.bind(("127.0.0.1", 8888))
            other.listen()
        running = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=environment,
            cwd=tmp_path,
        )
        limit = threading.Timer(100, running.kill)
        limit.start()
        try:
            lines, address = [], None
            for line in running.stdout:
                lines.append(line)
                if address := printed.search(line):
                    break
            assert address and address[1] != "8888", "".join(lines)
            for _ in range(100):  # it is printed a moment before the server listens
                with suppress(OSError):
                    with urllib.request.urlopen(address[0].replace(page, "/api"), timeout=30) as reply:
                        assert "version" in json.load(reply)
                    break
                time.sleep(0.1)
            else:
                pytest.fail(f"nothing answers at {address[0]}")
        finally:
            limit.cancel()
            running.kill()
            said = "".join(lines) + running.communicate()[0]
    assert "Traceback" not in said and "Copied to notebooks/my" in said


@pytest.mark.parametrize("generated", [True, False])
def test_with_a_password_the_address_is_printed_too(lab, monkeypatch, capsys, generated):
    """JupyterLab prints the address only if it has made the token itself."""
    module, _ = lab
    server = SimpleNamespace(
        identity_provider=SimpleNamespace(token_generated=generated), display_url="http://localhost:8889/lab"
    )
    monkeypatch.setattr("jupyterlab.labapp.LabApp.initialize_server", classmethod(lambda cls, argv: server))
    assert module.course_lab().initialize_server([]) is server
    assert capsys.readouterr().out == ("" if generated else "JupyterLab is at http://localhost:8889/lab\n")


def test_start_needs_no_shell_and_no_links():
    """Windows has no sh, and lets only some users make links."""
    for node in ast.walk(ast.parse((replay.ROOT / "start.py").read_text(encoding="utf-8"))):
        name = getattr(node, "attr", getattr(node, "id", ""))
        assert name not in ("symlink", "symlink_to", "hardlink_to", "link", "system", "popen")
        assert not (isinstance(node, ast.keyword) and node.arg == "shell")
        text = node.value if isinstance(node, ast.Constant) else None
        assert not (isinstance(text, str) and re.fullmatch(r"(/\w+)*/?(sh|bash|zsh)( .*)?", text)), text


def test_what_is_not_installed_is_one_sentence(course, lab, monkeypatch):
    module, _ = lab
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    with pytest.raises(SystemExit, match=r"^JupyterLab .*python -m pip install -r requirements.txt$"):
        module.main([])
    assert (course / "notebooks" / "my" / "00_topic.ipynb").exists()
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(SystemExit, match=r"^PyTorch .*python -m pip install -r requirements.txt$"):
        module.main([])


# Git, the suite, kernels elsewhere


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_from_an_old_checkout_to_a_new_one(course):
    """git pull changes a chapter and adds one; answers stay, and git never sees what is in my/."""
    shutil.copy(replay.ROOT / ".gitignore", course)
    mine = course.parent / "mine"
    name = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def git(folder: Path, *arguments: str) -> str:
        command = ["git", *name, *arguments]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    git(course, "init", "-q")
    git(course, "add", ".")
    git(course, "commit", "-qm", "old")
    git(course.parent, "clone", "-q", str(course), str(mine))
    my = mine / "notebooks" / "my"
    copies(mine)
    answer(my / "09_topic.ipynb")
    (my / "run.pt").touch()
    (my / "pictures").mkdir()
    (my / "pictures" / "me.png").touch()
    answered = (my / "09_topic.ipynb").read_bytes()
    assert git(mine, "status", "--porcelain", "--untracked-files=all") == ""

    put(course / "notebooks" / "09_topic.ipynb", "# 9, better", "print(2)", "...")
    put(course / "notebooks" / "10_topic.ipynb", "# 10", "print(1)")
    git(course, "add", ".")
    git(course, "commit", "-qm", "new")
    git(mine, "pull", "-q", "--ff-only")
    assert (my / "09_topic.ipynb").read_bytes() == answered
    said = copies(mine)
    assert "where your answers live: 10." in said and "Changed since you copied them: 09." in said
    copies(mine, "--anew", "09")
    assert answered in contents(my).values()
    assert git(mine, "status", "--porcelain", "--untracked-files=all") == ""


def test_the_suite_leaves_my_alone(course):
    """Copies, whatever lies beside them, and Python files of a learner: nothing there is collected."""
    root, my = course, course / "notebooks" / "my"
    shutil.copytree(
        replay.ROOT / "tests", root / "tests", ignore=shutil.ignore_patterns("__pycache__", "test_*")
    )
    shutil.copy(replay.ROOT / "pyproject.toml", root)
    copies(root)
    for name in ("test_mine.py", "queue.py", "conftest.py"):
        (my / name).write_text("raise RuntimeError('a learner\\'s own')")
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    done = subprocess.run(
        command, cwd=root, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    collected = [line for line in done.stdout.splitlines() if "::" in line]
    assert len(collected) == 6 and not [line for line in collected if "my/" in line], collected
    if importlib.util.find_spec("ruff"):
        (my / "bad.py").write_text("import os, sys")
        (root / "bad.py").write_text("import os, sys")
        command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "."]
        found = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False).stdout
        assert "bad.py:1" in found and "my" not in re.findall(r"^(?:\w+[/\\])*", found), found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A course with one chapter that runs, and its copy."""
    root = tmp_path_factory.mktemp("课程 with space")
    ours = shutil.ignore_patterns("__pycache__", ".*", "my", "*.ipynb", "images", "solutions")
    shutil.copytree(replay.ROOT / "notebooks", root / "notebooks", ignore=ours)
    shutil.copy(replay.ROOT / "notebooks" / LIGHT, root / "notebooks")
    shutil.copy(replay.ROOT / "start.py", root)
    copies(root)
    return root


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(".", marks=pytest.mark.weekly),
        "notebooks",
        pytest.param("notebooks/my", marks=pytest.mark.weekly),
    ],
)
def test_a_copy_runs_wherever_its_kernel_starts(whole, folder):
    """papermill starts kernels where it is called, VS Code in the notebook's folder or in the opened one."""
    path = whole / "notebooks" / "my" / LIGHT
    notebook = nbformat.read(path, as_version=4)
    stored = nbformat.read(whole / "notebooks" / LIGHT, as_version=4)
    with replay.kernel_options(path) as (manager, options):
        client = NotebookClient(notebook, km=AsyncKernelManager(**manager), timeout=60)
        client.execute(cleanup_kc=True, **(options | {"cwd": str(whole / folder)}))
    for cell, old in zip(notebook.cells, stored.cells, strict=True):
        if cell.cell_type == "code" and not replay.has_tag(cell, "nbval-ignore-output"):
            new, before = replay.merged_streams(cell.outputs), replay.merged_streams(old.outputs)
            assert not replay.outputs_difference(before, new, replay.tolerances(cell)), cell.id


def test_copies_that_the_lab_makes_are_no_chapters(tmp_path, monkeypatch):
    import decks
    import progress

    for name in ("09_topic.ipynb", "09_topic-Copy1.ipynb", "09_topic.2026-01-01.ipynb", "Untitled.ipynb"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(start, "NOTEBOOKS", tmp_path)
    monkeypatch.setattr(decks, "NOTEBOOKS", tmp_path)
    for found in (start.chapters(), decks.chapters(), progress.chapters(tmp_path)):
        assert [path.name for path in found] == ["09_topic.ipynb"]
