"""The epochs of a training as a piece of HTML: curves and a table, without scripts or other files.

Text and lines take the page's own colour, so that it reads on light and on dark notebooks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from tinygrad_mnist.palette import BLUE, ORANGE
from tinygrad_mnist.tables import html_table
from tinygrad_mnist.training.history import Epoch, epoch_cells

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 300, 170, 44, 20, 34  # of a panel, and of the space around its box
_LINES = (("train", ORANGE), ("validation", BLUE))
_STYLE = "display:flex;flex-wrap:wrap;gap:8px 24px;align-items:flex-start;max-width:100%"


def history_html(epochs: Sequence[Epoch], title: str, note: str = "", last_rows: int | None = None) -> str:
    """Return the page of a training.

    Parameters
    ----------
    epochs : sequence of Epoch
        Epochs so far.
    title, note : str
        Lines above and below.
    last_rows : int, optional
        Number of rows that the table shows; all by default, in a box that scrolls.
    """
    panels = "".join(_panel(epochs, quantity) for quantity in ("loss", "accuracy"))
    columns, rows = epoch_cells(epochs if last_rows is None else epochs[-last_rows:])
    table = html_table(rows, columns=columns) if rows else ""
    notes = "".join(f"<p>{escape(line)}</p>" for line in note.splitlines())
    return (
        f'<p><b>{escape(title)}</b></p><div style="{_STYLE}">{panels}</div>'
        f'<div style="max-height:20em;overflow-y:auto">{table}</div>{notes}'
    )


def _panel(epochs: Sequence[Epoch], quantity: str) -> str:
    """Return an SVG with the curves of a quantity; "" if it was not measured."""
    curves = []
    for name, colour in _LINES:
        values = [(epoch.epoch, getattr(epoch, f"{name}_{quantity}")) for epoch in epochs]
        points = [(x, y) for x, y in values if y is not None and math.isfinite(y)]
        if points:
            curves.append((name, colour, points))
    if not curves:
        return ""
    heights = [y for _, _, points in curves for _, y in points]
    low, high = min(heights), max(heights)
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    first, end = epochs[0].epoch, max(epochs[-1].epoch, epochs[0].epoch + 1)

    def place(x: float, y: float) -> str:
        across = _LEFT + (x - first) / (end - first) * (_WIDTH - _LEFT - 8)
        down = _TOP + (high - y) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{across:.1f},{down:.1f}"

    number = "{:.1%}" if quantity == "accuracy" else "{:.3g}"
    drawn = [_axes(number.format(low), number.format(high), str(first), str(end))]
    for position, (name, colour, points) in enumerate(curves):
        line = " ".join(place(x, y) for x, y in points)
        dot_x, dot_y = place(*points[-1]).split(",")
        drawn.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{dot_x}" cy="{dot_y}" r="3" fill="{colour}"/>'
        )
        label = f"{name} {quantity} {number.format(points[-1][1])}"
        drawn.append(_text(_LEFT, 11 + 14 * position, label, "start", colour))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" style="max-width:100%" role="img" '
        f'aria-label="{quantity} by epoch" font-size="11">{"".join(drawn)}</svg>'
    )


def _axes(low: str, high: str, first: str, end: str) -> str:
    """Return the axes with the numbers at their ends."""
    bottom = _HEIGHT - _BOTTOM
    path = f"M{_LEFT},{_TOP}V{bottom}H{_WIDTH - 8}"
    return (
        f'<path d="{path}" fill="none" stroke="currentColor" opacity="0.4"/>'
        + _text(_LEFT - 4, _TOP + 8, high, "end")
        + _text(_LEFT - 4, bottom, low, "end")
        + _text(_LEFT, _HEIGHT - 6, first, "start")
        + _text(_WIDTH - 8, _HEIGHT - 6, end, "end")
    )


def _text(x: float, y: float, text: str, anchor: str, dot: str = "") -> str:
    """Return a text in the page's colour; with a dot of another colour in front of it."""
    mark = f'<circle cx="{x + 4}" cy="{y - 4}" r="4" fill="{dot}"/>' if dot else ""
    across = x + 12 if dot else x
    return (
        f'{mark}<text x="{across}" y="{y}" text-anchor="{anchor}" fill="currentColor">{escape(text)}</text>'
    )
