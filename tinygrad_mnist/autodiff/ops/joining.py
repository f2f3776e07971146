"""Ops that put arrays together, or one array several times: the gradient is cut into the same pieces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_mnist.arguments import require_whole, shown
from tinygrad_mnist.autodiff.ops.choices import where
from tinygrad_mnist.autodiff.ops.indexing import along, scatter_add, take
from tinygrad_mnist.autodiff.ops.shaping import Shape, broadcast_to, expand_dims, flatten, reshape
from tinygrad_mnist.autodiff.primitive import primitive, takes_array
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted


@primitive(moves_elements=True)
def concatenate(*inputs: Any, axis: int = 0) -> Any:
    """Join arrays along an existing axis.

    Parameters
    ----------
    *inputs : Tensor or ndarray
        One by one or as one list; their shapes differ along `axis` only.
    axis : int, default 0
        Axis along which to join.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> concatenate([np.array([1.0]), np.array([2.0, 3.0])])
    array([1., 2., 3.])
    """
    return np.concatenate(inputs, axis)


def _piece(g: Any, y: Any, *inputs: Any, axis: int, position: int) -> Any:
    axis = axis % y.ndim
    start = sum(x.shape[axis] for x in inputs[:position])
    stop = start + inputs[position].shape[axis]
    return g[(slice(None),) * axis + (slice(start, stop),)]


concatenate.vjps(_piece)


@hinted
def stack(*inputs: Any, axis: int = 0) -> Any:
    """Join arrays along a new axis.

    Parameters
    ----------
    *inputs : Tensor or ndarray
        One by one, or as one list with the axis behind it; all of one shape.
    axis : int, default 0
        Position of the new axis in the result.

    Returns
    -------
    Tensor or ndarray

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> stack([np.array([1.0, 2.0]), np.array([3.0, 4.0])], 1)
    array([[1., 3.],
           [2., 4.]])
    """
    if len(inputs) == 1 or isinstance(inputs[0], list | tuple):
        inputs, axis = inputs[0], *(inputs[1:] or (axis,))
    try:
        return concatenate(*(expand_dims(x, axis) for x in inputs), axis=axis)
    except ValueError:
        shapes = [np.shape(x) for x in inputs]
        if len(set(shapes)) < 2:
            raise
        raise ShapeError(f"stack takes arrays of one shape, got {' and '.join(map(str, shapes))}") from None


def _with_axes(inputs: tuple[Any, ...], count: int) -> list[Any]:
    """Return arrays, given one by one or as one list, with new axes in front up to a number of them."""
    listed = inputs[0] if len(inputs) == 1 else inputs
    arrays = [x if hasattr(x, "shape") else np.asarray(x) for x in listed]
    return [reshape(x, shape=(1,) * (count - x.ndim) + x.shape) if x.ndim < count else x for x in arrays]


@hinted
def vstack(*inputs: Any) -> Any:
    """Join arrays below each other: along the first axis, vectors as rows.

    Parameters
    ----------
    *inputs : Tensor or ndarray
        One by one or as one list.

    Returns
    -------
    Tensor or ndarray, of at least two axes

    Examples
    --------
    >>> vstack([np.array([1.0, 2.0]), np.array([3.0, 4.0])])
    array([[1., 2.],
           [3., 4.]])
    """
    return concatenate(*_with_axes(inputs, 2))


@hinted
def hstack(*inputs: Any) -> Any:
    """Join arrays side by side: along the second axis, vectors along their only one.

    Parameters
    ----------
    *inputs : Tensor or ndarray
        One by one or as one list.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> hstack([np.array([1.0, 2.0]), np.array([3.0])])
    array([1., 2., 3.])
    """
    arrays = _with_axes(inputs, 1)
    return concatenate(*arrays, axis=0 if arrays[0].ndim == 1 else 1)


@takes_array
def repeat(x: Any, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Return each element several times in a row.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    repeats : int or sequence of int
        How often each element comes, or each its own number.
    axis : int, optional
        Without it, the elements of the flattened array.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    if axis is None:
        x, axis = flatten(x), 0
    axis = normalize_axis_tuple(axis, x.ndim)[0]
    if np.ndim(repeats):
        return take(x, np.repeat(np.arange(x.shape[axis]), repeats), axis)
    before, length, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    times: Any = require_whole("repeats", repeats, low=0)
    wide = broadcast_to(expand_dims(x, axis + 1), shape=(*before, length, times, *after))
    return reshape(wide, shape=(*before, length * times, *after))


@takes_array
def tile(x: Any, reps: int | Sequence[int]) -> Any:
    """Return an array made of copies of `x` side by side.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    reps : int or sequence of int
        Number of copies along each axis, of the last ones first.

    Returns
    -------
    Tensor or ndarray

    Examples
    --------
    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    counts = (reps,) if isinstance(reps, int | np.integer) else tuple(reps)
    counts = (1,) * (x.ndim - len(counts)) + counts
    lengths = (1,) * (len(counts) - x.ndim) + x.shape
    single = reshape(x, shape=tuple(n for length in lengths for n in (1, length)))
    wide = broadcast_to(single, shape=tuple(n for pair in zip(counts, lengths) for n in pair))
    return reshape(wide, shape=tuple(count * length for count, length in zip(counts, lengths)))


@takes_array
def roll(x: Any, shift: int | Shape, axis: int | Shape | None = None) -> Any:
    """Return `x` with its elements moved on along axes; what leaves at the end comes in at the beginning.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    shift : int or tuple of int
        Number of places.
    axis : int or tuple of int, optional
        Axis of each shift; without it, the elements of the flattened array.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`.

    Examples
    --------
    >>> roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    if axis is None:
        return reshape(roll(flatten(x), shift, 0), shape=x.shape)
    for places, along_axis in np.broadcast(shift, normalize_axis_tuple(axis, x.ndim, allow_duplicate=True)):
        length = x.shape[along_axis]
        cut = length - places % length if length else 0
        x = concatenate(
            along(x, along_axis, slice(cut, None)), along(x, along_axis, slice(cut)), axis=int(along_axis)
        )
    return x


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    """Return a pair of whole numbers for each axis."""
    try:
        if isinstance(pad_width, dict):  # pairs, or one number for both ends, by axis
            given = {axis % ndim: np.broadcast_to(width, 2) for axis, width in pad_width.items()}
            pad_width = [given.get(axis, (0, 0)) for axis in range(ndim)]
        pairs = np.broadcast_to(pad_width, (ndim, 2))
    except ValueError:
        pairs = np.array(None)
    if pairs.dtype.kind not in "iu" or pairs.min(initial=0) < 0:
        raise ValueError(
            f"pad_width is {shown(pad_width)}: expected whole numbers from 0 on, one, a pair, or one for "
            f"each of {ndim} axes; cut an array with x[1:-1]"
        )
    return [(before, after) for before, after in pairs.tolist()]


@takes_array
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0.0) -> Any:
    """Return `x` with elements added at the ends of its axes.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    pad_width : int, (before, after), one such pair for each axis, or a dict of pairs by axis
        Number of elements to add.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}, default "constant"
        The value of the new elements, as in NumPy.
    constant_values : float, default 0
        Their value in the mode "constant".

    Returns
    -------
    Tensor or ndarray

    Raises
    ------
    ValueError
        If the mode is another one, or a number of elements is negative.

    Examples
    --------
    >>> pad(np.array([1.0, 2.0]), (1, 2))
    array([0., 1., 2., 0., 0.])
    """
    widths = _widths(pad_width, x.ndim)
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        for axis, width in enumerate(widths):
            x = take(x, np.pad(np.arange(x.shape[axis]), width, mode=mode), axis)  # type: ignore[call-overload]
        return x
    if mode != "constant":
        raise ValueError(f"mode is {mode!r}: expected 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'")
    inside = tuple(slice(before, before + length) for (before, _), length in zip(widths, x.shape))
    shape = tuple(length + sum(width) for width, length in zip(widths, x.shape))
    padded = scatter_add(x, index=inside, shape=shape)
    if constant_values == 0:
        return padded
    outside = np.ones(shape, bool)
    outside[inside] = False
    return where(outside, constant_values, padded)
