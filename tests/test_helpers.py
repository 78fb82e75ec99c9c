"""helpers.py: the same from any folder, clear about bad input, and nothing in it that no chapter uses."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from PIL import Image

import helpers
import replay
import tracebacks

NOTEBOOKS = Path(helpers.__file__).parent


@pytest.mark.parametrize(
    ("root", "folder"), [("course", "."), ("course", "elsewhere"), ("my course/课程 笔记", "notebooks")]
)
def test_paths_do_not_depend_on_the_working_directory(folder, root, tmp_path):
    root = tmp_path / root
    (root / "notebooks").mkdir(parents=True)
    (root / "elsewhere").mkdir()
    for name in ("helpers.py", "language.py", "shadows.py", "tracebacks.py"):
        shutil.copy(NOTEBOOKS / name, root / "notebooks")
    code = "import helpers; print(helpers.ROOT, helpers.DATA, helpers.LOGS, sep='\\n')"
    env = os.environ | {"PYTHONPATH": str(root / "notebooks"), "PYTHONIOENCODING": "utf-8"}
    env.pop("COURSE_LOGS", None)
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root / folder,
        env=env,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert [Path(line) for line in run.stdout.splitlines()] == [root, root / "data", root / "logs"]


def test_an_old_pytorch_is_one_sentence():
    code = "import torch; torch.__version__ = '2.6.0+cpu'; import helpers"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(NOTEBOOKS)},
        capture_output=True,
        text=True,
        check=False,
    )
    last = run.stderr.strip().splitlines()[-1]
    assert last == "ImportError: PyTorch 2.6.0+cpu is too old for the course: pip install -r requirements.txt"


@pytest.mark.parametrize(
    ("variables", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 2), ({"MKL_NUM_THREADS": "2"}, 2)]
)
def test_one_thread_unless_a_variable_sets_their_number(variables, threads):
    code = (
        "import torch; torch.set_num_threads(2)\n"
        "import helpers; print(torch.get_num_threads(), helpers.use_free_cores(), torch.get_num_threads())"
    )
    env = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    env |= {"PYTHONPATH": str(NOTEBOOKS)} | variables
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    first, chosen, then = map(int, run.stdout.split())
    assert first == threads
    assert chosen == then and (chosen == 2 if variables else chosen in (1, 2))


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        (lambda threads: 1 / threads, 6),  # a quiet computer
        (lambda threads: 5.0 if threads > 1 else 1.0, 1),  # a busy one
        (lambda threads: 1 / min(threads, 4), 4),  # four cores are free
        (lambda threads: threads**-0.1, 1),  # it does not save a tenth
    ],
)
def test_use_free_cores_ends_where_more_threads_do_not_help(seconds, chosen, monkeypatch):
    monkeypatch.setattr(helpers, "THREADS_ARE_SET", False)
    monkeypatch.setattr(helpers, "ALL_CORES", 6)
    monkeypatch.setattr(helpers, "_seconds", seconds)
    before = torch.get_num_threads()
    try:
        assert helpers.use_free_cores() == torch.get_num_threads() == chosen
    finally:
        torch.set_num_threads(before)


def test_seed_repeats_every_generator():
    import random

    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    helpers.seed(3)
    first = draw()
    helpers.seed(3)
    assert draw() == first
    helpers.seed(4)
    assert all(a != b for a, b in zip(draw(), first, strict=True))


def test_progress_shows_a_bar_that_leaves_nothing():
    code = (
        "import time; from helpers import progress\n"
        "for i in progress(range(4), 'counting'): time.sleep(0.15)\n"
        "for i in progress(iter('ab'), 'letters', total=2): time.sleep(0.15)\n"
        "print(i, 'done')"
    )
    env = os.environ | {"PYTHONPATH": str(NOTEBOOKS)}
    shown = {}
    for disabled in ("", "1"):  # the replay's kernels have no bars
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=env | {"TQDM_DISABLE": disabled},
            capture_output=True,
            check=True,
        )
        assert run.stderr == b""
        shown[disabled] = run.stdout.decode("ascii").rstrip()
    assert shown["1"] == "b done"
    bars = [bar.rstrip() for bar in shown[""].split("\r")]
    assert any(re.fullmatch(r"counting: \|#+ +\| [123] of 4, 00:00 left", bar) for bar in bars), bars
    assert any(re.fullmatch(r"letters: \|#+ +\| 1 of 2, 00:00 left", bar) for bar in bars), bars
    assert bars[-1] == "b done" and bars[-2] == "", "each bar is wiped away before the next line"


def test_each_writer_has_a_folder_of_its_own(tmp_path, monkeypatch):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.setattr(helpers, "LOGS", tmp_path / "日志 logs")
    folders = []
    for value in (1.0, 2.0):
        with helpers.new_writer("a/b") as writer:
            writer.add_scalar("value", value, 0)
        folders.append(Path(writer.log_dir))
    assert [folder.name for folder in folders] == ["run-1", "run-2"]
    for folder, value in zip(folders, (1.0, 2.0), strict=True):
        assert [event.value for event in EventAccumulator(str(folder)).Reload().Scalars("value")] == [value]


@pytest.mark.parametrize("name", ["", "/absolute", "../outside"])
def test_writer_refuses_a_name_that_leaves_the_folder(name):
    with pytest.raises(ValueError, match="folder name"):
        helpers.new_writer(name)


@pytest.fixture
def axes(monkeypatch):
    """The axes of the figure that a function under test would show."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.gcf().axes))
    yield shown
    plt.close("all")


def test_show_images(axes):
    red = torch.zeros(3, 4, 5, dtype=torch.uint8)
    red[0] = 255
    grey = torch.tensor([[[-1.0, 0.5, 2.0]]])
    helpers.show_images([red, grey, Image.new("RGB", (2, 2))], titles=["red", "grey", "black"], columns=2)
    assert [axis.get_title() for axis in axes] == ["red", "grey", "black", ""]
    pictures = [axis.images[0].get_array() for axis in axes[:3]]
    assert pictures[0].shape == (4, 5, 3) and (pictures[0][0, 0] == [255, 0, 0]).all()
    assert pictures[1].ravel().tolist() == [0.0, 0.5, 1.0], "floats are clipped to 0 … 1"


def test_show_images_shows_a_grey_picture_as_dark_as_it_is(axes):
    helpers.show_images([torch.full((1, 2, 2), 0.5), torch.full((1, 2, 2), 128, dtype=torch.uint8)])
    for axis in axes:
        red, green, blue, _ = axis.images[0].to_rgba(axis.images[0].get_array())[0, 0]
        assert red == green == blue == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("images", "titles", "message"),
    [
        (torch.zeros(2, 3, 4, 4), ["one"], "2 pictures, but 1 titles"),
        (torch.zeros(4, 4), None, "a picture is"),
        (torch.zeros(1, 6, 4, 4), None, "a picture is"),
        (torch.zeros(0, 3, 4, 4), None, "no picture"),
    ],
)
def test_show_images_refuses(images, titles, message, axes):
    with pytest.raises(ValueError, match=message):
        helpers.show_images(images, titles)


def test_plot_history(axes):
    helpers.plot_history(
        {"train_loss": [2.0, 1.0], "validation_loss": [2.0, 1.5], "train_accuracy": [0.1, 0.5]}
    )
    curves = [{line.get_label(): list(line.get_ydata()) for line in axis.lines} for axis in axes]
    assert curves == [{"train": [2.0, 1.0], "validation": [2.0, 1.5]}, {"train": [0.1, 0.5]}]
    assert list(axes[0].lines[0].get_xdata()) == [1, 2]
    with pytest.raises(ValueError, match="_loss or _accuracy"):
        helpers.plot_history({"speed": [1.0]})


def test_everything_public_is_used():
    """By name, in a chapter's or a script's code, not in a text or as a part of another name."""
    tree = ast.parse((NOTEBOOKS / "helpers.py").read_text(encoding="utf-8"))
    public = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    public = {name: node for name, node in public.items() if not name.startswith("_")}
    sources = [path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("*.py")]
    for path in replay.all_notebooks():
        cells = nbformat.read(path, as_version=4).cells
        sources += [TransformerManager().transform_cell(c.source) for c in cells if c.cell_type == "code"]
    used = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Name | ast.Attribute):
            used.add(node.id if isinstance(node, ast.Name) else node.attr)
    assert not set(public) - used, "no chapter and no script uses it"
    for name, node in public.items():
        assert ast.get_docstring(node), f"{name} has no docstring"


def test_kept_for_backward_counts_the_memory_behind_views():
    def product(x):
        a, b, c = x.chunk(3)
        return a * b * c  # keeps a, b and c, which lie in x, and a * b

    assert helpers.kept_for_backward(product, torch.rand(9, requires_grad=True)) == 9 + 3
    layer = torch.nn.Linear(4, 2)
    assert helpers.kept_for_backward(layer, torch.rand(5, 4)) == 5 * 4


def run_cells(*sources: str) -> list[list[nbformat.NotebookNode]]:
    """The outputs of cells that a kernel runs as in the lab, where an error does not stop the next cell."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    with replay.kernel_options(NOTEBOOKS / "any.ipynb") as (manager, start):
        client = NotebookClient(notebook, km=AsyncKernelManager(**manager), allow_errors=True)
        client.execute(cleanup_kc=True, **start)
    return [cell.outputs for cell in notebook.cells]


def test_tracebacks_are_short_and_errors_stay_errors():
    """In a kernel: the learner's lines and the course's stay, the libraries' go; %tb shows them all."""
    outputs = run_cells(
        "import torch, helpers",
        "def mine(x):\n    return torch.nn.Linear(2, 3)(x)",
        "mine(torch.ones(1))",
        "%tb",
        "helpers.load_checkpoint(5)",
        "try:\n    {}['inner']\nexcept KeyError as error:\n    raise ValueError('outer') from error",
        "1 +",
        "raise KeyboardInterrupt",
        "%no_such_magic",
        "import course_data; raise course_data.DataError('a sentence')",
        "mine(torch.ones(1))",
    )[2:]
    short, whole, course, chained, syntax, stopped, magic, sentence, again = (
        {
            "error": next((o for o in cell if o.output_type == "error"), None),
            "text": tracebacks.COLOUR.sub(
                "", "\n".join("\n".join(o.get("traceback", [])) + o.get("text", "") for o in cell)
            ),
        }
        for cell in outputs
    )
    for one in (short, again):  # the handler has not been thrown out by the errors between
        assert one["error"].ename == "RuntimeError" and one["text"].count("line 2, in mine(x)") == 1
        assert "Cell In[3]" in short["text"] and "site-packages" not in one["text"]
        assert one["text"].splitlines()[-1].startswith("RuntimeError: mat1 and mat2")
    assert "site-packages" in whole["text"] and "in mine(x)" in whole["text"]
    assert "helpers.py" in course["text"] and "site-packages" not in course["text"]
    assert "KeyError: 'inner'" in chained["text"] and chained["error"].ename == "ValueError"
    assert syntax["error"].ename == "SyntaxError" and "1 +" in syntax["text"]
    assert stopped["error"].ename == "KeyboardInterrupt"
    assert "no_such_magic" in magic["text"] and "Traceback" not in magic["text"]
    assert sentence["text"] == "DataError: a sentence"


@pytest.mark.parametrize(
    ("path", "library"),
    [
        ("~/a b/.venv/lib/python3.14/site-packages/torch/nn/modules/linear.py", True),
        (torch.__file__, True),
        (shutil.__file__, True),
        ("<frozen importlib._bootstrap>", True),
        ("/usr/lib/python3/dist-packages/numpy/x.py", True),
        ("/home/me/python3.12/course/notebooks/helpers.py", False),
        (helpers.__file__, False),
        ("<string>", False),
    ],
)
def test_a_library_s_frame_is_told_by_its_path(path, library):
    lines = [
        "RuntimeError  Traceback",
        f"\x1b[36mFile \x1b[39m\x1b[32m{path}:12\x1b[39m, in f(x)\n  12 y",
        "end",
    ]
    assert tracebacks.is_library(path) == library
    assert tracebacks.shortened(lines) == ([lines[0], lines[2]] if library else lines)


def test_tracebacks_need_no_ipython():
    code = "import sys; sys.modules['IPython'] = None; import tracebacks; tracebacks.install(); 1 / 0"
    env = os.environ | {"PYTHONPATH": str(NOTEBOOKS)}
    run = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1] == "ZeroDivisionError: division by zero"
