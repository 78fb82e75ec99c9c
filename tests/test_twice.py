"""People run a cell twice. It must show the same again, and no chapter may teach the opposite the second time.

Takes minutes, so it runs with --weekly only.
"""

import re

import nbformat
import pytest

import refresh
import replay

pytestmark = pytest.mark.weekly
every_chapter = pytest.mark.parametrize("path", replay.chapters(), ids=lambda path: path.stem)


def without_notice(outputs: list) -> list:
    """Outputs without the line that says which data is in use: it comes once in a kernel."""
    kept = []
    for output in replay.merged_streams(outputs):
        if output.get("name") == "stdout":
            output = nbformat.from_dict(
                output | {"text": re.sub(r"^.* sample: drawings.*\n", "", output.text)}
            )
            if not output.text:
                continue
        kept.append(output)
    return kept


def differences(path, order: list[int]) -> list[str]:
    """Run code cells in this order, in one kernel; a line for each second run that does not show what is stored."""
    notebook = nbformat.read(path, as_version=4)
    codes = [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
    stored = nbformat.read(path, as_version=4).cells
    found, seen = [], set()
    with replay.kernel_options(path) as (manager, start):
        client = refresh.lenient_client(notebook, manager)
        with client.setup_kernel(cleanup_kc=True, **start):
            for number in order:
                cell = notebook.cells[codes[number]]
                client.execute_cell(cell, codes[number])
                if number in seen and not replay.has_tag(cell, "nbval-ignore-output"):
                    old = stored[codes[number]]
                    problem = replay.run_problem(cell, cell.outputs) or replay.outputs_difference(
                        without_notice(old.outputs),
                        without_notice(cell.outputs),
                        replay.tolerances(old),
                    )
                    if problem:
                        found.append(f"{replay.cell_name(number + 1, cell)}: {problem}")
                seen.add(number)
    return found


def count(path) -> int:
    """How many code cells the chapter has."""
    return sum(cell.cell_type == "code" for cell in nbformat.read(path, as_version=4).cells)


@every_chapter
def test_each_cell_twice_in_a_row(path):
    found = differences(path, [number for number in range(count(path)) for _ in range(2)])
    assert not found, "\n\n".join(found)


@every_chapter
def test_the_whole_chapter_twice_in_one_kernel(path):
    found = differences(path, 2 * list(range(count(path))))
    assert not found, "\n\n".join(found)
