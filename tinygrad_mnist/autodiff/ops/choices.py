"""Ops that choose or step: their derivative jumps somewhere, and each says what it is there.

A choice on complex arrays, which the complex step gives, goes by the real part.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.primitive import primitive

LARGE_MASK = 1000  # elements from which multiplied bits are quicker than np.where
BITS = {np.dtype(f"f{size}"): np.dtype(f"i{size}") for size in (2, 4, 8)}  # integers of the same size


@primitive(numpy=np.where, elementwise=True)
def where(condition: Any, a: Any, b: Any) -> Any:
    """Return `a` where the condition holds, else `b`.

    Parameters
    ----------
    condition : ndarray of bool
        Not differentiated.
    a, b : Tensor, ndarray or number
        Shapes that broadcast with the condition.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.

    Examples
    --------
    >>> where(np.array([True, False]), np.array([1.0, 2.0]), 0.0)
    array([1., 0.])
    """
    if type(condition) is np.ndarray and condition.size >= LARGE_MASK and condition.dtype.char == "?":
        dtype = _dtype_of_bits(a, b)
        if dtype is not None:
            return _chosen(condition, a, b, dtype)
    return np.where(condition, a, b)


def _chosen(mask: Any, a: Any, b: Any, dtype: Any) -> Any:
    """Return np.where(mask, a, b): the bits of `a` times the mask, and those of `b` times its opposite.

    np.where branches at each element, and takes 20 times as long if the mask is random.
    """
    first, second = (np.asarray(x, dtype).view(BITS[dtype]) for x in (a, b))
    if is_zero(b):
        return (first * mask).view(dtype)
    if is_zero(a):
        return (second * ~mask).view(dtype)
    return ((first * mask) | (second * ~mask)).view(dtype)


def is_zero(x: Any) -> bool:
    """Return True for the number 0.0, whose bits are 0; not for -0.0."""
    return type(x) is float and x == 0 and math.copysign(1, x) > 0


def _dtype_of_bits(a: Any, b: Any) -> Any:
    """Return the dtype of two arrays, or of an array and a number; None if its bits cannot be multiplied."""
    dtypes = {x.dtype for x in (a, b) if type(x) is np.ndarray}
    if len(dtypes) != 1 or not all(type(x) in (np.ndarray, float) for x in (a, b)):
        return None
    dtype = dtypes.pop()
    return dtype if dtype in BITS else None


where.vjps(
    None,
    lambda g, y, condition, a, b: where(condition, g, 0.0),
    lambda g, y, condition, a, b: where(condition, 0.0, g),
)


@primitive(numpy=np.sign, elementwise=True)
def sign(x: Any) -> Any:
    """Return -1, 0 or 1, the sign of each element.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.  No gradient passes: the derivative is 0 almost everywhere.

    Examples
    --------
    >>> sign(np.array([-2.0, 0.0, 3.0]))
    array([-1.,  0.,  1.])
    """
    return np.sign(x.real)


sign.vjps(None)


@primitive(numpy=np.floor, elementwise=True)
def floor(x: Any) -> Any:
    """Return the largest whole number that is not above each element.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.  No gradient passes: the derivative is 0 almost everywhere.

    Examples
    --------
    >>> floor(np.array([-0.5, 1.5]))
    array([-1.,  1.])
    """
    return np.floor(x.real)


floor.vjps(None)


@primitive(elementwise=True)
def abs(x: Any) -> Any:
    """Return the absolute value.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.

    Notes
    -----
    Gradient rule ``g * sign(x)``: 0 at 0.

    Examples
    --------
    >>> abs(np.array([-2.0, 3.0]))
    array([2., 3.])
    """
    return np.where(x.real < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)


abs.vjps(lambda g, y, x: g * sign(x))


@primitive(elementwise=True)
def relu(x: Any) -> Any:
    """Return the larger of each element and 0.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.

    Notes
    -----
    The gradient passes where x > 0 and is 0 at 0.

    Examples
    --------
    >>> relu(np.array([-2.0, 3.0]))
    array([0., 3.])
    """
    return np.where(x.real > 0, x, 0) if np.iscomplexobj(x) else np.maximum(x, 0)


relu.vjps(lambda g, y, x: where(x <= 0, 0.0, g))  # not g * (x > 0): infinity times 0 is NaN


@primitive(numpy=np.maximum, elementwise=True)
def maximum(a: Any, b: Any) -> Any:
    """Return the larger of `a` and `b`; NaN counts as larger.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.  At a tie each side gets half of the gradient.

    Examples
    --------
    >>> maximum(np.array([1.0, 5.0]), 3.0)
    array([3., 5.])
    """
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(np.real(a) >= np.real(b), a, b)
    return np.maximum(a, b)


@primitive(numpy=np.minimum, elementwise=True)
def minimum(a: Any, b: Any) -> Any:
    """Return the smaller of `a` and `b`; NaN counts as smaller.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.  At a tie each side gets half of the gradient.

    Examples
    --------
    >>> minimum(np.array([1.0, 5.0]), 3.0)
    array([1., 3.])
    """
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(np.real(a) <= np.real(b), a, b)
    return np.minimum(a, b)


def _unless_it_loses(g: Any, loses: Any, ties: Any) -> Any:
    """Give g to the side that is chosen, g / 2 to each side of a tie, 0 to the other; NaN is chosen."""
    return where(loses, 0.0, where(ties, 0.5 * g, g))


maximum.vjps(
    lambda g, y, a, b: _unless_it_loses(g, a < b, a == b),
    lambda g, y, a, b: _unless_it_loses(g, b < a, a == b),
)
minimum.vjps(
    lambda g, y, a, b: _unless_it_loses(g, b < a, a == b),
    lambda g, y, a, b: _unless_it_loses(g, a < b, a == b),
)


@primitive(elementwise=True)
def clip(x: Any, *, min: float | None = None, max: float | None = None) -> Any:
    """Limit each element to two numbers.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    min, max : float, optional
        The least and the largest value of the result; without one, that side is not limited.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.  The gradient passes inside and on the borders.

    Examples
    --------
    >>> clip(np.array([-2.0, 0.5, 3.0]), min=0.0, max=1.0)
    array([0. , 0.5, 1. ])
    """
    if np.iscomplexobj(x):
        return np.where(_inside(x, min, max), x, np.clip(x.real, min, max))
    return np.clip(x, min, max)


def _inside(x: Any, low: float | None, high: float | None) -> Any:
    x = x.real if isinstance(x, np.ndarray) else x
    return (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))


clip.vjps(lambda g, y, x, *, min, max: where(_inside(x, min, max), g, 0.0))
