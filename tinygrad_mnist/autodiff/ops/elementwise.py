"""Ops that work on each element by itself.  Inputs broadcast; a gradient is summed back centrally.

Every forward also takes complex arrays and extends the real function analytically (choices such as a
maximum go by the real part), so that the complex step can serve as an oracle.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.primitive import primitive


@primitive(numpy=np.positive, moves_elements=True)
def identity(x: Any) -> Any:
    """Return `x` as a new node of the graph."""
    return x


identity.vjps(lambda g, y, x: g)


@primitive(numpy=np.add, elementwise=True)
def add(a: Any, b: Any) -> Any:
    """a + b"""
    return np.add(a, b)


add.vjps(lambda g, y, a, b: g, lambda g, y, a, b: g)


@primitive(numpy=np.subtract, elementwise=True)
def subtract(a: Any, b: Any) -> Any:
    """a - b"""
    return np.subtract(a, b)


subtract.vjps(lambda g, y, a, b: g, lambda g, y, a, b: -g)


@primitive(numpy=np.multiply, elementwise=True)
def multiply(a: Any, b: Any) -> Any:
    """a * b"""
    return np.multiply(a, b)


multiply.vjps(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)


@primitive(numpy=np.divide, elementwise=True)
def divide(a: Any, b: Any) -> Any:
    """a / b"""
    return np.divide(a, b)


divide.vjps(lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)


@primitive(numpy=np.negative, elementwise=True)
def negative(x: Any) -> Any:
    """-x"""
    return np.negative(x)


negative.vjps(lambda g, y, x: -g)


@primitive(numpy=np.where, elementwise=True)
def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`."""
    return np.where(condition, a, b)


where.vjps(
    None,
    lambda g, y, condition, a, b: where(condition, g, 0.0),
    lambda g, y, condition, a, b: where(condition, 0.0, g),
)


@primitive(numpy=np.log, elementwise=True)
def log(x: Any) -> Any:
    """The natural logarithm."""
    return np.log(x)


log.vjps(lambda g, y, x: g / x)


@primitive(numpy=np.power, elementwise=True)
def power(a: Any, b: Any) -> Any:
    """a ** b.  The gradient of `b` is NaN where a < 0: there the power is defined for integers `b` alone."""
    return a**b


def _in_dtype_of(y: Any, x: Any) -> Any:
    """Return a base or an exponent of integers in the dtype of the power, and others as they are."""
    return x if isinstance(x, int | float) or x.dtype.kind in "fc" else cast(x, dtype=y.dtype)


def _log_of_base(a: Any) -> Any:
    """log(a), and 0 where a is 0: there a ** b does not change with b > 0."""
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


@primitive(numpy=np.exp, elementwise=True)
def exp(x: Any) -> Any:
    """e ** x"""
    return np.exp(x)


exp.vjps(lambda g, y, x: g * y)


@primitive(numpy=np.log1p, elementwise=True)
def log1p(x: Any) -> Any:
    """log(1 + x), accurate near 0."""
    return np.log1p(x)


log1p.vjps(lambda g, y, x: g / (1 + x))


@primitive(numpy=np.sqrt, elementwise=True)
def sqrt(x: Any) -> Any:
    """The square root."""
    return np.sqrt(x)


sqrt.vjps(lambda g, y, x: 0.5 * g / y)


@primitive(numpy=np.sin, elementwise=True)
def sin(x: Any) -> Any:
    """The sine of x in radians."""
    return np.sin(x)


@primitive(numpy=np.cos, elementwise=True)
def cos(x: Any) -> Any:
    """The cosine of x in radians."""
    return np.cos(x)


sin.vjps(lambda g, y, x: g * cos(x))
cos.vjps(lambda g, y, x: -g * sin(x))


@primitive(elementwise=True)
def sign(x: Any) -> Any:
    """-1, 0 or 1; its derivative is 0 almost everywhere, so no gradient passes."""
    return np.sign(x.real)


sign.vjps(None)


@primitive(elementwise=True)
def abs(x: Any) -> Any:
    """|x|; the subgradient at 0 is taken as 0."""
    return np.where(x.real < 0, -x, x) if np.iscomplexobj(x) else np.abs(x)


abs.vjps(lambda g, y, x: g * sign(x))


@primitive(numpy=np.tanh, elementwise=True)
def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


tanh.vjps(lambda g, y, x: g * (1 - y * y))


@primitive(elementwise=True)
def sigmoid(x: Any) -> Any:
    """1 / (1 + e**-x), the logistic function."""
    x = x if hasattr(x, "dtype") else np.asarray(x)
    if x.dtype.kind == "c":
        decay = np.exp(np.where(x.real > 0, -x, x))  # never overflows, in either half plane
        return np.where(x.real > 0, 1 / (1 + decay), decay / (1 + decay))
    if x.dtype.kind in "bu":  # -x would wrap around
        x = x.astype(np.float64)
    with np.errstate(over="ignore"):  # e**-x may overflow to infinity, and 1 / infinity is the right 0
        decay = np.exp(-x)
    decay += 1
    return np.reciprocal(decay, out=decay if decay.ndim else None)


sigmoid.vjps(lambda g, y, x: g * (y * (1 - y)))


@primitive(elementwise=True)
def softplus(x: Any) -> Any:
    """log(1 + e**x) without overflow; its derivative is the sigmoid."""
    if np.iscomplexobj(x):
        return np.where(x.real > 0, x, 0) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


softplus.vjps(lambda g, y, x: g * sigmoid(x))


@primitive(elementwise=True)
def relu(x: Any) -> Any:
    """max(x, 0); the subgradient at 0 is taken as 0."""
    return np.where(x.real > 0, x, 0) if np.iscomplexobj(x) else np.maximum(x, 0)


relu.vjps(lambda g, y, x: where(x <= 0, 0.0, g))  # not g * (x > 0): infinity times 0 is NaN


@primitive(numpy=np.maximum, elementwise=True)
def maximum(a: Any, b: Any) -> Any:
    """The larger of a and b; at a tie each gets half of the gradient."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(np.real(a) >= np.real(b), a, b)
    return np.maximum(a, b)


@primitive(numpy=np.minimum, elementwise=True)
def minimum(a: Any, b: Any) -> Any:
    """The smaller of a and b; at a tie each gets half of the gradient."""
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(np.real(a) <= np.real(b), a, b)
    return np.minimum(a, b)


def _unless_it_loses(g: Any, loses: Any, ties: Any) -> Any:
    """Give g to the larger side, g / 2 to each side of a tie, 0 to the smaller; NaN counts as larger."""
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
    """`x` limited to the numbers `min` and `max`; on the borders the gradient passes."""
    if np.iscomplexobj(x):
        return np.where(_inside(x, min, max), x, np.clip(x.real, min, max))
    return np.clip(x, min, max)


def _inside(x: Any, low: float | None, high: float | None) -> Any:
    x = x.real if isinstance(x, np.ndarray) else x
    return (x >= (-np.inf if low is None else low)) & (x <= (np.inf if high is None else high))


clip.vjps(lambda g, y, x, *, min, max: where(_inside(x, min, max), g, 0.0))


@primitive
def dropout_mask(x: Any, *, p: float, rng: np.random.Generator) -> Any:
    """In the shape of `x`: 0 with probability `p`, else 1 / (1 - p)."""
    return (rng.random(x.shape, np.float32) >= p).astype(x.dtype) / x.dtype.type(1 - p)


dropout_mask.vjps(None)


@primitive(moves_elements=True, changes_dtype=True)
def cast(x: Any, *, dtype: Any) -> Any:
    """`x` in another dtype; its gradient comes back in the dtype of x."""
    return x.astype(dtype)


cast.vjps(lambda g, y, x, *, dtype: cast(g, dtype=x.dtype))


def square(x: Any) -> Any:
    """x * x"""
    return x * x
