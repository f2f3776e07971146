"""Check one rule of one op by itself, on the values it had.

A rule is the transpose of a Jacobian J: for any g and any direction v, <rule(g), v> = <g, J v>.  The rule
gives the left side.  J v is the slope of each output along v, by the complex step; central differences must
confirm it.  With random g and v a wrong rule passes by accident only.  An output that has a kink there (relu
at 0, a tie) may have any slope between those to both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.checking.numeric import BEST_H, no_part_dropped
from tinygrad_mnist.typing import Array

EXACT = 1e-8  # relative agreement required where the complex step is confirmed; it gives about 1e-13
COARSE = 1e-5  # required with central differences alone, beyond their rounding
_TINY = BEST_H["complex"]


@dataclass(frozen=True)
class Outcome:
    """The outcome for a rule; `off` is relative, and None if the rule gave nothing to compare."""

    verdict: Literal["correct", "wrong", "untested"]
    off: float | None = 0.0
    reason: str = ""
    kink: bool = False


class Application:
    """A primitive and its operands, in float64.

    Parameters
    ----------
    inputs, attributes
        Arrays and numbers; float arrays are copied to float64.
    """

    def __init__(
        self,
        primitive: Primitive,
        inputs: Sequence[Any],
        attributes: dict[str, Any],
        rng: np.random.Generator,
    ) -> None:
        self.primitive, self.attributes, self.rng = primitive, attributes, rng
        self.values = tuple(_in_float64(x) for x in inputs)
        self.y = np.asarray(self.forward(self.values))
        self.g = rng.uniform(0.5, 1.5, self.y.shape)
        self.contributions: dict[int, Array] = {}

    def forward(self, values: Sequence[Any]) -> Any:
        """Apply the op to other values."""
        return self.primitive.forward(*values, **self.attributes)

    def check(self, position: int) -> Outcome:
        """Check the rule of one input."""
        x = self.values[position]
        try:
            contribution = summed_to(self.contribution(position), x.shape)
        except Exception as error:  # a wrong rule may fail in any way
            return Outcome("wrong", None, f"fails: {error}")
        if contribution is None:
            return Outcome("wrong", None, "returns a gradient of an impossible shape")
        if not self._is_odd(position, contribution):
            return Outcome("wrong", None, "is not linear in g: for -g it does not return the opposite")
        self.contributions[position] = contribution
        direction = self.rng.uniform(0.5, 1.5, x.shape) * self.rng.choice([-1.0, 1.0], x.shape)
        outcome = self._along({position: direction})
        # Perhaps a matter of scale: try a direction as large as the values.  A close pole looks like a kink.
        pole = outcome.verdict == "wrong" and self._agrees_with_complex_step(position, direction)
        if outcome.verdict == "untested" or pole:
            size = np.where(x == 0, np.abs(x).mean() or 1.0, np.abs(x))
            outcome = self._along({position: direction * size})
        return outcome

    def _is_odd(self, position: int, contribution: Array) -> bool:
        """Return True if the rule changes its sign with g, as a linear one does."""
        try:
            turned = summed_to(self.contribution(position, -1.0), contribution.shape)
        except Exception:
            return False
        scale = np.abs(contribution).max(initial=0.0)
        return turned is not None and bool(
            np.allclose(turned, -contribution, rtol=1e-6, atol=1e-9 * scale, equal_nan=True)
        )

    def _agrees_with_complex_step(self, position: int, direction: Array) -> bool:
        shifted = list(self.values)
        shifted[position] = self.values[position] + 1j * _TINY * direction
        slopes = _complex_slopes(lambda h: self.forward(shifted))
        found = float((self.contributions[position] * direction).sum())
        expected = np.nan if slopes is None else float((self.g * slopes).sum())
        return expected != 0 and abs(found - expected) <= EXACT * abs(expected)

    def check_together(self) -> Outcome:
        """Check the sum of all inputs' rules along the direction in which all values grow alike.

        At a tie each input's share may lie anywhere between 0 and 1, but the shares must add up to 1.
        """
        return self._along({i: np.ones(self.values[i].shape) for i in self.contributions})

    def slopes(self, position: int, entries: Array) -> tuple[Array, bool]:
        """Return the gradient of <g, forward> with respect to some entries of an input, without its rule.

        Returns
        -------
        gradient : ndarray
            In the input's shape; NaN at other entries, at kinks and where no slope is finite.
        is_exact : bool
            True if all of them are confirmed values of the complex step.
        """
        x = self.values[position]
        if self.primitive.elementwise:  # no output depends on two entries
            slopes, is_exact = self._slopes_along({position: np.ones(x.shape)})
            gradient = summed_to(self.g * slopes, x.shape)
            return np.full(x.shape, np.nan) if gradient is None else gradient, is_exact
        found, all_exact = np.full(x.size, np.nan), True
        for entry in entries:
            direction = np.zeros(x.size)
            direction[entry] = 1.0
            slopes, is_exact = self._slopes_along({position: direction.reshape(x.shape)})
            found[entry] = (self.g * slopes).sum()
            all_exact = all_exact and is_exact
        return found.reshape(x.shape), all_exact

    def together(self) -> tuple[float, float]:
        """Return <rule(g), v> and <g, J v> for the v along which all checked inputs grow alike."""
        slopes, _ = self._slopes_along({i: np.ones(self.values[i].shape) for i in self.contributions})
        return float(sum(c.sum() for c in self.contributions.values())), float((self.g * slopes).sum())

    def _slopes_along(self, directions: dict[int, Array]) -> tuple[Array, bool]:
        """Return each output's slope, NaN at a kink, and True if all are those of the complex step."""
        moved = self._moved(directions)
        low, high, slack, _ = _bounds(moved, self.y, _complex_slopes(moved), self._largest(directions))
        return np.where(low == high, low, np.nan), not slack.any()

    def _moved(self, directions: dict[int, Array]) -> Callable[[Any], Any]:
        """Return the op as a function of the distance along directions of its inputs."""

        def moved(h: Any) -> Any:
            shifted = list(self.values)
            for position, direction in directions.items():
                shifted[position] = self.values[position] + h * direction
            return self.forward(shifted)

        return moved

    def _largest(self, directions: dict[int, Array]) -> float:
        return max(float(np.abs(self.values[i]).max(initial=0.0)) for i in directions)

    def contribution(self, position: int, sign: float = 1.0) -> Any:
        """Run the rule on g, after a run on other values, from which it must keep nothing.

        It runs on copies and must not change them: other rules read the same arrays.
        """
        rule: Any = self.primitive.rule(position)
        originals = [sign * self.g, self.y, *self.values]
        elsewhere = list(self.values)
        elsewhere[position] = self.values[position] * 1.01
        with suppress(Exception):  # the run that counts comes next
            rule(self.g.copy(), np.array(self.forward(elsewhere)), *_copies(elsewhere), **self.attributes)
        given = _copies(originals)
        answer = np.array(_numbers(rule(*given, **self.attributes)))
        for name, before, after in zip(("g", "y", *("an input",) * len(self.values)), originals, given):
            if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
                raise TypeError(f"it writes into {name}, which others read")
        return answer

    def _along(self, directions: dict[int, Array]) -> Outcome:
        terms = [self.contributions[i] * d for i, d in directions.items()]
        largest = self._largest(directions)
        # A rule may lose digits where slopes are tiny, as 1 - y * y for a saturated tanh: a rounding of y / x
        size = float(np.abs(self.y).max(initial=0.0)) / (largest or 1.0)
        reach = max(float(np.abs(d).max(initial=0.0)) for d in directions.values())
        lost = 100 * np.finfo(self.y.dtype).eps * size * reach * float(self.g.sum())
        return _compare(self._moved(directions), self.y, self.g, terms, largest, lost)


def _copies(values: Sequence[Any]) -> list[Any]:
    return [value.copy() if isinstance(value, np.ndarray) else value for value in values]


def _numbers(answer: Any) -> Array:
    if not hasattr(answer, "shape"):
        raise TypeError(f"it returned {type(answer).__name__} instead of an array")
    array = np.asarray(answer)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"it returned {type(answer).__name__} instead of an array of real numbers")
    return array


def _in_float64(x: Any) -> Any:
    return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def summed_to(contribution: Array, shape: tuple[int, ...]) -> Array | None:
    """Sum a gradient over the axes along which its input was broadcast; None if the shapes do not fit.

    The op `sum_to` does the same in a backward pass.  A checker has its own, so that an error there shows.
    """
    lead = contribution.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, contribution.shape[lead:])):
        return None
    axes = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(shape) if n != contribution.shape[lead + i]
    )
    return np.asarray(np.sum(contribution, axis=axes)).reshape(shape)


def _compare(
    moved: Callable[[Any], Any], y: Array, g: Array, terms: list[Array], largest: float, lost: float
) -> Outcome:
    """Compare the sum of the terms, <rule(g), v>, with bounds on <g, J v>, output by output."""
    found = float(sum(t.sum() for t in terms))
    exact = _complex_slopes(moved)
    low, high, slack, kink = _bounds(moved, y, exact, largest)
    scale = max(
        float(sum(np.abs(t).sum() for t in terms)), float((g * np.maximum(abs(low), abs(high))).sum())
    )
    bottom, top = float((g * low).sum()), float((g * high).sum())
    lost_in_rounding = float((g * slack).sum())
    allowed = lost_in_rounding + EXACT * scale
    if np.isnan(bottom + top + lost_in_rounding):
        agrees = (
            exact is not None
            and np.isfinite(found)
            and abs(found - float((g * exact).sum())) <= EXACT * scale
        )
        return Outcome("correct" if agrees else "untested")
    if not np.isfinite(found):
        return Outcome("wrong", None, f"returns {found}")
    off = max(bottom - found, found - top, 0.0)
    if off <= allowed:
        return Outcome("correct", off / scale if scale else 0.0, kink=kink)
    if off <= lost:
        return Outcome("correct" if scale > 10 * lost else "untested", off / scale, kink=kink)
    return Outcome("wrong", off / scale, f"is wrong (off by {off / scale:.1e})", kink)


def _complex_slopes(moved: Callable[[Any], Any]) -> Array | None:
    """Return each output's slope by the complex step; None if the forward refuses complex numbers."""
    try:
        with no_part_dropped():
            return np.asarray(np.imag(moved(1j * _TINY)) / _TINY)
    except Exception:
        return None


def _bounds(
    moved: Callable[[Any], Any], y: Array, exact: Array | None, largest: float
) -> tuple[Array, Array, Array, bool]:
    """Return bounds on each output's slope.

    Returns
    -------
    low, high, slack : ndarray
        The least and the largest slope, and how far they may be off; NaN where they are unknown.
    kink : bool
        True if an output has a kink there.
    """
    eps = float(np.finfo(y.dtype).eps)
    wide = 1e-6 if eps < 1e-10 else 1e-2

    def differences(h: float) -> tuple[Array, Array, Array]:
        right, left = (moved(h) - y) / h, (y - moved(-h)) / h
        steepest = np.nanmax(np.abs([left, right]), initial=0.0)
        rounding = (30 * np.abs(y).max(initial=0.0) + 4 * largest * steepest) * eps / h
        return left, right, COARSE * np.maximum(abs(left), abs(right)) + rounding

    left, right, slack = differences(wide)
    central = (left + right) / 2
    if exact is not None:
        good = np.abs(exact - central) <= slack
        if good.all():
            return exact, exact, np.zeros(y.shape), False
    left2, right2, slack2 = differences(wide * 1e-2)
    central2 = (left2 + right2) / 2
    gap, gap2 = abs(right - left), abs(right2 - left2)
    kink = (gap > 10 * slack) & (gap2 > 10 * slack2) & (gap2 > 0.3 * gap)
    steady = abs(central - central2) <= slack + slack2
    middle = np.where(steady, central, np.nan)
    low = np.where(kink, np.minimum(left2, right2), middle)
    high = np.where(kink, np.maximum(left2, right2), middle)
    slack = np.where(kink, slack2, slack)
    if exact is not None:
        good = (good | (np.abs(exact - central2) <= slack2)) & ~kink
        low, high, slack = (np.where(good, a, b) for a, b in ((exact, low), (exact, high), (0.0, slack)))
    return low, high, slack, bool(kink.any())
