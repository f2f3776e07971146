"""The operators and methods of a Tensor: each is one of the ops, under the name NumPy or PyTorch gives it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any, Never, Self

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.primitive import Recordable, looked_into, peeled, require_keepdims
from tinygrad_mnist.errors import DTypeError
from tinygrad_mnist.hints import unknown_keyword

Axis = int | tuple[int, ...] | None


class Operators(Recordable):
    """The meaning of ``+``, ``@``, ``tensor[...]``, ``tensor.sum()`` and the like."""

    __slots__ = ()

    def __add__(self, other: Any) -> Self:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Self:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Self:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Self:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Self:
        return ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Self:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Self:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Self:
        return ops.divide(other, self)

    def __pow__(self, other: Any) -> Self:
        return ops.power(self, other)

    def __rpow__(self, other: Any) -> Self:
        return ops.power(other, self)

    def __matmul__(self, other: Any) -> Self:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Self:
        return ops.matmul(other, self)

    def __neg__(self) -> Self:
        return ops.negative(self)

    def __pos__(self) -> Self:
        return ops.identity(self)

    def __abs__(self) -> Self:
        return ops.abs(self)

    def __getitem__(self, index: Any) -> Self:
        parts = tuple(_index_part(i) for i in index) if isinstance(index, tuple) else _index_part(index)
        return ops.getitem(self, index=parts)

    # Comparisons answer with plain boolean arrays; a tensor is hashed by identity.

    def __eq__(self, other: Any) -> Any:
        return peeled(self) == peeled(other)

    def __ne__(self, other: Any) -> Any:
        return peeled(self) != peeled(other)

    def __lt__(self, other: Any) -> Any:
        return peeled(self) < peeled(other)

    def __le__(self, other: Any) -> Any:
        return peeled(self) <= peeled(other)

    def __gt__(self, other: Any) -> Any:
        return peeled(self) > peeled(other)

    def __ge__(self, other: Any) -> Any:
        return peeled(self) >= peeled(other)

    __hash__ = object.__hash__

    def __and__(self, other: Any) -> Any:
        return peeled(self) & peeled(other) if self._data.dtype == bool else NotImplemented

    def __len__(self) -> int:
        return len(self._data)

    def __iter__(self) -> Iterator[Self]:
        return (self[i] for i in range(len(self)))

    # Methods: the ops under the names that NumPy and PyTorch share

    @property
    def T(self) -> Self:  # noqa: N802  NumPy's name
        """All axes in reverse order."""
        return ops.transpose(self)

    @property
    def mT(self) -> Self:  # noqa: N802  NumPy's name
        """The last two axes exchanged."""
        return ops.matrix_transpose(self)

    def transpose(self, *axes: int) -> Self:
        """The axes in the order given (as in NumPy), or reversed."""
        return ops.transpose(self, axes=_unpacked(axes) or None)

    def reshape(self, *shape: int) -> Self:
        """The same elements in another shape, given as numbers or one tuple."""
        return ops.reshape(self, shape=_unpacked(shape))

    def flatten(self, start_dim: int = 0, **foreign: Never) -> Self:
        """Return a Tensor with all axes from `start_dim` on joined into one."""
        if foreign:
            raise _unknown("flatten", foreign, "start_dim")
        return ops.flatten(self, start_dim)

    def sum(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **foreign: Never
    ) -> Self:
        """The sum over axes."""
        if foreign:
            raise _unknown("sum", foreign, "axis", "keepdims")
        if keepdims is not False and keepdims is not True:
            require_keepdims(keepdims)
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **foreign: Never
    ) -> Self:
        """The mean over axes."""
        if foreign:
            raise _unknown("mean", foreign, "axis", "keepdims")
        if keepdims is not False and keepdims is not True:
            require_keepdims(keepdims)
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def var(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **foreign: Never
    ) -> Self:
        """Return the variance over axes: the mean squared distance from the mean, as in NumPy (ddof=0)."""
        if foreign:
            raise _unknown("var", foreign, "axis", "keepdims")
        return ops.square(self - self.mean(axis, True)).mean(axis, keepdims)

    def std(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **foreign: Never
    ) -> Self:
        """Return the standard deviation over axes, as in NumPy (ddof=0); its gradient at 0 is not finite."""
        if foreign:
            raise _unknown("std", foreign, "axis", "keepdims")
        return ops.sqrt(self.var(axis, keepdims))

    def max(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **foreign: Never
    ) -> Self:
        """The largest element over axes."""
        if foreign:
            raise _unknown("max", foreign, "axis", "keepdims")
        if keepdims is not False and keepdims is not True:
            require_keepdims(keepdims)
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(
        self, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, **foreign: Never
    ) -> Self:
        """The smallest element over axes."""
        if foreign:
            raise _unknown("min", foreign, "axis", "keepdims")
        if keepdims is not False and keepdims is not True:
            require_keepdims(keepdims)
        return ops.min(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: int | None = None, **foreign: Never) -> Any:
        """The position of the largest element: plain integers, no gradient."""
        if foreign:
            raise _unknown("argmax", foreign, "axis")
        return looked_into(self, "argmax()").argmax(axis)

    def astype(self, dtype: Any) -> Self:
        """The values in another dtype; the gradient comes back in this one."""
        dtype = np.dtype(dtype)
        if dtype.kind not in "fiubc":
            raise DTypeError(f"dtype is {dtype}: expected one of numbers, such as np.float32")
        return ops.cast(self, dtype=dtype)

    def exp(self) -> Self:
        """e ** self"""
        return ops.exp(self)

    def log(self) -> Self:
        """The natural logarithm."""
        return ops.log(self)

    def sqrt(self) -> Self:
        """The square root."""
        return ops.sqrt(self)

    def abs(self) -> Self:
        """The absolute value."""
        return ops.abs(self)

    def sin(self) -> Self:
        """Return the sine of each element."""
        return ops.sin(self)

    def cos(self) -> Self:
        """Return the cosine of each element."""
        return ops.cos(self)

    def tanh(self) -> Self:
        """The hyperbolic tangent."""
        return ops.tanh(self)

    def sigmoid(self) -> Self:
        """1 / (1 + e ** -self)"""
        return ops.sigmoid(self)

    def relu(self) -> Self:
        """max(self, 0)"""
        return ops.relu(self)

    def clip(self, min: float | None = None, max: float | None = None, **foreign: Never) -> Self:
        """Return the elements limited to two numbers."""
        if foreign:
            raise _unknown("clip", foreign, "min", "max")
        return ops.clip(self, min=min, max=max)


for _name, _method in vars(Operators).items():
    if isinstance(_method, FunctionType):
        _method.__qualname__ = f"Tensor.{_name}"  # as Python's own errors about arguments name it


def _unknown(method: str, foreign: Iterable[str], *known: str) -> TypeError:
    return unknown_keyword(f"Tensor.{method}", next(iter(foreign)), known)


def _index_part(part: Any) -> Any:
    """Return a part of an index as a plain value; `Tensor._apply` copies what may change later."""
    return looked_into(part, "an index") if isinstance(part, Operators) else part


def _unpacked(numbers: tuple[Any, ...]) -> tuple[int, ...]:
    if len(numbers) == 1 and not isinstance(numbers[0], int | np.integer):
        return () if numbers[0] is None else tuple(numbers[0])
    return numbers
