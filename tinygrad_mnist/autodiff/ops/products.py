"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.primitive import primitive


@primitive(numpy=np.matmul, flops=lambda y, a, b: 2 * y.size * a.shape[-1])
def matmul(a: Any, b: Any) -> Any:
    """Return the matrix product ``a @ b``.

    Parameters
    ----------
    a : Tensor or ndarray, shape (*B, n, k) or (k,)
    b : Tensor or ndarray, shape (*B, k, m) or (k,)
        The axes before the last two broadcast.

    Returns
    -------
    Tensor or ndarray, shape (*B, n, m)
        Without the axis of a vector, as in NumPy.

    Examples
    --------
    >>> matmul(np.array([[1.0, 2.0]]), np.array([3.0, 4.0]))
    array([11.])
    """
    return np.matmul(a, b)


def _left_vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
    if b.ndim == 1:
        return g[..., None] * b
    if a.ndim == 1:
        return (b @ g[..., None])[..., 0]
    return g @ b.mT


def _right_vjp(g: Any, y: Any, a: Any, b: Any) -> Any:
    if a.ndim == 1:
        return g * a if b.ndim == 1 else a[:, None] * g[..., None, :]
    if b.ndim == 1:
        return (a.mT @ g[..., None])[..., 0]
    return a.mT @ g


matmul.vjps(_left_vjp, _right_vjp)
