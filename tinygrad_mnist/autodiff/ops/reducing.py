"""Ops that reduce axes.  `axis` is None (all), an integer or a tuple; `keepdims` keeps them with length 1.

Half precision is summed in float32 and comes back in half precision, as in NumPy's mean and in PyTorch.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.casts import cast
from tinygrad_mnist.autodiff.ops.choices import where
from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE, broadcast_to, reshape
from tinygrad_mnist.autodiff.ops.smooth import exp
from tinygrad_mnist.autodiff.primitive import primitive

# The reductions behind np.sum, np.max and np.min, without the 2 µs that those spend on dispatch.
reduce_add: Any = np.add.reduce
_reduce_maximum: Any = np.maximum.reduce
_reduce_minimum: Any = np.minimum.reduce

Axis = int | tuple[int, ...] | None


def with_kept_axes(value: Any, x: Any, axis: Axis, keepdims: bool) -> Any:
    """`value`, a reduction of `x`, in the shape it would have with keepdims: it broadcasts against x."""
    if keepdims or axis is None or not x.ndim:
        return value
    reduced = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
    return reshape(value, shape=tuple(1 if i in reduced else n for i, n in enumerate(x.shape)))


@primitive(numpy=np.sum)
def sum(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the sum over axes.

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

    Examples
    --------
    >>> sum(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=0)
    array([4., 6.])
    """
    if getattr(x, "dtype", None) is HALF:
        return sum.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims).astype(HALF)
    return reduce_add(x, axis=axis, keepdims=keepdims)


sum.vjps(lambda g, y, x, *, axis, keepdims: broadcast_to(with_kept_axes(g, x, axis, keepdims), shape=x.shape))


@primitive(numpy=np.mean)
def mean(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the arithmetic mean over axes; the mean of no elements is NaN.

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

    Examples
    --------
    >>> mean(np.array([[1.0, 2.0], [3.0, 4.0]]), axis=1)
    array([1.5, 3.5])
    """
    if getattr(x, "dtype", None) is HALF:
        return mean.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims).astype(HALF)
    total = reduce_add(x, axis=axis, keepdims=keepdims)
    return total / _count(x, total)


def _count(x: Any, total: Any) -> float:
    """The number of elements behind each element of a total, NaN for none: then the mean is NaN."""
    return x.size // (total.size or 1) or math.nan


def _divided(g: Any, number: Any) -> Any:
    """g / number, in float32 for half precision, which ends below many a number of elements."""
    return cast(cast(g, dtype=SINGLE) / number, dtype=HALF) if g.dtype is HALF else g / number


mean.vjps(
    lambda g, y, x, *, axis, keepdims: broadcast_to(
        _divided(with_kept_axes(g, x, axis, keepdims), _count(x, y)), shape=x.shape
    )
)


@primitive(numpy=np.max)
def max(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the largest element over axes; elements that tie share the gradient equally.

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

    Examples
    --------
    >>> max(np.array([[1.0, 2.0], [4.0, 3.0]]), axis=1)
    array([2., 4.])
    """
    return _reduce_maximum(x, axis=axis, keepdims=keepdims)


@primitive(numpy=np.min)
def min(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return the smallest element over axes; elements that tie share the gradient equally.

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

    Examples
    --------
    >>> min(np.array([[1.0, 2.0], [4.0, 3.0]]), axis=1)
    array([1., 3.])
    """
    return _reduce_minimum(x, axis=axis, keepdims=keepdims)


def _shared_by_ties(g: Any, y: Any, x: Any, *, axis: Axis, keepdims: bool) -> Any:
    losers = (x != with_kept_axes(y, x, axis, keepdims)) & (x == x)  # a NaN wins
    winners = 1 - cast(losers, dtype=SINGLE if x.dtype is HALF else x.dtype)
    number = sum(winners, axis=axis, keepdims=True)
    return where(losers, 0.0, _divided(with_kept_axes(g, x, axis, keepdims), number))


max.vjps(_shared_by_ties)
min.vjps(_shared_by_ties)


@primitive
def logsumexp(x: Any, *, axis: Axis = None, keepdims: bool = False) -> Any:
    """Return ``log(sum(exp(x)))`` over axes, without overflow.

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
    ``log(sum(exp(x - max(x)))) + max(x)``; gradient rule ``g * exp(x - y)``, the softmax of `x`.

    Examples
    --------
    >>> logsumexp(np.array([1000.0, 1000.0]))
    array(1000.69314718)
    """
    if x.dtype.kind in "bui":
        x = x.astype(np.float64)
    if x.dtype is HALF:
        return logsumexp.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims).astype(HALF)
    top = np.max(x.real, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isinf(top), 0, top)  # x - top must not become inf - inf
    with np.errstate(divide="ignore"):  # where all of x is -infinity, so is the result
        total = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdims else np.squeeze(total, axis)


def _finite(y: Any) -> Any:
    """0 for -infinity, the result when all of x is: e**(x - 0) is the right 0, and inf - inf no number."""
    return where(y == -np.inf, 0.0, y)


logsumexp.vjps(
    lambda g, y, x, *, axis, keepdims: (
        with_kept_axes(g, x, axis, keepdims) * exp(x - _finite(with_kept_axes(y, x, axis, keepdims)))
    )
)


@primitive(numpy=np.var)
def var(x: Any, *, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Return the variance over axes.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or tuple of int, optional
        Axes to reduce; all of them by default.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    ddof : int, default 0
        The squares are divided by n - ddof; PyTorch takes 1 by default.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` without the reduced axes; NaN where n - ddof is not positive.

    Notes
    -----
    ``sum((x - mean(x))**2) / (n - ddof)``; gradient rule ``g * 2 * (x - mean(x)) / (n - ddof)``.

    Examples
    --------
    >>> var(np.array([1.0, 2.0, 3.0]), ddof=1)
    np.float64(1.0)
    """
    if getattr(x, "dtype", None) is HALF:
        return var.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims, ddof=ddof).astype(HALF)
    below = x - mean.forward(x, axis=axis, keepdims=True)
    total = reduce_add(below * below, axis=axis, keepdims=keepdims)
    return total / _freedom(x, total, ddof)


def _freedom(x: Any, y: Any, ddof: int) -> float:
    """Return the number of elements behind each variance less `ddof`, or NaN if that is not positive."""
    number = _count(x, y) - ddof
    return number if number > 0 else math.nan


def _var_vjp(g: Any, y: Any, x: Any, *, axis: Axis, keepdims: bool, ddof: int) -> Any:
    scaled = _divided(2 * with_kept_axes(g, x, axis, keepdims), _freedom(x, y, ddof))
    return scaled * (x - mean(x, axis=axis, keepdims=True))


var.vjps(_var_vjp)


@primitive(numpy=np.std)
def std(x: Any, *, axis: Axis = None, keepdims: bool = False, ddof: int = 0) -> Any:
    """Return the standard deviation over axes, the root of the variance.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    axis : int or tuple of int, optional
        Axes to reduce; all of them by default.
    keepdims : bool, default False
        Keep the reduced axes, with length 1.
    ddof : int, default 0
        The squares are divided by n - ddof; PyTorch takes 1 by default.

    Returns
    -------
    Tensor or ndarray
        The shape of `x` without the reduced axes; NaN where n - ddof is not positive.

    Notes
    -----
    Gradient rule ``g * (x - mean(x)) / (y * (n - ddof))``, and 0 where y is 0, as in PyTorch.

    Examples
    --------
    >>> std(np.array([1.0, 2.0, 3.0]), ddof=1)
    np.float64(1.0)
    """
    if getattr(x, "dtype", None) is HALF:
        return std.forward(x.astype(SINGLE), axis=axis, keepdims=keepdims, ddof=ddof).astype(HALF)
    return np.sqrt(var.forward(x, axis=axis, keepdims=keepdims, ddof=ddof))


def _std_vjp(g: Any, y: Any, x: Any, *, axis: Axis, keepdims: bool, ddof: int) -> Any:
    half = 0.5 * g / where(y == 0, math.inf, y)
    return _var_vjp(half, y, x, axis=axis, keepdims=keepdims, ddof=ddof)


std.vjps(_std_vjp)
