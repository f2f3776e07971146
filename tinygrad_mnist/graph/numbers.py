"""Numbers and arrays as short text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.graph.data import MOST_VALUES, Right, Statistics

FEW = 4  # entries that a label or an equation shows in full


def short_number(value: float) -> str:
    """Return four digits, or a word for a number that is not finite."""
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def short_count(number: float, unit: str) -> str:
    """Return 1234 B as 1.23 kB, and 5e6 FLOP as 5 MFLOP."""
    for prefix in ("", "k", "M", "G"):
        if abs(number) < 1000:
            return f"{number:.3g} {prefix}{unit}"
        number /= 1000
    return f"{number:.3g} T{unit}"


def values_text(values: Any) -> str:
    """Return an array, nested lists of numbers, or a single number as text."""
    if np.ndim(values):
        return "[" + ", ".join(map(values_text, values)) + "]"
    return short_number(float(values))


def is_few(statistics: Statistics | None) -> bool:
    """Return True if all entries are known, and few enough for an equation."""
    return statistics is not None and statistics.values is not None and np.size(statistics.values) <= FEW


def statistics_text(statistics: Statistics, most: int = MOST_VALUES) -> str:
    """Return the values if there are at most `most`, else mean and standard deviation."""
    if statistics.values is not None and np.size(statistics.values) <= most:
        return values_text(statistics.values)
    return f"{short_number(statistics.mean)} ± {short_number(statistics.std)}"


def spread_text(statistics: Statistics | None) -> str:
    """Return mean, standard deviation and range in words; nothing for values that are shown in full."""
    if statistics is None or is_few(statistics):
        return ""
    low, high = short_number(statistics.minimum), short_number(statistics.maximum)
    return f"mean {short_number(statistics.mean)} ± {short_number(statistics.std)}, from {low} to {high}"


def comparison(formula: str, right: Right) -> list[tuple[str, str, str]]:
    """Return a wrong rule beside the right one.

    Parameters
    ----------
    formula : str
        The wrong rule; "" if the mistake is a sum.

    Returns
    -------
    list of (str, str, str)
        Label, wrong side and right side of each row: the formulas, the numbers where they differ most, and
        all of a small array.  A side is "" if it is not known.
    """
    rows = [("rule", formula, right.formula)]
    if right.expected_there is not None:
        given = f" for {right.given}" if right.given else ""
        by = f", {right.source}" if right.source and not right.formula else ""
        wrong = "" if right.sent_there is None else short_number(right.sent_there) + given
        rows.append((_place(right.entry), wrong, short_number(right.expected_there) + given + by))
    rows.append(("in full", _all_entries(right.sent), _all_entries(right.expected)))
    return [row for row in rows if any(row[1:])]


def _all_entries(statistics: Statistics | None) -> str:
    """Return all entries of a small array as text; "" for a number, which has one."""
    return values_text(statistics.values) if statistics and isinstance(statistics.values, list) else ""


def _place(entry: tuple[int, ...] | None) -> str:
    """Return the place of a number in its array, in words; None is the sum over several arrays."""
    if entry is None:
        return "in sum"
    return f"at {list(entry)}" if entry else "value"
