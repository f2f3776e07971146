"""The error of a numeric derivative against its step size, which draws a V.

A long step cuts the Taylor series off too early.  The error grows with a power of the step: 1 for forward
differences, 2 for central ones, 4 for Richardson's extrapolation of them.  A short step divides the rounding
of two nearly equal values by a small number.  The error grows as the step shrinks, with the slope -1.  The
complex step subtracts nothing: its error falls with the power 2 and stays down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.inputs import Problem, open_problem
from tinygrad_mnist.checking.numeric import entry_derivative, no_part_dropped
from tinygrad_mnist.checking.slopes import (
    CLEAR_ROUNDING,
    EPSILON,
    Line,
    rounding_side,
    running_median,
    truncation_side,
)
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.tables import Tabular
from tinygrad_mnist.typing import Array

METHODS = ("forward", "central", "richardson", "complex")
DEFAULT_STEPS = 10.0 ** (np.arange(0, -81, -1) / 4)  # four to a decade, from 1 down to 1e-20

_AGREEMENT = 1e-9  # relative, between reverse mode and the complex step
_COARSE = 1e-4  # relative, between reverse mode and extrapolated differences with the step 1e-3


@dataclass(frozen=True)
class Curve:
    """The errors of one method.

    Attributes
    ----------
    method
        "forward", "central", "richardson" or "complex".
    errors
        One per step of the `VCurve`; NaN where the function is not defined at the step's end.
    truncation, rounding
        The two sides of the V; None for a missing side.
    best_step, best_error
        The foot of the V, by the median of five neighbouring steps: a single one may be right by luck.
    """

    method: str
    errors: tuple[float, ...]
    truncation: Line | None
    rounding: Line | None
    best_step: float
    best_error: float

    @property
    def stays_down(self) -> bool:
        """True if the shortest steps are about as good as the best: there is no rounding side."""
        last = max(self.errors[-5:], default=float("nan"))
        return last <= CLEAR_ROUNDING * max(self.best_error, EPSILON)


@dataclass(frozen=True, repr=False)
class VCurve(Tabular):
    """Errors against step sizes at one entry; made by `v_curve`, prints as a table.

    Attributes
    ----------
    name, index, value
        The entry: its variable, its index there, and its value.
    reference
        The derivative that the others are compared with.
    source
        Origin of the reference, in words.
    relative
        True if errors are relative to the reference; False, for absolute errors, if that is 0.
    steps
        Long to short.
    curves
        One per method.
    notes
        Limits of the measurement.
    """

    name: str
    index: tuple[int, ...]
    value: float
    reference: float
    source: str
    relative: bool
    steps: tuple[float, ...]
    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = ()

    _words: ClassVar = ("method",)

    def __getitem__(self, method: str) -> Curve:
        for curve in self.curves:
            if curve.method == method:
                return curve
        raise KeyError(f"no curve {method!r}: there are {', '.join(c.method for c in self.curves)}")

    def entry(self) -> str:
        """Return the entry as it is written in code: ``weight[3, 5]``, or ``x`` for a number."""
        return f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON; None for an error that is not a number."""
        plain = asdict(self)
        for curve in plain["curves"]:
            curve["errors"] = [error if np.isfinite(error) else None for error in curve["errors"]]
        return plain

    def title(self) -> str:
        """Return one line: the derivative and its value."""
        return f"d/d {self.entry()} = {self.reference:.10g} at {self.entry()} = {self.value:.6g}"

    def _lines_below(self) -> list[tuple[str, str]]:
        kind = "relative" if self.relative else "absolute, since the derivative is 0"
        lines = [f"errors are {kind}; reference: {self.source}", *(f"note: {note}" for note in self.notes)]
        return [(line, "") for line in lines]

    def _cells(self) -> list[list[str]]:
        return [
            [
                curve.method,
                _slope(curve.truncation),
                _slope(curve.rounding),
                f"{'≤ ' if curve.stays_down else ''}{curve.best_step:.0e}",
                f"{curve.best_error:.1e}",
            ]
            for curve in self.curves
        ]

    def _columns(self) -> Sequence[str]:
        return "method", "truncation slope", "rounding slope", "best step", "best error"


def v_curve(
    function: Callable[..., Any],
    *inputs: Any,
    name: str | None = None,
    index: int | tuple[int, ...] | None = None,
    steps: ArrayLike | None = None,
) -> VCurve:
    """Measure the errors of four numeric derivatives at one entry, for step sizes from 1 to 1e-20.

    Parameters
    ----------
    function, inputs
        As in `check_gradients`.
    name, index
        The variable and the entry in it; by default those with the largest gradient.
    steps
        Other step sizes, not scaled by the value; positive.

    Returns
    -------
    VCurve
        ``curve["central"].truncation.slope``; prints as a table, and `report.plots.v_curve` draws it.

    Raises
    ------
    GradientError
        If there is no such entry, or the function depends on nothing or is not fit for a check.

    Examples
    --------
    >>> import numpy as np
    >>> curve = v_curve(np.exp, 1.0)
    >>> [round(curve[method].truncation.slope) for method in METHODS]
    [1, 2, 4, 2]
    >>> curve["complex"].best_error < curve["central"].best_error < curve["forward"].best_error
    True
    """
    sizes = _step_sizes(steps)
    with open_problem(function, *inputs) as problem:
        gradients = problem.gradients()
        chosen = _chosen_name(gradients, name)
        where = _chosen_index(problem.variables[chosen], gradients[chosen], index)
        entry = _Entry(problem, problem.variables[chosen], where)
        found = gradients[chosen]
        reference, source = _reference(entry, None if found is None else float(found[where]))
        curves = [_curve(method, sizes, entry, reference) for method in METHODS]
        notes = ("no complex step: the function does not take complex numbers",) * (curves[-1] is None)
        return VCurve(
            name=chosen,
            index=where,
            value=float(entry.variable._data[where]),
            reference=reference,
            source=source,
            relative=reference != 0,
            steps=tuple(map(float, sizes)),
            curves=tuple(curve for curve in curves if curve is not None),
            notes=notes,
        )


# The entry


class _Entry:
    """One number of an open problem."""

    def __init__(self, problem: Problem, variable: Tensor, index: tuple[int, ...]) -> None:
        self.problem, self.variable, self.index = problem, variable, index

    def derivative(self, method: str, h: float) -> float:
        """Return NaN where the function refuses the step's end; raise if it refuses complex numbers."""
        with no_part_dropped():
            try:
                return entry_derivative(self.problem, self.variable, self.index, method, h)
            except (ArithmeticError, ValueError):
                if method == "complex":
                    raise
                return float("nan")


def _step_sizes(steps: ArrayLike | None) -> Array:
    sizes = np.unique(np.asarray(DEFAULT_STEPS if steps is None else steps, np.float64))[::-1]
    if not sizes.size or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise GradientError(f"steps is {shown(steps)}: expected positive numbers, at least one")
    return sizes


def _chosen_name(gradients: dict[str, Any], name: str | None) -> str:
    """Return the variable asked for, or the one with the largest gradient."""
    if name is not None:
        if name not in gradients:
            raise GradientError(f"there is no variable {name!r}: the variables are {', '.join(gradients)}")
        return name
    empty = -1.0  # chosen last
    sizes = {key: np.abs(g).max(initial=empty) for key, g in gradients.items() if g is not None}
    if not sizes:
        raise GradientError(f"the function does not depend on {', '.join(gradients)}")
    return max(sizes, key=lambda key: float(np.nan_to_num(sizes[key])))


def _chosen_index(variable: Tensor, gradient: Any, index: int | tuple[int, ...] | None) -> tuple[int, ...]:
    """Return the index asked for, checked, or that of the largest gradient."""
    if not variable.size:
        raise GradientError("the variable is empty: there is no entry to differentiate")
    if index is None:
        flat = 0 if gradient is None else int(np.nan_to_num(np.abs(gradient)).argmax())
        return tuple(int(i) for i in np.unravel_index(flat, variable.shape))
    where = index if isinstance(index, tuple) else (index,)
    if len(where) != variable.ndim or not all(-n <= i < n for i, n in zip(where, variable.shape)):
        raise GradientError(f"there is no entry {list(where)} in a variable of shape {variable.shape}")
    return tuple(i % n for i, n in zip(where, variable.shape))


def _reference(entry: _Entry, reverse: float | None) -> tuple[float, str]:
    """Return the derivative that others are compared with, and its origin in words.

    If reverse mode and the complex step disagree, differences decide which of them is right.
    """
    arbiter = entry.derivative("richardson", 1e-3 * max(1.0, abs(float(entry.variable._data[entry.index]))))
    try:
        exact = entry.derivative("complex", 1e-30)
    except (ArithmeticError, ValueError, TypeError, RuntimeWarning):
        exact = None
    if reverse is not None and exact is not None and _off(reverse, exact) <= _AGREEMENT:
        digits = "the last digit" if reverse == exact else f"{_off(reverse, exact):.0e}"
        return reverse, f"reverse mode and the complex step, which agree to {digits}"
    if exact is not None and (reverse is None or _off(exact, arbiter) <= _off(reverse, arbiter)):
        return exact, f"the complex step; reverse mode does not agree: {_said(reverse)}"
    if reverse is not None and _off(reverse, arbiter) < _COARSE:
        beside = "" if exact is None else f"; the complex step does not: {_said(exact)}"
        return reverse, f"reverse mode, which extrapolated differences confirm{beside}"
    return arbiter, f"extrapolated differences, step 1e-3; reverse mode does not agree: {_said(reverse)}"


def _said(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.6g}"


def _off(a: float, b: float) -> float:
    """Return the relative difference; infinite if one is not a number."""
    off = abs(a - b) / max(abs(a), abs(b)) if a != b else 0.0
    return off if np.isfinite(off) else float("inf")


# The curves and the lines through them


def _curve(method: str, steps: Array, entry: _Entry, reference: float) -> Curve | None:
    """Measure one method; None for a complex step through a function that refuses complex numbers."""
    try:
        found = np.array([entry.derivative(method, step) for step in steps])
    except (ArithmeticError, ValueError, TypeError, RuntimeWarning):
        return None
    errors = np.abs(found - reference) / (abs(reference) or 1.0)
    typical = running_median(errors)
    best = int(np.argmin(np.maximum(typical, EPSILON)))
    return Curve(
        method=method,
        errors=tuple(map(float, errors)),
        truncation=truncation_side(steps, errors, typical, best),
        rounding=rounding_side(steps, errors, typical, best),
        best_step=float(steps[best]),
        best_error=float(typical[best]),
    )


def _slope(line: Line | None) -> str:
    return "none" if line is None else f"{line.slope:+.2f}"
