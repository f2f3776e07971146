"""Trials as lines across one axis per setting, the better the stronger."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import Scale
from tinygrad_mnist.report.drawing import Drawing, Panel

AXIS_GAP, TOP, HEIGHT, SIDE = 130.0, 44.0, 240.0, 70.0
BEST = 3
MOST_MARKS = 6  # on an axis of settings


def parallel_coordinates(
    trials: Sequence[Mapping[str, Any]], results: Sequence[float], measure: str
) -> Drawing:
    """Draw each trial as a line through its settings to its result; the best three are emphasised.

    Parameters
    ----------
    trials
        The settings of each trial, at least one, by name; all have the same names.
    results
        A finite number for each, the smaller the better.
    measure
        The name of the result.
    """
    names = list(trials[0])
    scales = [_places_of_settings([trial[name] for trial in trials]) for name in names]
    scales.append(_places_of_numbers(results))
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
    best_words = f"{settings_text(trials[order[0]])}, has {measure} {setting_text(results[order[0]])}"
    panel = Panel(2 * SIDE + len(names) * AXIS_GAP, TOP + HEIGHT + 20, parts)
    key = (("vermilion", f"the best {min(BEST, len(trials))}"), ("blue", "the others"))
    return Drawing(f"{len(trials)} trials; the best, {best_words}", [panel], key=key)


def settings_text(settings: Mapping[str, Any]) -> str:
    """Return settings as text, fractions to four digits: "lr 0.01, hidden 32"."""
    return ", ".join(f"{name} {setting_text(value)}" for name, value in settings.items())


def setting_text(value: Any) -> str:
    """Return a setting as text, a fraction to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


_Places = tuple[list[float], list[tuple[float, str]]]  # on an axis from 0 to 1, and the words beside it


def _places_of_settings(values: Sequence[Any]) -> _Places:
    """Many different numbers on a scale; a few, and everything else, evenly in their order."""
    are_numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    if are_numbers and len(set(values)) > MOST_MARKS:
        return _places_of_numbers(values)
    words = {setting_text(value): value for value in values}
    order = sorted(words, key=words.__getitem__) if are_numbers else sorted(words)
    gap = 1 / max(len(order) - 1, 1)
    return [order.index(setting_text(value)) * gap for value in values], [
        (i * gap, word) for i, word in enumerate(order)
    ]


def _places_of_numbers(values: Sequence[float]) -> _Places:
    """Numbers on a scale that is logarithmic if they are positive and span more than a decade."""
    low, high = min(values), max(values)
    scale = Scale(low, high if high > low else low + 1, low > 0 and high / low > 10)
    middle = math.sqrt(low * high) if scale.is_log else (low + high) / 2
    marked = dict.fromkeys((low, middle, high))
    return [scale.share(value) for value in values], [(scale.share(v), f"{v:.3g}") for v in marked]
