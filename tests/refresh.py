"""Run notebooks and store their outputs: python tests/refresh.py [NOTEBOOK ...] (default: all of them).

An output that agrees with the stored one, as the replay sees it, stays as it is, so a second run changes nothing. Where
numbers are printed with other digits than before (0.7 as 0.71), the new output is stored. Where a picture has changed,
all outputs are stored anew, since a chart and the numbers beside it should come from one run.
A notebook that fails stays as it is.
"""

import os
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

sys.path.append(str(Path(__file__).resolve().parent.parent / "notebooks"))

import replay
import tracebacks

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


# In the line that begins a frame the path reaches from the word File to notebooks, whatever it holds.
IN_A_FRAME = re.compile(r"(File (?:\x1b\[[\d;]*m)*)[^\n\x1b]*[/\\](?=notebooks[/\\])")
BEFORE_NOTEBOOKS = re.compile(r"(?:~|/|[A-Z]:\\)[^\s\x1b]*[/\\](?=notebooks[/\\])")


def shortened(traceback: list[str]) -> list[str]:
    """A traceback as the lab shows it (a notebook may come without helpers), and without local folders."""
    return [
        BEFORE_NOTEBOOKS.sub("", IN_A_FRAME.sub(r"\1", entry)) for entry in tracebacks.shortened(traceback)
    ]


def local_path(outputs: list[nbformat.NotebookNode]) -> str | None:
    """A folder of this computer that the outputs name, in any spelling; None if there is none."""
    texts = re.sub(r"[/\\]+", "/", str(outputs))
    folders = {replay.ROOT, Path.home(), Path(sys.prefix), Path(tempfile.gettempdir())}
    names = {re.sub(r"[/\\]+", "/", str(name)) for folder in folders for name in (folder, folder.resolve())}
    found = [name for name in names if len(name) > 3 and f"{name}/" in texts]
    return max(found, key=len, default=None)  # the environment may lie in the folder for temporary files


def form(outputs: list[nbformat.NotebookNode]) -> str:
    """The outputs' text with every digit as 0: how it is printed, whatever the numbers are.

    Long numbers are unrounded ones, whose digits vary in number too.
    """
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return re.sub(r"0{6,}", "000000", re.sub(r"\d", "0", str(texts)))


def pictures(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Those of the outputs that are pictures."""
    return [output for output in outputs if "image/png" in output.get("data", {})]


class Client(NotebookClient):
    """An nbclient that remembers which cell runs."""

    current = None

    async def async_execute_cell(self, cell, cell_index, **kwargs):
        """Run one cell."""
        if cell.cell_type == "code":
            self.current = cell
        return await super().async_execute_cell(cell, cell_index, **kwargs)


def lenient_client(
    notebook: nbformat.NotebookNode, manager: dict, kind: type[NotebookClient] = NotebookClient
) -> NotebookClient:
    """A client that runs cells as the replay does, and goes on after an error. manager: from replay.kernel_options."""
    return kind(
        notebook,
        km=AsyncKernelManager(**manager),
        timeout_func=replay.time_limit,
        allow_errors=True,
        coalesce_streams=True,
    )


def refresh(path: Path) -> str:
    """Run one notebook and store its outputs; returns what became of it. Raises SystemExit that names a bad cell."""
    before = path.read_text(encoding="utf-8")
    stored = nbformat.reads(before, as_version=4)
    fresh = nbformat.reads(before, as_version=4)
    code_cells = [cell for cell in fresh.cells if cell.cell_type == "code"]
    with replay.kernel_options(path) as (manager, start):
        manager = AsyncKernelManager(**manager)
        client = Client(fresh, km=manager, timeout_func=replay.time_limit, record_timing=False)
        client.current = code_cells[0]

        def stop(problem: str):
            name = replay.cell_name(code_cells.index(client.current) + 1, client.current)
            sys.exit(f"{path}, {name}: {problem}\nThe file was left as it was.")

        try:
            client.execute(cleanup_kc=True, **start)
        except CellExecutionError as error:
            stop(f"{error.ename}: {error.evalue}\n{error}")
        except CellTimeoutError:
            stop(f"the cell ran for more than {replay.time_limit(client.current):g} s")
        except DeadKernelError:
            stop("the kernel died")

    pairs = [
        (cell, replay.merged_streams(cell.outputs), replay.merged_streams(old.outputs))
        for cell, old in zip(fresh.cells, stored.cells, strict=True)
        if cell.cell_type == "code"
    ]
    # Pictures of a training, compared or not, and the numbers beside them belong to one run; those of timings differ in
    # each run and are stored once.
    trained = any(replay.has_tag(cell, "training") for cell, _, _ in pairs)
    redrawn = any(
        replay.outputs_difference(pictures(old), pictures(new), {})
        for cell, new, old in pairs
        if trained or not replay.has_tag(cell, "nbval-ignore-output")
    )
    for cell in fresh.cells:
        cell.metadata = {
            key: cell.metadata[key] for key in ("slideshow", "tags", "jupyter", "alt") if key in cell.metadata
        }
    for cell, new, old in pairs:
        client.current = cell
        if problem := replay.run_problem(cell, new):
            stop(problem)
        agrees = replay.has_tag(cell, "nbval-ignore-output") or not replay.outputs_difference(
            old, new, replay.tolerances(cell)
        )
        if name := local_path([{**output, "traceback": None} for output in new]):  # see `shortened`
            stop(f"the output names a folder of this computer, {name}: print a path from the course's folder")
        cell.outputs = old if agrees and form(old) == form(new) and not redrawn else new
        for output, latest in zip(cell.outputs, new, strict=True):
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
            elif output.output_type == "error":  # it names the cell and its lines by number
                output.traceback = shortened(latest.traceback)
    fresh.metadata = nbformat.from_dict(METADATA)
    fresh.nbformat_minor = 5
    after = nbformat.writes(fresh) + "\n"
    if after == before:
        return f"{path}: unchanged"
    path.write_text(after, encoding="utf-8", newline="\n")
    return f"{path}: stored"


def main(arguments: list[str]) -> None:
    """Refresh the notebooks named, or all, as many at a time as there are cores."""
    paths = [Path(name) for name in arguments] or replay.all_notebooks()
    failures = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for future in [pool.submit(refresh, path) for path in paths]:
            try:
                print(future.result(), flush=True)
            except (SystemExit, OSError, ValueError) as failure:
                failures.append(str(failure))
    if failures:
        sys.exit("\n\n".join(failures))


if __name__ == "__main__":
    main(sys.argv[1:])
