"""A row of a gradient report: what is said of one variable."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tinygrad_mnist.checking.judge import Entries, relative_error
from tinygrad_mnist.checking.verdict import VERDICTS, Verdict
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class Row:
    """A variable.

    Attributes
    ----------
    name, shape
        The variable.
    counts
        How many of the drawn entries have which verdict.
    worst
        The index of the entry shown: the one with the largest error among those of the row's verdict.
    reverse, central, complex_step, by_hand
        The derivative there; None where it is not to be had.
    error
        |reverse - other| / max(|reverse|, |other|), the other being the oracle that decided.
    central_difference, complex_difference
        The largest difference of reverse mode from each oracle, over the largest entry of the gradient.
    verdict
        Of the row.
    """

    name: str
    shape: tuple[int, ...]
    counts: dict[str, int]
    worst: tuple[int, ...]
    reverse: float | None
    central: float | None
    complex_step: float | None
    by_hand: float | None
    error: float
    central_difference: float
    complex_difference: float | None
    verdict: Verdict

    @property
    def entries(self) -> int:
        """How many entries the variable has."""
        return math.prod(self.shape)

    @property
    def tested(self) -> int:
        """How many entries were compared, and large enough for the comparison to mean something."""
        return sum(number for verdict, number in self.counts.items() if verdict != "untested")


def row_of(name: str, shape: tuple[int, ...], e: Entries, hand: Array | None, arrived: bool) -> Row:
    """The row of a variable: its gravest verdict, and the entry with the largest error among those.

    Parameters
    ----------
    arrived
        Whether there is a gradient at all.
    """
    counts = {v: int((e.verdicts == i).sum()) for i, v in enumerate(VERDICTS)}
    said = [v for v in VERDICTS if counts[v]]
    verdict = said[-1] if said else "untested"
    k, error = _worst(e, verdict, arrived)

    def at(values: Array | None) -> float | None:
        return None if values is None or k is None else float(values[k])

    return Row(
        name=name,
        shape=shape,
        counts={v: n for v, n in counts.items() if n},
        worst=() if k is None else tuple(int(i) for i in np.unravel_index(e.positions[k], shape)),
        reverse=at(e.reverse) if arrived else None,
        central=at(e.central),
        complex_step=at(e.exact),
        by_hand=None if hand is None else at(hand.reshape(-1)[e.positions]),
        error=error,
        central_difference=_over_largest(e.reverse, e.central),
        complex_difference=None if e.exact is None else _over_largest(e.reverse, e.exact),
        verdict=verdict,
    )


def _worst(e: Entries, verdict: Verdict, arrived: bool) -> tuple[int | None, float]:
    """The place of the worst entry with a verdict, and its relative error."""
    if not len(e.reverse):
        return None, 0.0
    errors = relative_error(e.reverse, e.decider)
    if not arrived:
        errors[:] = 1.0 if verdict == "wrong" else 0.0
    # Among correct entries the last digits of small ones tell nothing: the largest difference counts.
    weight = np.abs(e.reverse - e.decider) if verdict == "correct" else errors
    of_it = e.verdicts == VERDICTS.index(verdict)
    k = int(np.argmax(np.where(of_it, np.nan_to_num(weight, nan=np.inf), -1)))
    return k, float(errors[k])


def _over_largest(a: Array, b: Array) -> float:
    scale = max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    return float(np.abs(a - b).max(initial=0.0) / scale) if scale else 0.0
