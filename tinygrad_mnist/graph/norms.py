"""Norms of gradients on a log scale, so that vanishing and exploding ones are seen at a glance."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tinygrad_mnist.graph.data import GraphData, Statistics

HUGE = 1e4
_FEWEST_DECADES, _MOST_DECADES = 2, 8
_TICKS = 5


class NormScale:
    """The place of each norm between the smallest and the largest of a graph.

    It spans at least two decades, so that equal gradients look equal, and at most eight.
    """

    def __init__(self, graph: GraphData) -> None:
        logarithms = [math.log10(norm) for norm in _norms(graph) if math.isfinite(norm) and norm > 0]
        self.high = max(logarithms, default=0.0)
        least = max(min(logarithms, default=0.0), self.high - _MOST_DECADES)
        self.low = min(least, self.high - _FEWEST_DECADES)

    def place(self, norm: float) -> float | None:
        """Return 0 for the smallest norm or less, 1 for the largest; None if it is zero or not finite."""
        if not (math.isfinite(norm) and norm > 0):
            return None
        return min(1.0, max(0.0, (math.log10(norm) - self.low) / (self.high - self.low)))

    def remark(self, gradient: Statistics | None) -> str:
        """Return a word for a gradient that is zero, vanished, huge or not a number; "" for any other."""
        if gradient is None:
            return ""
        if math.isnan(gradient.norm) or math.isnan(gradient.mean):
            return "not a number"
        if math.isinf(gradient.norm):
            return "infinite"
        if gradient.norm == 0:
            return "zero"
        if gradient.norm >= HUGE:
            return "huge"
        return "vanished" if math.log10(gradient.norm) < self.high - _MOST_DECADES else ""

    def is_broken(self, gradient: Statistics | None) -> bool:
        """Return True for a gradient that no training goes on with."""
        return self.remark(gradient) in ("not a number", "infinite", "huge")

    def ticks(self) -> list[tuple[float, str]]:
        """Return places and numbers for a legend, from the smallest to the largest."""
        step = (self.high - self.low) / (_TICKS - 1)
        return [
            (i / (_TICKS - 1), f"{_one_digit(10 ** (self.low + i * step)):g}".replace("e-0", "e-"))
            for i in range(_TICKS)
        ]


def _one_digit(number: float) -> float:
    return float(f"{number:.1g}")


def _norms(graph: GraphData) -> Iterator[float]:
    for node in graph.nodes:
        if node.gradient is not None:
            yield node.gradient.norm
        yield from (rule.contribution.norm for rule in node.rules if rule.contribution is not None)
