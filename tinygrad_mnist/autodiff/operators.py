"""Operators and methods of a Tensor: each is an op under its name in NumPy or PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from inspect import signature
from types import FunctionType
from typing import Any, Never, NoReturn, Protocol, Self, cast

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import RECORDING
from tinygrad_mnist.autodiff.ops.casts import identity
from tinygrad_mnist.autodiff.primitive import Primitive, Recordable, looked_into, peeled, require_keepdims
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.hints import unknown_keyword

Axis = int | tuple[int, ...] | None


class Reduction(Protocol):
    """A method that reduces axes."""

    def __call__(self, axis: Axis = None, keepdims: bool = False, *, ddof: int = ...) -> Any:
        """Reduce all axes, one or several."""


def _method(op: Any) -> Callable[..., Any]:
    """Return an op as a method, with its settings as arguments."""

    def method(self: Any) -> Any:
        return op(self)

    def method_with_settings(self: Any, *settings: Any, **named: Any) -> Any:
        return op(self, *settings, **named)

    found: Callable[..., Any] = method if len(signature(op).parameters) == 1 else method_with_settings
    _describe(found, op)
    return found


def _reduction(op: Primitive) -> Reduction:
    """Return an op that reduces axes as a method."""

    def method(self: Any, axis: Axis = None, keepdims: bool = False, **further: Any) -> Any:
        for name in further:
            if name not in op.setting_names:
                raise _unknown(op.name, further, *op.setting_names)
        if keepdims is not False and keepdims is not True:
            require_keepdims(keepdims)
        return op(self, axis=axis, keepdims=keepdims, **further)

    _describe(method, op)
    return cast(Reduction, method)


def _by_numpy(function: Callable[..., Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the operator that a function of NumPy answers, and the one for a Tensor on the right."""
    return lambda self, *others: function(self, *others), lambda self, other: function(other, self)


def _describe(method: Any, op: Any) -> None:
    """Give a method the name and the signature of its op, and the first line of its docstring."""
    method.__name__, method.__doc__ = op.__name__, f"{op.__doc__.splitlines()[0]}  See ops.{op.__name__}."
    method.__signature__ = signature(op)


class Operators(Recordable):
    """Operators such as ``+``, ``@`` and ``tensor[...]``, and methods such as ``tensor.sum()``."""

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
        return identity(self)

    def __abs__(self) -> Self:
        return ops.abs(self)

    def __getitem__(self, index: Any) -> Self:
        parts = tuple(_index_part(i) for i in index) if isinstance(index, tuple) else _index_part(index)
        return ops.getitem(self, index=parts)

    # Comparisons return plain boolean arrays; a tensor is hashed by identity.

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

    # Operators without a rule: NumPy's functions answer, with what to write where a gradient is needed.

    __floordiv__, __rfloordiv__ = _by_numpy(np.floor_divide)
    __mod__, __rmod__ = _by_numpy(np.remainder)
    __divmod__, __rdivmod__ = _by_numpy(np.divmod)
    __and__, __rand__ = _by_numpy(np.bitwise_and)
    __or__, __ror__ = _by_numpy(np.bitwise_or)
    __xor__, __rxor__ = _by_numpy(np.bitwise_xor)
    __invert__, __round__ = _by_numpy(np.invert)[0], _by_numpy(np.round)[0]

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, value: Any) -> bool:
        return bool(np.any(self == value))

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

    def transpose(self, *axes: int, **foreign: Never) -> Self:
        """Return the axes in the order given (as in NumPy), or reversed."""
        if foreign:
            raise _unknown("transpose", foreign, "axes")
        return ops.transpose(self, axes=_unpacked(axes) or None)

    def reshape(self, *shape: int, **foreign: Never) -> Self:
        """Return the same elements in another shape, given as numbers or one tuple."""
        if foreign:
            raise _unknown("reshape", foreign, "shape")
        return ops.reshape(self, shape=_unpacked(shape))

    def flatten(self, start_dim: int = 0, **foreign: Never) -> Self:
        """Return a Tensor with all axes from `start_dim` on joined into one."""
        if foreign:
            raise _unknown("flatten", foreign, "start_dim")
        return ops.flatten(self, start_dim)

    sum = _reduction(ops.sum)
    mean = _reduction(ops.mean)
    max = _reduction(ops.max)
    min = _reduction(ops.min)

    prod = _reduction(ops.prod)
    var = _reduction(ops.var)
    std = _reduction(ops.std)

    def argmax(self, axis: int | None = None, **foreign: Never) -> Any:
        """Return the position of the largest element: plain integers, no gradient."""
        if foreign:
            raise _unknown("argmax", foreign, "axis")
        return looked_into(self, "argmax()").argmax(axis)

    def clip(self, min: float | None = None, max: float | None = None, **foreign: Never) -> Self:
        """Return the elements limited to two numbers."""
        if foreign:
            raise _unknown("clip", foreign, "min", "max")
        return ops.clip(self, min=min, max=max)

    # fmt: off
    astype = _method(ops.astype)
    swapaxes, squeeze, take = _method(ops.swapaxes), _method(ops.squeeze), _method(ops.take)
    cumsum, cumprod = _method(ops.cumsum), _method(ops.cumprod)
    diagonal, trace = _method(ops.diagonal), _method(ops.trace)
    exp, expm1, exp2 = _method(ops.exp), _method(ops.expm1), _method(ops.exp2)
    log, log1p, log2, log10 = _method(ops.log), _method(ops.log1p), _method(ops.log2), _method(ops.log10)
    sin, cos, tan = _method(ops.sin), _method(ops.cos), _method(ops.tan)
    arcsin, arccos, arctan = _method(ops.arcsin), _method(ops.arccos), _method(ops.arctan)
    sinh, cosh, tanh = _method(ops.sinh), _method(ops.cosh), _method(ops.tanh)
    arcsinh, arccosh, arctanh = _method(ops.arcsinh), _method(ops.arccosh), _method(ops.arctanh)
    sqrt, square, reciprocal = _method(ops.sqrt), _method(ops.square), _method(ops.reciprocal)
    abs, sign, floor = _method(ops.abs), _method(ops.sign), _method(ops.floor)
    sigmoid, relu, erf = _method(ops.sigmoid), _method(ops.relu), _method(ops.erf)
    # fmt: on


for _name, _method in vars(Operators).items():
    if isinstance(_method, FunctionType):
        _method.__qualname__ = f"Tensor.{_name}"  # as Python's own errors about arguments name it


class InPlace(Operators):
    """Changes in place: ``w -= step`` updates a parameter under ``no_grad()``; elements are not assigned."""

    __slots__ = ()

    _is_state = False  # a buffer is changed in place without being learned

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "a Tensor's elements cannot be assigned: the graph would not record it. Build the result with "
            "ops.where, ops.concatenate or ops.stack, or fill a NumPy array first and wrap it"
        )

    def __iadd__(self, other: Any) -> Self:
        return self._change_in_place(np.add, other) if self._changes_in_place() else self + other

    def __isub__(self, other: Any) -> Self:
        return self._change_in_place(np.subtract, other) if self._changes_in_place() else self - other

    def __imul__(self, other: Any) -> Self:
        return self._change_in_place(np.multiply, other) if self._changes_in_place() else self * other

    def __itruediv__(self, other: Any) -> Self:
        return self._change_in_place(np.divide, other) if self._changes_in_place() else self / other

    def _changes_in_place(self) -> bool:
        """Return True if ``x -= y`` updates the array: of what is learned, under no_grad, and of buffers.

        Else it means x = x - y.
        """
        learned = not self.inputs and self._requires_grad
        if learned and RECORDING.get():
            raise GradientError(
                f"{self._label()} requires a gradient: change it in place under no_grad() only"
            )
        return learned or self._is_state

    def _change_in_place(self, ufunc: Any, other: Any) -> Self:
        """Write ``ufunc(self, other)`` into the tensor's array; graphs that already used it become stale."""
        array = peeled(self)
        ufunc(array, peeled(other), out=array)
        self._mark_changed()
        return self


def _unknown(method: str, foreign: Iterable[str], *known: str) -> TypeError:
    return unknown_keyword(f"Tensor.{method}", next(iter(foreign)), known)


def _index_part(part: Any) -> Any:
    """Return a part of an index as a plain value; `Tensor._apply` copies what may change later."""
    return looked_into(part, "an index") if isinstance(part, Operators) else part


def _unpacked(numbers: tuple[Any, ...]) -> tuple[int, ...]:
    if len(numbers) == 1 and not isinstance(numbers[0], int | np.integer):
        return () if numbers[0] is None else tuple(numbers[0])
    return numbers
