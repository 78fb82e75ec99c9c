"""Plots are compared by what they show: each mistake that pixels let pass is noticed here."""

import runpy
from pathlib import Path

import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook

import refresh
import replay

drawn = runpy.run_path(str(Path(__file__).parent / "no_network" / "drawn.py"))
STEPS = np.arange(50.0)
FALLING, SLOWER = np.exp(-STEPS / 10), np.exp(-STEPS / 30)


def figure(
    curves=(("a", FALLING), ("b", SLOWER)),
    labels=None,
    title="loss",
    x="step",
    y="loss",
    scale="linear",
    bars=(3, 1, 2),
):
    """Two curves with a legend, bars and a picture."""
    made = Figure()
    left, middle, right = made.subplots(1, 3)
    for name, values in curves:
        left.plot(STEPS[: len(values)], values, label=name)
    left.set(title=title, xlabel=x, ylabel=y, yscale=scale)
    left.legend(labels) if labels else left.legend()
    middle.bar(["x", "y", "z"][: len(bars)], bars)
    right.imshow(np.eye(3))
    return drawn["described"](made)


@pytest.mark.parametrize(
    "change",
    [
        {"curves": (("b", SLOWER), ("a", FALLING))},  # another colour each
        {"curves": (("b", FALLING), ("a", SLOWER))},  # the names exchanged
        {"labels": ["b", "a"]},  # the same in the legend alone
        {"curves": (("a", FALLING),)},  # one left out
        {"curves": (("a", FALLING), ("b", FALLING))},  # both the same
        {"curves": (("a", FALLING), ("b", SLOWER[:40]))},  # fewer steps
        {"curves": (("a", FALLING), ("b", SLOWER + 0.05))},
        {"title": "accuracy"},
        {"x": "loss", "y": "step"},
        {"scale": "log"},
        {"bars": (1, 3, 2)},
        {"bars": (3, 1)},
    ],
)
def test_a_change_is_noticed(change):
    assert replay.drawn_difference(figure(), figure(**change), {})


def test_what_differs_between_processors_is_not():
    assert replay.drawn_difference(figure(), figure(), {}) is None
    near = {"curves": (("a", FALLING), ("b", SLOWER + 0.0005))}
    assert replay.drawn_difference(figure(), figure(**near), {}) is None
    wider = {"curves": (("a", FALLING), ("b", SLOWER + 0.05))}
    assert replay.drawn_difference(figure(), figure(**wider), {"drawn": 0.08}) is None
    assert "off is allowed" in replay.drawn_difference(figure(), figure(**wider), {"drawn": 0.03})


def test_a_flat_curve_is_compared_by_the_span_of_its_chart():
    """It has hardly a span of its own; a fifth of the chart's, 1 here, counts for it."""

    def difference(moved, *others):
        flat = np.full(50, 0.1)
        charts = [figure((("flat", flat + shift), *others)) for shift in (0, moved)]
        return replay.drawn_difference(*charts, {"drawn": 0.1})

    assert difference(0.015, ("a", FALLING)) is None
    assert "off is allowed" in difference(0.025, ("a", FALLING))
    assert "off is allowed" in difference(0.015)  # alone in its chart


def test_numbers_in_titles_follow_the_tags():
    assert replay.drawn_difference(figure(title="0.812 right"), figure(title="0.815 right"), {})
    assert (
        replay.drawn_difference(figure(title="0.812 right"), figure(title="0.815 right"), {"atol": 0.01})
        is None
    )


SOURCE = """
import matplotlib.pyplot as plt

for name, values in {"a": [1, 2, 4], "b": [1, 3, 9]}.items():
    plt.plot(values, label=name)
plt.legend()
plt.show()
"""


def test_a_page_keeps_what_its_plots_show(tmp_path):
    """Through a kernel: stored beside the picture, and compared there."""
    cell = new_code_cell(
        SOURCE.strip(), metadata={"slideshow": {"slide_type": "slide"}, "tags": ["pixels=0.02"]}
    )
    path = tmp_path / "plot.ipynb"
    nbformat.write(new_notebook(cells=[cell], metadata=refresh.METADATA), path)
    assert refresh.refresh(path).endswith("stored")
    (stored,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert '"label": "b"' in stored.metadata.drawn
    assert refresh.refresh(path).endswith("unchanged")

    page = nbformat.read(path, as_version=4)
    page.cells[0].source = page.cells[0].source.replace(
        '{"a": [1, 2, 4], "b": [1, 3, 9]}', '{"b": [1, 2, 4], "a": [1, 3, 9]}'
    )
    nbformat.write(page, path)
    assert refresh.refresh(path).endswith("stored")
    (other,) = nbformat.read(path, as_version=4).cells[0].outputs
    given = {"pixels": 0.02}
    assert replay.picture_difference(stored.data["image/png"], other.data["image/png"], given) is None, (
        "by pixels alike"
    )
    assert "legend" in replay.outputs_difference([stored], [other], given)
    del stored.metadata["drawn"]
    assert "tests/refresh.py" in replay.outputs_difference([stored], [other], given)
