"""The slide decks: self-contained, and every slide fits on 1280 x 720 (in a browser, where there is one)."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

import decks
import fits
import replay
from browser import browser

LECTURES = replay.chapters()
every_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All decks, by chapter."""
    folder = tmp_path_factory.mktemp("decks")
    return {path.stem: decks.make(path, folder) for path in LECTURES}


@pytest.fixture(scope="module")
def chromium():
    with browser() as running:
        yield running


@every_lecture
def test_a_deck_needs_nothing_from_elsewhere(path, made):
    html = made[path.stem].read_text(encoding="utf-8")
    without_scripts = re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)
    assert re.findall(r"<(?:script|link)[^>]+(?:src|href)=", html) == []
    assert not re.search(
        r"@import|url\((?!['\"]?data:)", "".join(re.findall(r"<style>.*?</style>", html, re.DOTALL))
    )
    assert all(
        src.startswith("data:") for src in re.findall(r'<img[^>]*\ssrc="([^"]{0,20})', without_scripts)
    )
    cells = nbformat.read(path, as_version=4).cells
    for cell in cells:
        kind = cell.metadata.slideshow.slide_type
        assert (f'data-cell="{cell.id}"' in html) == (kind != "skip"), cell.id
    assert without_scripts.count('<aside class="notes">') == len(decks.with_notes(cells, path.stem)) - len(
        cells
    )


@every_lecture
def test_links_lead_to_decks(path, made):
    html = re.sub(r"<script>.*?</script>", "", made[path.stem].read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r'href="([^"#]+)', html):
        if target.startswith("http"):
            continue
        deck = decks.DECKS / target
        assert target in {f"{other.stem}.html" for other in LECTURES} or deck.resolve().exists(), target


@every_lecture
def test_every_slide_fits(path, made, chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    try:
        errors = fits.open_deck(page, made[path.stem])
        count, found = fits.problems(page)
    finally:
        page.close()
    assert count > 10
    assert errors + found == []


def test_the_check_sees_what_does_not_fit(made, chromium, tmp_path):
    """Three slides spoilt on purpose."""
    html = made["01_settings"].read_text(encoding="utf-8")
    bad = '<section><section><div class="cell markdown" data-cell="{}">{}</div></section></section>'
    spoilt = bad.format("wide", '<div style="width: 1500px; height: 20px">x</div>')
    spoilt += bad.format("tall", '<div style="height: 2000px; width: 20px">x</div>') + bad.format(
        "raw", "a $x$ b"
    )
    path = tmp_path / "bad.html"
    path.write_text(
        html.replace('<div class="slides">', f'<div class="slides">{spoilt}', 1), encoding="utf-8"
    )
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    errors = fits.open_deck(page, path)
    _, found = fits.problems(page)
    page.close()
    assert errors == []
    for name, problem in [("wide", "too wide"), ("tall", "shrunk to"), ("raw", "a formula that is not set")]:
        assert any(name in line and problem in line for line in found), (name, found)


def test_a_request_is_noticed(made, chromium, tmp_path):
    path = tmp_path / "asks.html"
    html = made["01_settings"].read_text(encoding="utf-8")
    head, _, tail = html.rpartition("</body>")
    path.write_text(f'{head}<img src="http://127.0.0.1:9/x.png"></body>{tail}', encoding="utf-8")
    page = chromium.new_page()
    assert any("127.0.0.1:9" in line for line in fits.open_deck(page, path))
    page.close()


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
    _, text = decks.notes("09_convolution")["opening"]
    first_words = " ".join(re.sub(r"[*`]", "", text).split()[:4])
    speaker.get_by_text(first_words).first.wait_for(timeout=20_000)
    context.close()


def test_a_hand_out_can_be_printed(made, chromium):
    found = decks.find_browser()
    deck = made["01_settings"]
    pdf = decks.print_pdf(deck, found).read_bytes()
    page = chromium.new_page(viewport={"width": 1280, "height": 720})
    fits.open_deck(page, deck)
    slides = page.evaluate("Reveal.getTotalSlides()")
    page.close()
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    assert slides <= pages <= slides + 1


def test_a_hand_out_that_is_cut_short_is_noticed(made, monkeypatch):
    """A browser may print before the deck is laid out: a page of nothing."""
    printed = []

    def print_one_page(command, **_):
        target = next(part for part in command if part.startswith("--print-to-pdf=")).partition("=")[2]
        Path(target).write_bytes(b"%PDF /Type /Page ")
        printed.append(target)
        return subprocess.CompletedProcess(command, 0, "", "too early")

    monkeypatch.setattr(decks.subprocess, "run", print_one_page)
    with pytest.raises(RuntimeError, match="printed 1 pages of 01_settings.pdf"):
        decks.print_pdf(made["01_settings"], "a browser")
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
