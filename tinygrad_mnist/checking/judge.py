"""The verdict on each entry of a gradient: r is reverse mode, c a central difference, z the complex step.

1. z decides where c is large enough to tell and agrees with it; r within 1e-9 of z is *correct*, an r that
   differs by no more than rounding explains is *precision*, any other *wrong*.
2. Where c is off by its own truncation, r and z agree, and c with a smaller h comes nearer to them, r is
   *correct*: at a stationary inflection, as of x**3 at 0.
3. Where both are lost in the rounding of c, and r and z still agree, r is *correct*: two independent
   computations do not agree to nine digits by accident.
4. Every other entry is examined by itself, with the slopes to both sides for a ladder of h.  They show the
   function as smooth (then r must be its slope, and it is a *kink* if the first h crossed one), as having a
   kink at x itself (then r must lie between the two slopes: *kink*), or as too noisy to tell (*untested*).

The rounding of the function is measured, not assumed (`numeric.noise_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.inputs import Problem
from tinygrad_mnist.checking.numeric import central_entries
from tinygrad_mnist.checking.verdicts import CORRECT, KINK, PRECISION, UNTESTED, WRONG
from tinygrad_mnist.typing import Array

EXACT = 1e-9  # relative agreement required of the complex step
COARSE = 1e-5  # relative agreement required of central differences, beyond their rounding

_ONE_BY_ONE = 2000  # examine at most this many entries one by one; central differences decide the rest
_LADDER = 8.0 ** -np.arange(5)  # h near x, relative to the first; a smooth bend shrinks by 8 each time
_WIDE = (16.0, 128.0, 1024.0)  # h for entries that are lost in the noise


@dataclass
class Entries:
    """The drawn entries of one variable: arrays with a derivative, a decider and a verdict per entry.

    Attributes
    ----------
    positions
        Positions in the flattened variable.
    central, exact
        The central differences and the complex step; `exact` is None where a function does not take
        complex numbers.
    h, rounding
        h of `central`, and the largest error that rounding may make in it.
    allowance
        The largest error that r may have by its own rounding.
    decider
        The derivative that r was compared with.
    contradicted
        True where z is not the slope that the differences show.
    """

    positions: Array
    reverse: Array
    central: Array
    exact: Array | None
    h: Array
    rounding: Array
    allowance: Array
    decider: Array
    verdicts: Array
    contradicted: Array


def judge(problem: Problem, variable: Tensor, e: Entries, noise: float, confirmed: bool) -> None:
    """Fill in deciders and verdicts.

    Parameters
    ----------
    noise
        Size of the rounding errors in the function's value; see `numeric.noise_of`.
    confirmed
        True if the complex step agreed with central differences on other variables.
    """
    r, c = e.reverse, e.central
    z = e.exact if e.exact is not None else np.full(len(r), np.nan)
    tells = np.maximum(np.abs(z), np.abs(c)) > 10 * e.rounding
    near = _near(z, c, e.rounding)
    trusted = near & tells
    if trusted.any() or (tells & ~near).any():
        confirmed = int(trusted.sum()) > int((tells & ~near).sum())
    e.decider[:] = np.where(near, z, c)
    # At a stationary point z is not 0 but h**2 of the third derivative, far below eps of what c is.
    agrees = np.abs(r - z) <= np.maximum(
        EXACT * np.maximum(np.abs(r), np.abs(z)), np.finfo(float).eps * np.abs(c)
    )
    bent = (np.abs(c) > 10 * e.rounding) & ~_near(r, c, 0) & (agrees | np.isnan(z))
    bent[bent] = _approach(problem, variable, e, bent)
    settled = ((trusted | (near & ~tells)) & agrees) | bent
    e.decider[bent] = np.where(np.isnan(z), r, z)[bent]
    e.verdicts[settled] = CORRECT
    off = trusted & ~agrees & ~bent
    e.verdicts[off] = np.where(_within(r, z, e.allowance)[off], PRECISION, WRONG)
    rest = np.flatnonzero(~settled & ~off)
    rest = rest[np.argsort(-np.abs(r - c)[rest], kind="stable")]
    for k in rest[:_ONE_BY_ONE]:
        _Entry(problem, variable, e, int(k), noise).settle(float(z[k]), confirmed)
    _settle_in_bulk(e, rest[_ONE_BY_ONE:])
    e.verdicts[~np.isfinite(r) & np.isfinite(c) & (np.isfinite(z) if e.exact is not None else True)] = WRONG


def _approach(problem: Problem, variable: Tensor, e: Entries, which: Array) -> Array:
    """Return True where narrower differences come nearer to r, as where a slope is 0 and the function bends.

    For x**3 at 0 a central difference gives h**2: for any h it consists of its error, and an eighth of h
    gives a 64th of that.  One smaller h decides where the complex step agrees with r; two are needed where
    there is no complex step.
    """
    r, positions = e.reverse[which], e.positions[which]
    base = e.h[which] / np.maximum(1, np.abs(variable._data.reshape(-1)[positions]))
    approaches = np.ones(len(positions), bool)
    before = e.central[which]
    for level in range(1 if e.exact is not None else 2):
        narrower = (
            central_entries(problem, variable, positions, base[0] / 8 ** (level + 1)) if len(base) else r
        )
        slack = 8 ** (level + 1) * e.rounding[which]
        approaches &= (np.abs(narrower - r) <= np.abs(before - r) / 4) & (slack < np.abs(before - r))
        before = narrower
    return approaches


def relative_error(a: Array, b: Array) -> Array:
    """Return |a - b| / max(|a|, |b|), and 0 where both are 0."""
    scale = np.maximum(np.abs(a), np.abs(b))
    return np.asarray(np.abs(a - b) / np.where(scale == 0, 1, scale))


def _near(a: Any, b: Any, rounding: Any) -> Any:
    """Return True where a and b are the same as far as central differences can tell."""
    return np.abs(a - b) <= COARSE * np.maximum(np.abs(a), np.abs(b)) + rounding


def _within(r: Array, z: Array, allowance: Array) -> Array:
    """Return True where r differs by less than its rounding, and still has at least one correct digit."""
    return np.asarray((np.abs(r - z) <= allowance) & (relative_error(r, z) < 0.1))


def _settle_in_bulk(e: Entries, which: Array) -> None:
    """Judge by central differences alone."""
    r, c, rounding = e.reverse[which], e.central[which], e.rounding[which]
    verdicts = np.where(_near(r, c, 0), CORRECT, np.where(_near(r, c, rounding), PRECISION, WRONG))
    hidden = (np.maximum(np.abs(r), np.abs(c)) < 3 * rounding) & ((r != 0) | (c != 0))
    e.decider[which] = c
    e.verdicts[which] = np.where(hidden, UNTESTED, verdicts)


@dataclass
class _Slopes:
    """Slopes to both sides of x for one h, and the largest error of their mean."""

    h: float
    left: float
    right: float
    slack: float

    @property
    def mean(self) -> float:
        return (self.left + self.right) / 2

    @property
    def gap(self) -> float:
        return abs(self.right - self.left)

    @property
    def bent(self) -> bool:
        return self.gap > 10 * self.slack

    def straightened(self, doubt: float) -> _Slopes:
        """Replace both slopes by their mean, with more slack."""
        return _Slopes(self.h, self.mean, self.mean, self.slack + doubt)

    def tells(self, r: float) -> bool:
        """Return True if the slopes are sharp enough to judge r by."""
        return bool(np.isfinite(self.gap) and self.slack < 0.1 * max(abs(r), abs(self.left), abs(self.right)))


class _Entry:
    """One entry, examined by itself."""

    def __init__(self, problem: Problem, variable: Tensor, entries: Entries, k: int, noise: float) -> None:
        self.problem, self.entries, self.k, self.noise = problem, entries, k, noise
        self.flat, self.position = variable._data.reshape(-1), entries.positions[k]
        self.middle = problem.value_or_nan()
        self.r, self.first = float(entries.reverse[k]), float(entries.h[k])
        self.allowance = float(entries.allowance[k])

    def slopes(self, h: float) -> _Slopes:
        before = self.flat[self.position]
        try:
            self.flat[self.position] = before + h
            right = (self.problem.value_or_nan() - self.middle) / h
            self.flat[self.position] = before - h
            left = (self.middle - self.problem.value_or_nan()) / h
        finally:
            self.flat[self.position] = before
        # x + h is rounded too: h is known no better than that.
        stretch = COARSE + np.spacing(abs(before)) / h
        return _Slopes(h, left, right, stretch * max(abs(left), abs(right)) + 4 * self.noise / h)

    def settle(self, z: float, confirmed: bool) -> None:
        x = abs(self.flat[self.position])
        ladder = self.first * _LADDER
        if 0 < x < 1e-2:  # a function of log x may vary on the scale of x itself
            ladder = np.append(ladder, 6e-6 * x * _LADDER[:2])
        if x > 1:  # and one of sin x on the scale of 1
            ladder = np.append(ladder, 6e-6 * _LADDER[:2])
        seen = [s for h in np.sort(ladder)[::-1] if (s := self.slopes(h)).tells(self.r)]
        if not seen:
            self._settle_in_noise(z, confirmed)
            return
        smooth = _first_smooth(seen)
        if smooth is None and _shrinks(seen):  # a strong bend: the mean of both sides is right
            smooth = seen[-1].straightened(abs(seen[-1].mean - seen[-2].mean))
        if smooth is not None:
            self._settle_smooth(z, confirmed, smooth, crossed=not _shrinks(seen) and seen[0].bent)
            return
        last = seen[-1]
        if len(seen) > 1 and not last.gap > 0.5 * seen[-2].gap:  # no kink stays: h is too large
            self._settle_in_noise(z, confirmed)
            return
        self._settle_at_kink(last)

    def _settle_at_kink(self, s: _Slopes) -> None:
        """Judge at a kink: r lies between the slopes to both sides."""
        low, high = sorted((s.left, s.right))
        between = low - s.slack <= self.r <= high + s.slack
        self._say(KINK if between else WRONG, min(max(self.r, low), high))

    def _settle_smooth(self, z: float, confirmed: bool, s: _Slopes, crossed: bool) -> None:
        fine = KINK if crossed and self.first < 1e-3 else CORRECT  # a large h may cross anything
        if abs(z - s.mean) <= 2 * s.slack:
            tolerance, decider = EXACT, z
            # Confirmed nowhere, it may lack imaginary parts: only what differences exclude is wrong.
            allowance = self.allowance if confirmed else max(self.allowance, 3 * s.slack)
        else:
            tolerance, allowance, decider = 2 * COARSE, 3 * s.slack, s.mean
            self.entries.contradicted[self.k] = np.isfinite(z)
        off, size = abs(self.r - decider), max(abs(self.r), abs(decider))
        if off <= tolerance * size:
            self._say(fine, decider)
        elif off <= allowance:  # explained by rounding; r was tested if a digit is right
            self._say(PRECISION if off < 0.1 * size else UNTESTED, decider)
        else:
            self._say(WRONG, decider)

    def _settle_in_noise(self, z: float, confirmed: bool) -> None:
        for h in _WIDE:
            wide, narrow = self.slopes(self.first * h), self.slopes(self.first * h / 2)
            if narrow.tells(self.r) and abs(wide.mean - narrow.mean) <= 1e-2 * abs(narrow.mean):
                if narrow.bent and narrow.gap > 0.75 * wide.gap:  # on a bend it halves
                    self._settle_at_kink(narrow)
                else:
                    smooth = narrow.straightened(abs(wide.mean - narrow.mean))
                    self._settle_smooth(z, confirmed, smooth, crossed=False)
                return
        nothing = self.r == 0 and self.entries.central[self.k] == 0 and not z  # not z: 0
        if nothing or (np.isnan(z) and self.r == self.entries.central[self.k] == 0):
            self._say(CORRECT, 0.0)
        elif confirmed and self.allowance < abs(self.r - z) < np.inf:
            self._say(WRONG, z)
        else:
            self._say(UNTESTED, z if np.isfinite(z) else float(self.entries.central[self.k]))

    def _say(self, verdict: int, decider: float) -> None:
        z = self.entries.exact[self.k] if self.entries.exact is not None else np.nan
        if verdict == WRONG and z != 0 and abs(self.r - z) <= EXACT * abs(z):
            verdict = UNTESTED  # the oracles contradict each other: a function too fast for differences
            self.entries.contradicted[self.k] = True
        self.entries.verdicts[self.k], self.entries.decider[self.k] = verdict, decider


def _first_smooth(seen: list[_Slopes]) -> _Slopes | None:
    """Return the slopes for the largest h with one slope to both sides, confirmed by the next h.

    A gap that is only lost in its own slack does not count.
    """
    gap = np.inf
    for s, narrower in zip(seen, [*seen[1:], seen[-1]]):
        relative = s.gap / max(abs(s.left), abs(s.right), 1e-300)
        confirmed = abs(s.mean - narrower.mean) <= s.slack + narrower.slack - COARSE * abs(s.mean)
        if not s.bent and relative < 0.5 * gap and confirmed:
            return s
        gap = min(gap, relative or np.inf)
    return None


def _shrinks(seen: list[_Slopes]) -> bool:
    """Return True if the sides come together as on a bend, in proportion to h."""

    def fits(wide: _Slopes, narrow: _Slopes) -> bool:
        expected = wide.gap * narrow.h / wide.h
        return 0.5 * expected - 3 * narrow.slack <= narrow.gap <= 2 * expected + 3 * narrow.slack

    return len(seen) > 1 and all(fits(wide, narrow) for wide, narrow in pairwise(seen))
