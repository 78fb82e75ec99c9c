"""Does the replay notice a mistake? python tests/mutate.py [CHAPTER ...]     (not part of pytest; about 20 minutes)

Changes one token at a time in the chapters' code: a number, a keyword's value, an operator, a name, a call that is
left out. Each changed notebook is run from the top and compared cell by cell, as the replay does. A change that no
cell notices is missed, and printed. Ends with an error if under 95 % are noticed.

What cannot change a result is not changed: looks of a plot, seeds, text, exercises, cells that are not compared.
The changes are drawn with a fixed seed; `--seed` draws others.
"""

import argparse
import ast
import builtins
import copy
import os
import random
import re
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

import replay

NOTEBOOKS = replay.ROOT / "notebooks"
GOAL = 0.95

# Names that are easily taken for one another.
SWAPS = {
    "sum": "mean",
    "mean": "sum",
    "max": "min",
    "min": "max",
    "argmax": "argmin",
    "amax": "amin",
    "ReLU": "Tanh",
    "relu": "tanh",
    "tanh": "relu",
    "sigmoid": "tanh",
    "MaxPool2d": "AvgPool2d",
    "max_pool2d": "avg_pool2d",
    "rows": "columns",
    "columns": "rows",
    "height": "width",
    "width": "height",
    "train_images": "validation_images",
}
OPERATORS = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.MatMult: "*", ast.FloorDiv: "*"}
COMPARISONS = {ast.Lt: ">", ast.Gt: "<", ast.LtE: ">", ast.GtE: "<", ast.Eq: "!=", ast.NotEq: "=="}
STATEMENTS = {"zero_grad", "backward", "step", "eval", "train", "copy_", "zero_", "add_", "append", "update"}
# Methods whose value is taken from the object before the dot when the call is left out.
METHODS = {
    "sqrt",
    "abs",
    "exp",
    "log",
    "t",
    "squeeze",
    "unsqueeze",
    "softmax",
    "flatten",
    "transpose",
    "permute",
}
# Calls that only show, seed or measure; what stands inside them is left alone.
LOOKS = {
    "show_images",
    "plot_history",
    "plt",
    "axis",
    "axes",
    "ax",
    "fig",
    "figure",
    "seed",
    "manual_seed",
    "check",
}
LOOKS |= {"warnings", "perf_counter", "filterwarnings", "set_num_threads", "tqdm"}
LOOK_KEYWORDS = {"figsize", "size", "columns", "fontsize", "num_workers", "rtol", "atol", "inplace", "width"}
# How it is computed or checked, not what: zip's strict, copies beside the computation.
LOOK_KEYWORDS |= {"strict", "non_blocking", "pin_memory", "timeout", "check", "progress", "verbose"}


# Changes that leave what the cell shows and teaches as it was, one a line: chapter | cell | the changed line | why.
SAME = Path(__file__).with_name("mutate_same.txt")


@dataclass(frozen=True)
class Change:
    """One token's change in one cell: the characters `start` to `end` of the source become `new`."""

    kind: str
    cell: int
    start: int
    end: int
    new: str


class Finder(ast.NodeVisitor):
    """Collects the places in a cell that can be changed."""

    def __init__(self, source: str, cell: int, names: set[str]):
        self.source, self.cell, self.names, self.found = source, cell, names, []
        self.lines = [0]
        for line in source.splitlines(keepends=True):
            self.lines.append(self.lines[-1] + len(line))

    def at(self, line: int, column: int) -> int:
        """The character that ast's line (from 1) and column (in UTF-8 bytes) stand for."""
        start = self.lines[line - 1]
        text = self.source[start : self.lines[line]]
        return start + len(text.encode()[:column].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def add(self, kind: str, start: int, end: int, new: str) -> None:
        self.found.append(Change(kind, self.cell, start, end, new))

    def between(self, left: ast.AST, right: ast.AST, old: str, kind: str, new: str) -> None:
        """Change the operator `old` that stands between two expressions."""
        start, end = self.span(left)[1], self.span(right)[0]
        place = self.source.find(old, start, end)
        if place >= 0:
            self.add(kind, place, place + len(old), new)

    def visit_Call(self, node):
        names = {part.id for part in ast.walk(node.func) if isinstance(part, ast.Name)}
        names |= {part.attr for part in ast.walk(node.func) if isinstance(part, ast.Attribute)}
        if names & LOOKS:
            return
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            start, end = self.span(node.func.value)[1], self.span(node)[1]
            if not (
                isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "math", "F", "np")
            ):
                self.add("call", start, end, "")
        self.generic_visit(node)

    def visit_Expr(self, node):
        call = node.value
        if (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr in STATEMENTS
        ):
            self.add("call", *self.span(node), "pass")
        self.generic_visit(node)

    def visit_keyword(self, node):
        if node.arg in LOOK_KEYWORDS:
            return
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
            self.add("bool", *self.span(node.value), str(not node.value.value))
        self.generic_visit(node)

    def visit_Constant(self, node):
        value = node.value
        if isinstance(value, bool):
            return  # only where it has a name, see visit_keyword
        if isinstance(value, int):
            self.add("number", *self.span(node), str(value + 1))
        elif isinstance(value, float):
            self.add("number", *self.span(node), repr(value * 2 if value else 1.0))

    def visit_JoinedStr(self, node):
        return  # text, and how numbers look

    def visit_Assert(self, node):
        return  # a check that is wrong is no mistake in what is taught

    def visit_BinOp(self, node):
        texts = [part for part in ast.walk(node) if isinstance(part, (ast.JoinedStr, ast.Constant))]
        if any(not isinstance(part, ast.Constant) or isinstance(part.value, str) for part in texts):
            return
        new = OPERATORS.get(type(node.op))
        old = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@", ast.FloorDiv: "//"}
        if new:
            self.between(node.left, node.right, old[type(node.op)], "operator", new)
        self.generic_visit(node)

    def visit_Compare(self, node):
        old = {ast.Lt: "<", ast.Gt: ">", ast.LtE: "<=", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
        if new := COMPARISONS.get(type(node.ops[0])):
            self.between(node.left, node.comparators[0], old[type(node.ops[0])], "operator", new)
        self.generic_visit(node)

    def visit_Name(self, node):
        new = SWAPS.get(node.id)
        if isinstance(node.ctx, ast.Load) and new and (new in self.names or hasattr(builtins, new)):
            self.add("name", *self.span(node), new)

    def visit_Attribute(self, node):
        if node.attr in ("max", "amax") and is_distance(node.value):
            return  # how far two results are apart: a check, as an assertion is
        if node.attr in SWAPS:
            end = self.span(node)[1]
            self.add("name", end - len(node.attr), end, SWAPS[node.attr])
        self.generic_visit(node)


def is_distance(node: ast.AST) -> bool:
    """Whether the expression is (a - b).abs()."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "abs"
        and isinstance(node.func.value, ast.BinOp)
        and isinstance(node.func.value.op, ast.Sub)
    )


def changes(cells: list[nbformat.NotebookNode]) -> dict[str, list[Change]]:
    """All changes that code cells allow, by kind."""
    found: dict[str, list[Change]] = {}
    names = set(re.findall(r"\w+", "\n".join(cell.source for cell in cells)))
    for number, cell in enumerate(cells):
        if replay.has_tag(cell, "nbval-ignore-output") or "check(" in cell.source:
            continue
        tree = parsed(cell.source)
        if tree is None:  # a magic
            continue
        finder = Finder(cell.source, number, names)
        finder.visit(tree)
        for change in finder.found:
            found.setdefault(change.kind, []).append(change)
    return found


def changed(source: str, change: Change) -> str:
    """The cell's source after the change."""
    return source[: change.start] + change.new + source[change.end :]


def parsed(source: str) -> ast.Module | None:
    """The source as a tree, None if it is not Python: what no editor would let stand is no mistake to look for."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return None


def same(chapter: str) -> list[tuple[str, str]]:
    """Cell and changed line of each of a chapter's entries in SAME. Raises ValueError for a line that is none."""
    found = []
    for line in SAME.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        parts = line.split(" | ")
        if len(parts) < 4:
            raise ValueError(f"{SAME.name}: not 'chapter | cell | line | why': {line}")
        if parts[0] == chapter:
            found.append((parts[1], " | ".join(parts[2:-1])))
    return found


def entry(cells: list[nbformat.NotebookNode], change: Change) -> tuple[str, str]:
    """A change as SAME has it."""
    return cells[change.cell].id, shown(cells, change).split("\n")[2].removeprefix("    + ")


def stale(path: Path) -> list[str]:
    """The entries of SAME that match no change of this chapter any more."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    possible = {entry(cells, change) for found in changes(cells).values() for change in found}
    return [f"{path.stem} | {' | '.join(known)}" for known in same(path.stem) if known not in possible]


def drawn(chapter: str, cells: list[nbformat.NotebookNode], count: int, seed: int) -> list[Change]:
    """`count` changes, of every kind in turn, at most two in a cell."""
    generator = random.Random(f"{chapter} {seed}")
    known = same(chapter)
    kinds = {kind: generator.sample(found, len(found)) for kind, found in sorted(changes(cells).items())}
    for kind, found in kinds.items():
        kinds[kind] = [
            change
            for change in found
            if parsed(changed(cells[change.cell].source, change)) and entry(cells, change) not in known
        ]
    picked: list[Change] = []
    while any(kinds.values()) and len(picked) < count:
        for left in kinds.values():
            while left:
                change = left.pop()
                if sum(change.cell == other.cell for other in picked) < 2:
                    picked.append(change)
                    break
    return sorted(picked[:count], key=lambda change: (change.cell, change.start))


class Noticed(Exception):
    """A cell's outputs are not the stored ones."""


class Judge(NotebookClient):
    """Runs a notebook until a cell's outputs differ from the stored ones."""

    stored: list[nbformat.NotebookNode]

    async def async_execute_cell(self, cell, cell_index, **kwargs):
        cell = await super().async_execute_cell(cell, cell_index, **kwargs)
        if cell.cell_type == "code":
            outputs = replay.merged_streams(cell.outputs)
            old = replay.merged_streams(self.stored[cell_index].outputs)
            problem = replay.run_problem(cell, outputs)
            if not problem and not replay.has_tag(cell, "nbval-ignore-output"):
                problem = replay.outputs_difference(old, outputs, replay.tolerances(cell))
            if problem:
                raise Noticed(f"{cell.id}: {problem.splitlines()[0]}")
        return cell


def noticed(folder: Path, path: Path, notebook: nbformat.NotebookNode, change: Change | None) -> str | None:
    """How the replay notices a change (None: the notebook as it is), or None if it does not.

    folder: a copy of notebooks/, whose modules lead back to the real one.
    """
    fresh = copy.deepcopy(notebook)
    if change:
        cell = [cell for cell in fresh.cells if cell.cell_type == "code"][change.cell]
        cell.source = changed(cell.source, change)
    with replay.kernel_options(folder / path.name) as (manager, start):
        client = Judge(fresh, km=AsyncKernelManager(**manager), timeout_func=replay.time_limit)
        client.stored = notebook.cells
        try:
            client.execute(cleanup_kc=True, **start)
        # nbclient's own assertion fails when a kernel is gone before its cell is.
        except (Noticed, CellExecutionError, CellTimeoutError, DeadKernelError, AssertionError) as problem:
            return (str(problem).strip().splitlines() or [type(problem).__name__])[-1]
    return None


def shown(cells: list[nbformat.NotebookNode], change: Change) -> str:
    """The changed line, before and after."""
    source = cells[change.cell].source
    start = source.rfind("\n", 0, change.start) + 1
    end = source.find("\n", change.end)
    end = len(source) if end < 0 else end
    after = source[start : change.start] + change.new + source[change.end : end]
    return f"{cells[change.cell].id}\n    - {source[start:end].strip()}\n    + {after.strip()}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("chapters", nargs="*", type=Path, help="notebooks (default: all chapters)")
    parser.add_argument("--each", type=int, default=9, metavar="N", help="changes a chapter (default: 9)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draw other changes (default: 0)")
    options = parser.parse_args()
    paths = options.chapters or replay.chapters()
    if old := [line for path in paths for line in stale(path)]:
        sys.exit("\n".join([f"{SAME.name} names changes that no cell allows any more:", *old]))
    missed, total = [], 0
    with tempfile.TemporaryDirectory(prefix="mutate-") as name:
        folder = Path(name) / "notebooks"
        shutil.copytree(
            NOTEBOOKS, folder, ignore=shutil.ignore_patterns("*.ipynb", "solutions", "__pycache__")
        )
        for other in ("data", "tests"):
            (Path(name) / other).symlink_to(replay.ROOT / other)
        tasks = []
        for path in paths:
            notebook = nbformat.read(path, as_version=4)
            cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
            tasks += [(path, notebook, cells, c) for c in drawn(path.stem, cells, options.each, options.seed)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            results = pool.map(lambda task: noticed(folder, task[0], task[1], task[3]), tasks)
            for (path, _, cells, change), how in zip(tasks, results, strict=True):
                total += 1
                print(
                    f"{path.stem} {shown(cells, change)}\n    {'noticed by ' + how if how else 'MISSED'}",
                    flush=True,
                )
                if not how:
                    missed.append(f"{path.stem} {shown(cells, change)}")
    print(f"\n{total - len(missed)} of {total} noticed ({1 - len(missed) / total:.1%})")
    if missed:
        print("missed:", *missed, sep="\n")
    if len(missed) > (1 - GOAL) * total:
        sys.exit(f"under {GOAL:.0%}")


if __name__ == "__main__":
    main()
