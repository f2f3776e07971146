"""Axes of a plot: scales, ticks, curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

import numpy as np

from tinygrad_mnist.report import marks

STEPS = (1, 2, 5, 10)
FEWEST_DECADES = 3  # with ticks at powers of ten only; below that also at their 2 and 5 fold
MARK_SIZE = 3.0
MOST_POINTS = 720  # of a curve: two for each pixel of its width
CORNERS = {
    "square": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "triangle": ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
    "diamond": ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
}


@dataclass(frozen=True)
class Scale:
    """Range of an axis, linear or logarithmic.

    Attributes
    ----------
    low, high
        The ends, `low` below `high`; on a logarithmic scale both above 0.
    """

    low: float
    high: float
    is_log: bool = False

    def share(self, value: float) -> float:
        """Return the place of a value: 0 at the low end, 1 at the high one."""
        if self.is_log:
            low = log10(self.low)
            return (log10(value) - low) / (log10(self.high) - low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int, *, whole: bool = False) -> list[float]:
        """Return at most `most` round values of the range, whole numbers only if asked."""
        if self.is_log:
            return self._folds(most)
        rough = (self.high - self.low) / max(most - 1, 1)
        unit = 10.0 ** floor(log10(rough))
        step = unit * next(size for size in STEPS if size * unit >= rough * 0.999)
        step = max(1.0, step) if whole else step
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def _folds(self, most: int) -> list[float]:
        low, high = log10(self.low), log10(self.high)
        if high - low < FEWEST_DECADES:
            every = [size * 10.0**power for power in range(floor(low), ceil(high)) for size in STEPS[:3]]
            inside = [value for value in every if self.low <= value <= self.high]
            if len(inside) <= most:
                return inside
        return self.powers(most)

    def powers(self, most: int) -> list[float]:
        """Return at most `most` evenly spaced powers of ten of a logarithmic range, with the highest."""
        low, high = log10(self.low), log10(self.high)
        gap = ceil((floor(high) - ceil(low) + 1) / most)
        return [10.0**power for power in range(floor(high + 1e-9), ceil(low - 1e-9) - 1, -gap)][::-1]


@dataclass(frozen=True)
class Axes:
    """Box of a plot with its two scales; (left, top) is its upper left corner."""

    x: Scale
    y: Scale
    left: float
    top: float
    width: float
    height: float

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point."""
        return self.left + self.width * self.x.share(x), self.top + self.height * (1 - self.y.share(y))

    def x_axis(self, ticks: Iterable[float], name: str, write: Callable[[float], str]) -> list[str]:
        """Return the horizontal axis: numbers and the quantity."""
        bottom = self.top + self.height
        numbers = [
            marks.text(
                self.at(tick, self.y.high)[0], bottom + 17, write(tick), text_anchor="middle", class_="muted"
            )
            for tick in ticks
        ]
        middle = self.left + self.width / 2
        label = marks.text(middle, bottom + 34, name, text_anchor="middle", class_="muted")
        line = marks.path([(self.left, bottom), (self.left + self.width, bottom)], stroke_opacity=0.4)
        return [line, *numbers, label]

    def y_axis(self, ticks: Iterable[float], write: Callable[[float], str]) -> list[str]:
        """Return the vertical axis: numbers, and a thin line at each."""
        parts = []
        for tick in ticks:
            _, y = self.at(self.x.high, tick)
            parts.append(marks.path([(self.left, y), (self.left + self.width, y)], class_="grid"))
            parts.append(marks.text(self.left - 6, y + 4, write(tick), text_anchor="end", class_="muted"))
        return parts

    def curve(self, xs: Sequence[float], ys: Sequence[float], **attributes: Any) -> str:
        """Return a line through values; of many values it keeps those that are seen."""
        given: dict[str, Any] = {"stroke_width": 1.8, "stroke_linejoin": "round", **attributes}
        return marks.path([self.at(xs[i], ys[i]) for i in seen(ys)], **given) if len(xs) > 1 else ""

    def points(self, xs: Sequence[float], ys: Sequence[float], shape: str = "circle") -> list[str]:
        """Return a mark at each point: "circle", "ring", or one of `CORNERS`."""
        return [mark(shape, *self.at(x, y)) for x, y in zip(xs, ys)]


def seen(values: Sequence[float]) -> Sequence[int]:
    """Return the positions of the lowest and the highest of each few neighbours, and of both ends."""
    if len(values) <= MOST_POINTS:
        return range(len(values))
    heights = np.asarray(values)
    parts = np.array_split(np.arange(len(values)), MOST_POINTS // 2)
    ends = {int(part[find(heights[part])]) for part in parts for find in (np.argmin, np.argmax)}
    return sorted({0, *ends, len(values) - 1})


def mark(shape: str, x: float, y: float) -> str:
    """Return the mark of a point at this place; shapes differ in grey too."""
    if shape in CORNERS:
        corners = [(x + MARK_SIZE * across, y + MARK_SIZE * down) for across, down in CORNERS[shape]]
        is_open = shape == "diamond"
        return marks.path(
            [*corners, corners[0]],
            fill="none" if is_open else "currentColor",
            stroke_width=1 if is_open else 0,
        )
    if shape == "ring":
        ring: dict[str, Any] = {"fill": "none", "stroke": "currentColor", "stroke_width": 1.5}
        return marks.element("circle", cx=x, cy=y, r=2 * MARK_SIZE, **ring)
    return marks.element("circle", cx=x, cy=y, r=MARK_SIZE, fill="currentColor")


def plain(value: float) -> str:
    """Write a number as short as it is, with a minus sign."""
    return f"{value:.6g}".replace("-", "−")


def percent(share: float) -> str:
    """Write a share in per cent, as short as it is."""
    return f"{plain(100 * share)} %"


def per_cent(share: float, decimals: int = 2) -> str:
    """Write a share in per cent with this number of decimals."""
    return f"{100 * share:.{decimals}f} %"
