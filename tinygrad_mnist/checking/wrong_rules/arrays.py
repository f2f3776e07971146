"""Wrong rules of ops that reduce arrays or move their elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking.wrong_rules.wrong_rule import wrong_rule

__all__ = [
    "each_tie_gets_all", "logsumexp_uniform", "mean_without_count", "pieces_exchanged",
    "repeated_index_overwritten", "same_axes_on_the_way_back", "sum_along_the_wrong_axis",
    "transposed_reshape",
]  # fmt: skip

_REPEATED = np.array([0, 2, 0])
_sum_rule: Any = REGISTRY["sum"].rule(0)
_piece: Any = (REGISTRY["concatenate"].rules or ())[0]


# Reductions


@wrong_rule("max", 0, lambda x: ops.sum(ops.max(x, axis=1)), [[1.0, 3.0, 3.0], [2.0, 0.5, 1.0]])
def each_tie_gets_all(g: Any, y: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    """g * (x == max) reads well, and random numbers never tie; pixels and relus do."""
    kept = g if keepdims or axis is None else ops.expand_dims(g, axis)
    return ops.where(x == ops.max(x, axis=axis, keepdims=True), kept, 0.0)


@wrong_rule("mean", 0, lambda x: ops.mean(ops.square(x)), (2, 3))
def mean_without_count(g: Any, y: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    """The rule of the sum is copied, and the division by the number of elements stays behind."""
    return _sum_rule(g, y, x, axis=axis, keepdims=keepdims)


@wrong_rule("sum", 0, lambda x: ops.sum(ops.square(ops.sum(x, axis=1))), (3, 3))
def sum_along_the_wrong_axis(g: Any, y: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    """The summed axis is not put back before the gradient is broadcast (keepdims forgotten): in a square
    matrix rows become columns without an error.
    """
    try:
        return ops.broadcast_to(g, shape=x.shape)
    except ValueError:
        return _sum_rule(g, y, x, axis=axis, keepdims=keepdims)


@wrong_rule("logsumexp", 0, lambda x: ops.logsumexp(x), (2, 3))
def logsumexp_uniform(g: Any, y: Any, x: Any, *, axis: Any, keepdims: bool) -> Any:
    """It looks like a kind of mean with equal weights; the correct weights are the softmax."""
    return _sum_rule(g, y, x, axis=axis, keepdims=keepdims) / (x.size // y.size)


# Moving elements


@wrong_rule("reshape", 0, lambda x: ops.sum(ops.square(ops.reshape(x, shape=(6,)))), (2, 3))
def transposed_reshape(g: Any, y: Any, x: Any, *, shape: Any) -> Any:
    """The gradient is filled column by column, as in Fortran, MATLAB or by a stray .T: the shape fits, the
    elements are in other places.
    """
    if x.ndim < 2:
        return ops.reshape(g, shape=x.shape)
    return ops.reshape(g, shape=x.shape[::-1]).T


@wrong_rule("transpose", 0, lambda x: ops.sum(ops.square(ops.transpose(x, axes=(1, 2, 0)))), (2, 2, 2))
def same_axes_on_the_way_back(g: Any, y: Any, x: Any, *, axes: Any) -> Any:
    """A transpose undoes itself, so the same axes are used again; with three axes the inverse is another."""
    return ops.transpose(g, axes=axes)


@wrong_rule(
    "getitem",
    0,
    lambda x: ops.sum(ops.square(x[_REPEATED])),
    (3, 2),
    formula="gradient[index] += g, from zeros",
)
def repeated_index_overwritten(g: Any, y: Any, x: Any, *, index: Any) -> Any:
    """gradient[index] += g looks like a sum; NumPy keeps only the last of the values for a repeated index."""
    gradient = np.zeros(x.shape, g.dtype)
    gradient[index] += g
    return gradient


@wrong_rule(
    "concatenate", None, lambda a, b: ops.sum(ops.square(ops.concatenate(a, b, axis=1))), (2, 2), (2, 2)
)
def pieces_exchanged(g: Any, y: Any, *inputs: Any, axis: int, position: int) -> Any:
    """The gradient is cut into the right pieces, which are handed out from the last input to the first."""
    other = len(inputs) - 1 - position
    return _piece(g, y, *inputs, axis=axis, position=other)
