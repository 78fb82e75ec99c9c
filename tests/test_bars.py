"""A cell that takes long shows that it moves: it prints as it goes, or a bar counts.

Takes minutes and wants a quiet machine, so it runs with --weekly only.
"""

from datetime import timedelta

import nbformat
import pytest
from nbclient import NotebookClient

import refresh
import replay

pytestmark = pytest.mark.weekly

SILENCE = timedelta(seconds=5)
BAR = " left"  # helpers.BAR and train.py's bar end in it


class Client(NotebookClient):
    """An nbclient that measures how long each cell shows nothing new."""

    def process_message(self, msg, cell, cell_index):
        """Compare the message's time with that of the one before it."""
        now, content = msg["header"]["date"], msg["content"]
        seen = self.seen.setdefault(cell.id, {"last": now, "longest": timedelta(0), "bar": False})
        if not seen["bar"]:  # a bar that stands there says how long it takes
            seen["longest"] = max(seen["longest"], now - seen["last"])
        seen["last"] = now
        seen["bar"] |= BAR in content.get("text", "")
        return super().process_message(msg, cell, cell_index)


def silences(notebook: nbformat.NotebookNode, path) -> dict[str, timedelta]:
    """For each code cell its longest time without a message while no bar stands there."""
    with replay.kernel_options(path) as (manager, start):
        client = refresh.lenient_client(notebook, manager, Client)
        client.seen = {}
        start["env"] = {name: value for name, value in start["env"].items() if name != "TQDM_DISABLE"}
        client.execute(cleanup_kc=True, **start)
    return {name: seen["longest"] for name, seen in client.seen.items()}


@pytest.mark.parametrize("path", replay.chapters(), ids=lambda path: path.stem)
def test_no_cell_is_silent_for_long(path):
    found = silences(nbformat.read(path, as_version=4), path)
    long = {name: f"{time.total_seconds():.1f} s" for name, time in found.items() if time > SILENCE}
    assert not long


def test_silence_is_noticed_and_a_bar_too():
    cells = [
        nbformat.v4.new_code_cell(
            "import sys, time; sys.path.append('../notebooks')\nfrom helpers import progress"
        ),
        nbformat.v4.new_code_cell("time.sleep(2)"),
        nbformat.v4.new_code_cell("for _ in range(4):\n    time.sleep(0.5)\n    print(_)"),
        nbformat.v4.new_code_cell("for _ in progress(range(1), 'sleeping'):\n    time.sleep(2)"),
    ]
    for name, cell in zip(("start", "silent", "prints", "bar"), cells, strict=True):
        cell.id = name
    found = silences(nbformat.v4.new_notebook(cells=cells), replay.ROOT / "tests" / "none.ipynb")
    assert found["silent"] > timedelta(seconds=1.9)
    assert found["prints"] < timedelta(seconds=1.5) and found["bar"] < timedelta(seconds=1.5)
