"""Equality of two results: to the last bit, or up to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np

_EPSILONS = 100  # the distance that native results may have, in rounding errors of the largest element


def same_bits(a: Any, b: Any) -> bool:
    """Return True if two results have the same bits; NaN counts as equal to itself."""
    if isinstance(a, np.ndarray | np.generic) and isinstance(b, np.ndarray | np.generic):
        return a.shape == b.shape and a.dtype == b.dtype and _bits(a) == _bits(b)
    return type(a) is type(b) and (a == b or (a != a and b != b))


def alike(a: Any, b: Any) -> bool:
    """Return True if two results are equal up to rounding."""
    if not isinstance(b, np.ndarray | float) or np.asarray(b).dtype.kind != "f":
        return bool(np.array_equal(a, b))
    a, b = np.asarray(a), np.asarray(b)
    bound = _EPSILONS * np.finfo(b.dtype).eps * np.abs(b[np.isfinite(b)]).max(initial=0)
    return bool(np.allclose(a, b, rtol=0, atol=bound, equal_nan=True))


def _bits(x: Any) -> bytes:
    """Return the bits of an array, with every NaN the same: the processor chooses its sign."""
    array: np.ndarray[Any, Any] = np.asarray(x)
    if array.dtype.kind in "fc":
        array = np.where(np.isnan(array), array.dtype.type(np.nan), array)
    return array.tobytes()
