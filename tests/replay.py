"""How the suite runs a notebook and what it calls equal; nbreplay.py compares with it, refresh.py stores with it."""

import atexit
import base64
import difflib
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

ROOT = Path(__file__).resolve().parent.parent

# Real CIFAR-10 and photographs, where a developer has them: tests that need them are skipped elsewhere.
REAL = Path(os.environ.get("COURSE_REAL_DATA", ROOT.parent / "shared" / "real_data"))

# A chapter's file; Untitled.ipynb and copies are somebody's own.
NAME = "[0-9][0-9]_*.ipynb"
COPY = re.compile(r"[^a-z0-9_]")  # 09_convolution-Copy1, 09_convolution (1), ._09_convolution

# Tags a code cell may carry, beside rtol=…, atol=…, pixels=… and drawn=… (see `tolerances`). `plot`: the code only draws
# or checks, so a slide shows what it shows and not the code.
TAGS = {"raises-exception", "nbval-ignore-output", "training", "plot"}
TOLERANCE = re.compile(r"(rtol|atol|pixels|drawn)=(\d+\.?\d*(?:e-\d+)?)")

# Seconds that a cell may take; generous, since machines are slow or busy. The budget is 3 s (see nbreplay.py).
LIMIT, TRAINING_LIMIT = 60, 180

# What every process of the suite sees. One thread each: a notebook runs on every core, and sums keep their order.
SETTINGS = {
    "COURSE_DATA": "sample",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHON_COLORS": "0",  # from 3.13 on a Python that a notebook starts would colour its errors
    "PYTHONPATH": str(Path(__file__).with_name("no_network")),
    "TQDM_DISABLE": "1",
}

# What a shell may set that changes how programs work or what they print: switches of Python, pytest, matplotlib and
# tqdm, colours, a console's width, torchrun's numbers, proxies (one on loopback would be a way out).
UNWANTED = re.compile(
    r"PYTHON|PYTEST_(ADDOPTS|PLUGINS|THEME|DISABLE|DEBUG)|PY_COLORS|MPL|TQDM_|TORCH_(LOGS|SHOW|CPP_LOG|DISTRIBUTED)"
    r"|((NO|FORCE)_COLOR|CLICOLOR\w*|TTY_\w+|COLUMNS|LINES)$"
    r"|((LOCAL_|GROUP_)?RANK|(LOCAL_)?WORLD_SIZE|MASTER_(ADDR|PORT)|TORCHELASTIC\w*)$|TENSORBOARD_|.*_proxy$|COURSE_LANGUAGE$",
    re.IGNORECASE,
)


class KernelFailure(Exception):
    """The kernel died, hung or sent what a stored notebook cannot keep."""


# Running


def notebooks_in(folder: Path) -> list[Path]:
    """The course's notebooks in `folder`, in order, without copies of them that the lab or a system has made."""
    return sorted(path for path in folder.glob(NAME) if not COPY.search(path.stem) and path.is_file())


def chapters() -> list[Path]:
    """The chapters, in order."""
    return notebooks_in(ROOT / "notebooks")


def all_notebooks() -> list[Path]:
    """Chapters, then solutions; not what a learner or the lab keeps beside them."""
    return chapters() + notebooks_in(ROOT / "notebooks" / "solutions")


def environment(folder: Path) -> dict[str, str]:
    """The variables of a replay's kernel; `folder` is empty and this kernel's own.

    Variables that would change results go, and pytest's own: PYTEST_CURRENT_TEST makes ipykernel lose the output of
    subprocesses.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not (UNWANTED.match(name) or name.startswith("PYTEST"))
    }
    matplotlib = find_spec("matplotlib")
    if matplotlib and matplotlib.origin:  # its own defaults, not a user's matplotlibrc
        inherited["MATPLOTLIBRC"] = str(Path(matplotlib.origin).with_name("mpl-data") / "matplotlibrc")
    own = {"COURSE_LOGS": "logs", "IPYTHONDIR": "ipython", "TORCH_HOME": "torch"}
    own = {name: str(folder / sub) for name, sub in own.items()}
    return inherited | SETTINGS | own | {"MPLCONFIGDIR": matplotlib_folder()}


@cache
def matplotlib_folder() -> str:
    """A folder for matplotlib's list of fonts, where the home may be read-only; shared by this process's kernels."""
    folder = tempfile.mkdtemp(prefix="replay-matplotlib-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def kernel_options(notebook: Path) -> Iterator[tuple[dict, dict]]:
    """Arguments for a KernelManager and for its start_kernel(), for a kernel of this interpreter in the notebook's
    folder. What the kernel keeps for itself lies in a folder that is deleted on leaving.
    """
    with tempfile.TemporaryDirectory(prefix="replay-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for sub in ("logs", "ipython"):
            (folder / sub).mkdir()
        manager = {
            "kernel_name": CURRENT_ENV_KERNEL_NAME,  # a user may have registered another kernel as "python3"
            "kernel_spec_manager": NbvalKernelspecManager(),
            "connection_file": str(folder / "kernel.json"),
        }
        # TCP ports are chosen with a race; a socket's path must be short, though.
        if os.name == "posix" and len(name) < 90:
            manager |= {"transport": "ipc", "ip": str(folder / "socket")}
        # The kernel process's own stderr is chatter; what cells write to stderr comes as messages.
        yield manager, {"cwd": str(notebook.parent), "env": environment(folder), "stderr": subprocess.DEVNULL}


def tolerances(cell: NotebookNode) -> dict[str, float]:
    """The numbers of a cell's tags, rtol, atol, pixels and drawn: {"rtol": 0.05} for `rtol=0.05`."""
    found = (TOLERANCE.fullmatch(tag) for tag in cell.metadata.get("tags", []))
    return {match[1]: float(match[2]) for match in found if match}


def has_tag(cell: NotebookNode, tag: str) -> bool:
    """Whether the cell carries `tag`."""
    return tag in cell.metadata.get("tags", [])


def cell_name(number: int, cell: NotebookNode) -> str:
    """How reports call a cell: its number among the code cells, as in the lab's In [3], and its id."""
    return f"cell {number} ({cell.get('id')})"


def time_limit(cell: NotebookNode) -> float:
    """Seconds after which a cell counts as hung."""
    return TRAINING_LIMIT if has_tag(cell, "training") else LIMIT


def merged_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join neighbouring pieces of one stream, which are cut at random. Text around a picture stays in place."""
    merged: list[NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            merged.append(NotebookNode(output))
    return merged


# Comparing

# A number with the spaces before it, since torch pads for a minus sign; not the 1 of `conv1` or of `2.14.1`.
NUMBER = re.compile(r" *((?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)", re.IGNORECASE)
WHOLE = re.compile(r"[-+]?\d+\.?(?:e[-+]?\d+)?", re.IGNORECASE)


def normalised(text: str) -> str:
    """The text as a CPU prints it: a tensor's repr names its device only where that is not the CPU.

    Spaces at a line's end cannot be seen, and Python 3.13 prints fewer of them in help(). Python 3.14 says in other
    words that pickle misses a class.
    """
    text = re.sub(
        r"Can't get attribute '(\w+)' on <module '(\w+)'>", r"module '\2' has no attribute '\1'", text
    )
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    # Wrapped where the line is full.
    text = re.sub(r",\s+(?=(?:device|dtype|grad_fn|requires_grad)=)", ", ", text)
    text = re.sub(r", device='(?:cuda|mps|xpu):\d+'", "", text)
    text = re.sub(r"device\(type='(?:cuda|mps|xpu)'(?:, index=\d+)?\)", "device(type='cpu')", text)
    return re.sub(r"(?<![\w.])(?:cuda|mps|xpu)(?::\d+)?(?![\w.])", "cpu", text)


def numbers_agree(stored: str, fresh: str, given: dict[str, float]) -> bool:
    """Whether two printed numbers agree within the `given` tolerances or the default ones (1e-3, 1e-4).

    A number without decimals (7, 7. or 1e-05) is a count, a sum by hand or a setting: equal, but for a tag.
    """
    if ("." in stored) != ("." in fresh):
        return False  # 7 and 7. are of different types
    whole = bool(WHOLE.fullmatch(stored))
    rtol = given.get("rtol", 0 if whole else 1e-3)
    atol = given.get("atol", 0 if whole else 1e-4)
    a, b = float(stored), float(fresh)
    return abs(a - b) <= max(rtol * abs(a), atol) * (1 + 1e-6)  # 0.1235 and 0.1236 differ by a hair over 1e-4


def text_difference(stored: str, fresh: str, given: dict[str, float]) -> str | None:
    """None if the texts agree (numbers as numbers), else a message with both."""
    pieces = [
        NUMBER.split(normalised(text)) for text in (stored, fresh)
    ]  # text, number, text, number, … text
    if len(pieces[0]) == len(pieces[1]):
        for i, (a, b) in enumerate(zip(*pieces, strict=True)):
            if a != b and not (i % 2 and numbers_agree(a, b, given)):
                break
        else:
            return None
    lines = difflib.unified_diff(
        stored.splitlines(), fresh.splitlines(), "stored", "this run", lineterm="", n=1
    )
    return "text differs\n" + "\n".join(list(lines)[:40])


def picture_difference(stored: str, fresh: str, given: dict[str, float]) -> str | None:
    """None if two base64 pictures look alike: equal size, few pixels off by over 32 of 255 levels.

    Few are under 0.05 %, or the share `pixels` of `given`: a curve that comes out of training runs a little
    differently on another processor.
    """
    import numpy as np
    from PIL import Image

    arrays = []
    for text in (stored, fresh):
        picture = Image.open(io.BytesIO(base64.b64decode(text))).convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        arrays.append(np.asarray(Image.alpha_composite(white, picture).convert("RGB"), dtype=np.int16))
    if arrays[0].shape != arrays[1].shape:
        (h, w, _), (fresh_h, fresh_w, _) = arrays[0].shape, arrays[1].shape
        return f"picture differs in size: stored {w} x {h}, this run {fresh_w} x {fresh_h} pixels"
    share, allowed = (np.abs(arrays[0] - arrays[1]).max(axis=2) > 32).mean(), given.get("pixels", 5e-4)
    return (
        None
        if share < allowed
        else f"picture differs in {share:.2%} of its pixels ({allowed:.2%} are allowed)"
    )


def drawn_difference(stored: str, fresh: str, given: dict[str, float]) -> str | None:
    """None if two figures show the same, as drawn.py describes them: titles, labels, legend, number of curves and their
    looks are equal, and no number is off by more than a share of its curve's span, or of a fifth of the span of all
    curves of the chart: a nearly flat curve has hardly a span of its own.

    The share is 0.2 %, or the tag `drawn`: a curve that comes out of training runs a little differently on another
    processor.
    """
    return _drawn_difference(json.loads(stored), json.loads(fresh), given, "the figure")


def _drawn_difference(stored, fresh, given: dict[str, float], where: str, span: float = 0.0) -> str | None:
    """span: of the heights of all curves in the chart."""
    share = given.get("drawn", 2e-3)
    if isinstance(stored, dict) and isinstance(fresh, dict):
        heights = [y for line in stored.get("lines", []) for y in line.get("y", []) if isinstance(y, float)]
        span = max(heights) - min(heights) if heights else span
        for key in [*stored, *(key for key in fresh if key not in stored)]:
            of_chart = span if key in ("lines", "y") else 0.0
            if found := _drawn_difference(
                stored.get(key), fresh.get(key), given, f"{where}, {key}", of_chart
            ):
                return found
        return None
    if isinstance(stored, list) and isinstance(fresh, list) and len(stored) == len(fresh):
        numbers = [value for value in stored if isinstance(value, float)]
        if numbers:
            of_curve = max(max(numbers) - min(numbers), max(map(abs, numbers)) / 10, span / 5)
            allowed = max(share * of_curve, 1e-6)
            near = [
                a == b or (isinstance(a, float) and isinstance(b, float) and abs(a - b) <= allowed)
                for a, b in zip(stored, fresh, strict=True)
            ]
            if all(near):
                return None
            at = near.index(False)
            return f"{where}: stored {stored[at]}, this run {fresh[at]} ({allowed:.3g} off is allowed)"
        for i, (a, b) in enumerate(zip(stored, fresh, strict=True)):
            if found := _drawn_difference(a, b, given, f"{where} {i + 1}", span):
                return found
        return None
    if (
        isinstance(stored, float)
        and isinstance(fresh, float)
        and abs(stored - fresh) <= max(share * abs(stored), 1e-6)
    ):
        return None
    if isinstance(stored, str) and isinstance(fresh, str) and not text_difference(stored, fresh, given):
        return None  # a title may hold a number
    return None if stored == fresh else f"{where}: stored {stored}, this run {fresh}"


def outputs_difference(stored: list, fresh: list, given: dict[str, float]) -> str | None:
    """None if two lists of outputs agree in number, order, kind and content, else the first difference."""
    kinds = [
        [o.output_type + (f" {o.name}" if "name" in o else "") for o in outputs]
        for outputs in (stored, fresh)
    ]
    if kinds[0] != kinds[1]:
        names = [", ".join(k) or "nothing" for k in kinds]
        shown = "".join(f"\n{o.get('text') or o.get('data') or o.get('evalue')}"[:500] for o in fresh)
        return f"outputs differ in number or kind: stored {names[0]}; this run {names[1]}{shown}"
    for a, b in zip(stored, fresh, strict=True):
        drawn = [output.get("metadata", {}).get("drawn") for output in (a, b)]
        if any(drawn):
            if not all(drawn):
                return f"a figure {'is not' if drawn[1] else 'was'} stored with what it shows: python tests/refresh.py"
            if found := drawn_difference(*drawn, given):
                return f"plot differs: {found}"
        if a.output_type == "error":
            a, b = ({"error": f"{o.ename}: {o.evalue}"} for o in (a, b))
        elif a.output_type == "stream":
            a, b = {a.name: a.text}, {b.name: b.text}
        else:
            a, b = a.data, b.data
        if a.keys() != b.keys():
            return f"output differs in its formats: stored {sorted(a)}; this run {sorted(b)}"
        for key in a:
            compare = picture_difference if key in ("image/png", "image/jpeg") else text_difference
            if found := compare(str(a[key]), str(b[key]), given):
                return f"{key}: {found}"
    return None


def run_problem(cell: NotebookNode, fresh: list[NotebookNode]) -> str | None:
    """What is wrong with a cell's run whatever is stored: tags, text on stderr, a tagged error that did not come."""
    for tag in cell.metadata.get("tags", []):
        if tag not in TAGS and not TOLERANCE.fullmatch(tag):
            return (
                f"unknown tag {tag!r}; known are {', '.join(sorted(TAGS))}, rtol=…, atol=…, pixels=…, drawn=…"
            )
    for output in fresh:
        if output.get("name") == "stderr":
            return f"text on stderr, a warning perhaps; handle it in the cell:\n{output.text}"
    if has_tag(cell, "raises-exception") and all(output.output_type != "error" for output in fresh):
        return "tagged raises-exception, but it raised nothing"
    return None
