"""Trials as lines across one axis per setting, the better the stronger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import plain
from tinygrad_mnist.report.drawing import Drawing, Panel

AXIS_GAP, TOP, HEIGHT, SIDE = 130.0, 44.0, 240.0, 70.0
BEST = 3


def parallel_coordinates(
    trials: Sequence[Mapping[str, Any]], results: Sequence[float], measure: str
) -> Drawing:
    """Draw each trial as a line through its settings to its result; the best three are emphasised.

    Parameters
    ----------
    trials
        The settings of each trial, by name; all have the same names.
    results
        A number for each, the smaller the better.
    measure
        The name of the result.
    """
    names = list(trials[0]) if trials else []
    axes = [[trial[name] for trial in trials] for name in names] + [list(results)]
    scales = [_places(values) for values in axes]
    order = sorted(range(len(trials)), key=results.__getitem__)
    parts = []
    for rank, i in reversed(list(enumerate(order))):
        points = [(SIDE + k * AXIS_GAP, TOP + HEIGHT * (1 - scale[0][i])) for k, scale in enumerate(scales)]
        best = rank < BEST
        line = marks.path(points, stroke_width=2.2 if best else 1.0, stroke_opacity=1.0 if best else 0.35)
        parts.append(marks.group("vermilion" if best else "blue", [line]))
    for k, (name, (_, labels)) in enumerate(zip([*names, measure], scales)):
        x = SIDE + k * AXIS_GAP
        parts.append(marks.path([(x, TOP), (x, TOP + HEIGHT)], stroke_opacity=0.5))
        parts.append(marks.text(x, TOP - 18, name, text_anchor="middle", class_="strong"))
        parts += [
            marks.text(x + 6, TOP + HEIGHT * (1 - place) + 4, words, class_="small")
            for place, words in labels
        ]
    finding = f"{len(trials)} trials" + (
        f"; the best, {', '.join(f'{name} {trials[order[0]][name]}' for name in names)}, has {measure} "
        f"{results[order[0]]:.4g}"
        if trials
        else ""
    )
    width = 2 * SIDE + (len(axes) - 1) * AXIS_GAP
    key = (("vermilion", f"the best {min(BEST, len(trials))}"), ("blue", "the others"))
    return Drawing(finding, [Panel(width, TOP + HEIGHT + 20, parts)], key=key)


def _places(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """The places of values on an axis from 0 to 1, and the words beside it."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    different = sorted(set(values)) if numbers else sorted(set(values), key=str)
    if not numbers or len(different) <= 6:
        gap = 1 / max(len(different) - 1, 1)
        places = {value: i * gap for i, value in enumerate(different)}
        words = [(place, plain(value) if numbers else str(value)) for value, place in places.items()]
        return [places[value] for value in values], words
    finite = [value for value in different if math.isfinite(value)]
    low, high = finite[0], finite[-1]
    is_log = low > 0 and high / low > 10
    ends = (math.log(low), math.log(high)) if is_log else (low, high)

    def place(value: float) -> float:
        if not math.isfinite(value):
            return 1.0
        return ((math.log(value) if is_log else value) - ends[0]) / ((ends[1] - ends[0]) or 1.0)

    middle = math.exp(sum(ends) / 2) if is_log else sum(ends) / 2
    return [place(value) for value in values], [(place(v), f"{v:.3g}") for v in (low, middle, high)]
