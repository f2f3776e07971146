"""Straight lines through the two sides of a V on logarithmic axes; no slope is assumed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.checking.numeric import filtering
from tinygrad_mnist.typing import Array

EPSILON = float(np.finfo(float).eps)
_CLEAR_TRUNCATION = 30.0  # times the least error: truncation, not rounding
CLEAR_ROUNDING = 10.0  # times the least error: rounding, not truncation
_LOST = 0.2  # relative error from which a shorter step only loses the last digits
_STEADY = 0.25  # local slopes that differ by less are one line
_FEWEST_POINTS = 4


@dataclass(frozen=True)
class Line:
    """A straight piece of a curve on logarithmic axes: error = 10**intercept * step**slope.

    Attributes
    ----------
    slope, intercept
        Fitted by the median of all pairs (P. Sen, 1968), so that a lucky digit does not tilt it.
    low, high
        The steps between which it was fitted.
    """

    slope: float
    intercept: float
    low: float
    high: float


def running_median(errors: Array) -> Array:
    """Return the median of five neighbours, fewer at the ends; infinite if all are NaN."""
    padded = np.pad(errors, 2, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 5)
    with filtering("ignore", RuntimeWarning):  # nothing but NaN
        medians: Array = np.nan_to_num(np.nanmedian(windows, axis=1), nan=np.inf)
    return medians


def truncation_side(steps: Array, errors: Array, typical: Array, best: int) -> Line | None:
    """Fit the longest straight piece to the right of the V's foot."""
    first, last = _first_run(errors[:best] > _CLEAR_TRUNCATION * max(typical[best], EPSILON))
    x, y = np.log10(steps[first:last]), np.log10(errors[first:last])
    first, last = _straightest(x, y)
    return _line(x[first:last], y[first:last])


def _first_run(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return begin and end of the first unbroken run of True."""
    first = int(np.argmax(mask)) if mask.any() else len(mask)
    ends = np.flatnonzero(~mask[first:])
    return first, first + int(ends[0]) if ends.size else len(mask)


def _straightest(x: Array, y: Array) -> tuple[int, int]:
    """Find the longest run of points with a steady local slope; of equal ones the shortest steps."""
    slopes = np.diff(y) / np.diff(x)
    best = (0, 0)
    for first in range(len(slopes)):
        last = first
        while last < len(slopes) and np.ptp(slopes[first : last + 1]) <= _STEADY:
            last += 1
        if last - first >= best[1] - best[0]:
            best = first, last
    return best[0], best[1] + 1


def rounding_side(steps: Array, errors: Array, typical: Array, best: int) -> Line | None:
    """Fit all steps to the left of the V's foot, down to where all digits are lost."""
    lost = np.flatnonzero(errors[best:] > _LOST)
    end = best + int(lost[0]) if lost.size else len(errors)
    risen = np.flatnonzero(typical[best:] > CLEAR_ROUNDING * max(typical[best], EPSILON))
    if not risen.size:
        return None
    x, y = steps[best + risen[0] : end], errors[best + risen[0] : end]
    return _line(np.log10(x[y > 0]), np.log10(y[y > 0]))


def _line(x: Array, y: Array) -> Line | None:
    """Fit a line through points on logarithmic axes: Theil and Sen's, or None for fewer than four points."""
    if len(x) < _FEWEST_POINTS:
        return None
    i, j = np.triu_indices(len(x), 1)
    slope = float(np.median((y[j] - y[i]) / (x[j] - x[i])))
    intercept = float(np.median(y - slope * x))
    return Line(slope, intercept, low=float(10 ** x.min()), high=float(10 ** x.max()))
