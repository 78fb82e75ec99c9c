"""The replay itself: small notebooks, each wrong in one way, fail with their own message; right ones pass."""

import base64
import io
import json
import os
import re
import socket
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

import refresh
import replay


def code(source, *outputs, tags=(), count=None):
    """A code cell with its stored outputs. `count` stands for a wrong one; see `notebook`."""
    return new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)}, execution_count=count)


def notebook(*cells):
    """A notebook that looks like one clean run, but for the counts that a cell brings along."""
    for i, cell in enumerate(cells, 1):
        cell.id = f"c{i}"
        cell.execution_count = i if cell.execution_count is None else cell.execution_count or None
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = i
    return new_notebook(cells=list(cells), metadata=refresh.METADATA)


def text(words, name="stdout"):
    return new_output("stream", name=name, text=words)


def value(shown, **more):
    return new_output("execute_result", data={"text/plain": shown, **more})


def error(name, message):
    return new_output("error", ename=name, evalue=message, traceback=["not compared"])


def shown(words):
    return new_output("display_data", data={"text/plain": words})


def picture(size=(40, 30), dots=0, colour="black"):
    """Code that shows a white picture, and what it would store with the first `dots` pixels in `colour`."""
    image = Image.new("RGB", size, "white")
    for i in range(dots):
        image.putpixel((i % size[0], i // size[0]), {"black": (0, 0, 0), "grey": (230, 230, 230)}[colour])
    file = io.BytesIO()
    image.save(file, "PNG")
    png = base64.b64encode(file.getvalue()).decode()
    return new_output(
        "display_data", data={"image/png": png, "text/plain": "<IPython.core.display.Image object>"}
    )


DRAW = """
import io
from IPython.display import Image, display
from PIL import Image as Picture
file = io.BytesIO()
Picture.new("RGB", (40, 30), "white").save(file, "PNG")
display(Image(file.getvalue()))
"""
EMPTY = code("x = 1")
ERROR, IGNORED = ["raises-exception"], ["nbval-ignore-output"]
DIED = "the kernel died\n\nin "

# name of the notebook: (its cells, what the report of a failure must say)
WRONG = {
    "text": ([code("print('lost')", text("loss\n"))], "stdout: text differs"),
    "integer": ([code("145578", value("145579"))], "text/plain: text differs"),
    "fourth_digit": ([code("0.7512", value("0.7534"))], "text differs"),
    "whole_float": ([code("print('tensor([1001.])')", text("tensor([1000.])\n"))], "text differs"),
    "setting": ([code("1e-5", value("1e-06"))], "text differs"),
    "integer_became_float": ([code("print('[2.]')", text("[2]\n"))], "text differs"),
    "nan": ([code("float('nan')", value("0.5"))], "text differs"),
    "one_number_less": ([code("[1, 2]", value("[1, 2, 3]"))], "text differs"),
    "output_missing_in_file": ([code("print(1)")], "stored nothing; this run stream stdout"),
    "output_missing_in_run": ([code("x = 1", text("1\n"))], "stored stream stdout; this run nothing"),
    "output_too_many": ([code("print(1)\n2", text("1\n"))], "this run stream stdout, execute_result"),
    "value_became_print": ([code("print(2)", value("2"))], "stored execute_result; this run stream stdout"),
    "display_became_value": ([code("2", shown("2"))], "stored display_data; this run execute_result"),
    "print_past_display": (
        [code("display(1)\nprint(2)", text("2\n"), shown("1"))],
        "stored stream stdout, display_data; this run display_data, stream stdout",
    ),
    "format": ([code("2", value("2", **{"text/html": "2"}))], "differs in its formats"),
    "warning": ([code("import warnings\nwarnings.warn('old')")], "UserWarning: old"),
    "warning_stored": (
        [code("import sys\nprint('old', file=sys.stderr)", text("old\n", "stderr"))],
        "text on stderr",
    ),
    "warning_ignored": ([code("import sys\nprint('old', file=sys.stderr)", tags=IGNORED)], "text on stderr"),
    "unknown_magic": ([code("%no_such_magic\nx = 1")], "%no_such_magic` not found"),
    "exception": ([code("1 / 0")], "Cell execution caused an exception"),
    "exception_gone": (
        [code("1 / 1", error("ZeroDivisionError", "division by zero"), tags=ERROR)],
        "tagged raises-exception, but it raised nothing",
    ),
    "exception_gone_ignored": ([code("x = 1", tags=ERROR + IGNORED)], "it raised nothing"),
    "exception_name": (
        [code("1 / 0", error("ValueError", "division by zero"), tags=ERROR)],
        "-ValueError: division by zero",
    ),
    "exception_message": ([code("int('a')", error("ValueError", "no"), tags=ERROR)], "-ValueError: no"),
    "exception_untagged": ([code("1 / 0", error("ZeroDivisionError", "division by zero"))], "an exception"),
    "unknown_tag": ([code("x = 1", tags=["nbval-ignore-outputs"])], "unknown tag 'nbval-ignore-outputs'"),
    "tolerance_misspelt": ([code("x = 1", tags=["rtol:0.1"])], "unknown tag 'rtol:0.1'"),
    "comment_marker": ([code("# NBVAL_SKIP\nprint(1)")], "marker as a comment"),
    "never_run": ([code("x = 1", count=0)], "stored without having been run"),
    "count": ([EMPTY, code("x = 2", count=7)], "stored as [7], so not from one clean run"),
    "empty_cell": ([code("  ")], "empty cell"),
    "hung": (
        [EMPTY, code("import time\ntime.sleep(60)"), EMPTY],
        "the cell ran for more than 4 s",
    ),
    "hung_tagged_error": ([code("while True: pass", tags=ERROR)], "the cell ran for more than 4 s"),
    "dead": ([EMPTY, code("import os\nos._exit(1)"), EMPTY], DIED),
    "exit": ([EMPTY, code("exit()"), *[EMPTY] * 8], "the cell ends the kernel, by exit() or quit()\n\nin "),
    "killed": ([EMPTY, code("import os, signal\nos.kill(os.getpid(), signal.SIGABRT)"), EMPTY], DIED),
    "clear_output": (
        [code("from IPython.display import clear_output\nclear_output()")],
        "clear_output: a stored",
    ),
    "display_update": (
        [code("h = display(1, display_id=True)\nh.update(2)", shown("1"))],
        "text/plain: text differs",
    ),
    "display_update_of_an_earlier_cell": (
        [code("h = display(1, display_id=True)", shown("1")), code("h.update(2)")],
        "update_display_data: changes",
    ),
    "picture": ([code(DRAW, picture(dots=2))], "image/png: picture differs in 0.17% of its pixels"),
    "picture_trained": (
        [code(DRAW, picture(dots=40), tags=["pixels=0.03"])],
        "picture differs in 3.33% of its pixels (3.00% are allowed)",
    ),
    "picture_size": ([code(DRAW, picture(size=(40, 31)))], "stored 40 x 31, this run 40 x 30 pixels"),
    "picture_missing": ([code("x = 1", picture())], "stored display_data; this run nothing"),
    "tolerance_exceeded": ([code("0.5", value("0.6"), tags=["rtol=0.05"])], "text differs"),
    "network": ([code("import urllib.request as u\nu.urlopen('http://example.com')")], "refuses the network"),
}

SUBPROCESS = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', {!r}])"
CONNECT_OUT = "import socket; socket.socket().connect(('192.0.2.1', 80))"
LOOPBACK = """
import socket
with socket.create_server(("localhost", 0)) as server, socket.create_connection(server.getsockname()) as client:
    client.sendall(b"hi")
    connection, address = server.accept()
    with connection:
        print(connection.recv(2))
"""
ENVIRONMENT = """
import os, sys, pathlib
logs = pathlib.Path(os.environ["COURSE_LOGS"])
assert logs.is_dir() and not list(logs.iterdir())
assert "PYTEST_CURRENT_TEST" not in os.environ and "HTTP_PROXY" not in os.environ
assert os.environ["COURSE_DATA"] == "sample" and os.environ["OMP_NUM_THREADS"] == "1"
assert "started_by_the_user" not in globals(), "the user's IPython start-up files ran"
print(sys.executable, os.environ["MPLBACKEND"])
"""
INLINE = "module://matplotlib_inline.backend_inline"
RIGHT = {
    "sixth_digit": [code("[3.14159, -0.0, 1.2e-7]", value("[3.14160, 0.0, 2.3e-07]"))],
    "fourth_decimal": [code("print('tensor([0.1235, -0.0000])')", text("tensor([0.1236, 0.0000])\n"))],
    "cuda": [
        code("print('tensor([1., 2.])')", text("tensor([1., 2.], device='cuda:0')\n")),
        code("print(\"device(type='cpu')\")", text("device(type='cuda', index=0)\n")),
        code("print('cpu')", text("cuda:0\n")),
    ],
    "python_3_14": [
        code(
            """print("module '__main__' has no attribute 'Net'")""",
            text("Can't get attribute 'Net' on <module '__main__'>\n"),
        ),
    ],
    "tagged": [
        code("0.84", value("0.85"), tags=["rtol=0.05", "training"]),
        code("print('right: 1234')", text("right: 1240\n"), tags=["rtol=1e-2"]),
        code("0.84", value("0.85"), tags=["atol=0.02"]),
        code("import time\ntime.time()", value("1.5"), tags=IGNORED),
        code("1 / 0", error("ZeroDivisionError", "division by zero"), tags=ERROR),
    ],
    "as_in_the_lab": [
        code("1 + 1;"),
        code("2", value("2")),
        code("Out[2] + 1", value("3")),
        code("print(1)\ndisplay(2)\nprint(3)", text("1\n"), shown("2"), text("3\n")),
        code(SUBPROCESS.format("print(1)") + ";", text("1\n")),
    ],
    "moving_display": [
        code(
            "h = display(1, display_id=True)\nfor i in range(3): print(i); h.update(i)",
            shown("2"),
            text("0\n1\n2\n"),
        ),
    ],
    "picture_trained_elsewhere": [code(DRAW, picture(dots=30), tags=["pixels=0.03"])],
    "spaces_at_the_end": [code("print('a\\n\\nb')", text("a \n    \nb\n"))],
    "picture_noise": [code(DRAW, picture(dots=1000, colour="grey"))],
    "environment": [code(ENVIRONMENT, text(f"{sys.executable} {INLINE}\n"))],
    "loopback": [code(LOOPBACK, text("b'hi'\n"))],
    "network_in_subprocess": [
        code(
            "import subprocess, sys\n"
            f"r = subprocess.run([sys.executable, '-c', {CONNECT_OUT!r}], capture_output=True, text=True)\n"
            "r.stderr.splitlines()[-1]",
            value("'OSError: the replay refuses the network: socket.connect to 192.0.2.1'"),
        )
    ],
}


def pytest_run(*arguments, folder, **environment):
    """Run the suite's own pytest configuration in `folder`."""
    settings = ["-c", str(replay.ROOT / "pyproject.toml"), "--rootdir", str(folder)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *settings, *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """{notebook: {cell: report}} of one replay of all the notebooks above, on a machine set against it.

    A report is "" for a pass, "skipped" or the text of the failure; the cell's name is "" for what pytest printed.
    """
    folder = tmp_path_factory.mktemp("replay")
    for name, (cells, _) in WRONG.items():
        nbformat.write(notebook(*map(nbformat.from_dict, cells)), folder / f"{name}.ipynb")
    for name, cells in RIGHT.items():
        nbformat.write(notebook(*map(nbformat.from_dict, cells)), folder / f"{name}.ipynb")
    (folder / "short.py").write_text("import replay\nreplay.LIMIT = 4\n")
    # A user's other kernel under the common name, start-up files, display back-end and proxy.
    kernel = folder / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(
        json.dumps({"argv": ["false", "{connection_file}"], "display_name": "Python 3", "language": "python"})
    )
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text("started_by_the_user = True\n")
    run = pytest_run(
        *("-p", "short", "--junitxml", "report.xml", "."),
        folder=folder,
        JUPYTER_PATH=str(folder / "jupyter"),
        IPYTHONDIR=str(folder / "ipython"),
        MPLBACKEND="agg",
        HTTP_PROXY="http://127.0.0.1:9",
    )
    found = {"": {"": run.stdout + run.stderr}}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        path = case.get("classname").removesuffix(".ipynb")
        verdict = next((f"{child.tag}: {child.text}" for child in case if child.tag != "properties"), "")
        found.setdefault(path, {})[case.get("name")] = "skipped" if verdict.startswith("skipped") else verdict
    return found


@pytest.mark.parametrize("name", WRONG)
def test_wrong_notebook_fails_by_name(reports, name):
    cells, message = WRONG[name]
    failures = [report for report in reports[name].values() if report not in ("", "skipped")]
    assert len(failures) == 1, reports[name]
    assert message in failures[0]
    assert re.search(rf"\n\nin {name}\.ipynb, cell \d \(c\d\):\n", failures[0])
    assert len(reports[name]) == len(cells)


@pytest.mark.parametrize("name", RIGHT)
def test_right_notebook_passes(reports, name):
    assert set(reports[name].values()) == {""}
    assert len(reports[name]) == len(RIGHT[name])


@pytest.mark.parametrize("name", ["hung", "dead", "killed"])
def test_cells_after_a_lost_kernel_are_skipped(reports, name):
    assert [bool(report) for report in reports[name].values()] == [False, True, True]
    assert reports[name]["cell 3 (c3)"] == "skipped"


def test_summary_names_the_slowest(reports):
    printed = reports[""][""]
    assert re.search(
        r"slowest cells =+\n +\d\.\d s +hung\w*\.ipynb cell \d \(c\d\) \(over budget\)\n", printed
    )
    assert re.search(r"slowest notebooks =+\n +\d\.\d s +hung\w*\.ipynb\n", printed)


def test_cell_runs_after_those_left_out(tmp_path):
    nbformat.write(notebook(code("x = 1"), code("x", value("1"))), tmp_path / "a.ipynb")
    run = pytest_run("-n0", "-k", "c2", "a.ipynb", folder=tmp_path)
    assert "1 passed, 1 deselected" in run.stdout


def test_collected_from_anywhere(tmp_path):
    """The extension is loaded for one notebook by name and from another folder alike."""
    first = replay.chapters()[0]
    for folder, argument in [(replay.ROOT, first.relative_to(replay.ROOT)), (tmp_path, first)]:
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-n0", "--collect-only", "-q", str(argument)],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert f"{first.name}::cell 1 (" in run.stdout, run.stdout + run.stderr


def test_suite_itself_is_off_the_network():
    for host in ("192.0.2.1", "2001:db8::1", "example.com"):
        with pytest.raises(OSError, match="refuses the network"):
            socket.create_connection((host, 80), timeout=5)
    with socket.socket(type=socket.SOCK_DGRAM) as sender, pytest.raises(OSError, match="refuses the network"):
        sender.sendto(b"hi", ("192.0.2.1", 53))
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    assert socket.getaddrinfo(socket.gethostname(), 80)


# refresh.py


def stored(path, *cells):
    nbformat.write(notebook(*cells), path)
    return path.read_bytes()


def test_refresh_stores_once(tmp_path):
    path = tmp_path / "a.ipynb"
    cell = code("import random\nprint(random.random())\nrandom.random()", tags=["atol=1"], count=9)
    cell.metadata["execution"] = {"iopub.busy": "2026-01-01T00:00:00Z"}
    stored(
        path,
        cell,
        code("import json\njson.loads('')", tags=ERROR),
        code("print('1.00001')", text("1.00002\n")),
        code("print('0.712')", text("0.7\n"), tags=["atol=0.1"]),
    )
    assert refresh.refresh(path) == f"{path}: stored"
    first = path.read_bytes()
    assert refresh.refresh(path) == f"{path}: unchanged"
    assert path.read_bytes() == first
    cells = nbformat.reads(first.decode(), as_version=4).cells
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4]
    assert [output.output_type for output in cells[0].outputs] == ["stream", "execute_result"]
    assert cells[0].metadata == {"tags": ["atol=1"]}
    assert cells[1].outputs[0].ename == "JSONDecodeError"
    # Its frame, not the library's.
    assert "json.loads('')" in first.decode() and "decoder.py" not in first.decode()
    assert cells[2].outputs[0].text == "1.00002\n"  # agrees with this run's, so it stays
    assert cells[3].outputs[0].text == "0.712\n"  # agrees too, but is now printed with other digits
    assert pytest_run("-n0", ".", folder=tmp_path).returncode == 0


def test_refresh_stores_a_page_of_one_run(tmp_path):
    path = tmp_path / "a.ipynb"
    drawing = code(
        "from PIL import Image\nImage.new('RGB', (40, 30))", tags=["nbval-ignore-output", "training"]
    )
    stored(path, drawing, code("print('0.71')", tags=["atol=0.1"]))
    refresh.refresh(path)
    for other, kept in [("black", "0.70\n"), ("white", "0.71\n")]:  # the picture that an earlier run has left
        page = nbformat.read(path, as_version=4)
        page.cells[1].outputs[0].text = "0.70\n"
        if other == "white":
            page.cells[0].outputs[0].data["image/png"] = picture().data["image/png"]
        nbformat.write(page, path)
        refresh.refresh(path)
        assert nbformat.read(path, as_version=4).cells[1].outputs[0].text == kept


def test_refresh_stores_a_picture_of_timings_once(tmp_path):
    path = tmp_path / "a.ipynb"
    stored(path, code("from PIL import Image\nImage.new('RGB', (40, 30))", tags=["nbval-ignore-output"]))
    refresh.refresh(path)
    page = nbformat.read(path, as_version=4)
    page.cells[0].outputs[0].data["image/png"] = picture().data["image/png"]  # as an earlier run has measured
    nbformat.write(page, path)
    assert refresh.refresh(path) == f"{path}: unchanged"


@pytest.mark.parametrize(
    "source, message, tags",
    [
        ("1 / 0", "ZeroDivisionError: division by zero", []),
        ("import warnings\nwarnings.warn('old')", "text on stderr", []),
        ("x = 1", "it raised nothing", ERROR),
        ("import os\nos._exit(1)", "the kernel died", []),
        ("import time\ntime.sleep(60)", "the cell ran for more than 3 s", []),
        ("x = 1", "unknown tag 'slow'", ["slow"]),
    ],
)
def test_refresh_leaves_a_failing_notebook(tmp_path, monkeypatch, source, message, tags):
    monkeypatch.setattr(replay, "LIMIT", 3)
    path = tmp_path / "a.ipynb"
    before = stored(path, code("print(1)"), code(source, tags=tags))
    with pytest.raises(SystemExit) as stop:
        refresh.refresh(path)
    assert str(stop.value).startswith(f"{path}, cell 2 (c2): ") and message in str(stop.value)
    assert path.read_bytes() == before
