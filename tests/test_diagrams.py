"""The diagrams: as their script draws them, each shown by a chapter with a description."""

import re

import matplotlib
import nbformat
import pytest

import diagrams
import replay

NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
SHOWN = {
    target: alt
    for path in replay.chapters()
    for cell in nbformat.read(path, as_version=4).cells
    if cell.cell_type == "markdown"
    for alt, target in re.findall(r"!\[([^\]]*)\]\(images/(\w+)\.svg\)", cell.source)
}


@pytest.mark.parametrize("name", diagrams.DIAGRAMS)
def test_it_is_as_the_script_draws_it(name, tmp_path):
    """Another processor may round the last digit of a place otherwise."""
    stored = (diagrams.IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    fresh = diagrams.draw(name, tmp_path).read_text(encoding="utf-8")
    told = "python tests/diagrams.py"
    if matplotlib.__version__ not in stored:
        stored, fresh = (re.sub(r"Matplotlib v[\d.]+", "Matplotlib", text) for text in (stored, fresh))
    assert NUMBER.sub("#", stored) == NUMBER.sub("#", fresh), told
    places = [[float(number) for number in NUMBER.findall(text)] for text in (stored, fresh)]
    assert places[0] == pytest.approx(places[1], abs=0.01), told
    assert len(stored) < 200_000


@pytest.mark.parametrize("name", diagrams.DIAGRAMS)
def test_a_chapter_shows_and_describes_it(name):
    assert len(SHOWN.get(name, "")) > 60, "a description says what the diagram shows"
    assert any(path.name.startswith(name[:2]) for path in replay.chapters())


def test_no_diagram_is_left_over():
    assert {path.stem for path in diagrams.IMAGES.glob("*.svg")} == set(diagrams.DIAGRAMS)
    assert set(SHOWN) <= set(diagrams.DIAGRAMS)
