"""Ops that give the elements another shape: their adjoints give the gradient the old one."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_mnist.autodiff.primitive import primitive, takes_array
from tinygrad_mnist.errors import ShapeError

Shape = tuple[int, ...]

HALF, SINGLE = np.dtype(np.float16), np.dtype(np.float32)  # many numbers of the first are added in the second
_POINTER = np.dtype(np.intp)


def as_positions(numbers: Any) -> Any:
    """Return whole numbers that np.take and np.bincount accept: where pointers have 32 bits, not int64."""
    return numbers.astype(_POINTER) if numbers.dtype.itemsize > _POINTER.itemsize else numbers


@primitive(numpy=np.reshape, moves_elements=True)
def reshape(x: Any, *, shape: Shape) -> Any:
    """Return the same elements in another shape.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    shape : int or tuple of int
        Lengths of the axes; one may be -1 and is found from the others.

    Returns
    -------
    Tensor or ndarray, of `shape`

    Examples
    --------
    >>> reshape(np.arange(4.0), shape=(2, -1))
    array([[0., 1.],
           [2., 3.]])
    """
    return np.reshape(x, shape)


reshape.vjps(lambda g, y, x, *, shape: reshape(g, shape=x.shape))


@primitive(numpy=np.transpose, moves_elements=True)
def transpose(x: Any, *, axes: Shape | None = None) -> Any:
    """Return the axes in another order.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axes : tuple of int, optional
        Axis ``axes[i]`` of `x` becomes axis i of the result; by default their order is reversed.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> transpose(np.zeros((2, 3, 4)), axes=(1, 2, 0)).shape
    (3, 4, 2)
    """
    if axes is not None and len(axes) == 2 < x.ndim:
        raise ShapeError(
            f"axes is {axes}: expected all {x.ndim} axes in their new order; write x.swapaxes{axes}"
        )
    return np.transpose(x, axes)


def _inverse(axes: Shape | None) -> Shape | None:
    if axes is None:
        return None
    axes = tuple(axis % len(axes) for axis in axes)
    return tuple(axes.index(position) for position in range(len(axes)))


transpose.vjps(lambda g, y, x, *, axes: transpose(g, axes=_inverse(axes)))


_PLAIN = (np.ndarray, np.float32, np.float64)


@primitive(numpy=np.broadcast_to, moves_elements=True)
def broadcast_to(x: Any, *, shape: Shape) -> Any:
    """Return `x` repeated along new axes and axes of length 1, as a view.

    Parameters
    ----------
    x : Tensor or ndarray
        A shape that broadcasts to `shape`.
    shape : int or tuple of int
        Lengths of the axes.

    Returns
    -------
    Tensor or ndarray, of `shape`

    Examples
    --------
    >>> broadcast_to(np.array([1.0, 2.0]), shape=(2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    # The gradient of every mean: this takes a tenth of the time.
    if type(x) in _PLAIN and not x.ndim and type(shape) is tuple:
        view: Any = np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
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
    """Return a vector of ones, always the same one.

    The matrix product with it is a sum along an axis, in a fifth of the time that np.add.reduce takes where
    an axis is short.
    """
    vector = np.ones(length, dtype)
    vector.flags.writeable = False
    return vector


@primitive
def sum_to(x: Any, *, shape: Shape) -> Any:
    """Return the sum over all axes along which `shape` broadcasts to x.shape: the adjoint of broadcast_to."""
    lead = x.ndim - len(shape)
    if x.shape[lead:] != shape and not broadcasts(shape, x.shape):
        raise ValueError(f"shape {shape} does not broadcast to {x.shape}")
    if x.dtype is HALF:
        return sum_to.forward(x.astype(SINGLE), shape=shape).astype(HALF)
    if lead == 1 and x.ndim == 2 and x.dtype.kind == "f":
        total = np.dot(ones(len(x), x.dtype), x)
    else:
        total = np.add.reduce(x, axis=tuple(range(lead))) if lead else x
    if total.shape == shape:
        return total
    stretched = tuple(i for i, length in enumerate(shape) if total.shape[i] != length)
    return np.add.reduce(total, axis=stretched, keepdims=True)


sum_to.vjps(lambda g, y, x, *, shape: broadcast_to(reshape(g, shape=shape), shape=x.shape))


@takes_array
def expand_dims(x: Any, axis: int | Shape) -> Any:
    """Return `x` with new axes of length 1.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or tuple of int
        Positions of the new axes in the result.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> expand_dims(np.zeros((2, 3)), axis=(0, -1)).shape
    (1, 2, 3, 1)
    """
    count = x.ndim + (len(axis) if isinstance(axis, tuple | list) else 1)
    new = normalize_axis_tuple(axis, count)
    lengths = iter(x.shape)
    return reshape(x, shape=tuple(1 if i in new else next(lengths) for i in range(count)))


@takes_array
def squeeze(x: Any, axis: int | Shape | None = None) -> Any:
    """Return `x` without axes of length 1.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or tuple of int, optional
        The axes to remove; by default all of length 1.

    Returns
    -------
    Tensor or ndarray

    Raises
    ------
    ShapeError
        If a named axis is longer than 1.

    Examples
    --------
    >>> squeeze(np.zeros((1, 3, 1)), axis=0).shape
    (3, 1)
    """
    if axis is None:
        gone = tuple(i for i, length in enumerate(x.shape) if length == 1)
    else:
        gone = normalize_axis_tuple(axis, x.ndim)
        if any(x.shape[i] != 1 for i in gone):
            raise ShapeError(f"squeeze takes axes of length 1, and axes {axis} of {x.shape} are not")
    return reshape(x, shape=tuple(length for i, length in enumerate(x.shape) if i not in gone))


@takes_array
def flatten(x: Any, start_dim: int = 0) -> Any:
    """Return `x` with its last axes joined into one.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    start_dim : int, default 0
        The first of the axes that are joined.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> flatten(np.zeros((5, 28, 28)), start_dim=1).shape
    (5, 784)
    """
    flat = (*x.shape[:start_dim], math.prod(x.shape[start_dim:]))
    return x if x.shape == flat else reshape(x, shape=flat)


@takes_array
def matrix_transpose(x: Any) -> Any:
    """Return `x` with its last two axes exchanged.

    Parameters
    ----------
    x : Tensor or ndarray, shape (*B, n, m)

    Returns
    -------
    Tensor or ndarray, shape (*B, m, n)

    Examples
    --------
    >>> matrix_transpose(np.zeros((5, 2, 3))).shape
    (5, 3, 2)
    """
    if x.ndim < 2:
        raise ShapeError(f"x has shape {x.shape}: expected two axes or more; write x[:, None] for a column")
    return swapaxes(x, -1, -2)


@takes_array
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return `x` with two axes exchanged.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis1, axis2 : int
        The axes.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> swapaxes(np.zeros((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    order = list(range(x.ndim))
    (first,), (second,) = normalize_axis_tuple(axis1, x.ndim), normalize_axis_tuple(axis2, x.ndim)
    order[first], order[second] = second, first
    return transpose(x, axes=tuple(order))


@takes_array
def moveaxis(x: Any, source: int | Shape, destination: int | Shape) -> Any:
    """Return `x` with axes moved to other positions; the others keep their order.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    source, destination : int or tuple of int
        Positions of the axes in `x` and in the result.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    old, new = normalize_axis_tuple(source, x.ndim), normalize_axis_tuple(destination, x.ndim)
    if len(old) != len(new):
        raise ShapeError(f"source {source} and destination {destination} differ in length: expected one each")
    order = [i for i in range(x.ndim) if i not in old]
    for position, axis in sorted(zip(new, old)):
        order.insert(position, axis)
    return transpose(x, axes=tuple(order))
