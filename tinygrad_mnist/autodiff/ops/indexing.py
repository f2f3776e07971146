"""Ops that pick elements: the gradient goes back to the places they came from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE, Shape, as_positions, flatten, reshape
from tinygrad_mnist.autodiff.primitive import Box, primitive, takes_array
from tinygrad_mnist.errors import LabelError, ShapeError


@primitive(moves_elements=True)
def getitem(x: Any, *, index: Any) -> Any:
    """Return ``x[index]``.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    index : slice, int, None, Ellipsis, array of int or bool, or a tuple of these
        As in NumPy.

    Returns
    -------
    Tensor or ndarray

    Notes
    -----
    An element picked twice receives the sum of both gradients.

    Examples
    --------
    >>> getitem(np.array([1.0, 2.0, 3.0]), index=np.array([2, 2, 0]))
    array([3., 3., 1.])
    """
    return x[index]


@primitive
def scatter_add(x: Any, *, index: Any, shape: Shape) -> Any:
    """Return zeros of `shape` with `x` added at `index`; an element picked twice receives both."""
    if x.dtype is HALF:
        return scatter_add.forward(x.astype(SINGLE), index=index, shape=shape).astype(HALF)
    result = np.zeros_like(x, shape=shape)
    if _picks_once(index):
        result[index] = x
    else:
        np.add.at(result, index, x)
    return result


def _add_at(total: Any, x: Any, index: Any) -> Any:
    """Return `total` with `x` added at the index: in place, or as an instruction of a tracer."""
    if total.dtype is HALF and not _picks_once(index):  # summed in float32 first
        return total + scatter_add(x, index=index, shape=total.shape)
    if isinstance(total, Box):
        return total._with_added(index, x)
    total = np.asarray(total)  # the sum of two arrays without axes is a scalar
    if _picks_once(index):
        total[index] += x
    else:
        np.add.at(total, index, x)
    return total


def _picks_once(index: Any) -> bool:
    """Return True for an index that picks no element twice."""
    return all(map(_is_single, index if isinstance(index, tuple) else (index,)))


def _is_single(part: Any) -> bool:
    """Return True if a part of an index picks no element twice: all but arrays and lists of integers."""
    if isinstance(part, np.ndarray):
        return bool(part.dtype == bool)
    return part is None or part is Ellipsis or isinstance(part, slice | int | np.integer)


getitem.vjps(
    lambda g, y, x, *, index: scatter_add(g, index=index, shape=x.shape),
    adds=lambda total, g, y, x, *, index: _add_at(total, g, index),
)
scatter_add.vjps(lambda g, y, x, *, index, shape: getitem(g, index=index))


def along(x: Any, axis: int, part: Any) -> Any:
    """Return ``x[..., part, ...]``, an index along one axis."""
    return x[(*(slice(None),) * (axis % x.ndim), part)]


@takes_array
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return elements or slices by their positions along an axis.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    indices : int or array of int
        Positions; a negative one counts from the end.
    axis : int, optional
        Without it, positions in the flattened array.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` with the axis replaced by the shape of `indices`.

    Examples
    --------
    >>> take(np.array([[1.0, 2.0], [3.0, 4.0]]), [1, 1, 0], axis=1)
    array([[2., 2., 1.],
           [4., 4., 3.]])
    """
    chosen = indices if isinstance(indices, int) else np.asarray(indices)
    return flatten(x)[chosen] if axis is None else along(x, normalize_axis_tuple(axis, x.ndim)[0], chosen)


@takes_array
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Any]:
    """Return the pieces of `x` along an axis.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    indices_or_sections : int or sequence of int
        The number of equal pieces, or the positions where a new piece begins.
    axis : int, default 0
        Axis to split.

    Returns
    -------
    list of Tensor or ndarray

    Raises
    ------
    ShapeError
        If the axis cannot be split into equal pieces.

    Examples
    --------
    >>> split(np.array([1.0, 2.0, 3.0]), [1])
    [array([1.]), array([2., 3.])]
    """
    length = x.shape[normalize_axis_tuple(axis, x.ndim)[0]]
    if isinstance(indices_or_sections, int | np.integer):
        if length % indices_or_sections:
            raise ShapeError(
                f"indices_or_sections is {indices_or_sections}: expected a divisor of {length}, the length "
                f"of axis {axis}; write the positions, such as [1, 2]"
            )
        size = length // indices_or_sections
        indices_or_sections = [size * i for i in range(1, indices_or_sections)]
    cuts = [None, *indices_or_sections, None]
    return [along(x, axis, slice(start, stop)) for start, stop in pairwise(cuts)]


@takes_array
def flip(x: Any, axis: int | Shape | None = None) -> Any:
    """Return `x` with the elements along axes in reverse order.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or tuple of int, optional
        By default all axes.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`.

    Examples
    --------
    >>> flip(np.array([1.0, 2.0, 3.0]))
    array([3., 2., 1.])
    """
    reversed_axes = range(x.ndim) if axis is None else normalize_axis_tuple(axis, x.ndim)
    return x[tuple(slice(None, None, -1 if i in reversed_axes else None) for i in range(x.ndim))]


# Rows of a table chosen by numbers that are given at each call, as the words of a text


@primitive
def rows(table: Any, numbers: Any, *, padding: int | None = None) -> Any:
    """Return the rows of a table.  table: (n, *rest), numbers: (*B) of whole numbers -> (*B, *rest)

    The row of the number `padding` gets no gradient.
    """
    return np.take(table, as_positions(numbers), axis=0)


@primitive
def add_rows(x: Any, numbers: Any, *, count: int) -> Any:
    """Return a table of zeros with rows added.  x: (*B, *rest), numbers: (*B) -> (count, *rest)"""
    if x.dtype is HALF:
        return add_rows.forward(x.astype(SINGLE), numbers, count=count).astype(HALF)
    rest = x.shape[numbers.ndim :]
    width = math.prod(rest)
    table = np.zeros_like(x, shape=(count * width,))
    # Element by element: np.add.at is five times as quick on a flat array as by rows.
    places = np.reshape(numbers, (-1, 1)) * width + np.arange(width)
    np.add.at(table, np.ravel(places), np.ravel(x))
    return np.reshape(table, (count, *rest))


def _gradient_of_rows(g: Any, y: Any, table: Any, numbers: Any, *, padding: int | None) -> Any:
    if padding is not None:
        g = g * reshape(numbers != padding, shape=(*numbers.shape, *(1,) * (table.ndim - 1)))
    return add_rows(g, numbers, count=table.shape[0])


rows.vjps(_gradient_of_rows, None)
add_rows.vjps(lambda g, y, x, numbers, *, count: rows(g, numbers), None)


def require_rows(numbers: Any, count: int) -> None:
    """Refuse numbers outside 0 .. count - 1: NumPy would take a negative one from the end."""
    wrong = np.flatnonzero((numbers < 0) | (numbers >= count))
    if wrong.size:
        raise LabelError(
            f"number {numbers.ravel()[wrong[0]]} at position {wrong[0]} is out of range: the table has the "
            f"rows 0 to {count - 1}"
        )
