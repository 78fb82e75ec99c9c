"""The ZIP files of the course: what is in them, that their links lead somewhere, and that the learners' one works."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import release
import replay

pytestmark = pytest.mark.skipif(
    not (replay.ROOT / ".git").exists() or shutil.which("git") is None,
    reason="the files of the course are those that git tracks",
)
LINK = re.compile(r"\]\(<?(?P<target>[^)>\s]+)>?\)|\b(?:src|href)=\"(?P<other>[^\"]+)\"")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Both files, what learners get unpacked, and what git tracked then."""
    folder = tmp_path_factory.mktemp("release")
    before = release.tracked()
    learners, everything = release.release(folder)
    with zipfile.ZipFile(learners) as file:
        file.extractall(folder / "unpacked")
    return learners, everything, folder / "unpacked" / release.NAME, before


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as file:
        return {name.removeprefix(f"{release.NAME}/") for name in file.namelist()}


def test_all_is_what_git_tracks(made):
    assert names(made[1]) == set(made[3])
    assert names(made[0]) < names(made[1])


def test_learners_get_no_solutions_answers_and_tests(made):
    found = names(made[0])
    for name in found:
        assert not re.search(
            r"solution|answers|(^|/)tests?/|test_.+\.py|slides|website|\.ci/|\.github|ruff", name
        ), name
    assert {
        "README.md",
        "README.zh-CN.md",
        "LICENSE",
        "start.py",
        "requirements.txt",
        "data/README.md",
        "logs/README.md",
    } <= found
    assert {"notebooks/checks/ch09.py", "notebooks/helpers.py", "notebooks/progress.py"} <= found
    assert {f"notebooks/{path.name}" for path in replay.chapters()} <= found
    assert not any(name.startswith(("notebooks/my/", "data/cifar-10-python")) for name in found)


def test_no_cell_holds_a_solution(made):
    solved = {
        cell.source
        for path in replay.notebooks_in(replay.ROOT / "notebooks" / "solutions")
        for cell in nbformat.read(path, as_version=4).cells
        if re.search(r"^check\(", cell.source, re.MULTILINE)
    }
    cells = {
        cell.source for path in made[2].rglob("*.ipynb") for cell in nbformat.read(path, as_version=4).cells
    }
    assert len(solved) > 100 and not solved & cells


def test_the_same_bytes_twice(made, tmp_path):
    for before, after in zip(made[:2], release.release(tmp_path), strict=True):
        assert before.name == after.name
        with zipfile.ZipFile(before) as a, zipfile.ZipFile(after) as b:
            if [a.read(name) for name in a.namelist()] != [b.read(name) for name in b.namelist()]:
                pytest.skip("somebody has changed a file of the course meanwhile")
        assert before.read_bytes() == after.read_bytes()


def pages(root: Path) -> dict[Path, str]:
    """The Markdown of all pages and notebooks, without code."""
    found = {path: path.read_text(encoding="utf-8") for path in root.rglob("*.md")}
    for path in root.rglob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        found[path] = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return {path: CODE.sub("", text) for path, text in found.items()}


def dead_links(root: Path) -> list[str]:
    dead = []
    for path, text in pages(root).items():
        for match in LINK.finditer(text):
            target = (match["target"] or match["other"]).partition("#")[0]
            if target and not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                dead.append(f"{path.relative_to(root)}: {target}")
    return dead


def test_every_link_leads_somewhere(made):
    assert dead_links(made[2]) == []
    assert sum(len(LINK.findall(text)) for text in pages(made[2]).values()) > 100
    shown = "".join(pages(made[2]).values())
    assert "solutions/" not in shown and "CONTRIBUTING" not in shown


def test_a_dead_link_is_noticed(tmp_path):
    (tmp_path / "a.md").write_text("[a](b.md) [c](https://c.org) [d](#d) `[e](e.md)`")
    assert dead_links(tmp_path) == ["a.md: b.md"]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_readme_is_whole_but_for_the_sections_of_teachers(made, name):
    ours = (replay.ROOT / name).read_text(encoding="utf-8")
    theirs = (made[2] / name).read_text(encoding="utf-8")
    sections = [re.findall(r"^## (.+)$", text, re.MULTILINE) for text in (ours, theirs)]
    assert len(sections[0]) == len(sections[1]) + 2
    assert [title for title in sections[0] if title not in release.SECTIONS] == sections[1]
    last = ours.splitlines(keepends=True)[-1]
    assert "[LICENSE](LICENSE)" in last and "[CITATION.cff](CITATION.cff)" in last and theirs.endswith(last)
    assert "pytest" not in theirs


def test_it_works_where_it_is_unpacked(made, tmp_path):
    """start.py makes the copies, a chapter's first cells run in one, a checker answers, the table of progress is shown."""
    root = made[2]
    environment = {**replay.environment(tmp_path), "PYTHONPATH": ""}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=root,
            env=environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert python("start.py", "--copies-only").startswith("Copied to notebooks/my")
    assert "Your copies of the chapters are in notebooks/my." in python("start.py", "--copies-only")
    assert dead_links(root) == []
    copy = root / "notebooks" / "my" / "02_tools.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    stub = next(cell for cell in code if 'check("2.1"' in cell.source)
    notebook.cells = [*code[:3], stub]
    with replay.kernel_options(copy) as (manager, start):
        client = NotebookClient(notebook, km=AsyncKernelManager(**manager), timeout=120)
        client.execute(cleanup_kc=True, **start)
    assert "2.1 · not attempted yet" in str(notebook.cells[-1].outputs)
    assert "No exercise is done yet." in python("notebooks/progress.py")


def test_without_git_it_is_one_sentence(tmp_path):
    with pytest.raises(SystemExit, match="release.py: git ls-files: .*not a git repository"):
        release.tracked(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="permissions")
def test_programs_stay_programs(made):
    with zipfile.ZipFile(made[1]) as file:
        for name, mode in made[3].items():
            assert file.getinfo(f"{release.NAME}/{name}").external_attr >> 16 & 0o777 == mode
