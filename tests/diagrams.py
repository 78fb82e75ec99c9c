"""Draws the course's diagrams: python tests/diagrams.py [NAME ...]    (default: all, into notebooks/images/NAME.svg)

One style for all: a colour for each kind of thing, the same arrows, letters as outlines so that no font is needed, and
a white ground, so that dark mode shows them too. A chapter shows a diagram by a Markdown image with a description.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

IMAGES = Path(__file__).resolve().parent.parent / "notebooks" / "images"

# The kinds of things, everywhere alike: a light colour to fill with, a dark one for lines and letters.
# What is none of them (two heads, three sequences, CPU and GPU) is A, B or C, so that it is not taken for one.
# The fills differ in lightness too: A, B and C can be told apart with any kind of colour blindness.
DATA = ("#d6e6f5", "#1f5f99")
WEIGHT = ("#fde3c8", "#a85b00")
ACTIVATION = ("#d8efd6", "#2d7a2a")
GRADIENT = ("#f9d5d5", "#b02a30")
A = ("#d9c8f2", "#6439a6")  # purple
B = ("#faf0a8", "#6e6000")  # yellow
C = ("#c4f0ec", "#00646b")  # turquoise
SHORTCUT = ("#f7d3ee", "#b0168f")  # pink: the direct path around a part
PLAIN = ("#eeeeee", "#444444")
EMPTY = ("#ffffff", "#9a9a9a")

STYLE = {
    "svg.fonttype": "path",
    "svg.hashsalt": "pytorch-cell-by-cell",  # or each run would name its parts otherwise
    "font.family": "DejaVu Sans",
    "font.size": 12,
    "figure.facecolor": "white",
}
DIAGRAMS: dict[str, Callable[[], Figure]] = {}


def diagram(function: Callable[[], Figure]) -> Callable[[], Figure]:
    """Register a drawing under its function's name without the leading underscore: _09_steps is 09_steps.svg."""
    DIAGRAMS[function.__name__.lstrip("_")] = function
    return function


# Parts


def canvas(width: float, height: float) -> tuple[Figure, Axes]:
    """An empty drawing; one unit is one inch, (0, 0) is at the bottom left."""
    figure = plt.figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(0, height))
    axes.axis("off")
    return figure, axes


def box(
    axes: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    text: str = "",
    kind=PLAIN,
    size=12,
    **options,
):
    """A rounded box with its lower left corner at (x, y)."""
    patch = FancyBboxPatch(
        (x, y),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.08",
        facecolor=kind[0],
        edgecolor=kind[1],
        linewidth=1.5,
        **options,
    )
    axes.add_patch(patch)
    label(axes, x + width / 2, y + height / 2, text, kind[1], size)


def label(axes: Axes, x: float, y: float, text: str, colour: str = "#222222", size: float = 12, **options):
    """Text with its middle at (x, y)."""
    options = {"ha": "center", "va": "center", "linespacing": 1.25} | options
    axes.text(x, y, text, color=colour, fontsize=size, **options)


def arrow(
    axes: Axes, start, end, colour: str = "#444444", bend: float = 0.0, dashed: bool = False, both=False
):
    """An arrow between two points; `bend` curves it."""
    axes.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="<|-|>" if both else "-|>",
            mutation_scale=13,
            color=colour,
            linewidth=1.5,
            connectionstyle=f"arc3,rad={bend}",
            linestyle="--" if dashed else "-",
            shrinkA=0,
            shrinkB=0,
        )
    )


def grid(
    axes: Axes, x: float, y: float, rows: int, columns: int, cell: float = 0.3, kind=DATA, texts=None, size=9
):
    """A sheet of cells, its lower left corner at (x, y); texts: what stands in the cells, row by row."""
    for row in range(rows):
        for column in range(columns):
            place = (x + column * cell, y + (rows - 1 - row) * cell)
            axes.add_patch(Rectangle(place, cell, cell, facecolor=kind[0], edgecolor=kind[1], linewidth=1))
            if texts is not None:
                label(axes, place[0] + cell / 2, place[1] + cell / 2, str(texts[row][column]), kind[1], size)


# Chapter 1


@diagram
def _01_device() -> Figure:
    figure, axes = canvas(9.2, 3.3)
    for x, kind, name, text in (
        (0.2, A, "CPU", "a few fast cores"),
        (5.9, B, "GPU", "thousands of small cores"),
    ):
        box(axes, x, 0.2, 3.1, 2.9, "", EMPTY)
        label(axes, x + 1.55, 2.8, f"{name}: {text}", kind[1], 11)
        label(axes, x + 1.55, 1.25, f"memory of the {name}", size=11)
    for i in range(4):
        grid(axes, 0.75 + 0.52 * i, 1.85, 1, 1, 0.42, A)
    grid(axes, 6.45, 1.65, 5, 13, 0.155, B)
    box(axes, 0.55, 0.45, 0.9, 0.5, "x", DATA, 13)
    box(axes, 2.05, 0.45, 0.9, 0.5, "y", DATA, 13)
    box(axes, 6.25, 0.45, 0.9, 0.5, "x", DATA, 13)
    box(axes, 7.75, 0.45, 0.9, 0.5, "y", DATA, 13)
    arrow(axes, (3.35, 1.15), (5.85, 1.15))
    label(axes, 4.6, 1.38, "x.to(device)", size=11)
    arrow(axes, (5.85, 0.5), (3.35, 0.5))
    label(axes, 4.6, 0.73, "y.cpu()", size=11)
    arrow(axes, (7.17, 0.7), (7.73, 0.7))
    arrow(axes, (3.35, 2.3), (5.85, 2.3), dashed=True)
    label(axes, 4.6, 2.55, "the order: 10 * x + 1", size=11)
    return figure


# Chapter 2


@diagram
def _02_matmul() -> Figure:
    figure, axes = canvas(9.2, 3.7)
    cell = 0.6
    a, b = [[1, 2, 3], [4, 5, 6]], [[1, 0], [0, 1], [2, 1]]
    product = [
        [sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a
    ]
    for x, y, name, kind, texts in (
        (1.5, 0.2, "a (2, 3)", DATA, a),
        (3.6, 1.6, "b (3, 2)", WEIGHT, b),
        (3.6, 0.2, "", ACTIVATION, product),
    ):
        grid(axes, x, y, len(texts), len(texts[0]), cell, kind, texts, 14)
        label(axes, x - 0.15, y + 0.3 * len(texts), name, kind[1], 12, ha="right")
    for x, y, width, height in ((1.5, 0.2, 3, 1), (3.6, 1.6, 1, 3), (3.6, 0.2, 1, 1)):
        axes.add_patch(
            Rectangle((x, y), width * cell, height * cell, fill=False, edgecolor="black", linewidth=3)
        )
    label(axes, 5.1, 0.8, "a @ b (2, 2)", ACTIVATION[1], 12, ha="left")
    label(axes, 5.1, 2.5, "row 1 of a times column 0 of b:", size=12, ha="left")
    label(axes, 5.1, 2.1, "4 · 1 + 5 · 0 + 6 · 2 = 16", size=12, ha="left")
    return figure


# Chapter 5


@diagram
def _05_join() -> Figure:
    figure, axes = canvas(9.2, 2.5)
    label(axes, 0.95, 2.25, "a, b (2, 3)", size=11)
    grid(axes, 0.5, 1.25, 2, 3, 0.3, A)
    grid(axes, 0.5, 0.45, 2, 3, 0.3, B)
    label(axes, 2.95, 2.25, "cat: (4, 3)", size=11)
    grid(axes, 2.5, 1.25, 2, 3, 0.3, A)
    grid(axes, 2.5, 0.65, 2, 3, 0.3, B)
    label(axes, 5.2, 2.25, "cat, dim=1: (2, 6)", size=11)
    grid(axes, 4.3, 0.95, 2, 3, 0.3, A)
    grid(axes, 5.2, 0.95, 2, 3, 0.3, B)
    label(axes, 7.9, 2.25, "stack: (2, 2, 3)", size=11)
    grid(axes, 7.6, 1.0, 2, 3, 0.3, B)
    grid(axes, 7.3, 0.75, 2, 3, 0.3, A)
    arrow(axes, (8.25, 0.55), (8.6, 0.84))
    label(axes, 7.9, 0.4, "new axis 0", size=10, ha="right")
    return figure


@diagram
def _05_strides() -> Figure:
    figure, axes = canvas(9.2, 3.9)
    cell, left, row = 0.7, 2.2, 1.6
    label(axes, 0.2, row + cell / 2, "one row of memory", ha="left", size=11)
    grid(axes, left, row, 1, 6, cell, DATA, [range(6)], 13)

    def step(start: int, length: int, above: bool, colour: str, bend: float):
        places = [left + cell * (start + 0.6), left + cell * (start + length + 0.4)]
        y = row + cell if above else row
        arrow(axes, (places[0], y), (places[1], y), colour, -bend if above else bend)

    for start in (0, 1, 3, 4):  # along a row of x
        step(start, 1, True, PLAIN[1], 0.6)
    step(0, 3, True, A[1], 0.45)  # to the next row
    for start in (0, 1, 2):
        step(start, 3, False, PLAIN[1], 0.45)
    for start in (0, 1):
        step(start, 1, False, A[1], 0.6)
    label(axes, 0.2, 3.3, "x: strides (3, 1)", ha="left", size=11)
    label(axes, 0.2, 0.6, "x.T: strides (1, 3)", ha="left", size=11)
    grid(axes, 7.4, 2.8, 2, 3, 0.45, DATA, [[0, 1, 2], [3, 4, 5]], 12)
    grid(axes, 7.4, 0.2, 3, 2, 0.45, DATA, [[0, 3], [1, 4], [2, 5]], 12)
    for bottom, top, right in ((2.8, 3.7, 8.75), (0.2, 1.55, 8.3)):
        arrow(axes, (7.4, top + 0.1), (right, top + 0.1), PLAIN[1])
        arrow(axes, (7.3, top), (7.3, bottom), A[1])
    label(axes, 7.0, 2.25, "grey: a step along a row", PLAIN[1], 10, ha="left")
    label(axes, 7.0, 1.95, "purple: a step down", A[1], 10, ha="left")
    return figure


@diagram
def _05_gather() -> Figure:
    figure, axes = canvas(9.2, 1.9)
    parts = [
        (0.6, "x", DATA, [[10, 11, 12], [20, 21, 22]]),
        (3.9, "index", PLAIN, [[2, 2], [0, 1]]),
        (7.0, "x.gather(1, index)", ACTIVATION, [[12, 12], [20, 21]]),
    ]
    for x, name, kind, texts in parts:
        columns = len(texts[0])
        label(axes, x + 0.25 * columns, 1.65, name, kind[1], 12)
        grid(axes, x, 0.35, 2, columns, 0.5, kind, texts, 13)
    for row in range(2):
        y = 1.1 - 0.5 * row
        label(axes, 3.0, y, f"row {row}: columns", size=10)
        arrow(axes, (5.05, y), (6.9, y))
    for column in range(3):
        label(axes, 0.85 + 0.5 * column, 0.18, str(column), size=9)
    return figure


# Chapter 6


@diagram
def _06_dataset() -> Figure:
    figure, axes = canvas(9.2, 3.3)
    label(axes, 1.45, 3.05, "files on the disk", size=11)
    for i, name in enumerate(("ants/a.jpg", "ants/b.jpg", "bees/c.jpg", "bees/d.jpg")):
        kind = ACTIVATION if i == 2 else PLAIN
        label(axes, 0.3, 2.55 - 0.55 * i, str(i), size=11)
        box(axes, 0.55, 2.35 - 0.55 * i, 1.8, 0.42, name, kind, 11)
    box(axes, 3.4, 0.55, 2.6, 2.2, "", DATA)
    label(axes, 4.7, 2.45, "data set", DATA[1], 12)
    label(axes, 4.7, 1.75, "__len__()", DATA[1], 11)
    label(axes, 4.7, 1.05, "__getitem__(idx)", DATA[1], 11)
    label(axes, 7.0, 2.98, "len(data)", size=11)
    arrow(axes, (6.4, 2.85), (5.4, 1.88))
    arrow(axes, (5.55, 1.75), (7.3, 1.75))
    label(axes, 7.5, 1.75, "4", size=12)
    label(axes, 4.7, 0.2, "data[2]", size=11)
    arrow(axes, (4.7, 0.32), (4.7, 0.88))
    arrow(axes, (2.4, 1.46), (3.85, 1.1))
    label(axes, 2.95, 1.6, "reads", size=10)
    arrow(axes, (5.75, 1.05), (6.5, 1.05))
    box(axes, 6.6, 0.8, 1.2, 0.5, "picture", ACTIVATION, 11)
    box(axes, 7.9, 0.8, 0.9, 0.5, "label 1", ACTIVATION, 11)
    label(axes, 7.7, 0.5, "one item", size=10)
    return figure


@diagram
def _06_ranges() -> Figure:
    figure, axes = canvas(9.2, 4.5)
    cell, left = 0.5, 2.9

    def row(y: float, name: str, indices, kinds) -> None:
        label(axes, 0.2, y + cell / 2, name, ha="left", size=11)
        for i, (index, kind) in enumerate(zip(indices, kinds, strict=True)):
            grid(axes, left + cell * i, y, 1, 1, cell, kind, [[index]], 11)

    train, val = [A] * 8, [B] * 4
    row(3.75, "train and val", range(8), train)
    for i in range(4):
        grid(axes, left + cell * (8.5 + i), 3.75, 1, 1, cell, B, [[i]], 11)
    row(2.75, "train + val\n(ConcatDataset)", range(12), train + val)
    for start, end in ((4, 4), (10.5, 10)):
        arrow(axes, (left + cell * start, 3.72), (left + cell * end, 3.3))
    row(1.6, "Subset(train, [4, 5, 6, 7])", [], [])
    for i in range(4):
        grid(axes, left + cell * (4 + i), 1.6, 1, 1, cell, A, [[i]], 11)
    label(axes, left + cell * 8.3, 1.85, "item 0 is item 4 of train", ha="left", size=10)
    row(0.55, "random_split", [], [])
    for i in range(8):
        kind = C if i in (1, 6) else A  # what seed 0 draws
        text = (1, 6).index(i) if i in (1, 6) else (4, 0, 7, 3, 2, 5).index(i)
        grid(axes, left + cell * i, 0.55, 1, 1, cell, kind, [[text]], 11)
    label(axes, left + cell * 8.3, 0.8, "two Subsets: 6 items, 2 items", ha="left", size=10)
    label(
        axes, 4.6, 0.2, "The number in a cell is the index that the new data set gives to the item.", size=10
    )
    return figure


# Chapter 7


@diagram
def _07_pipeline() -> Figure:
    figure, axes = canvas(9.2, 4.1)
    parts = [
        ("sampler", "which rows,\nin which order", PLAIN),
        ("data set", "one item\nfor each index", DATA),
        ("collate", "a list of items\nbecomes tensors", PLAIN),
        ("batch", "x (4, …), y (4,)", ACTIVATION),
    ]
    for i, (name, what, kind) in enumerate(parts):
        box(axes, 0.2 + 2.3 * i, 2.75, 1.75, 0.6, name, kind, 13)
        label(axes, 1.08 + 2.3 * i, 2.4, what, size=10)
        if i < 3:
            arrow(axes, (1.97 + 2.3 * i, 3.05), (2.48 + 2.3 * i, 3.05))
    for i, text in enumerate(("3, 0, 2, 1", "items 3, 0, 2, 1", "stacked")):
        label(axes, 2.22 + 2.3 * i, 3.62, text, size=10)
    label(axes, 0.2, 1.75, "no workers", ha="left", size=11)
    label(axes, 0.2, 0.95, "2 workers", ha="left", size=11)
    for i in range(3):
        box(axes, 1.5 + 1.7 * i, 1.55, 0.9, 0.36, f"load {i}", DATA, 10)
        box(axes, 2.43 + 1.7 * i, 1.55, 0.7, 0.36, f"use {i}", ACTIVATION, 10)
    for worker in range(2):
        for i in range(2):
            box(axes, 1.5 + 0.95 * i, 0.95 - 0.42 * worker, 0.9, 0.36, f"load {2 * i + worker}", DATA, 10)
    for i in range(4):
        box(axes, 2.43 + 0.74 * i, 0.1, 0.7, 0.36, f"use {i}", ACTIVATION, 10)
    arrow(axes, (7.0, 0.28), (8.9, 0.28))
    label(axes, 8.0, 0.5, "time", size=10)
    return figure


# Chapter 8


@diagram
def _08_tree() -> Figure:
    figure, axes = canvas(9, 4.0)
    box(axes, 3.5, 3.3, 2.0, 0.5, "Net (nn.Module)", PLAIN, 12)
    for x, name in ((1.2, "body (Sequential)"), (5.8, "head (Linear)")):
        box(axes, x, 2.25, 2.0, 0.5, name, PLAIN, 11)
        arrow(axes, (4.5, 3.28), (x + 1.0, 2.78))
    for x, name in ((0.2, "body.0 (Linear)"), (2.35, "body.1 (BatchNorm1d)")):
        box(axes, x, 1.25, 2.0, 0.5, name, PLAIN, 10)
        arrow(axes, (2.2, 2.23), (x + 1.0, 1.78))
    leaves = [
        (0.15, "weight", WEIGHT),
        (1.2, "bias", WEIGHT),
        (2.3, "weight", WEIGHT),
        (3.25, "running_mean, …", DATA),
        (5.85, "weight", WEIGHT),
        (6.95, "bias", WEIGHT),
    ]
    for x, name, kind in leaves:
        width = 1.35 if name.startswith("running") else 0.85
        box(axes, x, 0.45, width, 0.4, name, kind, 10)
    for start, end in (
        ((1.0, 1.23), (0.57, 0.87)),
        ((1.4, 1.23), (1.62, 0.87)),
        ((3.1, 1.23), (2.75, 0.87)),
        ((3.6, 1.23), (3.9, 0.87)),
        ((6.6, 2.23), (6.3, 0.87)),
        ((7.0, 2.23), (7.35, 0.87)),
    ):
        arrow(axes, start, end)
    label(axes, 8.0, 3.6, "parameter: trained", WEIGHT[1], 10)
    label(axes, 8.0, 3.3, "buffer: kept, not trained", DATA[1], 10)
    label(
        axes,
        4.5,
        0.12,
        ".to(device) moves all leaves · .eval() sets the mode of each grey box · .parameters() gives the orange ones",
        size=9.5,
    )
    return figure


# Chapter 9


@diagram
def _09_steps() -> Figure:
    figure, axes = canvas(9.5, 5.4)
    width = 1.1  # of a picture, with its padding
    rows = [
        ("stride=1", 5, 0, 1, 1),
        ("stride=2", 5, 0, 1, 2),
        ("padding=1", 5, 1, 1, 1),
        ("dilation=2", 5, 0, 2, 1),
    ]
    for r, (name, side, padding, dilation, stride) in enumerate(rows):
        bottom = 4.15 - 1.35 * r
        whole = side + 2 * padding
        cell = width / whole
        reach = dilation * 2 + 1
        starts = list(range(0, whole - reach + 1, stride))
        size = len(starts)
        label(axes, 0.1, bottom + width / 2, f"{name}\noutput {size} × {size}", size=19, ha="left")
        for s, start in enumerate(starts):
            left = 2.15 + 1.55 * s
            for i in range(whole):
                for j in range(whole):
                    inside = padding <= i < side + padding and padding <= j < side + padding
                    under = (
                        i % dilation == 0
                        and i < reach
                        and (j - start) % dilation == 0
                        and 0 <= j - start < reach
                    )
                    kind = WEIGHT if under else DATA if inside else EMPTY
                    place = (left + j * cell, bottom + (whole - 1 - i) * cell)
                    look = {"facecolor": kind[0], "edgecolor": kind[1], "linewidth": 0.8}
                    axes.add_patch(Rectangle(place, cell, cell, **look))
            if s + 1 < size:
                arrow(axes, (left + 1.15, bottom + width / 2), (left + 1.5, bottom + width / 2))
    return figure


@diagram
def _09_channels() -> Figure:
    figure, axes = canvas(9.2, 4.2)
    for i in range(3):
        grid(axes, 0.3 + 0.25 * i, 1.3 + 0.25 * i, 5, 5, 0.26, DATA)
    label(axes, 1.2, 0.75, "input: 3 channels\n(N, 3, 5, 5)", size=11)
    for k in range(2):
        bottom = 2.45 - 1.75 * k
        for i in range(3):
            grid(axes, 3.5 + 0.95 * i, bottom, 3, 3, 0.26, WEIGHT)
            if i < 2:
                label(axes, 4.36 + 0.95 * i, bottom + 0.39, "+", size=13)
        label(axes, 4.85, bottom + 1.0, f"kernel {k}: 3 sheets", WEIGHT[1], 11)
        grid(axes, 7.6, bottom, 3, 3, 0.26, ACTIVATION)
        label(axes, 8.0, bottom + 1.0, f"map {k}", ACTIVATION[1], 11)
        arrow(axes, (2.25, 2.2), (3.4, bottom + 0.4))
        arrow(axes, (6.35, bottom + 0.4), (7.5, bottom + 0.4))
    label(axes, 4.85, 0.25, "weight (2, 3, 3, 3)", WEIGHT[1], 11)
    label(axes, 8.0, 0.25, "output (N, 2, 3, 3)", ACTIVATION[1], 11)
    return figure


# Chapter 13


@diagram
def _13_unrolled() -> Figure:
    figure, axes = canvas(9.2, 3.0)
    box(axes, 0.5, 1.1, 1.0, 0.7, "cell", WEIGHT, 13)
    label(axes, 1.0, 0.45, "x", DATA[1], 13)
    label(axes, 1.0, 2.55, "output", ACTIVATION[1], 12)
    arrow(axes, (1.0, 0.65), (1.0, 1.07))
    arrow(axes, (1.0, 1.83), (1.0, 2.35))
    arrow(axes, (1.52, 1.6), (1.52, 1.25), bend=-1.6)
    label(axes, 2.0, 1.85, "h", ACTIVATION[1], 12)
    label(axes, 2.55, 1.45, "=", size=20)
    for i in range(4):
        left = 3.5 + 1.45 * i
        box(axes, left, 1.1, 0.9, 0.7, "cell", WEIGHT, 12)
        label(axes, left + 0.45, 0.45, f"$x_{i + 1}$", DATA[1], 14)
        label(axes, left + 0.45, 2.55, f"$h_{i + 1}$", ACTIVATION[1], 14)
        arrow(axes, (left + 0.45, 0.65), (left + 0.45, 1.07))
        arrow(axes, (left + 0.45, 1.83), (left + 0.45, 2.33))
        arrow(axes, (left - 0.53, 1.45), (left - 0.03, 1.45), ACTIVATION[1])
    label(axes, 2.85, 1.8, "$h_0$", ACTIVATION[1], 13)
    label(axes, 6.1, 0.1, "the same weights in each step", WEIGHT[1], 10)
    return figure


def _gate(axes: Axes, x: float, y: float, text: str) -> None:
    """A gate, a circle with a multiplication sign, and its name."""
    axes.plot(
        [x],
        [y],
        "o",
        markersize=20,
        markerfacecolor="white",
        markeredgecolor=A[1],
        markeredgewidth=1.5,
    )
    label(axes, x, y, "×", A[1], 14)
    if text:
        label(axes, x, y - 0.62, text, A[1], 12)
        arrow(axes, (x, y - 0.45), (x, y - 0.19), A[1])


def _frame(axes: Axes, height: float) -> None:
    """The border of a recurrent cell."""
    axes.add_patch(
        FancyBboxPatch(
            (1.3, 0.75),
            6.6,
            height,
            boxstyle="round,pad=0,rounding_size=0.2",
            facecolor="#fafafa",
            edgecolor=PLAIN[1],
            linewidth=1.2,
        )
    )


def _plus(axes: Axes, x: float, y: float) -> None:
    """A circle with a plus sign."""
    axes.plot(
        [x], [y], "o", markersize=20, markerfacecolor="white", markeredgecolor="#444444", markeredgewidth=1.5
    )
    label(axes, x, y, "+", size=14)


@diagram
def _13_lstm() -> Figure:
    figure, axes = canvas(9.2, 4.05)
    _frame(axes, 3.0)
    top, rail = 3.25, 1.0
    label(axes, 0.7, top, "$c_{t-1}$", ACTIVATION[1], 14)
    label(axes, 8.5, top, "$c_t$", ACTIVATION[1], 14)
    arrow(axes, (1.0, top), (2.2, top), ACTIVATION[1])
    _gate(axes, 2.4, top, "forget f")
    arrow(axes, (2.6, top), (3.95, top), ACTIVATION[1])
    _plus(axes, 4.15, top)
    arrow(axes, (4.35, top), (8.25, top), ACTIVATION[1])
    _gate(axes, 4.15, 2.3, "input i")
    arrow(axes, (4.15, 2.5), (4.15, 3.05), ACTIVATION[1])
    box(axes, 5.0, 2.1, 1.05, 0.42, "g = tanh", WEIGHT, 11)
    arrow(axes, (5.0, 2.31), (4.37, 2.31))
    box(axes, 6.3, 2.6, 0.8, 0.4, "tanh", PLAIN, 11)
    arrow(axes, (6.7, 3.23), (6.7, 3.02), ACTIVATION[1])
    _gate(axes, 6.7, 2.0, "output o")
    arrow(axes, (6.7, 2.58), (6.7, 2.2), ACTIVATION[1])
    arrow(axes, (6.9, 2.0), (8.25, 2.0), ACTIVATION[1])
    label(axes, 8.55, 2.0, "$h_t$", ACTIVATION[1], 14)
    label(axes, 0.65, rail, "$x_t$, $h_{t-1}$", DATA[1], 14)
    axes.plot([1.15, 6.7], [rail, rail], color=DATA[1], linewidth=1.5)
    for x, y in ((2.4, 2.48), (4.15, 1.53), (5.52, 2.08), (6.7, 1.23)):  # to f, i, g, o
        arrow(axes, (x, rail), (x, y), DATA[1])
    label(
        axes,
        4.6,
        0.4,
        "f, i, o and g are each computed from x and h; f, i, o lie between 0 (shut) and 1 (open)",
        size=10.5,
    )
    return figure


@diagram
def _13_gru() -> Figure:
    figure, axes = canvas(9.2, 3.3)
    _frame(axes, 2.25)
    label(axes, 0.75, 2.6, "$h_{t-1}$", ACTIVATION[1], 14)
    label(axes, 8.5, 2.6, "$h_t$", ACTIVATION[1], 14)
    arrow(axes, (1.1, 2.6), (4.6, 2.6), ACTIVATION[1])
    _gate(axes, 4.8, 2.6, "update z")
    arrow(axes, (5.0, 2.6), (6.55, 2.6), ACTIVATION[1])
    _plus(axes, 6.75, 2.6)
    arrow(axes, (6.95, 2.6), (8.2, 2.6), ACTIVATION[1])
    arrow(axes, (2.2, 2.6), (2.2, 1.72), ACTIVATION[1])
    _gate(axes, 2.2, 1.52, "")
    label(axes, 1.78, 1.8, "reset r", A[1], 11)
    label(axes, 2.5, 2.1, "$W h$", ACTIVATION[1], 12)
    arrow(axes, (2.4, 1.52), (3.2, 1.52), ACTIVATION[1])
    box(axes, 3.25, 1.3, 1.1, 0.44, "n = tanh", WEIGHT, 11)
    arrow(axes, (4.37, 1.52), (6.55, 1.52))
    _gate(axes, 6.75, 1.52, "")
    label(axes, 7.35, 1.52, "1 − z", A[1], 12)
    arrow(axes, (6.75, 1.72), (6.75, 2.4), ACTIVATION[1])
    label(axes, 0.75, 1.0, "$x_t$", DATA[1], 14)
    arrow(axes, (1.0, 1.0), (3.5, 1.27), DATA[1])
    label(axes, 4.6, 0.4, "z near 1 keeps the old state, z near 0 takes the new proposal n", size=10.5)
    return figure


@diagram
def _13_packing() -> Figure:
    figure, axes = canvas(9.2, 2.7)
    rows = [("1234", A), ("56", B), ("789", C)]
    label(axes, 1.9, 2.4, "padded (N, L)", size=12)
    for row, (texts, kind) in enumerate(rows):
        for step in range(4):
            real = step < len(texts)
            text = texts[step] if real else "0"
            grid(axes, 0.9 + 0.5 * step, 1.6 - 0.5 * row, 1, 1, 0.46, kind if real else EMPTY, [[text]], 13)
    for step in range(4):
        label(axes, 1.13 + 0.5 * step, 0.35, f"step {step}", size=8.5)
    arrow(axes, (3.2, 1.3), (3.9, 1.3))
    label(axes, 6.5, 2.4, "packed: data", size=12)
    left = 4.1
    for step, group in enumerate(((0, 2, 1), (0, 2, 1), (0, 2), (0,))):
        for place, row in enumerate(group):
            texts, kind = rows[row]
            grid(axes, left + 0.48 * place, 1.1, 1, 1, 0.46, kind, [[texts[step]]], 13)
        label(axes, left + 0.24 * len(group), 1.75, f"step {step}", size=8.5)
        label(axes, left + 0.24 * len(group), 0.75, str(len(group)), size=13)
        left += 0.48 * len(group) + 0.18
    label(axes, 6.4, 0.35, "batch_sizes: how many sequences still have this step", size=10)
    return figure


# Chapter 14


@diagram
def _14_attention() -> Figure:
    figure, axes = canvas(9.4, 3.7)
    for name, top, kind in (("Q", 2.75, DATA), ("K", 1.45, DATA), ("V", 0.15, DATA)):
        grid(axes, 0.7, top, 3, 4, 0.24, kind)
        label(axes, 0.4, top + 0.36, name, kind[1], 14)
    label(axes, 1.2, 3.55, "3 steps, 4 numbers each", size=9.5)
    grid(
        axes,
        3.1,
        2.1,
        3,
        3,
        0.34,
        PLAIN,
        [["1.9", ".7", "-.1"], ["-.6", "1.5", "-.6"], [".2", ".2", ".5"]],
        10,
    )
    label(axes, 3.6, 1.8, "scores\n$QK^T / \\sqrt{d}$", size=11, va="top")
    arrow(axes, (1.75, 3.1), (3.05, 2.75))
    arrow(axes, (1.75, 1.85), (3.05, 2.45))
    arrow(axes, (4.2, 2.6), (5.05, 2.6))
    label(axes, 4.62, 2.85, "softmax", size=10)
    grid(axes, 5.15, 2.1, 3, 3, 0.34, A, [[".7", ".2", ".1"], [".1", ".8", ".1"], [".3", ".3", ".4"]], 10)
    label(axes, 5.66, 1.8, "weights: each\nrow adds up to 1", A[1], 11, va="top")
    arrow(axes, (6.25, 2.6), (7.3, 2.6))
    axes.plot([1.75, 6.5], [0.5, 0.5], color="#444444", linewidth=1.5)
    arrow(axes, (6.5, 0.5), (7.3, 2.35))
    label(axes, 4.0, 0.7, "mix the values", size=10)
    grid(axes, 7.4, 2.25, 3, 4, 0.24, ACTIVATION)
    label(axes, 7.9, 3.3, "output: for each step\na mixture of V's rows", ACTIVATION[1], 11)
    return figure


@diagram
def _14_heads() -> Figure:
    figure, axes = canvas(9.0, 3.0)
    grid(axes, 0.4, 1.1, 3, 8, 0.22, DATA)
    label(axes, 1.3, 0.7, "(steps, 8)", DATA[1], 11)
    for h, colour in enumerate((A, B)):
        bottom = 1.85 - 1.3 * h
        grid(axes, 3.4, bottom, 3, 4, 0.22, colour)
        label(axes, 3.85, bottom + 0.85, f"head {h}: 4 numbers", colour[1], 10)
        arrow(axes, (2.25, 1.45), (3.3, bottom + 0.33))
        box(axes, 4.9, bottom + 0.08, 1.2, 0.5, "attention", PLAIN, 11)
        arrow(axes, (4.35, bottom + 0.33), (4.87, bottom + 0.33))
        arrow(axes, (6.13, bottom + 0.33), (6.9, 1.45))
    for h, colour in enumerate((A, B)):
        grid(axes, 7.0 + 0.88 * h, 1.1, 3, 4, 0.22, colour)
    label(axes, 7.9, 0.7, "joined: (steps, 8)", size=11)
    return figure


@diagram
def _14_block() -> Figure:
    figure, axes = canvas(9.0, 4.85)
    step, gap = 0.62, 0.24  # from one part to the next; what is free between two
    for x, name, parts in (
        (
            1.0,
            "norm_first=False (post-norm)",
            ["attention", "+", "LayerNorm", "feed-forward", "+", "LayerNorm"],
        ),
        (
            5.2,
            "norm_first=True (pre-norm)",
            ["LayerNorm", "attention", "+", "LayerNorm", "feed-forward", "+"],
        ),
    ):
        label(axes, x + 1.2, 4.62, name, size=11.5)
        places = {}
        for i, part in enumerate(parts):
            y = 0.55 + step * i
            if part == "+":
                _plus(axes, x + 1.2, y + 0.19)
            else:
                kind = {"attention": WEIGHT, "feed-forward": WEIGHT, "LayerNorm": PLAIN}[part]
                box(axes, x + 0.4, y, 1.6, 0.38, part, kind, 11)
            arrow(axes, (x + 1.2, y - gap), (x + 1.2, y + (0.05 if part == "+" else 0)))
            places[i] = y
        arrow(axes, (x + 1.2, 0.55 + step * 6 - gap), (x + 1.2, 0.6 + step * 6))
        for start, plus in zip(
            (0.43, 0.55 + step * 3 - 0.12),
            [i for i, part in enumerate(parts) if part == "+"],
            strict=True,
        ):
            end = places[plus] + 0.19
            axes.plot([x + 1.2, x + 2.35, x + 2.35], [start, start, end], color=SHORTCUT[1], linewidth=1.5)
            arrow(axes, (x + 2.35, end), (x + 1.42, end), SHORTCUT[1])
        label(axes, x + 1.2, 0.22, "x", DATA[1], 13)
    label(axes, 4.5, 1.6, "the direct path\nadds the input", SHORTCUT[1], 10)
    return figure


# Chapter 16


@diagram
def _16_thinned() -> Figure:
    figure, axes = canvas(9.6, 3.3)
    panels = [
        ("train(): one example", (0, 2), "kept: times 1 / (1 − p)"),
        ("train(): another example", (1, 3), "kept: times 1 / (1 − p)"),
        ("eval()", (), "all kept: times 1"),
    ]
    for i, (title, dropped, note) in enumerate(panels):
        left = 0.4 + 3.15 * i
        label(axes, left + 1.2, 3.05, title, size=12)
        inputs = [(left, 0.85 + 0.6 * j) for j in range(3)]
        hidden = [(left + 1.2, 0.55 + 0.6 * j) for j in range(4)]
        output = (left + 2.4, 1.45)
        for number, middle in enumerate(hidden):
            gone = number in dropped
            for start, end in [*((place, middle) for place in inputs), (middle, output)]:
                colour = EMPTY[1] if gone else WEIGHT[1]
                style = {"linestyle": ":" if gone else "-", "linewidth": 1.0 if gone else 1.4}
                axes.plot(*zip(start, end, strict=True), color=colour, zorder=1, **style)
        for place in inputs:
            _unit(axes, place, DATA)
        for number, place in enumerate(hidden):
            _unit(axes, place, EMPTY if number in dropped else ACTIVATION, number in dropped)
        _unit(axes, output, ACTIVATION)
        label(axes, left + 1.2, 0.12, note, ACTIVATION[1], 11)
    return figure


def _unit(axes: Axes, place: tuple[float, float], kind, crossed: bool = False) -> None:
    """A unit of a network, a circle; crossed out when it is dropped."""
    axes.plot(
        *place, "o", markersize=22, markerfacecolor=kind[0], markeredgecolor=kind[1], markeredgewidth=1.5
    )
    if crossed:
        axes.plot(*place, "x", markersize=17, color=GRADIENT[1], markeredgewidth=2.5)


# Chapter 19


@diagram
def _19_graph() -> Figure:
    figure, axes = canvas(9.2, 4.3)
    width, height = 1.3, 0.55
    nodes = {
        "w = 3": (0.2, 1.85, WEIGHT),
        "a = w² = 9": (2.95, 2.95, ACTIVATION),
        "b = 2w = 6": (2.95, 0.75, ACTIVATION),
        "c = a · b": (5.55, 1.85, ACTIVATION),
        "loss = c + a": (7.7, 1.85, ACTIVATION),
    }
    for name, (x, y, kind) in nodes.items():
        box(axes, x, y, width, height, name, kind, 11.5)
    for start, end in (  # forward; the way back lies beside it
        ((1.52, 2.3), (2.93, 3.13)),
        ((1.52, 2.08), (2.93, 1.14)),
        ((4.27, 3.08), (5.53, 2.32)),
        ((4.27, 1.14), (5.53, 2.06)),
        ((6.87, 2.2), (7.68, 2.2)),
    ):
        arrow(axes, start, end)
    for start, end in (
        ((2.93, 2.98), (1.52, 2.15)),
        ((2.93, 0.99), (1.52, 1.93)),
        ((5.53, 2.14), (4.15, 2.93)),
        ((5.53, 1.91), (4.27, 0.99)),
        ((7.68, 2.04), (6.87, 2.04)),
    ):
        arrow(axes, start, end, GRADIENT[1])
    arrow(axes, (4.27, 3.42), (8.6, 2.42), bend=-0.25)
    arrow(axes, (8.3, 2.42), (4.27, 3.24), GRADIENT[1], bend=0.22)
    for x, y, text in (
        (2.86, 2.4, "∂a/∂w = 2w = 6"),
        (1.5, 1.2, "∂b/∂w = 2"),
        (4.3, 2.33, "∂c/∂a = b = 6"),
        (5.75, 1.2, "∂c/∂b = a = 9"),
        (7.27, 1.82, "1"),
        (6.6, 2.98, "1"),
    ):
        label(axes, x, y, text, GRADIENT[1], 10.5)
    label(
        axes,
        4.6,
        0.2,
        "multiply along each path, then add: 6 · 1 + 6 · 6 · 1 + 2 · 9 · 1 = 60 = dloss/dw",
        GRADIENT[1],
        12,
    )
    label(axes, 2.0, 4.1, "forward: left to right", size=11)
    label(axes, 6.6, 4.1, "backward: right to left, with the factors", GRADIENT[1], 11)
    return figure


# Chapter 20


@diagram
def _20_figure() -> Figure:
    figure, axes = canvas(12.5, 2.9)
    sides = {32: 1.05, 16: 0.62, 8: 0.38, 4: 0.26}  # of a map, in inches
    pair = [("conv\n5 × 5", WEIGHT), ("pool\n2 × 2", PLAIN)]
    steps = [*pair * 3, ("flatten", PLAIN), ("linear", WEIGHT), ("linear", WEIGHT)]
    shapes = [(3, 32), (32, 32), (32, 16), (32, 16), (32, 8), (64, 8), (64, 4), (1024, 0), (64, 0), (10, 0)]
    x, middle = 0.2, 1.65
    for i, (channels, size) in enumerate(shapes):
        kind = ACTIVATION if i else DATA
        if size:
            sheets, side = {3: 3, 32: 6, 64: 9}[channels], sides[size]
            wide = side + 0.05 * (sheets - 1)
            for sheet in range(sheets):  # the last one in front
                place = x + 0.05 * sheet, middle + wide / 2 - side - 0.05 * sheet
                axes.add_patch(Rectangle(place, side, side, facecolor=kind[0], edgecolor=kind[1]))
        else:
            wide, high = 0.16, {1024: 1.5, 64: 0.7, 10: 0.4}[channels]
            place = x, middle - high / 2
            axes.add_patch(Rectangle(place, wide, high, facecolor=kind[0], edgecolor=kind[1]))
        text = f"{channels} @\n{size} × {size}" if size else f"{channels}"
        label(axes, x + wide / 2, 0.45, text, kind[1], 11.5)
        x += wide
        if i < len(steps):
            name, colour = steps[i]
            arrow(axes, (x + 0.06, middle), (x + 0.52, middle))
            label(axes, x + 0.29, middle + 0.2 + 0.12 * name.count("\n"), name, colour[1], 10.5)
            x += 0.58
    label(axes, 0.8, 2.65, "input", DATA[1], 11.5)
    label(axes, x - 0.08, 2.65, "scores", ACTIVATION[1], 11.5)
    return figure


# Chapter 21


@diagram
def _21_cycle() -> Figure:
    figure, axes = canvas(9.2, 3.6)
    steps = [
        ("batch", DATA),
        ("forward:\nlogits, loss", ACTIVATION),
        ("zero_grad,\nbackward", GRADIENT),
        ("optimizer step", WEIGHT),
    ]
    places = [(0.5, 2.35), (3.0, 2.35), (3.0, 0.95), (0.5, 0.95)]
    for (name, kind), (x, y) in zip(steps, places, strict=True):
        box(axes, x, y, 1.8, 0.75, name, kind, 12)
    arrow(axes, (2.32, 2.72), (2.98, 2.72))
    arrow(axes, (3.9, 2.33), (3.9, 1.72))
    arrow(axes, (2.98, 1.32), (2.32, 1.32))
    arrow(axes, (1.4, 1.72), (1.4, 2.33))
    label(axes, 2.65, 0.55, "one epoch: every training picture once", size=10.5)
    label(axes, 2.65, 3.35, "for each batch", size=11)
    for y, share, text, what in (
        (2.5, 3.0, "training", "changes the weights"),
        (1.6, 0.9, "validation", "chooses settings, after each epoch"),
        (0.7, 0.9, "test", "once, at the very end"),
    ):
        box(axes, 5.7, y, share, 0.5, text, DATA, 11)
        label(axes, 5.75, y - 0.2, what, size=10, ha="left")
    label(axes, 7.2, 3.35, "three parts of the data", size=11)
    return figure


@diagram
def _21_checkpoint() -> Figure:
    figure, axes = canvas(9.2, 2.4)
    box(axes, 0.3, 0.4, 8.6, 1.4, "", EMPTY)
    label(axes, 4.6, 2.1, "a checkpoint: everything that the next step depends on", size=12)
    parts = [
        ("model", "weights and\nbuffers", WEIGHT),
        ("optimizer", "its averages\nfor each weight", GRADIENT),
        ("scheduler", "how far the\nlearning rate is", PLAIN),
        ("random state", "the next order\nof the pictures", DATA),
        ("epoch, history", "where the run\nstands", PLAIN),
    ]
    for i, (name, what, kind) in enumerate(parts):
        box(axes, 0.5 + 1.68 * i, 1.15, 1.52, 0.45, name, kind, 11)
        label(axes, 1.26 + 1.68 * i, 0.78, what, size=10)
    return figure


@diagram
def _21_curves() -> Figure:
    figure, axes = canvas(9.2, 2.3)
    falls = [2.3, 1.8, 1.4, 1.1, 0.9, 0.75, 0.65]
    shapes = [
        ("still learning", falls, [2.3, 1.9, 1.55, 1.3, 1.1, 0.98, 0.88]),
        ("overfitting", [2.3, 1.6, 1.1, 0.7, 0.4, 0.2, 0.1], [2.3, 1.7, 1.3, 1.15, 1.2, 1.4, 1.65]),
        (
            "underfitting,\nor a mistake",
            [2.3, 2.25, 2.2, 2.2, 2.18, 2.2, 2.18],
            [2.3, 2.28, 2.24, 2.26, 2.24, 2.26, 2.25],
        ),
        ("validation jumps", falls, [2.3, 1.7, 1.9, 1.2, 1.7, 0.95, 1.45]),
        ("both jump, or NaN", [2.0, 1.2, 2.3, 0.9, 2.2], [2.2, 1.5, 2.4, 1.3, 2.5]),
    ]
    for i, (name, train, validation) in enumerate(shapes):
        left = 0.3 + 1.8 * i
        arrow(axes, (left, 0.35), (left + 1.5, 0.35))
        arrow(axes, (left, 0.35), (left, 1.7))
        for values, colour in ((train, DATA[1]), (validation, WEIGHT[1])):  # as in the chapter's own plots
            x = [left + 0.1 + 0.2 * k for k in range(len(values))]
            axes.plot(x, [0.45 + 0.45 * value for value in values], color=colour, linewidth=2)
        label(axes, left + 0.75, 1.98, name, size=10.5)
    label(axes, 0.3, 0.14, "loss over the epochs:", size=10.5, ha="left")
    label(axes, 2.1, 0.14, "training", DATA[1], 10.5, ha="left")
    label(axes, 2.9, 0.14, "validation", WEIGHT[1], 10.5, ha="left")
    return figure


# Chapter 22


@diagram
def _22_transfer() -> Figure:
    figure, axes = canvas(9.2, 3.4)
    rows = [
        (2.35, "frozen", [PLAIN, PLAIN, PLAIN], "new head", WEIGHT),
        (1.25, "trained before", [WEIGHT, WEIGHT, WEIGHT], "head", WEIGHT),
        (0.15, "fine-tuned", [WEIGHT, WEIGHT, WEIGHT], "new head", WEIGHT),
    ]
    for y, name, kinds, head, head_kind in rows:
        label(axes, 0.2, y + 0.35, name, ha="left", size=12)
        for i, kind in enumerate(kinds):
            box(axes, 1.9 + 1.25 * i, y + 0.1, 1.05, 0.5, "layers", kind, 11)
            arrow(axes, (2.97 + 1.25 * i, y + 0.35), (3.13 + 1.25 * i, y + 0.35))
        box(axes, 5.68, y + 0.1, 2.1, 0.5, head, head_kind, 11)
    for i in range(3):  # from the row in the middle, up and down
        x = 2.42 + 1.25 * i
        arrow(axes, (x, 1.87), (x, 2.43), dashed=True)
        arrow(axes, (x, 1.33), (x, 0.77), dashed=True)
    for y in (2.15, 1.05):
        label(axes, 2.3, y, "copied", size=10, ha="right")
    label(axes, 8.5, 2.7, "gradients reach\nthe head alone", GRADIENT[1], 10)
    label(axes, 8.5, 0.5, "gradients reach\nall layers", GRADIENT[1], 10)
    label(
        axes, 4.3, 3.2, "orange: weights that training changes · grey: weights that stay as they are", size=10
    )
    return figure


# Chapter 23


@diagram
def _23_files() -> Figure:
    figure, axes = canvas(9.2, 3.5)
    box(axes, 0.2, 0.25, 3.7, 2.75, "", EMPTY)
    label(axes, 2.05, 3.25, "state.pt: a state_dict", size=12)
    entries = [
        ("linear1.weight", (3, 4), WEIGHT),
        ("linear1.bias", (1, 3), WEIGHT),
        ("norm.running_mean", (1, 3), DATA),
        ("…", None, PLAIN),
        ("linear2.bias", (1, 2), WEIGHT),
    ]
    y = 2.25
    for name, shape, kind in entries:
        label(axes, 0.35, y, name, size=11, ha="left")
        if shape:
            rows, columns = shape
            arrow(axes, (2.2, y), (2.65, y))
            grid(axes, 2.75, y - 0.08 * rows, rows, columns, 0.16, kind)
        y -= 0.46
    label(axes, 0.35, 2.78, "names", size=10, ha="left")
    label(axes, 2.75, 2.78, "tensors", size=10, ha="left")
    box(axes, 4.3, 0.25, 4.7, 2.75, "", EMPTY)
    label(axes, 6.65, 3.25, "checkpoint.pt: a dictionary that holds others", size=12)
    parts = [
        ('"model"', "a state_dict, as on the left", WEIGHT),
        ('"optimizer"', "state: two means for each weight\nparam_groups: lr, betas, …", GRADIENT),
        ('"step"', "6", PLAIN),
    ]
    for y, (name, what, kind) in zip((2.2, 1.4, 0.65), parts, strict=True):
        label(axes, 4.45, y, name, size=11, ha="left")
        arrow(axes, (5.5, y), (5.85, y))
        height = 0.62 if "\n" in what else 0.42
        box(axes, 5.92, y - height / 2, 2.95, height, what, kind, 10)
    label(axes, 4.45, 2.78, "names", size=10, ha="left")
    return figure


# Chapter 24


@diagram
def _24_timeline() -> Figure:
    figure, axes = canvas(9.2, 3.0)
    for y, name in ((2.2, "CPU"), (1.5, "GPU")):
        label(axes, 0.2, y + 0.18, name, ha="left", size=12)
    for i in range(5):
        box(axes, 1.0 + 0.42 * i, 2.2, 0.36, 0.36, str(i), A, 10)
        box(axes, 1.4 + 1.2 * i, 1.5, 1.1, 0.36, f"kernel {i}", B, 10)
    arrow(axes, (1.18, 2.18), (1.45, 1.9))
    arrow(axes, (2.86, 2.18), (6.3, 1.92), dashed=True)
    box(axes, 3.2, 2.2, 4.15, 0.36, "waits: loss.item() needs the last result", PLAIN, 10, linestyle="--")
    arrow(axes, (7.3, 1.88), (7.36, 2.18))
    label(axes, 1.0, 2.78, "the CPU only puts work into a queue", size=10, ha="left")
    label(axes, 4.5, 1.15, "the GPU works it off, one kernel after the other", size=10)
    arrow(axes, (1.0, 0.6), (8.8, 0.6))
    label(axes, 8.5, 0.35, "time", size=10)
    label(axes, 3.5, 0.35, "measure between two torch.accelerator.synchronize() calls", size=10)
    return figure


@diagram
def _24_formats() -> Figure:
    figure, axes = canvas(9.2, 2.7)
    for row, (name, exponent, mantissa, digits) in enumerate(
        (
            ("float32", 8, 23, "about 7 digits, to 3e38"),
            ("bfloat16", 8, 7, "about 2 digits, to 3e38"),
            ("float16", 5, 10, "about 3 digits, to 65504"),
        )
    ):
        y, cell = 1.75 - 0.65 * row, 0.19
        label(axes, 0.2, y + 0.12, name, ha="left", size=12)
        grid(axes, 1.35, y, 1, 1, cell * 1.3, PLAIN)
        for i in range(exponent):
            grid(axes, 1.65 + i * cell, y, 1, 1, cell, A)
        for i in range(mantissa):
            grid(axes, 1.72 + (exponent + i) * cell, y, 1, 1, cell, B)
        x = 1.95 + (exponent + mantissa) * cell
        label(axes, x, y + 0.1, digits, size=10, ha="left") if row else label(
            axes, 5.9, y + 0.42, digits, size=10
        )
    label(axes, 1.48, 2.35, "sign", PLAIN[1], 10)
    label(axes, 2.45, 2.35, "exponent: range", A[1], 10)
    label(axes, 4.4, 2.35, "fraction: precision", B[1], 10)
    return figure


@diagram
def _24_channels_last() -> Figure:
    figure, axes = canvas(9.2, 4.3)
    cell, left, kinds = 0.52, 2.75, (A, B, C)
    label(axes, 1.1, 4.05, "x (1, 3, 2, 2)", size=11)
    for channel, kind in enumerate(kinds):
        y = 2.75 - 1.25 * channel
        texts = [[4 * channel, 4 * channel + 1], [4 * channel + 2, 4 * channel + 3]]
        label(axes, 1.1, y + 1.04, f"channel {channel}", kind[1], 10)
        grid(axes, 0.65, y, 2, 2, 0.45, kind, texts, 12)
    rows = (  # the order in memory, the strides of C and of W
        (2.75, "default: channel by channel", range(12), 4, 1),
        (0.6, "channels_last: pixel by pixel", [p + 4 * c for p in range(4) for c in range(3)], 1, 3),
    )
    for y, name, order, to_channel, to_pixel in rows:
        label(axes, left, y + 1.27, name, ha="left", size=12)
        for place, number in enumerate(order):
            grid(axes, left + cell * place, y, 1, 1, cell, kinds[number // 4], [[number]], 12)
        for start in (0, to_channel):  # 0, 4, 8: one pixel's channels
            _step(axes, left, y + cell, cell, start, to_channel, -0.25 if to_channel > 1 else -0.6)
        _step(axes, left, y, cell, 0, to_pixel, 0.25 if to_pixel > 1 else 0.6)
        x = left + cell * (2 * to_channel + 0.9)
        label(axes, x, y + cell + 0.2, f"to the next channel: {to_channel}", size=10, ha="left")
        x = left + cell * (to_pixel + 0.9)
        label(axes, x, y - 0.2, f"to the next pixel: {to_pixel}", size=10, ha="left")
    return figure


def _step(axes: Axes, left: float, y: float, cell: float, start: int, length: int, bend: float) -> None:
    """An arrow over `length` cells of a row of memory that begins at `left`."""
    places = [left + cell * (start + 0.58), left + cell * (start + length + 0.42)]
    arrow(axes, (places[0], y), (places[1], y), PLAIN[1], bend)


# Chapter 25


@diagram
def _25_allreduce() -> Figure:
    figure, axes = canvas(9.2, 3.6)
    for i in range(2):
        y = 2.25 - 1.75 * i
        label(axes, 0.2, y + 0.4, f"process {i}", ha="left", size=12)
        box(axes, 1.4, y, 1.5, 0.8, f"half {i} of\nthe batch", DATA, 11)
        box(axes, 3.4, y, 1.3, 0.8, "forward,\nbackward", ACTIVATION, 11)
        box(axes, 5.2, y, 1.0, 0.8, f"$g_{i}$", GRADIENT, 14)
        box(axes, 7.4, y, 1.5, 0.8, "step: the\nsame weights", WEIGHT, 11)
        arrow(axes, (2.92, y + 0.4), (3.38, y + 0.4))
        arrow(axes, (4.72, y + 0.4), (5.18, y + 0.4))
        arrow(axes, (6.22, y + 0.4), (7.38, y + 0.4))
    arrow(axes, (5.7, 2.22), (5.7, 1.33), GRADIENT[1], both=True)
    label(axes, 5.55, 1.78, "all-reduce", GRADIENT[1], 12, ha="right")
    label(axes, 6.0, 1.78, "both get $(g_0 + g_1) / 2$", GRADIENT[1], 12, ha="left")
    return figure


# The command


@diagram
def _26_block() -> Figure:
    figure, axes = canvas(9, 3.4)
    y = 2.3
    box(axes, 0.2, y - 0.3, 0.7, 0.6, "x", DATA, 15)
    arrow(axes, (0.9, y), (2.1, y))
    places = [("convolution", WEIGHT), ("BatchNorm", PLAIN), ("activation", ACTIVATION)]
    for i, (text, kind) in enumerate(places):
        box(axes, 2.1 + 1.6 * i, y - 0.3, 1.3, 0.6, text, kind)
        arrow(axes, (3.4 + 1.6 * i, y), (3.7 + 1.6 * i if i < 2 else 6.85, y))
    _plus(axes, 7.0, y)
    arrow(axes, (7.17, y), (7.75, y))
    box(axes, 7.75, y - 0.3, 1.1, 0.6, "x + f(x)", DATA, 12)
    axes.plot([1.5, 1.5, 7.0], [y, 3.1, 3.1], color=SHORTCUT[1], linewidth=2.2)
    arrow(axes, (7.0, 3.1), (7.0, y + 0.17), SHORTCUT[1])
    label(axes, 4.2, 3.25, "shortcut: x as it is", SHORTCUT[1])
    label(axes, 1.82, y + 0.16, "f", "#222222", 13)
    # The way back.
    low = 1.0
    label(axes, 8.3, low + 0.35, "gradient g", GRADIENT[1])
    axes.plot([8.3, 7.0], [low, low], color=GRADIENT[1], linewidth=2.2)
    arrow(axes, (7.0, low), (1.5, low), GRADIENT[1])
    label(axes, 4.2, low + 0.2, "through f:  f '(x) · g", GRADIENT[1])
    axes.plot([7.0, 7.0, 1.5], [low, 0.35, 0.35], color=GRADIENT[1], linewidth=2.2)
    arrow(axes, (1.5, 0.35), (1.5, low - 0.05), GRADIENT[1])
    label(axes, 4.2, 0.55, "along the shortcut:  1 · g", GRADIENT[1])
    arrow(axes, (1.5, low), (0.3, low), GRADIENT[1])
    label(axes, 0.62, low + 0.35, "(1 + f ') g", GRADIENT[1], 11)
    return figure


@diagram
def _26_network() -> Figure:
    figure, axes = canvas(9.6, 2.1)
    y = 1.2
    label(axes, 0.5, 1.85, "3 × 32 × 32", DATA[1], 9.5)
    box(axes, 0.15, y - 0.3, 0.7, 0.6, "x", DATA, 14)
    arrow(axes, (0.85, y), (1.15, y))
    box(axes, 1.15, y - 0.3, 0.95, 0.6, "whitening\n(frozen)", EMPTY, 9)
    label(axes, 1.62, 1.85, "24 × 31 × 31", DATA[1], 9.5)
    for i, shape in enumerate(("64 × 15 × 15", "256 × 7 × 7", "256 × 3 × 3")):
        left = 2.4 + 2.05 * i
        arrow(axes, (left - 0.3, y), (left, y))
        box(axes, left, y - 0.3, 0.6, 0.6, "conv\npool", WEIGHT, 9)
        axes.plot([left + 0.6, left + 0.8], [y, y], color="#444444", linewidth=1.5)
        arrow(axes, (left + 0.7, y), (left + 0.9, y))
        box(axes, left + 0.9, y - 0.3, 0.45, 0.6, "f", ACTIVATION, 13)
        arrow(axes, (left + 1.35, y), (left + 1.5, y))
        axes.plot([left + 0.75, left + 0.75, left + 1.62], [y, 0.55, 0.55], color=SHORTCUT[1], linewidth=1.8)
        arrow(axes, (left + 1.62, 0.55), (left + 1.62, y - 0.14), SHORTCUT[1])
        _plus(axes, left + 1.62, y)
        label(axes, left + 0.8, 1.85, shape, DATA[1], 9.5)
        label(axes, left + 0.8, 0.25, f"stage {i + 1}", "#222222", 10)
    arrow(axes, (8.25, y), (8.5, y))
    box(axes, 8.5, y - 0.3, 0.95, 0.6, "max-pool,\nlinear, / 8", WEIGHT, 9)
    label(axes, 8.97, 1.85, "10", DATA[1], 9.5)
    return figure


def draw(name: str, folder: Path = IMAGES) -> Path:
    """Draw one diagram into `folder`; returns its path. Raises KeyError for an unknown name."""
    path = folder / f"{name}.svg"
    with plt.rc_context(STYLE):
        figure = DIAGRAMS[name]()
        figure.savefig(path, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    text = path.read_text(encoding="utf-8")
    path.write_text(
        "\n".join(line.rstrip() for line in text.splitlines()) + "\n", encoding="utf-8", newline="\n"
    )
    return path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*DIAGRAMS, []], help=", ".join(DIAGRAMS))
    for name in parser.parse_args().names or DIAGRAMS:
        print(draw(name))


if __name__ == "__main__":
    main()
