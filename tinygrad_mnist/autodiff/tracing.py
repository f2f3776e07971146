"""Calls of a function by a transform: its arguments become variables, and its result is checked."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_whole, shown
from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.backward import pull_back, upstream
from tinygrad_mnist.autodiff.modes import RECORDING, TRANSFORMING, during, enable_grad
from tinygrad_mnist.autodiff.ops.casts import identity
from tinygrad_mnist.autodiff.primitive import Box, peeled
from tinygrad_mnist.autodiff.tensor import Tensor, next_serial
from tinygrad_mnist.errors import DTypeError, GradientError

Function = Callable[..., Any]


@dataclass(frozen=True)
class Traced:
    """Result of a function, and the variables it was called with.

    `plain` is True if no argument and no outside value is a Tensor and no outer transform is running: the
    answer then consists of arrays, and no graph is kept.
    """

    output: Any
    variables: list[Tensor]
    arguments: Any
    plain: bool

    def pull(self, seeds: list[Any], *, create_graph: bool) -> list[Any]:
        """Return the vector-Jacobian product for each variable, zeros if the result does not depend on it."""
        outputs = trees.leaves(self.output)
        pairs = [(y, s) for y, s in zip(outputs, seeds) if isinstance(y, Tensor) and y.requires_grad]
        starts = [as_tensor(s) if create_graph else as_array(s) for _, s in pairs]
        found = pull_back([y for y, _ in pairs], starts, self.variables, create_graph=create_graph)
        return [np.zeros(v.shape, v.dtype) if g is None else g for g, v in zip(found, self.variables)]

    def answer(self, tree: Any, values: list[Any]) -> Any:
        """Return `values` in the structure of `tree`, as arrays or Tensors like the arguments."""
        return trees.refill(tree, [as_array(v) if self.plain else as_tensor(v) for v in values])


def as_array(value: Any) -> Any:
    """Return a copy of the plain array of a value."""
    array = peeled(value)
    return np.asarray(array) if np.isscalar(array) else array.copy()


def as_tensor(value: Any) -> Tensor:
    """Return the Tensor itself, or a Tensor of an array."""
    return value if isinstance(value, Tensor) else Tensor(value)


def has_tensors(*trees_of_values: Any) -> bool:
    """Return True if a tree contains a Tensor."""
    return any(isinstance(leaf, Tensor) for tree in trees_of_values for leaf in trees.leaves(tree))


def trace(
    function: Function,
    arguments: tuple[Any, ...],
    positions: tuple[int, ...],
    keywords: dict[str, Any],
    *also: Any,
) -> Traced:
    """Call a function with variables at the chosen positions; `also` may contain further Tensors."""
    chosen = tuple(arguments[position] for position in positions)
    plain = not TRANSFORMING.get() and not has_tensors(arguments, *also)
    may_be_recorded = RECORDING.get()
    start = next_serial()
    variables = [
        _variable(leaf, position) for position, tree in zip(positions, chosen) for leaf in trees.leaves(tree)
    ]
    filled = dict(zip(positions, trees.refill(chosen, variables)))
    with during(TRANSFORMING, True), enable_grad():
        output = function(*(filled.get(i, x) for i, x in enumerate(arguments)), **keywords)
    require_floats(output)
    if plain and may_be_recorded:
        outputs = [y for y in trees.leaves(output) if isinstance(y, Tensor)]
        plain = all(tensor.serial > start for tensor in upstream(outputs))  # else it closes over a Tensor
    return Traced(output, variables, chosen, plain)


def require_floats(output: Any) -> None:
    """Refuse results without a derivative: integers, booleans, text."""
    for y in trees.leaves(output):
        kind = y.dtype.kind if isinstance(y, Box) else np.asarray(y).dtype.kind
        if kind not in "fc":
            raise GradientError(
                f"the function's result is {shown(y)}: expected a floating-point number or array; "
                "return what it is computed from"
            )


def _variable(value: Any, position: int) -> Tensor:
    """Return a fresh tensor for `value`, so that other references to it stay constant."""
    if isinstance(value, Tensor) and value.requires_grad:
        return identity(value)  # type: ignore[no-any-return]
    array = value._data if isinstance(value, Tensor) else value
    if isinstance(array, int) and not isinstance(array, bool):
        array = float(array)
    dtype = array.dtype if isinstance(array, Box) else np.asarray(array).dtype
    if dtype.kind in "iub" and not isinstance(array, bool):
        raise DTypeError(f"argument {position} is {dtype}: expected floats; pass x.astype(float)")
    if dtype.kind != "f":
        raise DTypeError(
            f"argument {position} holds {shown(value)}: expected floats; keep settings out of the "
            "differentiated argument, in another argument or in functools.partial"
        )
    return Tensor(array if isinstance(array, float) else value, requires_grad=True)


def require_function(function: Any, name: str) -> None:
    """Refuse a first argument that is not a function, such as the value of one."""
    if not callable(function):
        raise TypeError(
            f"{name} takes a function, and was given {shown(function)}: write {name}(lambda x: ...); "
            "for a computed Tensor y write tm.autograd.grad(y, x)"
        )


def require_one_each(name: str, primals: Any, tangents: Any) -> None:
    """Refuse primals or tangents that are not a tuple with one entry per argument."""
    for word, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise TypeError(
                f"{word} is {shown(given)}: expected a tuple with one entry per argument; "
                f"write {name}(f, (x,), (t,))"
            )


def chosen_positions(argnums: int | tuple[int, ...] | list[int], count: int) -> tuple[int, ...]:
    """Return `argnums` as positions among `count` arguments, counted from 0."""
    given = tuple(argnums) if isinstance(argnums, tuple | list) else (argnums,)
    for position in given:
        require_whole("argnums", position, low=None)
    if any(not -count <= position < count for position in given):
        raise GradientError(f"argnums {argnums} names an argument that is not there: {count} were given")
    positions = tuple(position % count for position in given)
    if len(set(positions)) != len(positions):
        raise GradientError(f"argnums {argnums} names an argument twice")
    return positions


def require_scalar(output: Any) -> None:
    """Refuse a result that is not one real number."""
    if not isinstance(output, Box | np.ndarray | numbers.Number):
        raise GradientError(
            f"grad needs a function that returns one scalar, and this one returns {type(output).__name__}"
        )
    shape = output.shape if isinstance(output, Box | np.ndarray) else ()
    if math.prod(shape) != 1:
        raise GradientError(
            f"grad needs a function with a scalar result, and this one has shape {shape}: "
            "reduce it (sum, mean), or use vjp or jacobian"
        )
    if isinstance(output, complex) or getattr(output, "dtype", np.dtype(float)).kind == "c":
        raise GradientError("grad needs a real result, and this one is complex")


def ones_like(output: Any) -> Any:
    """Return the first gradient of a scalar's backward pass, in its dtype."""
    return np.ones(np.shape(output), floating_dtype(output))


def floating_dtype(value: Any) -> Any:
    """Return the dtype of a gradient of `value`: its own if it is floating."""
    dtype = value.dtype if isinstance(value, Box | np.ndarray | np.generic) else np.dtype(float)
    return dtype if dtype.kind == "f" else np.dtype(float)
