"""Does every slide fit? python slides/fits.py [NOTEBOOK ...] [--sheet FOLDER]

Opens the decks in a headless Chromium (pip install -r tests/requirements-browser.txt) and prints each slide that holds
something beyond 1280 x 720, a clipped line, or a cell shrunk to less than SMALLEST. --sheet saves pictures of all slides.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from decks import NOTEBOOKS, chapters, make

sys.path.insert(0, str(NOTEBOOKS.parent / "tests"))  # for browser.py, where pytest has not done it

SMALLEST = 0.6  # of the normal size of letters
TOLERANCE = 2  # pixels, for rounding

MEASURE = """
([smallest, tolerance]) => {
  const slide = Reveal.getCurrentSlide(), scale = Reveal.getScale(), problems = [];
  const frame = document.querySelector(".reveal .slides").getBoundingClientRect();
  const cells = [...slide.querySelectorAll(".cell")];
  const name = (element) => element.closest("[data-cell]")?.dataset.cell ?? "title";
  for (const element of slide.querySelectorAll("*")) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || element.closest("aside, mjx-assistive-mml, svg")) continue;
    const right = (box.right - frame.left) / scale - 1280, bottom = (box.bottom - frame.top) / scale - 720;
    if (right > tolerance) problems.push(`${name(element)}: ${Math.round(right)} px too wide`);
    if (bottom > tolerance) problems.push(`${name(element)}: ${Math.round(bottom)} px too tall`);
    if (element.matches("pre, table, .cell") && element.scrollWidth > element.clientWidth + tolerance)
      problems.push(`${name(element)}: clipped by ${element.scrollWidth - element.clientWidth} px`);
  }
  for (const cell of cells)
    if (cell.style.zoom && cell.style.zoom < smallest) problems.push(`${name(cell)}: shrunk to ${cell.style.zoom}`);
  if (!cells.length) problems.push("an empty slide");
  const text = cells.filter((c) => c.matches(".markdown")).map((c) => c.cloneNode(true));
  text.forEach((c) => c.querySelectorAll("code, pre, mjx-container").forEach((e) => e.remove()));
  if (text.some((c) => c.textContent.includes("$"))) problems.push(`${name(cells[0])}: a formula that is not set`);
  return [...new Set(problems)];
}
"""


def open_deck(page, deck: Path, query: str = "") -> list[str]:
    """Open a deck and wait until it is laid out; the list returned fills with failed requests and errors."""
    wrong: list[str] = []
    page.on(
        "request", lambda r: r.url.startswith(("file:", "data:", "blob:", "about:")) or wrong.append(r.url)
    )
    page.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(deck.as_uri() + query)
    page.wait_for_selector("body[data-ready=yes]", state="attached", timeout=60_000)
    return wrong


def problems(page, sheet: Path | None = None) -> tuple[int, list[str]]:
    """The number of slides of the open deck, and a line for each thing that does not fit."""
    places = page.evaluate("Reveal.getSlides().map((slide) => Reveal.getIndices(slide))")
    found = []
    for number, place in enumerate(places, start=1):
        page.evaluate("([h, v]) => Reveal.slide(h, v, 1e9)", [place["h"], place["v"] or 0])
        found += [f"slide {number}, {problem}" for problem in page.evaluate(MEASURE, [SMALLEST, TOLERANCE])]
        if sheet:
            page.screenshot(path=sheet / f"{number:03}.png")
    return len(places), found


def main() -> None:
    from browser import browser

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="save a picture of each slide here")
    options = parser.parse_args()
    wrong = []
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for notebook in options.notebooks or chapters():
            page = chromium.new_page(viewport={"width": 1280, "height": 720})
            errors = open_deck(page, make(notebook, Path(folder)))
            sheet = options.sheet / notebook.stem if options.sheet else None
            if sheet:
                sheet.mkdir(parents=True, exist_ok=True)
            count, found = problems(page, sheet)
            page.close()
            found += errors
            print(f"{notebook.stem}: {count} slides, {len(found)} problems", flush=True)
            wrong += [f"{notebook.stem}, {line}" for line in found]
    print(*wrong, sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
