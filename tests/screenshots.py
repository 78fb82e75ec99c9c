"""Make the pictures of TensorBoard's tabs in chapter 4 again: python tests/screenshots.py [--chromium PATH] [NAME …]

Without names (04_scalars, 04_compare …) it makes all. It runs the chapter with a log folder of its own, starts a
TensorBoard on each part and photographs it. Needs, beside requirements.txt, `pip install playwright` and a Chromium:
the one that `playwright install chromium` fetches, or the program named. Nothing outside this machine is reached.
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import nbformat
from nbclient import NotebookClient
from PIL import Image
from playwright.sync_api import Page, sync_playwright

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CHAPTER = NOTEBOOKS / "04_tensorboard.ipynb"


def run_chapter(logs: Path) -> None:
    """Run the chapter, its runs below `logs`."""
    settings = {"COURSE_LOGS": str(logs), "COURSE_DATA": "sample", "OMP_NUM_THREADS": "1"}
    notebook = nbformat.read(CHAPTER, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}})
    client.execute(env=os.environ | settings)


def free_port() -> int:
    """A port that nobody uses just now."""
    with socket.socket() as place:
        place.bind(("localhost", 0))
        return place.getsockname()[1]


def open_graph(page: Page) -> None:
    """Open the box Sequential and make the graph fit."""
    page.locator("g.node").filter(has_text="Sequential").last.dblclick(force=True)
    page.wait_for_timeout(3000)
    page.get_by_text("Fit to screen").click()
    page.evaluate("getSelection().removeAllRanges()")  # a double-click selects text too
    page.wait_for_timeout(2000)


# name: (runs, tab with its settings, what to do on the page, width and height of the page in pixels)
SHOTS = {
    "04_time_series": (["line"], "timeseries", None, (960, 540)),
    "04_scalars": (["line"], "scalars", None, (960, 540)),
    "04_compare": (
        ["training-0.02", "training-0.1"],
        "scalars&tagFilter=loss&_smoothingWeight=0",
        None,
        (1060, 470),
    ),
    "04_images": (["pictures"], "images", None, (960, 520)),
    "04_histograms": (["training-0.1"], "histograms", None, (960, 440)),
    "04_graphs": (["graph"], "graphs", open_graph, (960, 540)),
    "04_projector": (["embedding"], "projector", None, (1100, 540)),
    "04_hparams": (["hparams"], "hparams", None, (1100, 330)),
}


def take(page: Page, name: str, logs: Path) -> None:
    """Start TensorBoard on the runs of one shot, store its picture, end it."""
    runs, tab, act, (width, height) = SHOTS[name]
    page.set_viewport_size({"width": width, "height": height})
    with tempfile.TemporaryDirectory() as folder:
        for run in runs:
            shutil.copytree(logs / "tensorboard" / run, Path(folder, "logs", "tensorboard", run))
        address = f"http://localhost:{(port := free_port())}"
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", "logs", "--port", str(port)]
        server = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for _ in range(120):
                try:
                    urlopen(f"{address}/data/plugins_listing", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            page.goto("about:blank")
            page.goto(f"{address}/#{tab}")
            page.wait_for_timeout(30_000)  # the projector computes for a while
            if act:
                act(page)
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        finally:
            server.terminate()
            server.wait()
    path = NOTEBOOKS / "images" / f"{name}.png"
    picture.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {picture.width} x {picture.height}, {path.stat().st_size / 1000:.0f} kB")


def main(names: list[str], chromium: str | None = None) -> None:
    """Make the pictures of these names, with this Chromium or playwright's own."""
    flags = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
    with tempfile.TemporaryDirectory() as logs, sync_playwright() as driver:
        run_chapter(Path(logs))
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        for name in names:
            take(page, name, Path(logs))
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SHOTS))
    parser.add_argument(
        "--chromium", metavar="PATH", help="the browser's program, instead of playwright's own"
    )
    given = parser.parse_args()
    if unknown := set(given.names) - set(SHOTS):
        parser.error(f"no picture is called {min(unknown)}")
    main(given.names or list(SHOTS), given.chromium)
