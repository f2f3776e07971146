"""Curves, paths or points of any two quantities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import Axes, Scale, plain
from tinygrad_mnist.report.drawing import Drawing, Panel
from tinygrad_mnist.report.plots.step_sizes import power_of_ten

WIDTH, HEIGHT = 480.0, 300.0
LEFT, TOP, BOTTOM, RIGHT = 58.0, 28.0, 40.0, 16.0
FEWEST_POWERS = 1e3  # high over low, of a logarithmic axis whose ticks are written as powers of ten
LOOKS = (("blue", "circle"), ("orange", "square"), ("green", "triangle"), ("vermilion", "diamond"))
MOST_WITH_MARKS = 40  # points of a curve


def lines(
    curves: Mapping[str, ArrayLike], title: str, x: str, y: str, *, log: bool = False, joined: bool = True
) -> Drawing:
    """Draw up to four curves, each with its own colour and mark.

    Parameters
    ----------
    curves
        Name and values of each curve: (n,), one per step from 0 on, or (n, 2), points (x, y). Values that are
        not finite are left out.
    title
        A sentence that says what to look at.
    x, y
        Quantities of the axes, with units.
    log
        Give y a logarithmic axis, on which values of 0 and below are left out.
    joined
        Draw lines from point to point; otherwise points alone.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.report import plots
    >>> x = np.linspace(-1, 1, 21)
    >>> plots.lines({"x²": np.column_stack([x, x**2])}, "A parabola", "x", "y")
    Drawing('A parabola: y against x, for x².')
    """
    if not 1 <= len(curves) <= len(LOOKS):
        raise ValueError(f"curves has {len(curves)} entries: expected 1 to {len(LOOKS)}; draw two pictures")
    points = {name: points_of(values, log) for name, values in curves.items()}
    every = np.concatenate(list(points.values()))
    box = (LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    axes = Axes(scale_of(every[:, 0]), scale_of(every[:, 1], log), *box)
    write = power_of_ten if log and axes.y.high / axes.y.low >= FEWEST_POWERS else plain
    parts = [marks.text(0, 12, y, class_="muted")]
    parts += [*axes.y_axis(axes.y.ticks(6), write), *axes.x_axis(axes.x.ticks(8), x, plain)]
    for (colour, shape), own in zip(LOOKS, points.values()):
        xs, ys = own[:, 0].tolist(), own[:, 1].tolist()
        drawn = [axes.curve(xs, ys)] if joined else []
        if not joined or len(own) <= MOST_WITH_MARKS:
            drawn += axes.points(xs, ys, shape)
        parts.append(marks.group(colour, drawn))
    finding = f"{title}: {y} against {x}, for {', '.join(curves)}."
    panels = [Panel(WIDTH, HEIGHT, parts)]
    return Drawing(finding, panels, title=title, key=[(look[0], name) for look, name in zip(LOOKS, curves)])


def points_of(values: ArrayLike, log: bool) -> NDArray[np.float64]:
    """Return the points that can be drawn.  (n,) or (n, 2) -> (m, 2)"""
    given = np.asarray(values, float)
    points = given if given.ndim == 2 else np.column_stack([np.arange(len(given)), given])
    drawn: NDArray[np.bool_] = np.isfinite(points).all(axis=1) & ((points[:, 1] > 0) | (not log))
    return points[drawn]


def scale_of(values: NDArray[np.float64], log: bool = False) -> Scale:
    """Return a scale with a small margin around the values."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    if log:
        return Scale(low / 1.3, high * 1.3, is_log=True)
    margin = 0.04 * (high - low) or 0.5
    return Scale(low - margin, high + margin)
