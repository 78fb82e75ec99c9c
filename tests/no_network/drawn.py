"""What a matplotlib figure shows, as data: the replay compares it, since pixels alone let a swapped legend pass.

The inline backend stores it as JSON in the picture's metadata, where no reader sees it.
"""

import json

import numpy as np
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

POINTS = 24  # of a curve that are kept, its ends among them


def number(value: float) -> float | None:
    """Five digits are more than an eye sees; None where nothing is drawn (NaN, a masked value)."""
    return float(f"{value:.5g}") if np.isfinite(value) else None


def series(values) -> list[float | None]:
    """Up to POINTS of the values, evenly spaced."""
    try:
        flat = np.ma.filled(np.ma.asarray(values).astype(float), np.nan).ravel()
    except (TypeError, ValueError):  # names on an axis
        return [str(value) for value in np.asarray(values).ravel()]
    picks = np.unique(np.linspace(0, max(len(flat) - 1, 0), min(POINTS, len(flat))).round().astype(int))
    return [number(value) for value in flat[picks]]


def name(label: object) -> str:
    """A label, or "" for those that matplotlib makes up."""
    label = str(label)
    return "" if label.startswith("_") else label


def colour(value) -> str:
    try:
        return to_hex(value, keep_alpha=True)
    except ValueError:
        return ""


def axes(ax) -> dict:
    """One axes: its texts and what lies in it. Empty entries are left out."""
    legend = ax.get_legend()
    entries = []
    if legend is not None:
        for handle, text in zip(legend.legend_handles, legend.get_texts(), strict=False):
            look = getattr(handle, "get_color", None) or getattr(handle, "get_facecolor", None)
            shade = look() if look else ""
            shade = shade[0] if isinstance(shade, np.ndarray) and shade.ndim == 2 and len(shade) else shade
            entries.append([text.get_text(), colour(shade)])
    found = {
        "title": [ax.get_title(loc) for loc in ("left", "center", "right") if ax.get_title(loc)],
        "x label": ax.get_xlabel(),
        "y label": ax.get_ylabel(),
        "scales": [s for s in (ax.get_xscale(), ax.get_yscale()) if s != "linear"],
        "legend": entries,
        "texts": [text.get_text() for text in ax.texts if text.get_text()],
        "ticks": [
            [t.get_text() for t in ticks() if not is_number(t)]
            for ticks in (ax.get_xticklabels, ax.get_yticklabels)
        ]
        if ax.axison
        else [],
        "lines": [
            {
                "label": name(line.get_label()),
                "look": [colour(line.get_color()), str(line.get_linestyle()), str(line.get_marker())],
                "points": len(line.get_xdata(orig=False)),
                "x": series(line.get_xdata(orig=False)),
                "y": series(line.get_ydata(orig=False)),
            }
            for line in ax.lines
        ],
        "boxes": series(
            [v for p in ax.patches if isinstance(p, Rectangle) for v in (p.get_width(), p.get_height())]
        ),
        "box labels": [name(group.get_label()) for group in ax.containers if name(group.get_label())],
        "points": [
            {
                "label": name(group.get_label()),
                "count": len(group.get_offsets()),
                "places": series(group.get_offsets()),
            }
            for group in ax.collections
            if len(group.get_offsets())
        ],
        "pictures": [
            {"size": list(image.get_array().shape), "mean": number(float(np.ma.mean(image.get_array())))}
            for image in ax.images
            if image.get_array() is not None
        ],
    }
    return {key: value for key, value in found.items() if value and value != [[], []]}


def is_number(text: Text) -> bool:
    """Whether a tick's label is a number (or nothing), which follows from the data."""
    try:
        float(text.get_text().replace("\N{MINUS SIGN}", "-") or 0)
    except ValueError:
        return "mathdefault" in text.get_text()
    return True


def described(figure: Figure) -> str:
    """The figure as JSON."""
    found = {"title": figure.get_suptitle(), "axes": [axes(ax) for ax in figure.axes]}
    return json.dumps({key: value for key, value in found.items() if value}, ensure_ascii=False)


def install() -> None:
    """Let IPython store the description beside each picture of a figure, shown by pyplot or by display()."""
    from IPython import get_ipython

    if get_ipython() is None:
        return
    formatter = get_ipython().display_formatter
    before = formatter.format

    def format(value, *args, **kwargs):
        data, metadata = before(value, *args, **kwargs)
        if isinstance(value, Figure):
            metadata = metadata | {"drawn": described(value)}
        return data, metadata

    formatter.format = format
