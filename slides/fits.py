"""Can every slide be read? python slides/fits.py [NOTEBOOK ...] [--sheet FOLDER]

Opens the decks in a headless Chromium (pip install -r tests/requirements-browser.txt) and prints each slide that holds
something beyond 1280 x 720, a clipped line, letters below 28 px (24 px in code and outputs), more than MOST_WORDS words
of text, no headline, one lonely sentence, something under the arrows, an answer beside its question, or a picture that
is too small; and for each deck the figures of `Figures`. --sheet saves pictures of all slides.
"""

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from decks import NOTEBOOKS, chapters, make

sys.path.insert(0, str(NOTEBOOKS.parent / "tests"))  # for browser.py, where pytest has not done it

TEXT, CODE = 28, 24  # pixels of 720 at least
TOLERANCE = 2  # pixels, for rounding
MOST_WORDS = 45  # of text, without the headline, tables, code and lists
MOST_IN_LISTS = 65
SMALLEST_PICTURE = 380  # pixels, the longer side

MEASURE = """
([least, leastCode, tolerance, mostWords, mostInLists, smallest]) => {
  const all = [], rounds = (number) => Math.round(number * 10) / 10;
  // Two Chinese characters count as a word, as in decks.words.
  const han = /\\p{Script=Han}/gu;
  const count = (text) => Math.floor((text.match(han) ?? []).length / 2) +
    text.replace(han, " ").split(/\\s+/).filter((word) => /[\\p{L}\\p{N}]/u.test(word)).length;
  const plain = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("mjx-container, pre, table, img").forEach((e) => e.remove());
    return copy.textContent;
  };
  const slides = Reveal.getSlides(), places = slides.map((slide) => Reveal.getIndices(slide));
  const frame = document.querySelector(".reveal .slides").getBoundingClientRect();
  const chrome = [...document.querySelectorAll(".reveal .controls button, .reveal .slide-number")].map((element) => {
    const box = element.getBoundingClientRect();
    return { left: box.left - frame.left, right: box.right - frame.left, top: box.top - frame.top, bottom: box.bottom - frame.top };
  });
  // All slides below each other, so that the browser lays them out once.
  const style = document.createElement("style");
  style.textContent = `.reveal .slides { transform: none !important; zoom: 1 !important; height: auto !important; }
    .reveal .slides section { display: block !important; position: relative !important; width: 1280px !important;
      transform: none !important; top: 0 !important; visibility: visible !important; opacity: 1 !important; }`;
  document.head.append(style);
  for (const [number, slide] of slides.entries()) {
    const { h, v } = places[number], problems = [];
    const name = (element) => element.closest("[data-cell]")?.dataset.cell ?? "headline";
    const say = (element, text) => problems.push(`slide ${number + 1}, ${name(element)}: ${text}`);
    const cells = [...slide.querySelectorAll(".cell")], headline = slide.querySelector(".headline");
    const texts = cells.filter((cell) => cell.matches(".markdown"));
    const opening = headline?.matches("h1");

    // What has not to appear first, in Reveal's words: a fragment.
    const asked = texts.findIndex((cell) => !cell.matches(".said, .fragment") && plain(cell).includes("?"));
    const after = asked >= 0 && cells.slice(cells.indexOf(texts[asked])).find((cell) => cell.matches(".output") && !cell.matches(".fragment"));
    if (after) say(after, "stands there with its question");

    const { left, top } = slide.getBoundingClientRect();
    let code = Infinity;
    for (const element of slide.querySelectorAll("*")) {
      if (element.parentElement.closest("aside, pre, mjx-container, svg") || element.matches("aside")) continue;
      const box = element.getBoundingClientRect();
      if (!box.width || !box.height) continue;
      const right = box.right - left - 1280, bottom = box.bottom - top - 720;
      if (right > tolerance) say(element, `${Math.round(right)} px too wide`);
      if (bottom > tolerance) say(element, `${Math.round(bottom)} px too tall`);
      if (element.matches("pre, table, .cell, .headline") && element.scrollWidth > element.clientWidth + tolerance)
        say(element, `clipped by ${element.scrollWidth - element.clientWidth} px`);
      if (element.matches("img") && Math.max(box.width, box.height) < smallest) say(element, "a small picture");
      const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
      if (!own && !element.matches("img, mjx-container, pre")) continue;
      if (!element.matches("img")) {
        const size = parseFloat(getComputedStyle(element).fontSize) * (element.currentCSSZoom ?? 1);
        const small = element.closest("pre, code, .output") ? leastCode : least;
        if (size < small - 0.1) say(element, `letters of ${rounds(size)} px`);
        if (element.closest("pre, .output")) code = Math.min(code, size);
      }
      if (box.top - top > 100) continue;
      const range = document.createRange();
      range.selectNodeContents(element);
      const rects = element.matches("img") ? [box] : [...range.getClientRects()];
      if (rects.some((rect) => chrome.some((c) =>
        rect.right - left > c.left && rect.left - left < c.right && rect.bottom - top > c.top && rect.top - top < c.bottom)))
        say(element, "under the arrows");
    }
    const lists = slide.querySelector(".markdown ul, .markdown ol");
    const words = texts.reduce((sum, cell) => sum + count(plain(cell)), 0);
    const said = texts.map(plain).join(" ");
    const sight = slide.querySelector(".cell.code, .cell.output, .cell img, .cell table, .cell pre, .cell mjx-container[display=true], .cell ul, .cell ol");
    if (words > (lists ? mostInLists : mostWords)) say(texts[0], `${words} words`);
    if (!headline?.textContent.trim() || headline.textContent.trim().endsWith("…")) say(slide, "no headline");
    if (!cells.length && !opening) say(slide, "an empty slide");
    const stops = (said.match(/[.?!]["”)]?(?=\\s|$)|[。？！]/g) ?? []).length;
    if (cells.length && !sight && stops < 2 && !/[?？]/.test(said) && !opening) say(cells[0], "one lonely sentence");
    const copies = texts.map((c) => c.cloneNode(true));
    copies.forEach((c) => c.querySelectorAll("code, pre, mjx-container").forEach((e) => e.remove()));
    if (copies.some((c) => c.textContent.includes("$"))) say(cells[0], "a formula that is not set");
    all.push({
      words, code, h, v: v ?? 0,
      picture: !!slide.querySelector(".cell img"),
      notes: !!slide.querySelector("aside.notes"),
      problems: [...new Set(problems)],
    });
  }
  style.remove();
  return all;
}
"""


@dataclass
class Figures:
    """What the slides of one or more decks come to."""

    slides: list[dict]

    @property
    def words(self) -> float:
        """The median of words of text on a slide."""
        return median(slide["words"] for slide in self.slides)

    def share(self, key: str) -> float:
        return sum(slide[key] for slide in self.slides) / len(self.slides)

    @property
    def code(self) -> float:
        """Pixels of the smallest code or output, of 720."""
        return min((slide["code"] for slide in self.slides if slide["code"]), default=float("nan"))

    def __str__(self) -> str:
        return (
            f"{len(self.slides):4} slides, {self.words:3.0f} words, picture {self.share('picture'):4.0%}, "
            f"notes {self.share('notes'):4.0%}, code {self.code:.0f} px"
        )


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


def measure(page, sheet: Path | None = None) -> tuple[Figures, list[str]]:
    """The figures of the open deck, and a line for each thing that is wrong with a slide."""
    limits = [TEXT, CODE, TOLERANCE, MOST_WORDS, MOST_IN_LISTS, SMALLEST_PICTURE]
    slides = page.evaluate(MEASURE, limits)
    for number, slide in enumerate(slides, start=1):
        if sheet:
            page.evaluate("([h, v]) => Reveal.slide(h, v, 1e9)", [slide["h"], slide["v"]])
            page.screenshot(path=sheet / f"{number:03}.png")
    return Figures(slides), [problem for slide in slides for problem in slide["problems"]]


def main() -> None:
    from browser import browser

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="save a picture of each slide here")
    options = parser.parse_args()
    wrong, every = [], Figures([])
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        for notebook in options.notebooks or chapters():
            try:
                deck = make(notebook, Path(folder))
            except (OSError, ValueError) as error:
                wrong.append(f"{notebook.stem}: {error}")
                print(wrong[-1])
                continue
            page = chromium.new_page(viewport={"width": 1280, "height": 720})
            errors = open_deck(page, deck)
            sheet = options.sheet / notebook.stem if options.sheet else None
            if sheet:
                sheet.mkdir(parents=True, exist_ok=True)
            figures, found = measure(page, sheet)
            page.close()
            found += errors
            every.slides += figures.slides
            print(f"{notebook.stem:28} {figures}, {len(found)} problems", flush=True)
            wrong += [f"{notebook.stem}, {line}" for line in found]
    if every.slides:
        print(f"{'all':28} {every}, {len(wrong)} problems")
    print(*wrong, sep="\n")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
