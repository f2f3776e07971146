"""Smooth functions of each element.

Every forward also takes complex arrays and extends the real function analytically, so that the complex
step can serve as an oracle.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.choices import abs, maximum, minimum, where
from tinygrad_mnist.autodiff.primitive import Primitive, Rule, primitive

_DOCSTRING = """Return {meaning}.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and floating dtype of `x`.  Integers become float64.

    Notes
    -----
    Derivative ``{derivative}``{result}.

    Examples
    --------
    >>> {name}(np.array([{at}]))
    {example!r}
    """


def _smooth(ufunc: np.ufunc, meaning: str, derivative: str, rule: Rule, at: float = 0.5) -> Primitive:
    """Return the op of a NumPy function of one input; its docstring has the value `at` a place."""

    def forward(x: Any) -> Any:
        return ufunc(x)

    name, example = ufunc.__name__, ufunc(np.array([at]))
    forward.__name__ = forward.__qualname__ = name
    result = ", where y is the result" if "y" in derivative else ""
    forward.__doc__ = _DOCSTRING.format(**locals())
    op = primitive(numpy=ufunc, elementwise=True)(forward)
    op.vjps(rule)
    return op


# fmt: off
exp = _smooth(np.exp, "``e ** x``", "y", lambda g, y, x: g * y)
expm1 = _smooth(np.expm1, "``e ** x - 1``, accurate near 0", "y + 1", lambda g, y, x: g * (y + 1))
exp2 = _smooth(np.exp2, "``2 ** x``", "y * log(2)", lambda g, y, x: g * (y * math.log(2)))
log = _smooth(np.log, "the natural logarithm", "1 / x", lambda g, y, x: g / x)
log1p = _smooth(np.log1p, "``log(1 + x)``, accurate near 0", "1 / (1 + x)", lambda g, y, x: g / (1 + x))
log2 = _smooth(np.log2, "the logarithm to base 2", "1 / (x * log(2))", lambda g, y, x: g / (x * math.log(2)))
log10 = _smooth(np.log10, "the logarithm to base 10", "1 / (x * log(10))",
                lambda g, y, x: g / (x * math.log(10)))
sqrt = _smooth(np.sqrt, "the square root", "1 / (2 * y)", lambda g, y, x: 0.5 * g / y)
sin = _smooth(np.sin, "the sine of an angle in radians", "cos(x)", lambda g, y, x: g * cos(x))
cos: Primitive = _smooth(np.cos, "the cosine of an angle in radians", "-sin(x)", lambda g, y, x: -g * sin(x))
tan = _smooth(np.tan, "the tangent of an angle in radians", "1 + y**2", lambda g, y, x: g * (1 + y * y))
arcsin = _smooth(np.arcsin, "the angle whose sine is x", "1 / sqrt(1 - x**2)",
                 lambda g, y, x: g / sqrt((1 - x) * (1 + x)))
arccos = _smooth(np.arccos, "the angle whose cosine is x", "-1 / sqrt(1 - x**2)",
                 lambda g, y, x: -g / sqrt((1 - x) * (1 + x)))
arctan = _smooth(np.arctan, "the angle whose tangent is x", "1 / (1 + x**2)", lambda g, y, x: g / (1 + x * x))
sinh = _smooth(np.sinh, "the hyperbolic sine", "cosh(x)", lambda g, y, x: g * cosh(x))
cosh: Primitive = _smooth(np.cosh, "the hyperbolic cosine", "sinh(x)", lambda g, y, x: g * sinh(x))
tanh = _smooth(np.tanh, "the hyperbolic tangent", "1 - y**2", lambda g, y, x: g * (1 - y * y))
arcsinh = _smooth(np.arcsinh, "the inverse of sinh", "1 / cosh(y)", lambda g, y, x: g / cosh(y))
arccosh = _smooth(np.arccosh, "the inverse of cosh", "1 / sinh(y)", lambda g, y, x: g / sinh(y), at=1.5)
arctanh = _smooth(np.arctanh, "the inverse of tanh", "1 / (1 - x**2)",
                  lambda g, y, x: g / ((1 - x) * (1 + x)))
# fmt: on


@primitive(elementwise=True)
def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + e**-x)``, the logistic function.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and floating dtype of `x`.  Integers become float64.

    Notes
    -----
    Gradient rule ``g * y * (1 - y)``.

    Examples
    --------
    >>> sigmoid(np.array([0.0, 1000.0]))
    array([0.5, 1. ])
    """
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
    """Return ``log(1 + e**x)`` without overflow.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and floating dtype of `x`.

    Notes
    -----
    Gradient rule ``g * sigmoid(x)``.

    Examples
    --------
    >>> softplus(np.array([0.0, 1000.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    if np.iscomplexobj(x):
        return np.where(x.real > 0, x, 0) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


softplus.vjps(lambda g, y, x: g * sigmoid(x))


@primitive(numpy=np.logaddexp, elementwise=True)
def logaddexp(a: Any, b: Any) -> Any:
    """Return ``log(e**a + e**b)`` without overflow.

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
    Gradient rules ``g * sigmoid(a - b)`` and ``g * sigmoid(b - a)``.  Equal infinities share it.

    Examples
    --------
    >>> logaddexp(np.array([0.0, 1000.0]), np.array([0.0, 0.0]))
    array([6.93147181e-01, 1.00000000e+03])
    """
    if np.iscomplexobj(a) or np.iscomplexobj(b):
        return np.where(np.real(a) > np.real(b), a + np.log1p(np.exp(b - a)), b + np.log1p(np.exp(a - b)))
    return np.logaddexp(a, b)


def _minus(a: Any, b: Any) -> Any:
    """Return a - b, and 0 where both are the same infinity."""
    return where((a == b) & (abs(a) == np.inf), 0.0, a - b)


logaddexp.vjps(
    lambda g, y, a, b: g * sigmoid(_minus(a, b)),
    lambda g, y, a, b: g * sigmoid(_minus(b, a)),
)


@primitive(numpy=np.arctan2, elementwise=True)
def arctan2(a: Any, b: Any) -> Any:
    """Return the angle of the point (b, a), from -pi to pi.

    Parameters
    ----------
    a, b : Tensor, ndarray or number
        Ordinates and abscissas, in shapes that broadcast.

    Returns
    -------
    Tensor or ndarray
        The broadcast shape, in radians.

    Notes
    -----
    Gradient rules ``g * b / (a**2 + b**2)`` and ``-g * a / (a**2 + b**2)``; 0 at the origin.

    Examples
    --------
    >>> arctan2(np.array([1.0, 0.0]), np.array([1.0, -1.0]))
    array([0.78539816, 3.14159265])
    """
    if np.iscomplexobj(a) or np.iscomplexobj(b):  # to first order, which is what the complex step reads
        real, other = np.real(a), np.real(b)
        slope = (other * np.imag(a) - real * np.imag(b)) / (real * real + other * other)
        return np.arctan2(real, other) + 1j * slope
    return np.arctan2(a, b)


def _squared_distance(a: Any, b: Any) -> Any:
    """Return a**2 + b**2, and 1 at the origin, where the gradient is 0 as in PyTorch."""
    total = a * a + b * b
    return where(total == 0, 1.0, total)


arctan2.vjps(
    lambda g, y, a, b: g * (b / _squared_distance(a, b)),
    lambda g, y, a, b: -g * (a / _squared_distance(a, b)),
)


# Numerators and denominators of W. J. Cody's kind, from the Cephes library (S. Moshier), highest power first:
# erf(x) / x in x**2 for |x| < 1, and (1 - erf(x)) * e**(x**2) in x beyond.
_NEAR = (
    (9.60497373987051638749, 90.0260197203842689217, 2232.00534594684319226, 7003.32514112805075473,
     55592.3013010394962768),
    (1.0, 33.5617141647503099647, 521.357949780152679795, 4594.32382970980127987, 22629.0000613890934246,
     49267.3942608635921086),
)  # fmt: skip
_FAR = (
    (2.46196981473530512524e-10, 0.564189564831068821977, 7.46321056442269912687, 48.6371970985681366614,
     196.520832956077098242, 526.445194995477358631, 934.528527171957607540, 1027.55188689515710272,
     557.535335369399327526),
    (1.0, 13.2281951154744992508, 86.7072140885989742329, 354.937778887819891062, 975.708501743205489753,
     1823.90916687909736289, 2246.33760818710981792, 1656.66309194161350182, 557.535340817727675546),
)  # fmt: skip
# For single precision: erf(x) / x in x**2 for |x| < 1, and log(1 - erf(x)) in x from there to 4, where erf
# rounds to 1.  Fitted by Lawson's weights to errors of erf of 4e-8 and 1.6e-8.
_NEAR_SINGLE = (-0.000563142214, 0.00491755141, -0.0267113113, 0.112801801, -0.376123262, 1.12837912)
_FAR_SINGLE = (-0.0011572211, 0.0148318469, -0.0887997292, -0.654240044, -1.11762128, -0.00261916953)


def _polynomial(x: Any, coefficients: tuple[float, ...]) -> Any:
    """Return a polynomial by Horner's rule."""
    first, second, *rest = coefficients
    value = first * x + second
    for coefficient in rest:
        value = value * x + coefficient
    return value


@primitive(elementwise=True)
def erf(x: Any) -> Any:
    """Return the error function, ``2 / sqrt(pi)`` times the integral of ``e**(-t**2)`` from 0 to x.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.

    Returns
    -------
    Tensor or ndarray
        Shape and floating dtype of `x`.  Integers become float64.

    Notes
    -----
    The relative error is below 4e-16 in double precision and below 1.8e-7 in single precision.  Gradient rule
    ``g * 2 / sqrt(pi) * exp(-x**2)``.

    Examples
    --------
    >>> erf(np.array([0.0, 1.0]))
    array([0.        , 0.84270079])
    """
    x = x if hasattr(x, "dtype") else np.asarray(x)
    if x.dtype.kind in "bui":
        x = x.astype(np.float64)
    if x.dtype == np.float16:
        return erf.forward(x.astype(np.float32)).astype(np.float16)
    size = abs.forward(x)
    if x.dtype == np.float32:
        near, far = maximum.forward(minimum.forward(x, 1.0), -1.0), minimum.forward(size, 4.0)
        inner = near * _polynomial(near * near, _NEAR_SINGLE)
        return where.forward(size < 1, inner, np.sign(x) * (1 - np.exp(_polynomial(far, _FAR_SINGLE))))
    far = minimum.forward(size, 8.0)  # there erf is 1 to all digits, and nothing overflows
    near = minimum.forward(size, 1.0)
    above, below = (_polynomial(far, coefficients) for coefficients in _FAR)
    beyond = 1 - np.exp(-far * far) * (above / below)
    above, below = (_polynomial(near * near, coefficients) for coefficients in _NEAR)
    result = where.forward(size.real < 1, near * (above / below), beyond)
    return where.forward(x.real < 0, -result, result)


erf.vjps(lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-(x * x))))
