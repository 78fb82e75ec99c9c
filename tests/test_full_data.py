"""Every chapter that reads data also runs on photographs, with COURSE_DATA=full.

Runs where the real data is at hand: CIFAR-10 as JPEGs and the zip of ants and bees, in a folder beside the checkout.
Training is short because there is little to train on: the first images of each of CIFAR-10's files. No output is
compared, since the stored ones are those of the sample; the chapters' own assertions hold, and no cell fails but the
tagged ones. One chapter runs each time, all of them with --weekly.
"""

import importlib.util
import os
import pickle
import re
import shutil
import zipfile

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

import replay

REAL = replay.REAL
IMAGES = 600  # of each of CIFAR-10's five training files, and of the test file
LECTURES = replay.chapters()


def reads_data(path) -> bool:
    sources = "\n".join(
        cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
    )
    return bool(re.search(r"\bcourse_data\b|\btrain\.py\b|import train\b", sources))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course with the photographs in data/."""
    root = tmp_path_factory.mktemp("full")
    shutil.copytree(
        replay.ROOT / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns("__pycache__")
    )
    (root / "logs").mkdir()
    (root / "data").mkdir()
    for path in (replay.ROOT / "data").iterdir():
        if path.name not in ("cifar-10-batches-py", "hymenoptera_data"):
            (root / "data" / path.name).symlink_to(path)
    spec = importlib.util.spec_from_file_location("cifar10_jpeg", REAL / "cifar10_jpeg.py")
    cifar10_jpeg = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cifar10_jpeg)
    folder = cifar10_jpeg.write_batches(root / "data")
    for path in folder.glob("*_batch*"):
        batch = pickle.loads(path.read_bytes())
        batch["data"], batch["labels"] = batch["data"][:IMAGES], batch["labels"][:IMAGES]
        path.write_bytes(pickle.dumps(batch))
    with zipfile.ZipFile(REAL / "hymenoptera_data.zip") as archive:
        archive.extractall(root / "data")
    return root


@pytest.mark.skipif(not REAL.exists(), reason="the real data is not beside the checkout")
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=() if path.stem == "06_dataset" else pytest.mark.weekly)
        for path in LECTURES
        if reads_data(path)
    ],
)
def test_a_chapter_runs_on_photographs(path, course):
    copy = course / "notebooks" / path.name
    notebook = nbformat.read(copy, as_version=4)
    with replay.kernel_options(copy) as (manager, start):
        # The folder's own sitecustomize lets torchvision accept the re-encoded images.
        start["env"] |= {"COURSE_DATA": "full", "CIFAR10_JPEG": "1", "PYTHONPATH": os.fspath(REAL)}
        client = NotebookClient(notebook, km=AsyncKernelManager(**manager), timeout_func=lambda cell: 240)
        client.execute(cleanup_kc=True, **start)
    shown = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "sample: drawings" not in shown
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert replay.run_problem(cell, cell.outputs) is None, cell.id
