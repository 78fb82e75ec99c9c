"""The strict replay: every code cell of every notebook is a test, whose outputs must be the stored ones.

nbval (https://github.com/computationalmodelling/nbval) collects the cells and runs them; the subclasses here
notice what it lets pass, and replay.py says what counts as equal. pyproject.toml loads this module as a plugin
(`-p nbreplay`), since it serves notebooks/ and tests/ alike.
"""

import os
import runpy
import sys
import textwrap
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path
from queue import Empty

import nbformat
import nbval.plugin
import pytest
from jupyter_client.manager import KernelManager
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError, find_comment_markers

import replay

# After Python's own folders, so that no file of a learner's in notebooks/ hides a module that pytest needs.
sys.path += [str(replay.ROOT / "notebooks"), str(replay.ROOT / "slides")]

BUDGET = 3  # seconds for a cell that is not tagged `training`; reported, since a machine may be slow or busy

# nbval joins a cell's text across its pictures, so it would miss a print that moved past one.
nbval.plugin.coalesce_streams = replay.merged_streams


class Kernel(RunningKernel):
    """nbval's kernel, in the replay's environment, and it notices a hung or dead kernel."""

    def __init__(self, notebook: Path):
        with ExitStack() as resources:
            manager, start = resources.enter_context(replay.kernel_options(notebook))
            self.km = KernelManager(**manager)
            self.km.start_kernel(**start)
            resources.callback(self.km.shutdown_kernel, now=True)
            self.kc = self.km.client()
            resources.callback(self.kc.stop_channels)
            self.kc.start_channels()
            self.kc.wait_for_ready(timeout=60)
            self._ensure_iopub_up()
            self.resources = resources.pop_all()  # closed by stop()

    def execute_cell_input(self, cell_input, allow_stdin=None):
        """Run a cell as the lab does: with its count, `Out`, and a trailing `;` that hushes the value."""
        self.displays = {}  # what each display of this cell that has a display_id shows last
        return self.kc.execute(cell_input, store_history=True, allow_stdin=False, stop_on_error=False)

    def get_message(self, stream, timeout=None):
        """The next message of `stream`. nbval alone would wait out the time limit for a dead kernel."""
        end = time.monotonic() + timeout
        while True:
            try:
                message = super().get_message(stream, timeout=min(1, max(0.01, end - time.monotonic())))
            except Empty:
                if not self.is_alive():
                    raise replay.KernelFailure("the kernel died") from None
                if time.monotonic() >= end:
                    raise
            else:
                kind, content = message["msg_type"], message["content"]
                if any(part.get("source") == "ask_exit" for part in content.get("payload") or ()):
                    raise replay.KernelFailure("the cell ends the kernel, by exit() or quit()")
                if kind == "clear_output":
                    raise replay.KernelFailure("clear_output: a stored notebook cannot show it")
                name = content.get("transient", {}).get("display_id")
                if kind == "update_display_data":  # a picture that moves: what it shows last is compared
                    if name not in self.displays:
                        raise replay.KernelFailure(
                            "update_display_data: changes the output of an earlier cell"
                        )
                    self.displays[name] = content
                    continue
                if kind == "display_data" and name:
                    self.displays[name] = content
                    content["metadata"]["display_id"] = name
                return message

    def await_reply(self, msg_id, timeout=None):
        """Wait until a request is done."""
        try:
            super().await_reply(msg_id, timeout)
        except Empty:
            raise replay.KernelFailure(f"the cell ran for more than {timeout:g} s") from None

    def stop(self):
        """End the kernel and delete its folder."""
        self.resources.close()
        del self.km


class Notebook(IPyNbFile):
    """A notebook: starts one kernel for its cells."""

    def setup(self):
        """Start the kernel."""
        self.ended_by = None  # the cell that took the kernel with it
        self.cells_run = 0
        self.kernel = Kernel(self.path)

    def collect(self):
        """Yield the code cells, named by their count and id."""
        self.nb = nbformat.read(self.path, as_version=4)
        self.code_cells = [cell for cell in self.nb.cells if cell.cell_type == "code"]
        for i, cell in enumerate(self.code_cells):
            # nbval's own comparison is off: runtest() below compares.
            options = defaultdict(bool, check_exception=replay.has_tag(cell, "raises-exception"))
            name = replay.cell_name(i + 1, cell)
            yield Cell.from_parent(self, name=name, cell_num=i, cell=cell, options=options)

    def teardown(self):
        """End the kernel, also one that has died."""
        if self.kernel is not None and hasattr(self.kernel, "km"):
            self.kernel.stop()

    def run_left_out(self, count: int) -> None:
        """Run, unjudged, those of the first `count` cells that have not run: left out by `-k` or `--lf`."""
        if count < self.cells_run:
            raise replay.KernelFailure("asked to run after a later cell (by --ff?)")
        for cell in self.code_cells[self.cells_run : count]:
            message_id = self.kernel.execute_cell_input(cell.source)
            self.kernel.await_reply(message_id, replay.time_limit(cell))
            self.kernel.await_idle(message_id, 30)
        self.cells_run = count + 1


class Cell(IPyNbCell):
    """A code cell: run by nbval, judged by `judge`."""

    def setup(self):
        """Tell the summary what the cell's tags allow (a worker's reports carry properties, not cells)."""
        self.output_timeout = 30  # s, for outputs after the cell's end; nbval's 5 are few on a busy machine
        self.user_properties.append(("training", replay.has_tag(self.cell, "training")))

    def runtest(self):
        """Run the cell and raise NbCellError if anything about it is not as stored."""
        notebook = self.parent
        if notebook.ended_by:
            pytest.skip(f"{notebook.ended_by} ended the kernel")
        self.config.option.nbval_cell_timeout = replay.time_limit(self.cell)
        try:
            notebook.run_left_out(self.cell_num)
            super().runtest()
            if not notebook.kernel.is_alive():  # after its answer: the next cell is not to blame
                raise replay.KernelFailure("the kernel died")
        except (replay.KernelFailure, RuntimeError, Empty) as failure:
            notebook.ended_by = self.name
            self.raise_cell_error(str(failure) or repr(failure))
        for output in self.test_outputs:
            if name := output.get("metadata", {}).pop("display_id", None):
                latest = notebook.kernel.displays[name]
                output.data, output.metadata = latest["data"], latest["metadata"]
        if problem := self.judge():
            self.raise_cell_error(problem)

    def judge(self) -> str | None:
        """What is wrong with the run or with what is stored, None if nothing."""
        cell = self.cell
        if not cell.source.strip():
            return "empty cell"
        if list(find_comment_markers(cell.source)):
            return "an nbval marker as a comment: use a tag, which the suite counts"
        if problem := replay.run_problem(cell, self.test_outputs):
            return problem
        if cell.execution_count is None:
            return "stored without having been run: python tests/refresh.py"
        if cell.execution_count != self.cell_num + 1:
            return f"stored as [{cell.execution_count}], so not from one clean run: python tests/refresh.py"
        if replay.has_tag(cell, "nbval-ignore-output"):
            return None
        stored = replay.merged_streams(cell.outputs)
        return replay.outputs_difference(stored, self.test_outputs, replay.tolerances(cell))

    def repr_failure(self, excinfo):
        """The report of a failure: what, notebook, cell, source, traceback."""
        if not isinstance(excinfo.value, NbCellError):
            return pytest.Item.repr_failure(self, excinfo)
        source = textwrap.indent(self.cell.source, "    ")
        traceback = excinfo.value.inner_traceback or ""
        return f"{excinfo.value}\n\nin {self.parent.nodeid}, {self.name}:\n\n{source}\n{traceback}"

    def reportinfo(self):
        """Where the cell stands: file, line, name."""
        return self.path, 0, f"{self.parent.name} {self.name}"


def pytest_addoption(parser):
    parser.addoption(
        "--weekly",
        action="store_true",
        help="also the tests that take long: every chapter in the lab and on photographs, how hard the sample is",
    )


def pytest_collection_modifyitems(config, items):
    """Leave out the tests marked `weekly`, unless --weekly asks for them, and begin with the longest files."""
    weekly = [item for item in items if item.get_closest_marker("weekly")]
    if weekly and not config.getoption("--weekly"):
        config.hook.pytest_deselected(items=weekly)
        items[:] = [item for item in items if not item.get_closest_marker("weekly")]
    items.sort(key=lambda item: item.path.name not in ("test_lab.py", "test_website.py", "test_exercises.py"))


def pytest_configure(config):
    """Give the suite's own processes what the kernels get, and keep them off the network too."""
    if config.option.nbval or config.option.nbval_lax:
        raise pytest.UsageError("the suite replays notebooks without --nbval; with it they would run twice")
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    for name in list(os.environ):
        if replay.UNWANTED.match(name):
            patch.delenv(name)
    # A kernel's notebook says its own language.
    for name, value in (replay.SETTINGS | {"COURSE_LANGUAGE": "en"}).items():
        patch.setenv(name, value)
    runpy.run_path(str(Path(__file__).parent / "no_network" / "sitecustomize.py"))


def pytest_collect_file(file_path, parent):
    """Collect notebooks; beside the chapters none of a learner's own."""
    theirs = replay.ROOT / "notebooks" in file_path.parents and file_path not in replay.all_notebooks()
    if file_path.suffix == ".ipynb" and not theirs:
        return Notebook.from_parent(parent, path=file_path)


def pytest_terminal_summary(terminalreporter):
    """Print the slowest cells and notebooks, and what the Chinese edition lacks."""
    cells, notebooks = [], defaultdict(float)
    for reports in terminalreporter.stats.values():
        for report in reports:
            path, _, cell = getattr(report, "nodeid", "").partition("::")
            if path.endswith(".ipynb") and hasattr(report, "when"):
                notebooks[path] += report.duration  # with the kernel's start and end
                if report.when == "call":
                    over = report.duration > BUDGET and not dict(report.user_properties).get("training")
                    cells.append((report.duration, f"{path} {cell}" + " (over budget)" * over))
    for title, rows in (
        ("slowest cells", cells),
        ("slowest notebooks", [(t, path) for path, t in notebooks.items()]),
    ):
        if rows:
            terminalreporter.section(title)
            for seconds, name in sorted(rows, reverse=True)[:10]:
                terminalreporter.write_line(f"{seconds:6.1f} s  {name}")
    reports = [report for found in terminalreporter.stats.values() for report in found]
    said = [
        value
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "chinese" and report.when == "call"
    ]
    if said:
        terminalreporter.section("Chinese notebooks: python tests/translate.py")
        for line in said:
            terminalreporter.write_line(line)
