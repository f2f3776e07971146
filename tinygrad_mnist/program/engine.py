"""Whether native code runs a program: when asked for, the same but for rounding, and faster."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.tensor import Tensor

if TYPE_CHECKING:
    from tinygrad_mnist.program.program import Program

_ROUNDS, _SECONDS = 5, 0.002  # turns of each, and about how long one takes
_EPSILONS = 100  # how far from NumPy's a result may be, in rounding errors of the largest element of an array


def choose_engine(program: Program, leaves: Sequence[Any]) -> None:
    """Leave the program with the faster engine; what it changes is put back.

    Without numba, or where native code does not know an operation, that is NumPy.
    """
    if importlib.util.find_spec("numba") is None:
        return
    put_back = program.snapshot()
    by_numpy = program.enter
    expected = _results(program, leaves)
    put_back()
    program.bind(engine="native")
    if program.engine == "native":
        found = _results(program, leaves)
        put_back()
        quicker = _quicker(program.enter, by_numpy, leaves)
        put_back()
        if quicker and all(map(_alike, found, expected)):
            return
    program.bind(engine="NumPy")


def _results(program: Program, leaves: Sequence[Any]) -> list[Any]:
    """What a call gives and changes."""
    answer = trees.leaves(program.enter(*leaves))
    outputs = [x._data if isinstance(x, Tensor) else x for x in answer]
    return [*outputs, *(array.copy() for array in program.touched().values())]


def _alike(a: Any, b: Any) -> bool:
    """Whether two results are the same but for rounding."""
    if not isinstance(b, np.ndarray | float) or np.asarray(b).dtype.kind != "f":
        return bool(np.array_equal(a, b))
    a, b = np.asarray(a), np.asarray(b)
    bound = _EPSILONS * np.finfo(b.dtype).eps * np.abs(b[np.isfinite(b)]).max(initial=0)
    return bool(np.allclose(a, b, rtol=0, atol=bound, equal_nan=True))


def _quicker(enter: Callable[..., Any], other: Callable[..., Any], leaves: Sequence[Any]) -> bool:
    """Whether the first is the faster one, both taking turns."""
    count = max(1, int(_SECONDS / max(_seconds(other, leaves, 1), 1e-7)))
    turns = [(_seconds(enter, leaves, count), _seconds(other, leaves, count)) for _ in range(_ROUNDS)]
    return min(first for first, _ in turns) < min(second for _, second in turns)


def _seconds(enter: Callable[..., Any], leaves: Sequence[Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        enter(*leaves)
    return (time.perf_counter() - start) / count
