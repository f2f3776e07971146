"""Derivatives without backpropagation: by differences, and by a step into the complex plane.

With a step h, for a smooth f in float64 (relative rounding u = 1.1e-16):

    forward      (f(x + h) - f(x)) / h                                   error h, and u / h
    central      (f(x + h) - f(x - h)) / 2h                              error h**2, and u / h
    richardson   (4 central(h / 2) - central(h)) / 3                     error h**4, and u / h
    complex      Im f(x + ih) / h                                        error h**2, no u / h: no subtraction

W. Squire and G. Trapp, Using complex variables to estimate derivatives of real functions, 1998;
L. F. Richardson, The deferred approach to the limit, 1927.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.filters import no_part_dropped
from tinygrad_mnist.checking.inputs import Problem, open_problem
from tinygrad_mnist.typing import Array

# The step that makes truncation and rounding about equal, for a function and arguments of size 1.
STEPS = {"forward": 1e-8, "central": 6e-6, "richardson": 1e-3, "complex": 1e-30}


def entry_derivative(
    problem: Problem, variable: Tensor, index: tuple[int, ...], method: str, step: float
) -> float:
    """One partial derivative of an open problem.

    Parameters
    ----------
    method
        "forward", "central", "richardson" or "complex"; see the head of this file.
    step
        h, not scaled.
    """
    data = variable._data
    before = data[index]

    def at(shift: Any) -> Any:
        data[index] = before + shift
        return problem.value()

    try:
        if method == "forward":
            return float((at(step) - at(0.0)) / step)
        if method == "central":
            return float((at(step) - at(-step)) / (2 * step))
        if method == "richardson":
            wide, narrow = (at(h) - at(-h) for h in (step, step / 2))
            return float((8 * narrow - wide) / (6 * step))
        with complex_data(variable):
            variable._data[index] += 1j * step
            return float(np.imag(problem.value()) / step)
    finally:
        data[index] = before


class complex_data:  # noqa: N801  a context manager
    """While open, a variable holds a complex copy of its array."""

    def __init__(self, variable: Tensor) -> None:
        self.variable, self.real = variable, variable._data

    def __enter__(self) -> Array:
        self.variable._data = self.real.astype(complex, order="C")
        return self.variable._data

    def __exit__(self, *error: object) -> None:
        self.variable._data = self.real


def chosen_entries(shape: tuple[int, ...], sample: int | None, seed: int) -> Array:
    """Flat positions of the entries to test: all, or a sorted sample drawn from the seed."""
    size = int(np.prod(shape))
    if sample is None or sample >= size:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, sample, replace=False))


def central_entries(problem: Problem, variable: Tensor, entries: Array, step: float) -> Array:
    """Central differences at flat positions, each with the step scaled by max(1, |x|); NaN where f raises."""
    flat = variable._data.reshape(-1)  # the variable's own copy is contiguous: a view
    result = np.empty(len(entries))
    for k, position in enumerate(entries):
        before = flat[position]
        h = step * max(1.0, abs(before))
        flat[position] = before + h
        up = problem.value_or_nan()
        flat[position] = before - h
        result[k] = (up - problem.value_or_nan()) / (2 * h)
        flat[position] = before
    return result


def complex_entries(
    problem: Problem, variable: Tensor, entries: Array, step: float = STEPS["complex"]
) -> Array:
    """The complex step at flat positions, scaled by min(1, |x|) except at 0.

    Raises
    ------
    ComplexWarning
        When the function drops an imaginary part; and what else it may raise on complex numbers.
    """
    result = np.empty(len(entries))
    with complex_data(variable) as data, no_part_dropped():
        flat = data.reshape(-1)
        for k, position in enumerate(entries):
            before = flat[position]
            h = step * min(1.0, max(abs(before), 1e-200)) if before else step
            flat[position] = before + 1j * h
            result[k] = np.imag(problem.value()) / h
            flat[position] = before
    return result


def numeric_gradient(
    function: Callable[..., Any],
    *inputs: Any,
    method: str = "central",
    step: float | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> dict[str, Array]:
    """All partial derivatives of a scalar function, numerically.

    Parameters
    ----------
    function, inputs
        As in `check_gradients`.
    method
        "forward", "central", "richardson" or "complex".
    step
        h; by default the best for a function and arguments of size 1.
    sample, seed
        How many entries of each input to compute; all by default.

    Returns
    -------
    dict
        Float64 arrays by name, in the shapes of the variables; NaN where an entry was not drawn.

    Examples
    --------
    >>> numeric_gradient(lambda x: (x**3).sum(), np.array([1.0, 2.0]), method="complex")
    {'x': array([ 3., 12.])}
    """
    if method not in STEPS:
        raise ValueError(f"there is no method {method!r}: choose one of {', '.join(STEPS)}")
    h = STEPS[method] if step is None else step
    with open_problem(function, *inputs) as problem:
        return {
            name: _all_entries(problem, variable, method, h, sample, seed)
            for name, variable in problem.variables.items()
        }


def _all_entries(
    problem: Problem, variable: Tensor, method: str, step: float, sample: int | None, seed: int
) -> Array:
    result = np.full(variable.shape, np.nan)
    for position in chosen_entries(variable.shape, sample, seed):
        index = np.unravel_index(position, variable.shape)
        result[index] = entry_derivative(problem, variable, index, method, step)
    return result


def slope_along(problem: Problem, directions: Sequence[Array]) -> float:
    """The derivative along a direction in all variables: by the complex step, or else central differences."""
    variables = list(problem.variables.values())
    bases = [variable._data for variable in variables]

    def at(step: Any) -> Any:
        for variable, base, direction in zip(variables, bases, directions):
            variable._data = base + step * direction
        return problem.value()

    try:
        h = STEPS["central"]
        central = (at(h) - at(-h)) / (2 * h)
        with no_part_dropped():
            exact = np.imag(at(1j * STEPS["complex"])) / STEPS["complex"]
    except (ArithmeticError, TypeError, ValueError, Warning):
        exact = np.nan
    finally:
        for variable, base in zip(variables, bases):
            variable._data = base
    return float(exact if abs(exact - central) <= 1e-4 * abs(central) else central)


def noise_of(problem: Problem, seed: int) -> float:
    """The size of the rounding errors in the function's value, absolute.

    Values on a line from the inputs are smooth but for rounding, and a fourth difference removes all that
    is smooth: what is left is noise, times sqrt(70).  The step grows until the values differ, since in
    a function that computes in float32 a small step is lost.  Of the two sides the quieter one counts: there
    may be a corner at the inputs or beside them, and that is no noise (R. W. Hamming, Introduction to
    applied numerical analysis, 1971; J. Moré and S. Wild, Estimating computational noise, 2011).
    """
    return min(_noise_on_a_line(problem, seed, 1), _noise_on_a_line(problem, seed, -1))


def _noise_on_a_line(problem: Problem, seed: int, side: int) -> float:
    values: list[float] = []
    for step in (1e-7, 1e-5, 1e-3):
        values = _values_on_a_line(problem, seed, side * step)
        if len(set(values)) > len(values) // 2:
            break
    finite = [v for v in values if np.isfinite(v)]
    if not finite:  # the line leaves the function's domain at once
        return float(4 * np.spacing(abs(problem.value())))
    single = all(v == float(np.float32(v)) for v in finite)
    smallest = np.spacing(max(abs(np.float32(v)) if single else abs(v) for v in finite))
    differences = np.diff(values, 4) / np.sqrt(70)
    return float(np.nanmax([np.sqrt(np.mean(differences**2)), smallest]))


def _values_on_a_line(problem: Problem, seed: int, step: float) -> list[float]:
    """Seven values of the function, evenly spaced along a random line that begins at the inputs."""
    rng = np.random.default_rng(seed)
    variables = list(problem.variables.values())
    bases = [variable._data for variable in variables]
    directions = [rng.uniform(-1, 1, base.shape) for base in bases]
    values = []
    try:
        for k in range(7):
            for variable, base, direction in zip(variables, bases, directions):
                variable._data = base + (k + 0.1) * step * direction
            values.append(problem.value_or_nan())
    finally:
        for variable, base in zip(variables, bases):
            variable._data = base
    return values
