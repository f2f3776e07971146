"""Copies of an array: as a node of its own, in another dtype, as a mask of random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.primitive import primitive, takes_array
from tinygrad_mnist.errors import DTypeError


@primitive(numpy=np.positive, moves_elements=True)
def identity(x: Any) -> Any:
    """Return `x` as a new node of the graph; a user writes ``+x``."""
    return x


identity.vjps(lambda g, y, x: g)


@primitive(moves_elements=True, changes_dtype=True)
def cast(x: Any, *, dtype: Any) -> Any:
    """Return `x` in another dtype; its gradient comes back in the dtype of `x`."""
    return x.astype(dtype)


cast.vjps(lambda g, y, x, *, dtype: cast(g, dtype=x.dtype))


@takes_array
def astype(x: Any, dtype: Any) -> Any:
    """Convert to another dtype of numbers.

    Parameters
    ----------
    x : Tensor or ndarray
        Any shape.
    dtype : dtype
        A dtype of numbers, such as ``np.float32``.

    Returns
    -------
    Tensor or ndarray
        Shape of `x`.  A gradient comes back in the dtype of `x`.

    Raises
    ------
    DTypeError
        If `dtype` is not one of numbers.

    Examples
    --------
    >>> astype(np.array([1.0, 2.0]), np.float32)
    array([1., 2.], dtype=float32)
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "fiubc":
        raise DTypeError(f"dtype is {dtype}: expected one of numbers, such as np.float32")
    return cast(x, dtype=dtype)


@primitive
def dropout_mask(x: Any, *, p: float, rng: np.random.Generator) -> Any:
    """Return an array in the shape of `x`: 0 with probability `p`, else 1 / (1 - p)."""
    return (rng.random(x.shape, np.float32) >= p).astype(x.dtype) / x.dtype.type(1 - p)


dropout_mask.vjps(None)
