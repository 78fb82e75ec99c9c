"""website/publish.py puts an address in and takes it out, on a copy of the course."""

import argparse
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import publish
import replay

ADDRESS, OTHER = "a-learner/course.2", "somebody/else"
LIGHT = "02_tools.ipynb"  # replayed with the cell in it


def files(root: Path) -> dict[str, bytes]:
    """Every file below a folder and what it holds."""
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def course(tmp_path) -> Path:
    """A copy of the files that publish.py changes, without an address, and of what a replay needs."""
    root = tmp_path / "course"
    ignored = shutil.ignore_patterns("my", "__pycache__", ".*")
    shutil.copytree(replay.ROOT / "notebooks", root / "notebooks", ignore=ignored)
    for path in [*replay.ROOT.glob("README*.md"), replay.ROOT / "CITATION.cff"]:
        shutil.copy(path, root)
    (root / "website").mkdir()
    record = replay.ROOT / "website" / "address.txt"
    if record.exists():  # this course has been published
        shutil.copy(record, root / "website")
        publish.publish(None, root)
    return root


def test_taking_it_out_leaves_every_byte_as_it_was(course):
    before = files(course)
    assert publish.publish(None, course) == []
    assert files(course) == before

    changed = publish.publish(ADDRESS, course)
    published = files(course)
    differing = {name for name in published if published[name] != before.get(name)}
    assert differing == {path.relative_to(course).as_posix() for path in changed}
    assert differing == {
        "CITATION.cff",
        "website/address.txt",
        *(path.name for path in course.glob("README*.md")),
        *(path.relative_to(course).as_posix() for path in publish.notebooks(course)),
    }
    assert publish.publish(ADDRESS, course) == [] and files(course) == published, "twice"

    publish.publish(OTHER, course)
    assert [name for name, data in files(course).items() if ADDRESS.encode() in data] == []
    publish.publish(ADDRESS, course)
    assert files(course) == published, "another address, and back"

    assert publish.publish(None, course) != []
    assert files(course) == before


def test_without_an_address_nothing_leads_to_a_place_that_runs_the_course(course):
    for name, data in files(course).items():
        for place in (b"colab.research.google.com", b"mybinder.org", b"codespaces.new", b"google.colab"):
            assert place not in data, name


def test_the_address_is_where_it_should_be(course):
    assert len(publish.notebooks(course)) >= len(replay.all_notebooks())
    publish.publish(ADDRESS, course)
    for path in publish.notebooks(course):
        assert f'"https://github.com/{ADDRESS}"' in publish_cell(path).source, path
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert f"git clone https://github.com/{ADDRESS}.git" in readme and publish.PLACEHOLDER not in readme
    targets = re.findall(r"\]\((https://\S+)\)", publish.BUTTONS.search(readme)[0])
    assert f"https://codespaces.new/{ADDRESS}" in targets
    assert any(target.startswith(f"https://mybinder.org/v2/gh/{ADDRESS}/HEAD?") for target in targets)
    colab = f"https://colab.research.google.com/github/{ADDRESS}/blob/HEAD/notebooks/"
    opened = [target.removeprefix(colab) for target in targets if target.startswith(colab)]
    assert opened == [path.name for path in sorted((course / "notebooks").glob(replay.NAME))]
    citation = (course / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nrepository-code: https://github.com/{ADDRESS}\n" in citation
    assert (course / "website" / "address.txt").read_text(encoding="utf-8") == f"{ADDRESS}\n"


def publish_cell(path: Path) -> nbformat.NotebookNode:
    """The cell for Colab: it must come right before the first other code cell."""
    cells = nbformat.read(path, as_version=4).cells
    at = [cell.id for cell in cells].index(publish.CELL_ID)
    assert [cell.cell_type for cell in cells].index("code") == at and cells[at + 1].cell_type == "code", path
    return cells[at]


def test_a_published_notebook_is_one_clean_run(course):
    publish.publish(ADDRESS, course)
    for path in publish.notebooks(course):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), path
        for cell in code:
            for output in cell.outputs:
                assert output.get("execution_count") in (None, cell.execution_count), (path, cell.id)
                if output.output_type == "error":
                    plain = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(output.traceback))
                    assert int(re.search(r"In\[(\d+)\]", plain)[1]) == cell.execution_count, (path, cell.id)
        metadata = {"jupyter": {"source_hidden": True}, "slideshow": {"slide_type": "skip"}}
        assert publish_cell(path).metadata == metadata


@pytest.mark.weekly
def test_a_published_chapter_passes_the_replay(course):
    """With the repository's own tests, beside the copy."""
    publish.publish(ADDRESS, course)
    for name in ("tests", "data"):
        ignored = shutil.ignore_patterns("__pycache__", "cifar-10-batches-py", "hymenoptera_data")
        shutil.copytree(replay.ROOT / name, course / name, ignore=ignored)
    shutil.copytree(replay.ROOT / "slides", course / "slides", ignore=shutil.ignore_patterns("decks"))
    shutil.copy(replay.ROOT / "pyproject.toml", course)
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider"]
    command += [f"notebooks/{LIGHT}", f"tests/test_notebooks.py::test_cells[{LIGHT}]"]
    run = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
    code = sum(c.cell_type == "code" for c in nbformat.read(course / "notebooks" / LIGHT, as_version=4).cells)
    assert f"{code + 1} passed" in run.stdout


# What the cell does in Colab, played with a module of that name, a folder for /content and a git that only notes.
PLAY = """
import json, os, subprocess, sys, types
cell, content = json.loads(sys.stdin.read())
sys.modules["google"], sys.modules["google.colab"] = types.ModuleType("google"), types.ModuleType("google.colab")
calls = []

def run(command, check):
    calls.append(command)
    os.makedirs(command[-1] + "/notebooks")
    open(command[-1] + "/notebooks/helpers.py", "w").close()

subprocess.run = run
places = []
for start in (content, None, content):  # the first run, a second one, one after the kernel's restart
    if start:
        os.chdir(start)
    exec(cell)
    places.append(os.getcwd())
print(json.dumps([calls, places, os.getcwd() in sys.path]))
"""


def test_the_cell_clones_once_in_colab_and_does_nothing_elsewhere(course, tmp_path):
    publish.publish(ADDRESS, course)
    source = publish_cell(course / "notebooks" / LIGHT).source
    assert max(map(len, source.splitlines())) <= 84

    content = tmp_path / "content"
    content.mkdir()
    there = source.replace("/content", content.resolve().as_posix())
    command, given = [sys.executable, "-c", PLAY], json.dumps([there, str(content)])
    played = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
    calls, places, found = json.loads(played.stdout)
    name = ADDRESS.partition("/")[2]
    clone = (content.resolve() / name).as_posix()
    assert calls == [["git", "clone", "-q", "--depth=1", f"https://github.com/{ADDRESS}", clone]]
    assert [Path(place) for place in places] == [content.resolve() / name / "notebooks"] * 3
    assert found

    elsewhere = "import subprocess\nsubprocess.run = None\n" + source + "\nprint(os.getcwd())"
    played = subprocess.run([sys.executable, "-c", elsewhere], cwd=tmp_path, capture_output=True, text=True)
    assert Path(played.stdout.strip()) == tmp_path.resolve(), played.stderr


@pytest.mark.parametrize("address", ["pytorch/vision", "a-b/c_d.e", "A1/x"])
def test_addresses_that_github_allows(address):
    assert publish.checked(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "vision",
        "https://github.com/pytorch/vision",
        "pytorch/vision/",
        "pytorch/vision.git",
        "a-/b",
        "a--b/c",
        "a/..",
        "a/b c",
        "a/b\n",
        'a/b"',
        "OWNER/NAME",
        "",
    ],
)
def test_anything_else_is_refused_in_one_sentence(address, capsys):
    with pytest.raises(argparse.ArgumentTypeError):
        publish.checked(address)
    with pytest.raises(SystemExit) as stopped:
        publish.main([address])
    assert stopped.value.code == 2
    assert "OWNER/NAME, as in pytorch/vision" in capsys.readouterr().err


def test_a_readme_without_the_marks_is_left_alone(course):
    readme = course / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("<!-- buttons -->\n", ""), encoding="utf-8")
    before = files(course)
    with pytest.raises(ValueError, match="<!-- buttons -->"):
        publish.publish(ADDRESS, course)
    assert files(course) == before


def test_a_learners_copies_are_left_alone(course):
    own = course / "notebooks" / "my" / LIGHT
    own.parent.mkdir()
    shutil.copy(course / "notebooks" / LIGHT, own)
    before = own.read_bytes()
    publish.publish(ADDRESS, course)
    assert own.read_bytes() == before
