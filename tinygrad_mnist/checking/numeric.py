"""Derivatives without backpropagation: by differences, and by a step into the complex plane.

For a smooth f in float64 (relative rounding u = 1.1e-16):

    forward      (f(x + h) - f(x)) / h                                   error h, and u / h
    central      (f(x + h) - f(x - h)) / 2h                              error h**2, and u / h
    richardson   (4 central(h / 2) - central(h)) / 3                     error h**4, and u / h
    complex      Im f(x + ih) / h                                        error h**2, no u / h: no subtraction

W. Squire and G. Trapp, Using complex variables to estimate derivatives of real functions, 1998;
L. F. Richardson, The deferred approach to the limit, 1927.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.inputs import Problem, open_problem
from tinygrad_mnist.typing import Array

# The h that makes truncation and rounding about equal, for a function and arguments of size 1.
BEST_H = {"forward": 1e-8, "central": 6e-6, "richardson": 1e-3, "complex": 1e-30}


def entry_derivative(
    problem: Problem, variable: Tensor, index: tuple[int, ...], method: str, h: float
) -> float:
    """Return one partial derivative of an open problem.

    Parameters
    ----------
    method
        "forward", "central", "richardson" or "complex"; see the head of this file.
    h
        Not scaled by the entry.
    """
    data = variable._data
    before = data[index]

    def at(shift: Any) -> Any:
        data[index] = before + shift
        return problem.value()

    try:
        if method == "forward":
            return float((at(h) - at(0.0)) / h)
        if method == "central":
            return float((at(h) - at(-h)) / (2 * h))
        if method == "richardson":
            wide, narrow = (at(size) - at(-size) for size in (h, h / 2))
            return float((8 * narrow - wide) / (6 * h))
        with _complex_data(variable) as complex_data:
            complex_data[index] += 1j * h
            return float(np.imag(problem.value()) / h)
    finally:
        data[index] = before


@contextmanager
def _complex_data(variable: Tensor) -> Iterator[Array]:
    """Let a variable hold a complex copy of its array inside the block; yield the copy."""
    real = variable._data
    variable._data = real.astype(complex, order="C")
    try:
        yield variable._data
    finally:
        variable._data = real


def chosen_entries(shape: tuple[int, ...], sample: int | None, seed: int) -> Array:
    """Return the flat positions of the entries to test: all, or a sorted sample drawn from the seed."""
    size = int(np.prod(shape))
    if sample is None or sample >= size:
        return np.arange(size)
    return np.sort(np.random.default_rng(seed).choice(size, sample, replace=False))


def central_entries(problem: Problem, variable: Tensor, entries: Array, base: float) -> Array:
    """Return central differences at flat positions; NaN where the function raises.

    Each has its own h, `base` times max(1, |x|).
    """
    flat = variable._data.reshape(-1)  # the variable's own copy is contiguous: a view
    result = np.empty(len(entries))
    for k, position in enumerate(entries):
        before = flat[position]
        h = base * max(1.0, abs(before))
        flat[position] = before + h
        up = problem.value_or_nan()
        flat[position] = before - h
        result[k] = (up - problem.value_or_nan()) / (2 * h)
        flat[position] = before
    return result


def complex_entries(problem: Problem, variable: Tensor, entries: Array) -> Array:
    """Return the complex step's derivatives at flat positions; h is scaled by min(1, |x|) except at 0.

    Raises
    ------
    ComplexWarning
        If the function drops an imaginary part.  It may raise other errors on complex numbers.
    """
    result, base = np.empty(len(entries)), BEST_H["complex"]
    with _complex_data(variable) as data, no_part_dropped():
        flat = data.reshape(-1)
        for k, position in enumerate(entries):
            before = flat[position]
            h = base * min(1.0, max(abs(before), 1e-200)) if before else base
            flat[position] = before + 1j * h
            result[k] = np.imag(problem.value()) / h
            flat[position] = before
    return result


def numeric_gradients(
    function: Callable[..., Any],
    *inputs: Any,
    method: str = "central",
    h: float | None = None,
    sample: int | None = None,
    seed: int = 0,
) -> dict[str, Array]:
    """Compute all partial derivatives of a scalar function numerically.

    Parameters
    ----------
    function, inputs
        As in `check_gradients`.
    method
        "forward", "central", "richardson" or "complex".
    h
        By default the best for a function and arguments of size 1.
    sample, seed
        Number of entries of each variable to compute, drawn from `seed`; by default all.

    Returns
    -------
    dict
        Float64 arrays by name, in the shapes of the variables; NaN where an entry was not drawn.

    Examples
    --------
    >>> numeric_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]), method="complex")
    {'x': array([ 3., 12.])}
    """
    if method not in BEST_H:
        raise ValueError(f"method is {method!r}: expected one of {', '.join(BEST_H)}")
    h = BEST_H[method] if h is None else h
    with open_problem(function, *inputs) as problem:
        return {
            name: _all_entries(problem, variable, method, h, sample, seed)
            for name, variable in problem.variables.items()
        }


def _all_entries(
    problem: Problem, variable: Tensor, method: str, h: float, sample: int | None, seed: int
) -> Array:
    result = np.full(variable.shape, np.nan)
    for position in chosen_entries(variable.shape, sample, seed):
        index = np.unravel_index(position, variable.shape)
        result[index] = entry_derivative(problem, variable, index, method, h)
    return result


def slope_along(problem: Problem, directions: Sequence[Array]) -> float:
    """Return the derivative along a direction in all variables: by the complex step, or by differences."""
    with problem.moving(directions) as move:

        def at(h: Any) -> Any:
            move(h)
            return problem.value()

        h, tiny = BEST_H["central"], BEST_H["complex"]
        central = exact = np.nan
        with suppress(ArithmeticError, TypeError, ValueError, Warning):
            central = (at(h) - at(-h)) / (2 * h)
            with no_part_dropped():
                exact = np.imag(at(1j * tiny)) / tiny
    return float(exact if abs(exact - central) <= 1e-4 * abs(central) else central)


def noise_of(problem: Problem, seed: int) -> float:
    """Measure the rounding errors in the function's value: their size, absolute.

    Values on a line from the inputs are smooth but for rounding.  A fourth difference removes all that is
    smooth and leaves the noise, times sqrt(70).  h grows until the values differ, since a function that
    computes in float32 does not notice a small h.  The quieter of the two sides counts: a kink at the inputs
    or next to them is not noise (R. W. Hamming, Introduction to applied numerical analysis, 1971; J. Moré
    and S. Wild, Estimating computational noise, 2011).
    """
    return min(_noise_on_a_line(problem, seed, 1), _noise_on_a_line(problem, seed, -1))


def _noise_on_a_line(problem: Problem, seed: int, side: int) -> float:
    values: list[float] = []
    for h in (1e-7, 1e-5, 1e-3):
        values = _values_on_a_line(problem, seed, side * h)
        if len(set(values)) > len(values) // 2:
            break
    finite = [v for v in values if np.isfinite(v)]
    if not finite:  # the line leaves the function's domain at once
        return float(4 * np.spacing(abs(problem.value())))
    single = all(v == float(np.float32(v)) for v in finite)
    smallest = np.spacing(max(abs(np.float32(v)) if single else abs(v) for v in finite))
    differences = np.diff(values, 4) / np.sqrt(70)
    return float(np.nanmax([np.sqrt(np.mean(differences**2)), smallest]))


def _values_on_a_line(problem: Problem, seed: int, h: float) -> list[float]:
    """Return seven values of the function, evenly spaced along a random line that begins at the inputs."""
    rng = np.random.default_rng(seed)
    directions = [rng.uniform(-1, 1, variable.shape) for variable in problem.variables.values()]
    values = []
    with problem.moving(directions) as move:
        for k in range(7):
            move((k + 0.1) * h)
            values.append(problem.value_or_nan())
    return values


# Filters of warnings

_ONE_AT_A_TIME = threading.RLock()  # all threads share the filters: one must not restore those of another


@contextmanager
def filtering(action: Literal["error", "ignore"], category: type[Warning]) -> Iterator[None]:
    """Raise or ignore a category of warnings inside the block."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter(action, category)
        yield


def no_part_dropped() -> AbstractContextManager[None]:
    """Raise where the function drops an imaginary part, which a complex step reads."""
    return filtering("error", np.exceptions.ComplexWarning)
