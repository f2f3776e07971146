"""Tensors of a module: parameters, which are learned, and buffers, which are not."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.default_dtype import get_default_dtype
from tinygrad_mnist.hints import hinted


class Parameter(Tensor):
    """Tensor that a module learns.

    Parameters
    ----------
    data : array_like
        Initial values; they are copied.
    requires_grad : bool, default True
        If False, the parameter belongs to the state of the module but gets no gradient.
    dtype : dtype, optional
        Dtype of the parameter; that of `data` if omitted.
    name : str, optional
        Name in errors and drawings. The first module that is called gives its parameters their dotted names.

    Raises
    ------
    DTypeError
        If `requires_grad` is true and the values are not floating-point numbers.

    Examples
    --------
    >>> import numpy as np
    >>> Parameter([1.0, 2.0], dtype=np.float32)
    Tensor([1., 2.], shape=(2,), dtype=float32, requires_grad=True)
    """

    __slots__ = ()

    @hinted
    def __init__(
        self,
        data: Any,
        *,
        requires_grad: bool = True,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        own = data if requires_grad else Tensor(data, dtype=dtype).detach()  # else Tensor copies
        super().__init__(own, requires_grad=requires_grad, dtype=dtype, name=name)


class Buffer(Tensor):
    """Tensor that belongs to the state of a module and is not learned, such as a running mean.

    ``state_dict`` and checkpoints have it. ``buffer += x`` changes it in place, in compiled functions too.

    Parameters
    ----------
    data : array_like
        Initial values; they are copied.
    dtype : dtype, optional
        Dtype of the buffer; that of `data` if omitted.

    Examples
    --------
    >>> count = Buffer(0)
    >>> count += 1
    >>> count.item()
    1
    """

    __slots__ = ()

    _is_state = True

    @hinted
    def __init__(self, data: Any, *, dtype: DTypeLike | None = None) -> None:
        super().__init__(Tensor(data, dtype=dtype).detach())


def learned(values: Any, dtype: DTypeLike | None) -> Parameter:
    """Return initial values as a parameter of a layer, by default in the dtype of `set_default_dtype`."""
    return Parameter(values, dtype=get_default_dtype() if dtype is None else dtype)
