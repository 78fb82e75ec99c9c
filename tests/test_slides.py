"""The slide decks: self-contained, and every slide fits on 1280 x 720 (in a browser, where there is one)."""

import re
import subprocess
import sys
from collections import Counter, defaultdict
from html import unescape
from pathlib import Path

import nbformat
import pytest

import decks
import fits
import replay
from browser import browser

LECTURES = replay.chapters()
every_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)


class Once(dict):
    """What `make` gives for each chapter, made once."""

    def __init__(self, make):
        self.make = make

    def __missing__(self, stem: str):
        self[stem] = self.make(stem)
        return self[stem]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All decks, by chapter."""
    folder = tmp_path_factory.mktemp("decks")
    return Once(lambda stem: decks.make(decks.NOTEBOOKS / f"{stem}.ipynb", folder))


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    yield page
    page.close()


@pytest.fixture(scope="module")
def looked_at(made, chromium):
    """For each chapter the figures of its deck and what is wrong with its slides."""
    page = chromium.new_page(viewport={"width": 1280, "height": 720})

    def look(stem: str) -> tuple[fits.Figures, list[str]]:
        errors = fits.open_deck(page, made[stem])
        figures, wrong = fits.measure(page)
        return figures, errors + wrong

    yield Once(look)
    page.close()


def words_of(html: str) -> Counter:
    """The words of a piece of HTML, without its marks."""
    html = re.sub(r"<(?:script|style)>.*?</(?:script|style)>", " ", html, flags=re.DOTALL)
    return Counter(re.findall(r"\w+", unescape(re.sub(r"<[^>]+>", " ", html)).lower()))


@every_lecture
def test_a_deck_needs_nothing_from_elsewhere(path, made):
    html = made[path.stem].read_text(encoding="utf-8")
    without_scripts = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert re.findall(r"<(?:script|link)[^>]+(?:src|href)=", html) == []
    assert not re.search(
        r"@import|url\((?!['\"]?data:)", "".join(re.findall(r"<style>.*?</style>", html, re.DOTALL))
    )
    pictures = re.findall(r'<img[^>]*\ssrc="([^"]{0,20})', without_scripts)
    assert all(src.startswith("data:") for src in pictures)
    assert len(re.findall(r'<img[^>]*\salt="[^"]{10,}"', without_scripts)) == len(pictures)


@every_lecture
def test_nothing_of_a_chapter_is_lost(path, made):
    """Each word of its text stands on a slide or in the notes; code does but for plots and exercises, and outputs do."""
    deck = decks.Deck(path)
    headlines, pieces = Counter(), defaultdict(str)
    for piece in (piece for stack in deck.stacks for section in stack for piece in section):
        if name := re.match(r'<(?:div|aside) [^>]*data-cell="([\w-]+)"', piece):
            pieces[name[1]] += piece
        else:
            headlines += words_of(piece)
    for cell in deck.nb.cells:
        if cell.metadata.slideshow.slide_type == "skip":
            continue
        if cell.cell_type == "markdown":
            missing = words_of(deck.markdown(cell.source)) - words_of(pieces[cell.id]) - headlines
            assert not missing, (cell.id, missing)
        elif "check(" not in cell.source:
            shown = unescape(re.sub(r"<[^>]+>", "", pieces[cell.id]))
            code = [] if "plot" in cell.metadata.get("tags", []) else cell.source.split()
            assert [word for word in code if word not in shown] == [], cell.id
            assert pieces[cell.id].count("cell output") == len(cell.outputs), cell.id
            if alt := cell.metadata.get("alt"):
                assert unescape(pieces[cell.id]).count(f'alt="{unescape(alt)}"') == 1, cell.id


@every_lecture
def test_links_lead_to_decks(path, made):
    html = re.sub(r"<script>.*?</script>", "", made[path.stem].read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r'href="([^"#]+)', html):
        if target.startswith("http"):
            continue
        deck = decks.DECKS / target
        assert target in {f"{other.stem}.html" for other in LECTURES} or deck.resolve().exists(), target


@every_lecture
def test_every_slide_can_be_read(path, looked_at):
    figures, wrong = looked_at[path.stem]
    assert len(figures.slides) > 10
    assert wrong == []
    assert figures.code >= fits.CODE


def test_the_course_as_a_talk(looked_at):
    """Few words, pictures, and something to say. Three slides in ten should have a picture; so many chapters do not draw."""
    every = fits.Figures(
        [slide for figures, _ in (looked_at[path.stem] for path in LECTURES) for slide in figures.slides]
    )
    assert every.words <= 30, str(every)
    assert every.share("picture") >= 0.12, str(every)
    assert every.share("notes") >= 0.60, str(every)


SPOILT = {  # HTML of a slide, what is said of it
    '<h2 class="headline">a</h2><div class="cell markdown"><div style="width: 1500px; height: 20px">x</div></div>': "too wide",
    '<h2 class="headline">a</h2><div class="cell markdown"><div style="width: 20px; height: 2000px">x</div></div>': "too tall",
    '<h2 class="headline">a</h2><div class="cell markdown">a $x$ b. And c.</div>': "a formula that is not set",
    '<h2 class="headline">a</h2><div class="cell markdown" style="zoom: 0.9">A. B.</div>': "letters of 25.2 px",
    '<h2 class="headline">a</h2><div class="cell code"><pre style="font-size: 20px">x</pre></div>': "letters of 20 px",
    f'<h2 class="headline">a</h2><div class="cell markdown">{"word " * 50}</div>': "50 words",
    '<div class="cell markdown">One. Two.</div>': "no headline",
    '<h2 class="headline">The loop …</h2><div class="cell markdown">One. Two.</div>': "no headline",
    '<h2 class="headline">a</h2>': "an empty slide",
    '<h2 class="headline">a</h2><div class="cell markdown">One sentence.</div>': "one lonely sentence",
    '<h2 class="headline">a</h2><div class="cell markdown" style="position: absolute; right: 0; top: 0">A. B.</div>': "under the arrows",
    '<h2 class="headline">a</h2><div class="cell markdown">Why?</div><div class="cell output">7</div>': "stands there with its",
    '<h2 class="headline">a</h2><div class="cell output"><img style="width: 200px; height: 100px"></div>': "a small picture",
}


def test_the_check_sees_what_cannot_be_read(made, page):
    """Slides spoilt on purpose, and beside each a right one."""
    fits.open_deck(page, made["01_settings"])
    right = '<h2 class="headline">a</h2><div class="cell markdown">One. Two.</div>'
    page.evaluate(
        """(slides) => {
          document.querySelector(".slides").innerHTML =
            slides.map((slide) => `<section class="stack"><section>${slide}</section></section>`).join("");
          Reveal.sync();
        }""",
        [slide for bad in SPOILT for slide in (bad, right)],
    )
    _, found = fits.measure(page)
    for number, problem in enumerate(SPOILT.values()):
        lines = [line for line in found if line.startswith(f"slide {2 * number + 1},")]
        assert any(problem in line for line in lines), (problem, lines)
        assert not any(line.startswith(f"slide {2 * number + 2},") for line in found), found


def test_what_has_no_room_goes_to_the_notes(made, page):
    """The browser lays out: what it takes from a slide is still there, and a table goes on with its head."""
    html = made["09_convolution"].read_text(encoding="utf-8")
    cell = '<div class="cell markdown{}" data-cell="{}"><p>{}</p></div>'
    code = f'<div class="cell code" data-cell="b"><pre>{"x = 1<br>" * 18}</pre></div>'
    rows = "<tr><td>r</td></tr>" * 30
    table = f'<div class="cell markdown" data-cell="d"><table><thead><tr><th>H</th></tr></thead><tbody>{rows}</tbody></table></div>'
    extra = (
        "<section><section>"
        + '<h2 class="headline">Extra</h2>'
        + cell.format("", "a", "Lonely sentence. " + "Word " * 44)
    )
    extra += code + cell.format(" said", "c", "Afterwards " * 60) + table + "</section></section>"
    path = made["09_convolution"].with_name("extra.html")
    path.write_text(html.replace('<div class="slides">', f'<div class="slides">{extra}', 1), encoding="utf-8")
    assert fits.open_deck(page, path) == []
    laid_out = page.evaluate("document.querySelector('.slides').outerHTML")
    static = path.read_text(encoding="utf-8").partition('<div class="slides">')[2]
    formulas = set(re.findall(r"\w+", " ".join(re.findall(r"\$[^$]+\$", static)).lower()))
    missing = words_of(static.partition("<script>")[0]) - words_of(laid_out)
    assert {word for word in missing if word not in formulas} == set()
    slides = page.evaluate(
        """[...document.querySelectorAll("section section")].filter((s) => s.querySelector(".headline").textContent == "Extra")
           .map((s) => [s.querySelectorAll("thead").length, s.querySelectorAll("tbody tr").length,
                        [...s.querySelectorAll("aside")].map((a) => a.textContent).join(), s.querySelectorAll(".code").length])"""
    )
    assert sum(rows for _, rows, _, _ in slides) == 30
    assert all(head == 1 for head, rows, _, _ in slides if rows) and len(slides) >= 3
    assert any("Afterwards" in note and "Lonely" in note for _, _, note, _ in slides)


@pytest.mark.parametrize(
    "source, said, headline, shown, left",
    [
        ("## A\n\nOne. Two.", False, "A", ["One. Two."], []),
        ("**stride.** The step. Which?", False, "stride", ["The step. Which?"], []),
        ("A **bold** word. B.", False, "", ["A **bold** word. B."], []),
        (f"Begin. W{' w' * 33} end. Why `a. B`?", False, "", ["Begin. Why `a. B`?"], [f"W{' w' * 33} end."]),
        ("It fell. Then it rose.", True, "", ["It fell."], ["Then it rose."]),
        ("It fell.\n\n- a\n- b", True, "", ["It fell."], ["- a\n- b"]),
        ("By hand:\n\n$$ a. B $$", False, "", ["By hand:", "$$ a. B $$"], []),
        (
            "> **Often seen:** `a`. It fails. **Right:** `b`.",
            True,
            "",
            ["> **Often seen:** `a`. **Right:** `b`."],
            ["> It fails."],
        ),
        (
            "A.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |",
            False,
            "",
            ["A.", "| a | b |\n| --- | --- |\n| 1 | 2 |"],
            [],
        ),
        ("# 1 · B\n\nC.\n\nNext: [a](b.ipynb)", False, "1 · B", ["C."], ["Next: [a](b.ipynb)"]),
        ("第一句。第二句？", False, "", ["第一句。第二句？"], []),
        ("# 1 · 甲\n\n乙。\n\n下一章：[a](b.ipynb)", False, "1 · 甲", ["乙。"], ["下一章：[a](b.ipynb)"]),
    ],
)
def test_the_rule(source, said, headline, shown, left):
    part = decks.divide(source, said)
    assert (part.headline, part.shown, part.left) == (headline, shown, left)


def test_long_code_goes_on_between_statements():
    source = "\n".join(f"def f{i}():\n    a = {i}\n    return a\n\n" for i in range(12))
    pieces = decks.chunks(source)
    assert "\n".join(pieces).split() == source.split()
    assert all(piece.startswith("def") and piece.count("\n") < decks.CODE_LINES for piece in pieces)
    magic = "\n".join(["%matplotlib inline"] + ["x = 1"] * 50)
    assert "\n".join(decks.chunks(magic)) == magic


def test_chapters_in_another_language(tmp_path, monkeypatch):
    """Decks in a folder of their own, with their language."""
    monkeypatch.setattr(decks, "DECKS", tmp_path / "decks")
    monkeypatch.setattr(decks, "NOTEBOOKS", tmp_path)
    folder = tmp_path / "zh"
    folder.mkdir()
    (folder / "01_settings.ipynb").write_bytes(replay.chapters()[1].read_bytes())
    monkeypatch.setattr(sys, "argv", ["decks.py", "--language", "zh"])
    decks.main()
    (made,) = (tmp_path / "decks").rglob("*.html")
    assert made == tmp_path / "decks" / "zh" / "01_settings.html"
    html = made.read_text(encoding="utf-8")
    assert '<html lang="zh">' in html


def test_pictures_of_another_edition_are_inside(tmp_path):
    """The Chinese chapters lie one folder below the pictures."""
    notebook = decks.NOTEBOOKS / "zh" / "09_convolution.ipynb"
    assert "](../images/" in notebook.read_text(encoding="utf-8")
    html = decks.make(notebook, tmp_path, "zh").read_text(encoding="utf-8")
    assert "images/09_" not in html and html.count("data:image/svg+xml") >= 2


def test_a_request_is_noticed(made, page, tmp_path):
    path = tmp_path / "asks.html"
    html = made["01_settings"].read_text(encoding="utf-8")
    head, _, tail = html.rpartition("</body>")
    path.write_text(f'{head}<img src="http://127.0.0.1:9/x.png"></body>{tail}', encoding="utf-8")
    assert any("127.0.0.1:9" in line for line in fits.open_deck(page, path))


@every_lecture
def test_the_notes_fit_the_chapter(path):
    """Each section of a chapter has its minutes, which add up; each note belongs to a cell that is on a slide."""
    cells = nbformat.read(path, as_version=4).cells
    found = decks.notes(path.stem)
    kinds = {cell.id: cell.metadata.slideshow.slide_type for cell in cells}
    assert [name for name in found if kinds.get(name, "skip") == "skip"] == []
    assert list(found) == [name for name in kinds if name in found], "in the chapter's order"
    sections = [
        cell.id
        for cell in cells
        if cell.cell_type == "markdown" and re.search(r"^##? (?!Exercises$)", cell.source, re.MULTILINE)
    ]
    assert [name for name, (minutes, _) in found.items() if minutes] == sections
    teach = int(re.search(r"^\| (\d+) \|", cells[0].source, re.MULTILINE)[1])
    assert sum(minutes or 0 for minutes, _ in found.values()) == teach
    assert found["opening"][1] and sum(bool(text) for _, text in found.values()) >= 3


def test_notes_that_fit_nowhere_are_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(decks, "NOTES", tmp_path)
    (tmp_path / "01_settings.md").write_text(
        "# 1\n\n## opening · 2 minutes\n\na\n\n## gone\n\nb\n", encoding="utf-8"
    )
    with pytest.raises(ValueError, match="01_settings.md has notes for cells that are not there: gone"):
        decks.make(LECTURES[0].with_name("01_settings.ipynb"), tmp_path)
    for bad in ("## two words", "## opening\n\n## opening"):
        (tmp_path / "01_settings.md").write_text(f"# 1\n\n{bad}\n", encoding="utf-8")
        with pytest.raises(ValueError, match=r"a heading of 01_settings\.md"):
            decks.notes("01_settings")


def test_the_speaker_sees_the_notes(made, chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    fits.open_deck(page, made["09_convolution"])
    with context.expect_page() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    minutes, text = decks.notes("09_convolution")["opening"]
    first_words = " ".join(re.sub(r"[*`]", "", text).split()[:4])
    speaker.get_by_text(first_words).first.wait_for(timeout=20_000)
    shown = speaker.locator(".speaker-controls-notes").inner_text()
    assert re.search(rf"\b{minutes} minutes?\b.*{re.escape(first_words)}", shown, re.DOTALL), shown
    context.close()


def test_a_hand_out_can_be_printed(made, page):
    """Slides with their notes, on A4, within the margins."""
    deck = made["09_convolution"]
    pdf = decks.print_pdf(deck, decks.find_browser()).read_bytes()
    assert pdf.startswith(b"%PDF")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) < 15
    width, height = map(float, re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups())
    assert (round(width), round(height)) == (595, 842)
    between = round((210 - 2 * 13) / 25.4 * 96)  # pixels between the margins
    page.set_viewport_size({"width": between, "height": 1000})
    fits.open_deck(page, deck, "?hand-out")
    page.emulate_media(media="print")
    rows = page.evaluate(
        """[...document.querySelectorAll(".row")].map((row) => [
             row.querySelector(".page").getBoundingClientRect().height, row.querySelector(".beside").textContent.length,
             Math.max(...[...row.querySelectorAll("*")].map((e) => e.getBoundingClientRect().right))])"""
    )
    assert all(50 < height < 300 and right <= between + 1 for height, _, right in rows)
    assert sum(length > 0 for _, length, _ in rows) > 0.6 * len(rows)


@pytest.mark.weekly
@every_lecture
def test_every_hand_out_is_short(path, made):
    pdf = decks.print_pdf(made[path.stem], decks.find_browser()).read_bytes()
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) < 15


def test_a_hand_out_that_is_cut_short_is_noticed(made, monkeypatch):
    """A browser may print before the deck is laid out: a page of nothing."""
    printed = []

    def print_one_page(command, **_):
        target = next(part for part in command if part.startswith("--print-to-pdf=")).partition("=")[2]
        Path(target).write_bytes(b"%PDF /Type /Page ")
        printed.append(target)
        return subprocess.CompletedProcess(command, 0, "", "too early")

    monkeypatch.setattr(decks.subprocess, "run", print_one_page)
    with pytest.raises(RuntimeError, match="printed 1 pages of 09_convolution.pdf"):
        decks.print_pdf(made["09_convolution"], "a browser")
    (path,) = printed
    assert not Path(path).exists()


def test_without_a_browser_the_hand_out_says_so(monkeypatch, capsys):
    monkeypatch.setattr(decks, "BROWSERS", ["no-such-browser"])
    monkeypatch.setattr(sys, "argv", ["decks.py", "--pdf"])
    with pytest.raises(SystemExit, match="needs Chromium, Chrome or Edge"):
        decks.main()


def test_a_missing_notebook_is_one_sentence(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["decks.py", "no-such.ipynb"])
    with pytest.raises(SystemExit, match=r"no-such\.ipynb"):
        decks.main()
