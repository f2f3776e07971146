"""Ops on matrices in the last two axes, or in two axes that are named."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.choices import abs, where
from tinygrad_mnist.autodiff.ops.indexing import scatter_add
from tinygrad_mnist.autodiff.ops.reducing import Axis, max, min, reduce_add, sum, with_kept_axes
from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE, moveaxis, squeeze
from tinygrad_mnist.autodiff.primitive import primitive, takes_array
from tinygrad_mnist.errors import ShapeError


@takes_array
def tril(x: Any, k: int = 0) -> Any:
    """Return the lower triangle of matrices, with zeros elsewhere.

    Parameters
    ----------
    x : Tensor or ndarray, shape (*B, n, m)
    k : int, default 0
        The last diagonal that is kept: 0 is the main one, 1 the one above it.

    Returns
    -------
    Tensor or ndarray, shape (*B, n, m)

    Examples
    --------
    >>> tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return where(_below(x, k), x, np.zeros((), x.dtype))


@takes_array
def triu(x: Any, k: int = 0) -> Any:
    """Return the upper triangle of matrices, with zeros elsewhere.

    Parameters
    ----------
    x : Tensor or ndarray, shape (*B, n, m)
    k : int, default 0
        The first diagonal that is kept: 0 is the main one, 1 the one above it.

    Returns
    -------
    Tensor or ndarray, shape (*B, n, m)

    Examples
    --------
    >>> triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return where(_below(x, k - 1), np.zeros((), x.dtype), x)


def _below(x: Any, k: int) -> Any:
    """Return the mask of a lower triangle; a vector has as many rows as elements, as in NumPy."""
    rows, columns = x.shape[-2:] if x.ndim > 1 else (x.size, x.size)
    return np.tri(rows, columns, k, dtype=bool)


def _places(rows: int, columns: int, offset: int) -> tuple[Any, Any]:
    """Return the indices of a diagonal."""
    below, right = builtins.max(-offset, 0), builtins.max(offset, 0)
    first = np.arange(builtins.max(builtins.min(rows - below, columns - right), 0))
    return first + below, first + right


@takes_array
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return a diagonal of matrices.

    Parameters
    ----------
    x : Tensor or ndarray
        At least two axes.
    offset : int, default 0
        Number of the diagonal: 0 is the main one, 1 the one above it.
    axis1, axis2 : int, default 0 and 1
        The axes of the matrices.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` without both axes, and the diagonal as the last one.

    Examples
    --------
    >>> diagonal(np.array([[1.0, 2.0], [3.0, 4.0]]))
    array([1., 4.])
    """
    if x.ndim < 2:
        raise ShapeError(f"x has shape {x.shape}: expected at least two axes; for a matrix write diag(x)")
    matrices = moveaxis(x, (axis1, axis2), (-2, -1))
    return matrices[(..., *_places(matrices.shape[-2], matrices.shape[-1], offset))]


@takes_array
def diag(x: Any, k: int = 0) -> Any:
    """Return a matrix with `x` as a diagonal, or a diagonal of the matrix `x`.

    Parameters
    ----------
    x : Tensor or ndarray, shape (n,) or (n, m)
    k : int, default 0
        Number of the diagonal: 0 is the main one, 1 the one above it.

    Returns
    -------
    Tensor or ndarray
        A square matrix with zeros elsewhere, or a vector.

    Raises
    ------
    ShapeError
        If `x` has neither one nor two axes.

    Examples
    --------
    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    if x.ndim not in (1, 2):
        raise ShapeError(
            f"x has shape {x.shape}: expected a vector or a matrix; for stacks write diagonal(x)"
        )
    if x.ndim == 2:
        return diagonal(x, k)
    size = len(x) + builtins.abs(k)
    return scatter_add(x, index=_places(size, size, k), shape=(size, size))


@takes_array
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of a diagonal.

    Parameters
    ----------
    x : Tensor or ndarray
        At least two axes.
    offset : int, default 0
        Number of the diagonal: 0 is the main one, 1 the one above it.
    axis1, axis2 : int, default 0 and 1
        The axes of the matrices.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` without both axes.

    Examples
    --------
    >>> trace(np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.float64(5.0)
    """
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


@primitive
def euclidean_norm(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the root of the sum of squares over axes; its gradient where that is 0 is taken as 0."""
    if x.dtype is HALF:
        return euclidean_norm.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims).astype(HALF)
    return np.sqrt(reduce_add(x * x, axis=axis, keepdims=keepdims))


euclidean_norm.vjps(
    lambda g, y, x, *, axis, keepdims: with_kept_axes(g / where(y == 0, math.inf, y), x, axis, keepdims) * x
)


def _powers(x: Any, exponent: float) -> Any:
    """Return ``abs(x) ** exponent`` for an exponent below 1; the slope at 0 is taken as 0."""
    is_zero = x == 0
    return where(is_zero, 0.0 if exponent > 0 else math.inf, abs(where(is_zero, 1.0, x)) ** exponent)


@takes_array
def norm(x: Any, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors or of matrices.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    ord : float or "fro", optional
        Order of the norm.  Without it, the root of the sum of squares.
    axis : int or pair of int, optional
        Axis of the vectors, or axes of the matrices; by default all axes of `x`.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` without the reduced axes.

    Raises
    ------
    ValueError
        If the order needs singular values (a matrix norm of order 2, -2 or "nuc"), or is not known.

    Notes
    -----
    Where the norm is 0, its gradient is taken as 0, as in PyTorch; so is that of a 0 for orders below 1.

    Examples
    --------
    >>> norm(np.array([3.0, 4.0]))
    np.float64(5.0)
    """
    x = x if x.dtype.kind in "fc" else x.astype(float)  # sums of powers of bytes would overflow
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    if ord is None or (ord == "fro" and len(axes) == 2) or (ord == 2 and len(axes) == 1):
        return euclidean_norm(x, axis=axes, keepdims=keepdims)
    largest = max if ord in (1, np.inf) else min
    if len(axes) == 1 and not isinstance(ord, str):
        if ord in (np.inf, -np.inf):
            return largest(abs(x), axis=axes, keepdims=keepdims)
        if ord == 0:
            return sum(where(x != 0, 1.0, 0.0 * x), axis=axes, keepdims=keepdims)
        powers = abs(x) ** ord if ord >= 1 else _powers(x, ord)
        total = sum(powers, axis=axes, keepdims=keepdims)
        return where(total == 0, 0.0, where(total == 0, 1.0, total) ** (1 / ord))
    if len(axes) == 2 and ord in (1, -1, np.inf, -np.inf):
        summed, kept = axes if ord in (1, -1) else axes[::-1]
        extreme = largest(sum(abs(x), axis=summed, keepdims=True), axis=kept, keepdims=True)
        return extreme if keepdims else squeeze(extreme, axes)
    raise ValueError(
        f"ord is {ord!r}: expected None, a number for vectors, or 'fro', 1, -1, inf or -inf for matrices"
    )
