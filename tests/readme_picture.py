"""Make README's picture again: python tests/readme_picture.py [--chromium PATH]

It shows cells of chapter 9 as JupyterLab does: an idea with its code and drawing, and an exercise with a wrong
answer, the hint that the checker gives, and a right one. Needs, beside requirements.txt, `pip install playwright` and a Chromium: the one
that `playwright install chromium` fetches, or the program named. Nothing outside this machine is reached.
"""

import argparse
import io

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image
from playwright.sync_api import sync_playwright

import replay

CHAPTER = replay.ROOT / "notebooks" / "09_convolution.ipynb"
PICTURE = replay.ROOT / "notebooks" / "images" / "readme.png"

# Two columns; the first two cells are run for the others, and of the drawing's cell only the drawing is shown.
SHOWN = ["setup", "hand-data", "loop-md", "loop", "picture", "exercises"]
LOOK = """
main { columns: 2; column-gap: 8px; column-rule: 1px solid #ccc; margin: 12px; width: 1330px }
main > :nth-child(1), main > :nth-child(2), main > :nth-child(5) .jp-Cell-inputWrapper { display: none }
main > :nth-child(6) { break-before: column }
.jp-Cell { break-inside: avoid; padding: 2px 6px 2px 0 }
.jp-InputPrompt, .jp-OutputPrompt { min-width: 44px; width: 44px; font-size: 11px }
.jp-RenderedImage img { width: 90% }
pre { font-size: 12px !important; word-break: normal !important }
.jp-OutputArea-output { padding-left: 6px }
.anchor-link { display: none }
"""

# A wrong answer, as people give it, and the right one.
ANSWERS = [
    "(side + padding - kernel) // stride + 1",
    "(side + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1",
]
EXERCISE = """\
def side_after(side: int, layers: list[tuple[int, int, int, int]]) -> int:
    for kernel, stride, padding, dilation in layers:
        side = {answer}
    return side


check("9.1", side_after)"""


def cells() -> nbformat.NotebookNode:
    """A notebook of those cells, run."""
    notebook = nbformat.read(CHAPTER, as_version=4)
    found = {cell.id: cell for cell in notebook.cells}
    notebook.cells = [found[name] for name in SHOWN]
    notebook.cells += [nbformat.v4.new_code_cell(EXERCISE.format(answer=answer)) for answer in ANSWERS]
    text = found["exercises"].source
    found["exercises"].source = "## Exercises\n\n" + text[text.index("**9.1**") :].partition("\n")[0]
    with replay.kernel_options(CHAPTER) as (manager, start):
        client = NotebookClient(notebook, km=AsyncKernelManager(**manager), timeout=120, record_timing=False)
        client.execute(cleanup_kc=True, **start)
    return notebook


def main(chromium: str | None = None) -> None:
    """Make the picture, with this Chromium or playwright's own."""
    html, _ = HTMLExporter(template_name="lab").from_notebook_node(cells())
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(device_scale_factor=1.5, viewport={"width": 1380, "height": 900})
        context.route("http*://**", lambda route: route.abort())
        page = context.new_page()
        page.set_content(html, wait_until="domcontentloaded")
        page.add_style_tag(content=LOOK)
        page.wait_for_timeout(1000)
        picture = Image.open(io.BytesIO(page.locator("main").screenshot())).convert("RGB")
        browser.close()
    picture.quantize(64, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(f"{PICTURE.name}: {picture.width} x {picture.height}, {PICTURE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--chromium", metavar="PATH", help="the browser's program, instead of playwright's own"
    )
    main(parser.parse_args().chromium)
