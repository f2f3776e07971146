"""The dtype of parameters that are made without one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import shown

_default: np.dtype[Any] = np.dtype(np.float32)


def get_default_dtype() -> np.dtype[Any]:
    """Return the dtype of parameters that are made without one: float32 unless it was set.

    Examples
    --------
    >>> import tinygrad_mnist as tm
    >>> tm.get_default_dtype()
    dtype('float32')
    """
    return _default


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype of the parameters that layers make from now on, as in PyTorch.

    Arrays and Tensors keep their dtypes. Lists, Python numbers and integers have no dtype of their own and
    take that of the parameters they are combined with: see ``weak_dtype`` of a `Tensor`.

    Parameters
    ----------
    dtype
        A floating-point dtype, such as ``np.float64``.

    Raises
    ------
    TypeError
        If it is another kind of dtype, or not a dtype.

    Notes
    -----
    The setting applies to the whole process. The commands and the estimator choose their dtypes themselves.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> set_default_dtype(np.float64)
    >>> nn.Linear(3, 2).weight.dtype
    dtype('float64')
    >>> set_default_dtype(np.float32)
    """
    global _default
    expected = f"dtype is {shown(dtype)}: expected a floating-point dtype; write np.float32 or np.float64"
    try:
        given = np.dtype(dtype)
    except TypeError as error:
        raise TypeError(expected) from error
    if dtype is None or given.kind != "f":
        raise TypeError(expected)
    _default = given
