"""The real JupyterLab in a real browser: chapters run from the menu, an exercise answers, TensorBoard shows.

Four chapters run each time, all of them with --weekly.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import pytest

import replay
from browser import browser

LECTURES = replay.chapters()
# One with a bar and a moving curve, a short one, one with TensorBoard inside, one with many pictures.
EACH_TIME = ("00_first_network", "02_tools", "04_tensorboard", "09_convolution")
TOGETHER = 2  # chapters that run at a time
LIMIT = 300  # seconds for a chapter

# What JupyterLab itself says on its console or fails to fetch, whatever the notebook.
HARMLESS = re.compile(
    r"favicon|/api/contents/.*checkpoints"  # a first visit asks for what is not there yet
    r"|/api/(?:workspaces|me|settings)"  # asked again while a page closes
    r"|/static/.*\.map$"  # source maps for a debugger
    r"|WebSocket connection to .* (?:failed|is closed)|Connection lost|Kernel connection"  # while a page closes
    r"|Could not restore the debugger state"  # while a notebook closes
)


@dataclass
class Seen:
    """What came of a chapter in the lab."""

    problems: list[str] = field(default_factory=list)  # failed requests, errors on the console
    notebook: nbformat.NotebookNode | None = None  # as the lab saved it


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A copy of the course, in a folder with a space and Chinese in its name. start.py makes the learner's copies."""
    root = tmp_path_factory.mktemp("课程 the course")
    shutil.copytree(
        replay.ROOT / "notebooks",
        root / "notebooks",
        ignore=shutil.ignore_patterns("__pycache__", ".*", "my"),
    )
    shutil.copy(replay.ROOT / "start.py", root)
    (root / "data").symlink_to(replay.ROOT / "data", target_is_directory=True)
    (root / "logs").mkdir()
    return root


@pytest.fixture(scope="module")
def lab(course, tmp_path_factory):
    """The address of the JupyterLab that start.py runs, as from an environment that is not activated."""
    own = tmp_path_factory.mktemp("jupyter")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = replay.environment(own)
    del environment["COURSE_LOGS"]  # chapter 4 starts TensorBoard only outside the replay
    scripts = str(Path(sys.executable).parent)
    paths = [path for path in os.environ["PATH"].split(os.pathsep) if path != scripts]
    environment |= {
        "PATH": os.pathsep.join(paths),
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    command = [sys.executable, str(course / "start.py"), "--no-browser", "--allow-root", f"--port={port}"]
    command += [
        "--ServerApp.ip=127.0.0.1",
        "--IdentityProvider.token=",
        "--ServerApp.password=",
        "--LabApp.expose_app_in_browser=True",  # the tests ask it which cells have run
        f"--LabApp.user_settings_dir={own / 'settings'}",
        f"--LabApp.workspaces_dir={own / 'workspaces'}",
    ]
    if os.name == "posix":
        command.append("--KernelManager.transport=ipc")
    address = f"http://127.0.0.1:{port}"
    with open(own / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=own)
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (own / "log").read_text()
        else:
            pytest.fail(f"JupyterLab did not start:\n{(own / 'log').read_text()}")
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


PANEL = "window.jupyterapp.shell.currentWidget"


def open_chapter(chromium, lab: str, name: str, seen: Seen, address: str | None = None):
    """A page of its own with the chapter open and its kernel ready; `address` is another one that leads there."""
    page = chromium.new_context(viewport={"width": 1400, "height": 900}).new_page()

    def note(text: str) -> None:
        if not HARMLESS.search(text):
            seen.problems.append(text)

    def request(asked) -> None:
        if not asked.url.startswith(
            (lab, "ws", "data:", "blob:", "http://localhost:", "http://127.0.0.1:", "about:")
        ):
            note(f"beyond this machine: {asked.url}")

    page.on("request", request)
    page.on("response", lambda r: r.status >= 400 and note(f"{r.status}: {r.url}"))
    page.on("console", lambda message: message.type == "error" and note(f"{message.text} {message.location}"))
    page.on("pageerror", lambda error: note(str(error)))
    page.goto(address or f"{lab}/lab/workspaces/{Path(name).stem}/tree/my/{name}?reset")
    page.wait_for_function(
        f"window.jupyterapp && {PANEL}?.sessionContext?.session?.kernel?.status === 'idle' && {PANEL}.content?.model",
        timeout=120_000,
    )
    return page


def run_all(page) -> None:
    """Run > Run All Cells."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def has_run(page) -> bool:
    """Whether the kernel is idle and each code cell has run; or one has failed, which stops the others."""
    return page.evaluate(
        f"""() => {{
          const panel = {PANEL};
          const cells = panel.content.widgets.map((w) => w.model).filter((m) => m.type === "code");
          const failed = (m) => !(m.getMetadata("tags") ?? []).includes("raises-exception")
            && m.outputs.toJSON().some((o) => o.output_type === "error");
          return panel.sessionContext.session.kernel.status === "idle"
            && (cells.every((m) => m.executionCount) || cells.some(failed));
        }}"""
    )


def save(page, lab: str, name: str) -> nbformat.NotebookNode:
    """Save with Ctrl+S and return what the server then has."""
    page.keyboard.press("Control+s")
    page.wait_for_function(f"!{PANEL}.context.model.dirty", timeout=30_000)
    with urllib.request.urlopen(f"{lab}/api/contents/my/{name}") as answer:
        return nbformat.from_dict(json.load(answer)["content"])


def close(page, lab: str) -> None:
    """Shut the page's kernel down and close the page."""
    page.evaluate(f"{PANEL}.sessionContext.shutdown()")
    page.context.close()


def test_the_first_page(lab, course, chromium):
    """What a learner meets: the first chapter without outputs. Opening and closing it asks and changes nothing.

    First of all, since the chapters that run are saved.
    """
    seen, name = Seen(), LECTURES[0].name
    path = course / "notebooks" / "my" / name
    before = path.read_bytes()
    page = open_chapter(chromium, lab, name, seen, address=lab)
    assert page.evaluate(f"{PANEL}.context.path") == f"my/{name}"
    page.wait_for_timeout(2000)  # what the kernel says about itself has come by then
    assert page.locator(".jp-Dialog, .Toastify__toast").all_inner_texts() == []
    shown = page.evaluate(
        f"{PANEL}.content.widgets.map((w) => w.model.toJSON()).filter((c) => c.cell_type === 'code')"
    )
    assert len(shown) > 5
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in shown)
    assert not page.evaluate(f"{PANEL}.context.model.dirty")
    page.evaluate(f"{PANEL}.close()")
    page.wait_for_function(f"{PANEL}?.context?.path !== 'my/{name}'")
    assert page.locator(".jp-Dialog").count() == 0
    page.context.close()
    assert path.read_bytes() == before
    assert seen.problems == []


@pytest.fixture(scope="module")
def chapters(request, lab, chromium):
    """What came of each chapter that is asked for, by name; TOGETHER of them run at a time."""
    asked = [
        item.callspec.params["path"]
        for item in request.session.items
        if getattr(item, "function", None) is test_a_chapter_runs_from_the_menu
    ]
    results, running = {}, {}
    while asked or running:
        while asked and len(running) < TOGETHER:
            name = asked.pop(0).name
            results[name] = Seen()
            page = open_chapter(chromium, lab, name, results[name])
            run_all(page)
            running[name] = (page, time.monotonic())
        for name, (page, start) in list(running.items()):
            page.wait_for_timeout(500)
            late = time.monotonic() - start > LIMIT
            if late:
                results[name].problems.append(f"still running after {LIMIT} s")
            if late or has_run(page):
                results[name].notebook = save(page, lab, name)
                close(page, lab)
                del running[name]
    return results


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=() if path.stem in EACH_TIME else pytest.mark.weekly)
        for path in LECTURES
    ],
)
def test_a_chapter_runs_from_the_menu(path, chapters):
    seen = chapters[path.name]
    for cell in seen.notebook.cells:
        if cell.cell_type != "code":
            continue
        errors = [output for output in cell.outputs if output.output_type == "error"]
        assert bool(errors) == replay.has_tag(cell, "raises-exception"), (cell.id, errors)
        assert cell.execution_count, f"{cell.id} did not run"
        assert not [output for output in cell.outputs if output.get("name") == "stderr"], cell.id
    assert seen.problems == []


def test_pictures_and_links_of_a_copy(lab, chromium):
    """They lead out of my/: to the pictures, to a solution, and to the next chapter's copy."""
    seen, name = Seen(), "04_tensorboard.ipynb"
    page = open_chapter(chromium, lab, name, seen)
    cells = page.evaluate(f"{PANEL}.content.widgets.map((w) => w.model.id)")

    def show(cell: str):
        page.evaluate(f"async (i) => {{ await {PANEL}.content.scrollToItem(i); }}", cells.index(cell))
        return page.locator(f".jp-Cell[data-windowed-list-index='{cells.index(cell)}']")

    picture = show("tab-scalars").locator("img")
    picture.wait_for()
    page.wait_for_function(
        "(image) => image.complete && image.naturalWidth > 500", arg=picture.element_handle()
    )
    for cell, link, opened in [
        ("exercises", "a[href*='solutions']", "solutions/04_tensorboard.ipynb"),
        ("opening", "a[href*='05_tensors']", "my/05_tensors.ipynb"),
    ]:
        show(cell).locator(link).first.click()
        page.wait_for_function(
            f"(path) => {PANEL}?.context?.path === path && {PANEL}.sessionContext.session?.kernel?.status === 'idle'",
            arg=opened,
            timeout=60_000,
        )
        page.wait_for_timeout(1000)
        assert not page.evaluate(f"{PANEL}.context.model.dirty"), "autosave would change it"
        page.evaluate(f"{PANEL}.close()")  # its kernel goes with the lab
        page.wait_for_function(f"{PANEL}?.context?.path === 'my/{name}'")
    close(page, lab)
    assert seen.problems == []


def test_an_exercise_answers(lab, chromium):
    """Wrong first, then right, typed into the page."""
    seen = Seen()
    page = open_chapter(chromium, lab, "02_tools.ipynb", seen)
    # The set-up is all that the exercise needs.
    page.evaluate(f"() => {{ {PANEL}.content.activeCellIndex = 1; }}")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    page.wait_for_function(f"{PANEL}.content.widgets[1].model.executionCount", timeout=60_000)
    number = page.evaluate(
        f"{PANEL}.content.widgets.findIndex((w) => w.model.sharedModel.getSource().includes('check(\"2.3\"'))"
    )
    for answer, shown in [
        ("pictures[:, 0, :, -1]", "2.3 · not yet"),
        ("pictures[:, 0, -1]", "2.3 · correct"),
    ]:
        page.evaluate(
            f"async (i) => {{ const n = {PANEL}.content; n.activeCellIndex = i; await n.scrollToItem(i); }}",
            number,
        )
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(
            f'def last_rows(pictures):\n    return {answer}\n\n\ncheck("2.3", last_rows)'
        )
        page.keyboard.press("Shift+Enter")
        page.get_by_text(shown).first.wait_for(timeout=30_000)
    assert page.get_by_text("2.3 · not yet").count() == 0
    close(page, lab)
    assert seen.problems == []


def test_tensorboard_shows_its_charts(lab, course, chromium):
    for old in (course / "logs").iterdir():  # or the pictures of another test's runs come first
        if old.is_dir():
            shutil.rmtree(old)
    seen = Seen()
    name = "04_tensorboard.ipynb"
    page = open_chapter(chromium, lab, name, seen)
    first = f"{PANEL}.content.widgets.findIndex((w) => w.model.id === 'lab')"
    number = page.evaluate(first)
    assert number > 0
    page.evaluate(f"async (i) => {{ const n = {PANEL}.content; n.activeCellIndex = i + 1; }}", number)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Above Selected Cell", exact=True).click()
    page.wait_for_function(
        f"(i) => {PANEL}.content.widgets[i].model.executionCount && {PANEL}.content.widgets[i].model.outputs.length",
        arg=number,
        timeout=60_000,
    )
    page.evaluate(f"async (i) => {{ await {PANEL}.content.scrollToItem(i); }}", number)
    frame = page.locator("iframe[id^=tensorboard-frame]")
    frame.wait_for(timeout=30_000)
    inside = frame.content_frame
    inside.get_by_text("y=2x").first.wait_for(timeout=60_000)
    inside.locator("line-chart:has(canvas, svg)").first.wait_for(timeout=60_000)
    port = int(re.search(r":(\d+)", inside.locator("body").evaluate("() => location.href"))[1])
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass
    close(page, lab)
    for _ in range(100):  # it ends with the kernel
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            break
        time.sleep(0.2)
    else:
        pytest.fail("TensorBoard is still there after its kernel has gone")
