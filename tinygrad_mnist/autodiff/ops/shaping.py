"""Ops that move elements around without computing: their adjoints move the gradient back."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tinygrad_mnist.autodiff.primitive import primitive
from tinygrad_mnist.errors import ShapeError

Shape = tuple[int, ...]

HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)  # many numbers of the first are added in the second


@primitive(moves_elements=True)
def reshape(x: Any, *, shape: Shape) -> Any:
    """The same elements in another shape; one length may be -1."""
    return np.reshape(x, shape)


reshape.vjps(lambda g, y, x, *, shape: reshape(g, shape=x.shape))


@primitive(moves_elements=True)
def transpose(x: Any, *, axes: Shape | None = None) -> Any:
    """Axis ``axes[i]`` of `x` becomes axis i of the result; without `axes` their order is reversed."""
    return np.transpose(x, axes)


def _inverse(axes: Shape | None) -> Shape | None:
    if axes is None:
        return None
    axes = tuple(axis % len(axes) for axis in axes)
    return tuple(axes.index(position) for position in range(len(axes)))


transpose.vjps(lambda g, y, x, *, axes: transpose(g, axes=_inverse(axes)))


@primitive(moves_elements=True)
def broadcast_to(x: Any, *, shape: Shape) -> Any:
    """`x` repeated along new or single axes up to `shape`, as a view."""
    if (
        type(x) is np.ndarray and not x.ndim
    ):  # the gradient of every mean: np.broadcast_to takes ten times as long
        view: Any = np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
        view.flags.writeable = False
        return view
    return np.broadcast_to(x, shape)


broadcast_to.vjps(lambda g, y, x, *, shape: g)  # the central unbroadcast sums it back


def broadcasts(shape: Shape, target: Shape) -> bool:
    """Return True if an array of `shape` can be broadcast to `target`."""
    lead = len(target) - len(shape)
    kept = target[max(lead, 0) :]
    return lead >= 0 and (kept == shape or all(n in (1, m) for n, m in zip(shape, kept)))


@lru_cache(maxsize=256)
def ones(length: int, dtype: np.dtype[Any]) -> Any:
    """A vector of ones, always the same one.

    The matrix product with it is a sum along an axis, in a fifth of the time that np.add.reduce takes where
    an axis is short.
    """
    vector = np.ones(length, dtype)
    vector.flags.writeable = False
    return vector


@primitive
def sum_to(x: Any, *, shape: Shape) -> Any:
    """The sum over all axes along which `shape` broadcasts to x.shape: the adjoint of broadcast_to."""
    if not broadcasts(shape, x.shape):
        raise ValueError(f"shape {shape} does not broadcast to {x.shape}")
    if x.dtype is HALF:
        return sum_to.forward(x.astype(SINGLE), shape=shape).astype(HALF)
    lead = x.ndim - len(shape)
    if lead == 1 and x.ndim == 2 and x.dtype.kind == "f":
        total = np.dot(ones(len(x), x.dtype), x)
    else:
        total = np.add.reduce(x, axis=tuple(range(lead))) if lead else x
    if total.shape == shape:
        return total
    stretched = tuple(i for i, length in enumerate(shape) if total.shape[i] != length)
    return np.add.reduce(total, axis=stretched, keepdims=True)


sum_to.vjps(lambda g, y, x, *, shape: broadcast_to(reshape(g, shape=shape), shape=x.shape))


@primitive(moves_elements=True)
def getitem(x: Any, *, index: Any) -> Any:
    """x[index], with slices, integers, integer arrays and masks."""
    return x[index]


@primitive
def scatter_add(x: Any, *, index: Any, shape: Shape) -> Any:
    """Zeros of `shape` with `x` added at `index`; an element picked twice receives both."""
    if x.dtype is HALF:
        return scatter_add.forward(x.astype(SINGLE), index=index, shape=shape).astype(HALF)
    result = np.zeros_like(x, shape=shape)
    parts = index if isinstance(index, tuple) else (index,)
    if all(_picks_once(part) for part in parts):
        result[index] = x
    else:
        np.add.at(result, index, x)
    return result


def _picks_once(part: Any) -> bool:
    """Return True if a part of an index picks no element twice: all but arrays and lists of integers."""
    if isinstance(part, np.ndarray):
        return bool(part.dtype == bool)
    return part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)


getitem.vjps(lambda g, y, x, *, index: scatter_add(g, index=index, shape=x.shape))
scatter_add.vjps(lambda g, y, x, *, index, shape: getitem(g, index=index))


@primitive(moves_elements=True)
def concatenate(*inputs: Any, axis: int = 0) -> Any:
    """Arrays joined along an existing axis, given one by one or as one list."""
    return np.concatenate(inputs, axis)


def _piece(g: Any, y: Any, *inputs: Any, axis: int, position: int) -> Any:
    axis = axis % y.ndim
    start = sum(x.shape[axis] for x in inputs[:position])
    stop = start + inputs[position].shape[axis]
    return g[(slice(None),) * axis + (slice(start, stop),)]


concatenate.vjps(_piece)


def stack(*inputs: Any, axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis: ``stack([a, b], 1)`` or ``stack(a, b, axis=1)``."""
    if len(inputs) == 1 or isinstance(inputs[0], list | tuple):
        inputs, axis = inputs[0], *(inputs[1:] or (axis,))
    try:
        return concatenate(*(expand_dims(x, axis) for x in inputs), axis=axis)
    except ValueError:
        shapes = [np.shape(x) for x in inputs]
        if len(set(shapes)) < 2:
            raise
        raise ShapeError(f"stack takes arrays of one shape, got {' and '.join(map(str, shapes))}") from None


def expand_dims(x: Any, axis: int) -> Any:
    """`x` with a new axis of length 1 at position `axis` of the result."""
    x = x if hasattr(x, "shape") else np.asarray(x)
    axis = normalize_axis_index(axis, x.ndim + 1)
    return reshape(x, shape=(*x.shape[:axis], 1, *x.shape[axis:]))


def squeeze(x: Any, axis: int | tuple[int, ...] | None = None) -> Any:
    """`x` without its axes of length 1, or without those named, which must have length 1."""
    if axis is None:
        gone = tuple(i for i, length in enumerate(x.shape) if length == 1)
    else:
        gone = normalize_axis_tuple(axis, x.ndim)
        if any(x.shape[i] != 1 for i in gone):
            raise ShapeError(f"squeeze takes axes of length 1, and axes {axis} of {x.shape} are not")
    return reshape(x, shape=tuple(length for i, length in enumerate(x.shape) if i not in gone))


def flatten(x: Any, start_dim: int = 0) -> Any:
    """All axes from `start_dim` on joined into one: (n, 28, 28) becomes (n, 784) for start_dim=1."""
    flat = (*x.shape[:start_dim], math.prod(x.shape[start_dim:]))
    return x if x.shape == flat else reshape(x, shape=flat)


def matrix_transpose(x: Any) -> Any:
    """The last two axes exchanged."""
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))
