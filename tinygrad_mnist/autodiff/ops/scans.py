"""Ops along an axis in which each element depends on those before it: running sums and products, order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.indexing import along
from tinygrad_mnist.autodiff.ops.joining import concatenate
from tinygrad_mnist.autodiff.ops.reducing import Axis, with_kept_axes
from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE, reshape, transpose
from tinygrad_mnist.autodiff.primitive import primitive

_reduce_multiply: Any = np.multiply.reduce
BACKWARDS = slice(None, None, -1)


def _accumulated(ufunc: np.ufunc, x: Any, axis: int | None) -> Any:
    """Return ``ufunc.accumulate``, of the flattened array for None; half precision adds up in float32."""
    if x.dtype is HALF:
        return _accumulated(ufunc, x.astype(SINGLE), axis).astype(HALF)
    return ufunc.accumulate(np.ravel(x)) if axis is None or not x.ndim else ufunc.accumulate(x, axis)


@primitive(numpy=np.cumsum)
def cumsum(x: Any, *, axis: int | None = None) -> Any:
    """Return running sums along an axis.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int, optional
        Without it, the sums run over all elements, row after row.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`, or one axis without `axis`.

    Notes
    -----
    The gradient rule is the running sum of `g` from the end.

    Examples
    --------
    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    return _accumulated(np.add, x, axis)


def _cumsum_vjp(g: Any, y: Any, x: Any, *, axis: int | None) -> Any:
    along_axis = axis if axis is not None and x.ndim else 0
    backwards = along(cumsum(along(g, along_axis, BACKWARDS), axis=along_axis), along_axis, BACKWARDS)
    return backwards if y.shape == x.shape else reshape(backwards, shape=x.shape)


cumsum.vjps(_cumsum_vjp)


@primitive(numpy=np.cumprod)
def cumprod(x: Any, *, axis: int | None = None) -> Any:
    """Return running products along an axis.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int, optional
        Without it, the products run over all elements, row after row.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`, or one axis without `axis`.

    Notes
    -----
    The gradient of element i is ``y[i - 1] * r[i]`` with ``r[i] = g[i] + x[i + 1] * r[i + 1]``.  Nothing is
    divided by `x`, so zeros in it have their gradients too.

    Examples
    --------
    >>> cumprod(np.array([2.0, 3.0, 4.0]))
    array([ 2.,  6., 24.])
    """
    return _accumulated(np.multiply, x, axis)


def _behind_one(x: Any, axis: int) -> Any:
    """Return the elements moved on by one place, behind a 1."""
    return concatenate(along(x, axis, slice(1)) ** 0, along(x, axis, slice(-1)), axis=axis)


def _recurrence(factors: Any, terms: Any, axis: int) -> Any:
    """Return r[i] = terms[i] + factors[i] * r[i - 1], by doubling (W. D. Hillis and G. L. Steele, 1986)."""
    step = 1
    while step < terms.shape[axis]:
        first, late, early = slice(step), slice(step, None), slice(-step)
        later = along(factors, axis, late)
        terms, factors = (
            concatenate(
                along(terms, axis, first),
                along(terms, axis, late) + later * along(terms, axis, early),
                axis=axis,
            ),
            concatenate(along(factors, axis, first), later * along(factors, axis, early), axis=axis),
        )
        step *= 2
    return terms


def _cumprod_vjp(g: Any, y: Any, x: Any, *, axis: int | None) -> Any:
    flat = x if y.shape == x.shape else reshape(x, shape=y.shape)
    axis = axis if axis is not None and x.ndim else 0
    factors = _behind_one(along(flat, axis, BACKWARDS), axis)
    behind = along(_recurrence(factors, along(g, axis, BACKWARDS), axis), axis, BACKWARDS)
    gradient = _behind_one(y, axis) * behind
    return gradient if y.shape == x.shape else reshape(gradient, shape=x.shape)


cumprod.vjps(_cumprod_vjp)


@primitive(numpy=np.prod)
def prod(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the product over axes.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or tuple of int, optional
        Axes to reduce; all of them by default.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` without the reduced axes.

    Notes
    -----
    The gradient of an element is `g` times the product of all others, with zeros among them too.

    Examples
    --------
    >>> prod(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    array([ 2., 12.])
    """
    if x.dtype is HALF:
        return prod.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims).astype(HALF)
    return _reduce_multiply(x, axis=axis, keepdims=keepdims)


def _product_of_others(x: Any, axis: Axis) -> Any:
    """Return for each element the product of the others that are reduced with it."""
    axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    reduced = {a % x.ndim for a in axes if x.ndim}
    order = (*(i for i in range(x.ndim) if i not in reduced), *sorted(reduced))
    moved = transpose(x, axes=order)
    kept = moved.shape[: x.ndim - len(reduced)]
    flat = reshape(moved, shape=(*kept, math.prod(moved.shape[len(kept) :])))
    last = len(kept)
    before = cumprod(_behind_one(flat, last), axis=last)
    behind = along(cumprod(_behind_one(along(flat, last, BACKWARDS), last), axis=last), last, BACKWARDS)
    back = tuple(order.index(i) for i in range(x.ndim))
    return transpose(reshape(before * behind, shape=moved.shape), axes=back)


prod.vjps(
    lambda g, y, x, *, axis, keepdims: with_kept_axes(g, x, axis, keepdims) * _product_of_others(x, axis)
)


@primitive(numpy=np.sort)
def sort(x: Any, *, axis: int | None = -1) -> Any:
    """Return the elements along an axis in ascending order; NaN comes last.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or None, default -1
        Axis along which to sort; None sorts all elements into one axis.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`, or one axis with None.

    Notes
    -----
    Each gradient goes back to the place that its element came from; equal elements keep their order.

    Examples
    --------
    >>> sort(np.array([3.0, 1.0, 2.0]))
    array([1., 2., 3.])
    """
    return np.sort(x, axis=axis)


@primitive
def reordered(x: Any, key: Any, *, axis: int, back: bool = False) -> Any:
    """Return the elements of `x` in the order that sorts `key`, or with `back` undo that order."""
    order = np.argsort(key.real, axis=axis, kind="stable")
    if back:
        order = np.argsort(order, axis=axis, kind="stable")
    return np.take_along_axis(x, order, axis)


def _sort_vjp(g: Any, y: Any, x: Any, *, axis: int | None) -> Any:
    if axis is not None:
        return reordered(g, x, axis=axis, back=True)
    return reshape(reordered(g, reshape(x, shape=y.shape), axis=0, back=True), shape=x.shape)


sort.vjps(_sort_vjp)
reordered.vjps(lambda g, y, x, key, *, axis, back: reordered(g, key, axis=axis, back=not back), None)
