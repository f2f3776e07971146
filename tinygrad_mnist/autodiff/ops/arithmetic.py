"""Sums, products and powers of elements.  Inputs broadcast; a gradient is summed back centrally."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.casts import cast
from tinygrad_mnist.autodiff.ops.choices import abs, where
from tinygrad_mnist.autodiff.ops.smooth import log
from tinygrad_mnist.autodiff.primitive import primitive
from tinygrad_mnist.hints import hinted


@primitive(numpy=np.add, elementwise=True)
def add(a: Any, b: Any) -> Any:
    """Return ``a + b``.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.

    Examples
    --------
    >>> add(np.array([1.0, 2.0]), 0.5)
    array([1.5, 2.5])
    """
    return np.add(a, b)


add.vjps(lambda g, y, a, b: g, lambda g, y, a, b: g)


@primitive(numpy=np.subtract, elementwise=True)
def subtract(a: Any, b: Any) -> Any:
    """Return ``a - b``.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.

    Examples
    --------
    >>> subtract(np.array([1.0, 2.0]), 0.5)
    array([0.5, 1.5])
    """
    return np.subtract(a, b)


subtract.vjps(lambda g, y, a, b: g, lambda g, y, a, b: -g)


@primitive(numpy=np.multiply, elementwise=True)
def multiply(a: Any, b: Any) -> Any:
    """Return ``a * b``, element by element.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.

    Examples
    --------
    >>> multiply(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([3., 8.])
    """
    return np.multiply(a, b)


multiply.vjps(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)


@primitive(numpy=np.divide, elementwise=True)
def divide(a: Any, b: Any) -> Any:
    """Return ``a / b``.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.  Integers become float64.

    Examples
    --------
    >>> divide(np.array([1.0, 2.0]), np.array([4.0, 4.0]))
    array([0.25, 0.5 ])
    """
    return np.divide(a, b)


divide.vjps(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)


@primitive(numpy=np.negative, elementwise=True)
def negative(x: Any) -> Any:
    """Return ``-x``.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.

    Examples
    --------
    >>> negative(np.array([1.0, -2.0]))
    array([-1.,  2.])
    """
    return np.negative(x)


negative.vjps(lambda g, y, x: -g)


@primitive(numpy=np.power, elementwise=True)
def power(a: Any, b: Any) -> Any:
    """Return ``a ** b``.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape.

    Notes
    -----
    Gradient rules ``g * b * a**(b - 1)`` and ``g * y * log(a)``.  The gradient of `b` is NaN where a < 0:
    there the power is defined for integers `b` only.

    Examples
    --------
    >>> power(np.array([2.0, 3.0]), 2)
    array([4., 9.])
    """
    return a**b


def _in_dtype_of(y: Any, x: Any) -> Any:
    """Return a base or an exponent of integers in the dtype of the power, and others as they are."""
    return x if isinstance(x, int | float) or x.dtype.kind in "fc" else cast(x, dtype=y.dtype)


def _log_of_base(a: Any) -> Any:
    """Return log(a), and 0 where a is 0: there a ** b does not change with b > 0."""
    if isinstance(a, int | float):  # stays a Python number, which leaves the other side's dtype alone
        return math.log(a) if a > 0 else 0.0 if a == 0 else math.nan
    return log(where(a != 0, a, 1.0))


def _power_vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
    if isinstance(b, int | float):
        return g * (b * a ** (b - 1)) if b else 0.0 * g * y  # 0 ** -1 is infinite, and times 0 it is NaN
    b = _in_dtype_of(y, b)
    vanishes = abs(a) < np.finfo(a.dtype).tiny  # 0, or so small that 1 / a may overflow
    base = where(vanishes & (b == 0), 1.0, a)
    return g * (b * base ** (b - 1))


power.vjps(_power_vjp, lambda g, y, a, b: g * (y * _log_of_base(_in_dtype_of(y, a))))


@hinted
def square(x: Any) -> Any:
    """Return ``x * x``.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and dtype of `x`.

    Examples
    --------
    >>> square(np.array([1.0, -2.0]))
    array([1., 4.])
    """
    return x * x


@hinted
def reciprocal(x: Any) -> Any:
    """Return ``1 / x``.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`.  Integers become float64.

    Examples
    --------
    >>> reciprocal(np.array([4.0, -2.0]))
    array([ 0.25, -0.5 ])
    """
    return 1 / x
