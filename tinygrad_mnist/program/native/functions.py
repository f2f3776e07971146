"""Scalar functions that native code calls, without branches, so that LLVM makes loops over them vectors.

The mathematical functions are those of the Cephes library (S. Moshier), reduced to selections and
polynomials: of 1 to 2 units in the last place, and several times as fast as a call of libm per element.
Importing this file imports numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy import float32, float64, int32, int64

_exactly = njit(error_model="numpy", forceinline=True)
_LN2, _LOG2_E, _SQRT_HALF = 0.6931471805599453, 1.4426950408889634, 0.7071067811865476
_LN2_HIGH = 0.693359375  # and the rest of ln 2: products with small integers are exact
_LN2_LOW = -2.121944400546905827679e-4
_MAGIC32, _MAGIC64 = float32(1.5 * 2**23), float64(1.5 * 2**52)  # adding one rounds to an integer
_MAGIC32_BITS, _MAGIC64_BITS = _MAGIC32.view(int32), _MAGIC64.view(int64)


@njit(fastmath={"contract", "reassoc"}, forceinline=True)
def add_to_sum(total: Any, x: Any) -> Any:
    """Add a term to a sum whose order is left open, so that it can be vectorized."""
    return total + x


@njit(fastmath={"contract", "reassoc"}, forceinline=True)
def add_product(total: Any, a: Any, b: Any) -> Any:
    """Add a term to a scalar product."""
    return total + a * b


@_exactly
def choose(mask: Any, a: Any, b: Any) -> Any:
    """Return `a` where the mask is true, else `b`."""
    return a if mask else b


@_exactly
def larger(a: Any, b: Any) -> Any:
    """np.maximum: NaN if one is."""
    return a if (a >= b) | (a != a) else b


@_exactly
def smaller(a: Any, b: Any) -> Any:
    """np.minimum: NaN if one is."""
    return a if (a <= b) | (a != a) else b


@_exactly
def exp_float32(x: Any) -> Any:
    """exp(x) = 2**n * exp(r), |r| <= ln(2) / 2"""
    bounded = float32(89) if x > float32(89) else x
    bounded = float32(-104) if bounded < float32(-104) else bounded
    shifted = bounded * float32(_LOG2_E) + _MAGIC32
    n = shifted - _MAGIC32
    r = bounded - n * float32(_LN2_HIGH)
    r = r - n * float32(_LN2_LOW)
    p = float32(1.9875691500e-4)
    p = p * r + float32(1.3981999507e-3)
    p = p * r + float32(8.3334519073e-3)
    p = p * r + float32(4.1665795894e-2)
    p = p * r + float32(1.6666665459e-1)
    p = p * r + float32(5.0000001201e-1)
    power = int32(float32(shifted).view(int32) - _MAGIC32_BITS)
    half = int32(power >> int32(1))  # in two factors: 2**n alone may be out of range where the result is not
    first = int32((half + int32(127)) << int32(23)).view(float32)
    second = int32((power - half + int32(127)) << int32(23)).view(float32)
    return (p * (r * r) + r + float32(1)) * first * second


@_exactly
def exp_float64(x: Any) -> Any:
    """As `exp_float32`, with a rational function."""
    bounded = 710.0 if x > 710.0 else x
    bounded = -746.0 if bounded < -746.0 else bounded
    shifted = bounded * _LOG2_E + _MAGIC64
    n = shifted - _MAGIC64
    r = bounded - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6
    s = r * r
    p = ((1.26177193074810590878e-4 * s + 3.02994407707441961300e-2) * s + 1.0) * r
    q = (3.00198505138664455042e-6 * s + 2.52448340349684104192e-3) * s + 2.27265548208155028766e-1
    q = q * s + 2.0
    power = int64(float64(shifted).view(int64) - _MAGIC64_BITS)
    half = int64(power >> int64(1))
    first = int64((half + int64(1023)) << int64(52)).view(float64)
    second = int64((power - half + int64(1023)) << int64(52)).view(float64)
    return (1.0 + 2.0 * (p / (q - p))) * first * second


@_exactly
def log_float32(x: Any) -> Any:
    """log(x) = e * ln(2) + log(1 + m), 1 + m in [sqrt(1/2), sqrt(2))"""
    is_tiny = x < float32(1.1754944e-38)
    scaled = x * float32(2**24) if is_tiny else x
    bits = float32(scaled).view(int32)
    e = float32(int32(bits >> int32(23)) - int32(126)) - (float32(24) if is_tiny else float32(0))
    m = int32((bits & int32(0x007FFFFF)) | int32(0x3F000000)).view(float32)
    is_low = m < float32(_SQRT_HALF)
    e = e - (float32(1) if is_low else float32(0))
    m = m - float32(1) + (m if is_low else float32(0))
    p = float32(7.0376836292e-2)
    p = p * m + float32(-1.1514610310e-1)
    p = p * m + float32(1.1676998740e-1)
    p = p * m + float32(-1.2420140846e-1)
    p = p * m + float32(1.4249322787e-1)
    p = p * m + float32(-1.6668057665e-1)
    p = p * m + float32(2.0000714765e-1)
    p = p * m + float32(-2.4999993993e-1)
    p = p * m + float32(3.3333331174e-1)
    s = m * m
    y = p * m * s + e * float32(_LN2_LOW) - float32(0.5) * s
    result = m + y + e * float32(_LN2_HIGH)
    result = x if x == float32(np.inf) else result
    result = float32(-np.inf) if x == float32(0) else result
    return result if x >= float32(0) else float32(np.nan)


@_exactly
def log_float64(x: Any) -> Any:
    """As `log_float32`, with a rational function."""
    is_tiny = x < 2.2250738585072014e-308
    scaled = x * float64(2**54) if is_tiny else x
    bits = float64(scaled).view(int64)
    e = float64(int64(bits >> int64(52)) - int64(1022)) - (54.0 if is_tiny else 0.0)
    m = int64((bits & int64(0x000FFFFFFFFFFFFF)) | int64(0x3FE0000000000000)).view(float64)
    is_low = m < _SQRT_HALF
    e = e - (1.0 if is_low else 0.0)
    m = m - 1.0 + (m if is_low else 0.0)
    p = (1.01875663804580931796e-4 * m + 4.97494994976747001425e-1) * m + 4.70579119878881725854e0
    p = ((p * m + 1.44989225341610930846e1) * m + 1.79368678507819816313e1) * m + 7.70838733755885391666e0
    q = (m + 1.12873587189167450590e1) * m + 4.52279145837532221105e1
    q = ((q * m + 8.29875266912776603211e1) * m + 7.11544750618563894466e1) * m + 2.31251620126765340583e1
    s = m * m
    y = m * (s * p / q) + e * _LN2_LOW - 0.5 * s
    result: Any = m + y + e * _LN2_HIGH
    result = x if x == np.inf else result
    result = -np.inf if x == 0.0 else result
    return result if x >= 0.0 else np.nan


@_exactly
def log1p_float32(x: Any) -> Any:
    """log(1 + x), corrected for the rounding of 1 + x (W. Kahan)."""
    u = float32(1) + x
    result = log_float32(u) * (x / (u - float32(1)))
    return x if (u == float32(1)) | (u == float32(np.inf)) else result


@_exactly
def log1p_float64(x: Any) -> Any:
    """As `log1p_float32`."""
    u = 1.0 + x
    result = log_float64(u) * (x / (u - 1.0))
    return x if (u == 1.0) | (u == np.inf) else result


@_exactly
def tanh_float32(x: Any) -> Any:
    """A polynomial near 0, else 1 - 2 / (exp(2 |x|) + 1) with the sign of x."""
    size = abs(x)
    far = float32(1) - float32(2) / (exp_float32(size + size) + float32(1))
    far = -far if x < float32(0) else far
    s = x * x
    p = float32(-5.70498872745e-3)
    p = p * s + float32(2.06390887954e-2)
    p = p * s + float32(-5.37397155531e-2)
    p = p * s + float32(1.33314422036e-1)
    p = p * s + float32(-3.33332819422e-1)
    return p * s * x + x if size < float32(0.625) else far


@_exactly
def tanh_float64(x: Any) -> Any:
    """As `tanh_float32`, with a rational function."""
    size = abs(x)
    far = 1.0 - 2.0 / (exp_float64(size + size) + 1.0)
    far = -far if x < 0.0 else far
    s = x * x
    p = (-9.64399179425052238628e-1 * s - 9.92877231001918586564e1) * s - 1.61468768441708447952e3
    q = ((s + 1.12811678491632931402e2) * s + 2.23548839060100448583e3) * s + 4.84406305325125486048e3
    return x * s * (p / q) + x if size < 0.625 else far
