"""Products that sum: of matrices, of vectors, and along any axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_mnist.autodiff.ops.shaping import broadcast_to, flatten, reshape, transpose
from tinygrad_mnist.autodiff.primitive import primitive, takes_array
from tinygrad_mnist.errors import ShapeError

Labels = Sequence[Any]  # names of axes


@primitive(numpy=np.matmul, flops=lambda y, a, b: 2 * y.size * a.shape[-1])
def matmul(a: Any, b: Any) -> Any:
    """Return the matrix product ``a @ b``.

    Parameters
    ----------
    a : Tensor or ndarray, shape (*B, n, k) or (k,)
    b : Tensor or ndarray, shape (*B, k, m) or (k,)
        The axes before the last two broadcast.

    Returns
    -------
    Tensor or ndarray, shape (*B, n, m)
        Without the axis of a vector, as in NumPy.

    Examples
    --------
    >>> matmul(np.array([[1.0, 2.0]]), np.array([3.0, 4.0]))
    array([11.])
    """
    return np.matmul(a, b)


def _left_vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return g[..., None] * b
    if a.ndim == 1:
        return (b @ g[..., None])[..., 0]
    return g @ b.mT


def _right_vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim == 1:
        return g * a if b.ndim == 1 else a[:, None] * g[..., None, :]
    if b.ndim == 1:
        return (a.mT @ g[..., None])[..., 0]
    return a.mT @ g


matmul.vjps(_left_vjp, _right_vjp)


@takes_array
def outer(a: Any, b: Any) -> Any:
    """Return the products of all elements of `a` with all elements of `b`.

    Parameters
    ----------
    a, b : Tensor or ndarray
        Any shapes; they are flattened.

    Returns
    -------
    Tensor or ndarray, shape (n, m)

    Examples
    --------
    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    return flatten(a)[:, None] * flatten(b)


@takes_array
def inner(a: Any, b: Any) -> Any:
    """Return the sum of products over the last axes.

    Parameters
    ----------
    a : Tensor or ndarray, shape (*A, k) or ()
    b : Tensor or ndarray, shape (*B, k) or ()

    Returns
    -------
    Tensor or ndarray, shape (*A, *B)
        A product if one of them is a number.

    Examples
    --------
    >>> inner(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array(11.)
    """
    return tensordot(a, b, (-1, -1)) if np.ndim(a) and np.ndim(b) else a * b


@takes_array
def dot(a: Any, b: Any) -> Any:
    """Return the sum of products over the last axis of `a` and the last but one of `b`.

    Parameters
    ----------
    a : Tensor or ndarray, shape (*A, k) or ()
    b : Tensor or ndarray, shape (*B, k, m), (k,) or ()

    Returns
    -------
    Tensor or ndarray, shape (*A, *B, m)
        Without m for a vector `b`; a product if one of them is a number.

    Examples
    --------
    >>> dot(np.ones((2, 3)), np.ones((4, 3, 5))).shape
    (2, 4, 5)
    """
    if not np.ndim(a) or not np.ndim(b):
        return a * b
    return tensordot(a, b, (-1, -2)) if a.ndim > 1 and b.ndim > 2 else matmul(a, b)


@takes_array
def tensordot(a: Any, b: Any, axes: int | Sequence[Any] = 2) -> Any:
    """Return the sum of products over pairs of axes.

    Parameters
    ----------
    a, b : Tensor or ndarray
        Any shapes; axes of a pair are equally long.
    axes : int or (axes of a, axes of b), default 2
        A number of axes: the last ones of `a` with the first ones of `b`.

    Returns
    -------
    Tensor or ndarray
        The other axes of `a`, then those of `b`.

    Raises
    ------
    ShapeError
        If the lengths of a pair differ.

    Examples
    --------
    >>> tensordot(np.ones((2, 3, 4)), np.ones((4, 3, 5)), axes=([1, 2], [1, 0])).shape
    (2, 5)
    """
    if isinstance(axes, int | np.integer):
        axes = range(a.ndim - axes, a.ndim), range(axes)
    pairs = [normalize_axis_tuple(_several(some), x.ndim) for some, x in zip(axes, (a, b), strict=True)]
    lengths = [tuple(x.shape[i] for i in some) for some, x in zip(pairs, (a, b))]
    if lengths[0] != lengths[1]:
        raise ShapeError(f"tensordot: the lengths {lengths[0]} and {lengths[1]} along axes {axes} differ")
    labels_a = list(range(a.ndim))
    labels_b = [pairs[0][pairs[1].index(i)] if i in pairs[1] else a.ndim + i for i in range(b.ndim)]
    out = [label for label in (*labels_a, *labels_b) if label not in pairs[0]]
    return contracted(a, labels_a, b, labels_b, out)


def _several(axes: Any) -> Any:
    return axes if isinstance(axes, int | np.integer) else tuple(axes)


def contracted(a: Any, labels_a: Labels, b: Any, labels_b: Labels, out: Labels) -> Any:
    """Return the product of arrays with named axes, summed over the shared names that `out` leaves out."""
    shared = [label for label in labels_a if label in labels_b]
    summed = [label for label in shared if label not in out]
    batch = [label for label in out if label in shared]
    left = [label for label in labels_a if label not in shared]
    right = [label for label in labels_b if label not in shared]
    order = [*batch, *left, *right]
    if not summed:
        return arranged(arranged(a, labels_a, order) * arranged(b, labels_b, order), order, out)
    a, b = arranged(a, labels_a, [*batch, *left, *summed]), arranged(b, labels_b, [*batch, *summed, *right])
    start, rows, columns = len(batch), a.shape[len(batch) : -len(summed)], b.shape[len(batch) + len(summed) :]
    lengths = np.broadcast_shapes(a.shape[-len(summed) :], b.shape[start : start + len(summed)])
    if (*a.shape[-len(summed) :], *b.shape[start : start + len(summed)]) != lengths * 2:
        a = broadcast_to(a, shape=(*a.shape[: -len(summed)], *lengths))
        b = broadcast_to(b, shape=(*b.shape[:start], *lengths, *columns))
    terms = math.prod(lengths)
    product = matmul(
        reshape(a, shape=(*a.shape[:start], math.prod(rows), terms)),
        reshape(b, shape=(*b.shape[:start], terms, math.prod(columns))),
    )
    return arranged(reshape(product, shape=(*product.shape[:start], *rows, *columns)), order, out)


def arranged(x: Any, labels: Labels, order: Labels) -> Any:
    """Return `x` with its axes in an order; one that it does not have gets length 1."""
    axes = tuple(labels.index(label) for label in order if label in labels)
    x = x if axes == tuple(range(x.ndim)) else transpose(x, axes=axes)
    lengths = iter(x.shape)
    shape = tuple(next(lengths) if label in labels else 1 for label in order)
    return x if shape == x.shape else reshape(x, shape=shape)
