"""Ops that move elements around without computing: their adjoints move the gradient back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.primitive import primitive

Shape = tuple[int, ...]


@primitive
def reshape(x: Any, *, shape: Shape) -> Any:
    """The same elements in another shape; one length may be -1."""
    return np.reshape(x, shape)


reshape.vjps(lambda g, y, x, *, shape: reshape(g, shape=x.shape))


@primitive
def transpose(x: Any, *, axes: Shape | None = None) -> Any:
    """Axis ``axes[i]`` of `x` becomes axis i of the result; without `axes` their order is reversed."""
    return np.transpose(x, axes)


def _inverse(axes: Shape | None) -> Shape | None:
    if axes is None:
        return None
    axes = tuple(axis % len(axes) for axis in axes)
    return tuple(axes.index(position) for position in range(len(axes)))


transpose.vjps(lambda g, y, x, *, axes: transpose(g, axes=_inverse(axes)))


@primitive
def broadcast_to(x: Any, *, shape: Shape) -> Any:
    """`x` repeated along new or single axes up to `shape`, as a view."""
    return np.broadcast_to(x, shape)


broadcast_to.vjps(lambda g, y, x, *, shape: g)  # the central unbroadcast sums it back


@primitive
def sum_to(x: Any, *, shape: Shape) -> Any:
    """The sum over all axes along which `shape` broadcasts to x.shape: the adjoint of broadcast_to."""
    lead = x.ndim - len(shape)
    total = np.add.reduce(x, axis=tuple(range(lead))) if lead else x
    if total.shape == shape:
        return total
    stretched = tuple(i for i, length in enumerate(shape) if total.shape[i] != length)
    return np.add.reduce(total, axis=stretched, keepdims=True)


sum_to.vjps(lambda g, y, x, *, shape: broadcast_to(reshape(g, shape=shape), shape=x.shape))


@primitive
def getitem(x: Any, *, index: Any) -> Any:
    """x[index], with slices, integers, integer arrays and masks."""
    return x[index]


@primitive
def scatter_add(x: Any, *, index: Any, shape: Shape) -> Any:
    """Zeros of `shape` with `x` added at `index`; an element picked twice receives both."""
    result = np.zeros(shape, x.dtype)
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, np.ndarray | list) and np.asarray(part).dtype != bool for part in parts):
        np.add.at(result, index, x)
    else:  # slices and masks pick no element twice
        result[index] = x
    return result


getitem.vjps(lambda g, y, x, *, index: scatter_add(g, index=index, shape=x.shape))
scatter_add.vjps(lambda g, y, x, *, index, shape: getitem(g, index=index))


@primitive
def concatenate(*inputs: Any, axis: int = 0) -> Any:
    """Arrays joined along an existing axis."""
    return np.concatenate(inputs, axis)


def _piece(g: Any, y: Any, *inputs: Any, axis: int, position: int) -> Any:
    axis = axis % y.ndim
    start = sum(x.shape[axis] for x in inputs[:position])
    stop = start + inputs[position].shape[axis]
    return g[(slice(None),) * axis + (slice(start, stop),)]


concatenate.vjps(_piece)


def stack(inputs: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis."""
    return concatenate(*(expand_dims(x, axis) for x in inputs), axis=axis)


def expand_dims(x: Any, axis: int) -> Any:
    """`x` with a new axis of length 1 at position `axis` of the result."""
    axis = axis % (x.ndim + 1)
    return reshape(x, shape=(*x.shape[:axis], 1, *x.shape[axis:]))


def squeeze(x: Any, axis: int | None = None) -> Any:
    """`x` without its axes of length 1, or without the one named, which must have length 1."""
    if axis is None:
        return reshape(x, shape=tuple(length for length in x.shape if length != 1))
    axis = axis % x.ndim
    if x.shape[axis] != 1:
        raise ValueError(f"axis {axis} has length {x.shape[axis]}, not 1")
    return reshape(x, shape=(*x.shape[:axis], *x.shape[axis + 1 :]))


def flatten(x: Any, start: int = 0) -> Any:
    """All axes from `start` on joined into one: (n, 28, 28) becomes (n, 784) for start=1."""
    flat = (*x.shape[:start], math.prod(x.shape[start:]))
    return x if x.shape == flat else reshape(x, shape=flat)


def matrix_transpose(x: Any) -> Any:
    """The last two axes exchanged."""
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
