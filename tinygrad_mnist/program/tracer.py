"""Tracers: arrays that record the NumPy operations on them as instructions of a program.

A tracer also computes a sample. Code may therefore read shapes and dtypes, but not values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from tinygrad_mnist.autodiff.expression import index_text
from tinygrad_mnist.autodiff.primitive import Box, Primitive, Recordable
from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.item import Item
from tinygrad_mnist.program.numbers import TracedNumber
from tinygrad_mnist.program.operations import (
    PLACE,
    Copy,
    Elementwise,
    Function,
    Index,
    KeptAxes,
    Operation,
    Pick,
    Product,
    Put,
    Reduction,
    Reshape,
    Select,
    Transpose,
    View,
)
from tinygrad_mnist.program.recorder import Recorder
from tinygrad_mnist.typing import Array

_NOT_IN_PLACE = (
    "a program changes nothing outside but parameters, gradients and an optimizer's arrays. Write "
    "a = a * 2 in place of a *= 2, return the result and keep it outside, or leave this function uncompiled"
)


class Tracer(NDArrayOperatorsMixin, Box):
    """Array of a program, with a sample of its values.

    An operation that it cannot record raises an `UntraceableError` inside the forward of an op, elsewhere a
    `CaptureError` that names the line.
    """

    def __init__(self, recorder: Recorder, value: Value, array: Array, is_scalar: bool = False) -> None:
        self.recorder, self.value, self.array = recorder, value, array
        self.is_scalar = is_scalar  # NumPy returns its own scalar there instead of an array without axes
        self.is_own = False  # no other object refers to the array

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)
    dtype = property(lambda self: self.array.dtype)
    strides = property(lambda self: self.array.strides)

    def __len__(self) -> int:
        return len(self.array)

    def __getattr__(self, name: str) -> Any:
        if hasattr(np.ndarray, name) and not name.startswith("__"):
            self.recorder.refuse(f"{name} of an array")
        raise AttributeError(f"a Tracer, which stands for an array, has no {name}")

    def __repr__(self) -> str:
        return f"<{self.dtype} array of shape {self.shape} in a program>"

    # Ops, and questions that the tracer answers for the capture

    def _apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        """Run the op's forward on tracers; with a Tensor among the inputs, let that record it."""
        for x in inputs:
            if isinstance(x, Recordable):
                return x._apply(primitive, inputs, attributes)
        return self.recorder.run(primitive, inputs, attributes)

    def _arrives_at(self, tensor: Any) -> None:
        """Take the name of the gradient of `tensor`, such as dW1."""
        if self.value.origin == "result" and self.value.gradient_of is None:
            self.value.gradient_of = self.recorder.lift(tensor).value

    def _repeat_check(self, check: Callable[..., None], *arguments: Any) -> None:
        """Check the values now and at every call."""
        self.recorder.check(check, self, arguments)

    def _refuse(self, what: str, instead: str = "") -> NoReturn:
        """Refuse to show elements to Python; `instead` explains another refusal."""
        self.recorder.refuse(what, instead)

    def item(self) -> Item:
        """Return a stand-in for the number that can only be returned."""
        if self.size != 1 or self.recorder.is_inside_op:
            self.recorder.refuse(f"item() of shape {self.shape}")
        return Item(self.value)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        self.recorder.refuse("np.asarray()")

    def __bool__(self) -> bool:
        self.recorder.refuse("bool()")

    def __float__(self) -> float:
        return self.recorder.number_of(self)

    def __int__(self) -> int:
        self.recorder.refuse("int()")

    def __complex__(self) -> complex:
        self.recorder.refuse("complex()")

    def __index__(self) -> int:
        self.recorder.refuse("an index")

    def __iter__(self) -> Iterator[Tracer]:
        return (self[i] for i in range(len(self)))

    def __format__(self, specification: str) -> str:
        self.recorder.refuse("format()")

    def __reduce_ex__(self, protocol: Any) -> Any:
        self.recorder.refuse("a copy by copy or pickle")

    __hash__ = object.__hash__

    def tolist(self) -> Any:
        """Refuse to show elements to Python."""
        self.recorder.refuse("tolist()")

    # Views and copies

    def _look(self, array: Array, view: View) -> Tracer:
        """Return a view of the memory, or a copy if NumPy had to make one."""
        if np.may_share_memory(array, self.array) or not array.size:
            value = self.recorder.emit(view, (self.value,), array, view_of=self.value)
        else:
            value = self.recorder.emit(Copy(self.shape, reshaped=array.shape), (self.value,), array)
        return Tracer(self.recorder, value, array)

    @property
    def T(self) -> Tracer:  # noqa: N802  NumPy's name
        """All axes reversed."""
        return self._look(self.array.T, Transpose("{}.T", tuple(range(self.ndim))[::-1]))

    @property
    def mT(self) -> Tracer:  # noqa: N802  NumPy's name
        """The last two axes exchanged."""
        *first, rows, columns = range(self.ndim)
        code = "{}.T" if self.ndim == 2 else "{}.mT"
        return self._look(self.array.mT, Transpose(code, (*first, columns, rows)))

    @property
    def real(self) -> Tracer:
        """Return the tracer itself: programs compute with real numbers."""
        if self.dtype.kind == "c":
            self.recorder.refuse("complex arrays have parts")
        return self

    def reshape(self, *shape: Any) -> Tracer:
        """Return the same elements in another shape."""
        array = self.array.reshape(*shape)
        flattens = array.ndim == 1 and self.array.flags.c_contiguous  # else ravel() would copy
        code = "{}.ravel()" if flattens else f"{{}}.reshape({array.shape})"
        return self if array.shape == self.shape else self._look(array, Reshape(code, array.shape))

    def ravel(self) -> Tracer:
        """One axis."""
        return self.reshape(-1)

    def transpose(self, *axes: Any) -> Tracer:
        """Return the axes in another order."""
        order = axes[0] if len(axes) == 1 else axes
        if not order or tuple(axis % self.ndim for axis in order) == (1, 0):
            return self.T
        view = Transpose(f"{{}}.transpose({tuple(order)})", tuple(axis % self.ndim for axis in order))
        return self._look(self.array.transpose(order), view)

    def copy(self) -> Tracer:
        """Return a copy in its own memory."""
        array = self.array.copy()
        return self._emit(Copy(self.shape), (self.value,), array)

    def astype(self, dtype: Any, copy: bool = True) -> Tracer:
        """Return the values in another dtype."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype and not copy:
            return self
        return self._emit(Copy(self.shape, f"np.{dtype.name}"), (self.value,), self.array.astype(dtype))

    def __getitem__(self, index: Any) -> Tracer:
        if any(isinstance(part, Tracer) for part in _parts(index)):
            self.recorder.refuse("a computed index")
        array = self.array[index]
        code, places, arrays = _index_code(self.recorder, index)
        if not arrays and isinstance(array, np.ndarray):
            return self._look(array, Index(f"{{}}[{code}]", places))
        if not arrays:  # a single element, which NumPy copies: a view of it serves as well
            element = self[(*_parts(index), ...)]
            return Tracer(self.recorder, element.value, element.array, is_scalar=True)
        return self._emit(Pick(f"{{}}[{code}]", places), (self.value, *arrays), array)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._require_own()
        before = self.value
        self.array[plain(index)] = plain(value)
        if isinstance(index, Tracer):
            self._become(Select(by_mask=False), (index.value, self._operand(value), before))
        else:
            code, places, arrays = _index_code(self.recorder, index)
            self._become(Put(code, False, places), (before, self._operand(value), *arrays))

    def _with_added(self, index: Any, x: Any) -> Tracer:
        """Return a new array: the elements of this one, and `x` added at an index."""
        sample = self.array.copy("K")
        np.add.at(sample, plain(index), plain(x))
        code, places, arrays = _index_code(self.recorder, index)
        return self._emit(Put(code, True, places), (self.value, self._operand(x), *arrays), sample)

    def owned(self) -> Tracer:
        """Return a tracer of a private array with the same elements."""
        tracer = Tracer(self.recorder, self.value, self.array) if self.value.is_ours else self.copy()
        tracer.is_own = True
        return tracer

    def _require_own(self) -> None:
        """Refuse a write into the array, before it happens, if other objects refer to it."""
        if not self.is_own and (self.value.view_of is not None or not self.value.is_ours):
            self.recorder.refuse("a change in place of an array that others hold too", _NOT_IN_PLACE)
        results = (i.result for i in self.recorder.recording.instructions)
        if any(result is not None and result.view_of is self.value for result in results):
            self.recorder.refuse("a change in place of an array that a view looks into", _NOT_IN_PLACE)
        self.array = self.array.copy("K")  # the sample will be changed, and another tracer may share it

    def _become(self, operation: Operation, operands: tuple[Any, ...]) -> None:
        """Become the new value that is written over the old one."""
        self.value = self.recorder.emit(operation, operands, self.array)

    # Reductions

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """As ``np.add.reduce``."""
        return self._reduce(np.add, self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """As ``np.maximum.reduce``."""
        return self._reduce(np.maximum, self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """As ``np.minimum.reduce``."""
        return self._reduce(np.minimum, self, axis=axis, keepdims=keepdims)

    # NumPy's two protocols

    def _emit(self, operation: Operation, operands: tuple[Any, ...], sample: Any) -> Tracer:
        is_scalar, sample = isinstance(sample, np.generic), np.asarray(sample)
        return Tracer(self.recorder, self.recorder.emit(operation, operands, sample), sample, is_scalar)

    def __pow__(self, exponent: Any) -> Any:
        """Return the power as ndarray computes it, which is faster for some exponents."""
        array = self.array ** plain(exponent)
        faster = {2: np.square, 0.5: np.sqrt, -1: np.reciprocal}
        ufunc: Any = faster.get(exponent) if isinstance(exponent, int | float) else None
        is_faster = ufunc is not None and self.dtype.kind == "f"  # the root of integers is in another dtype
        if is_faster and np.array_equal(ufunc(self.array), array, equal_nan=True):
            return self._emit(Elementwise(ufunc.__name__), (self.value,), array)
        return self._emit(Elementwise("power"), (self.value, self._operand(exponent)), array)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        if any(isinstance(x, Recordable) for x in inputs):
            return NotImplemented  # the Tensor records the op
        if ufunc is np.bitwise_and and all(getattr(x, "dtype", None) == np.bool for x in inputs):
            ufunc = np.logical_and
        if method == "__call__":
            return self._call_ufunc(ufunc, inputs, **settings)
        if method == "reduce":
            return self._reduce(ufunc, *inputs, **settings)
        if method == "accumulate":
            return self._accumulate(ufunc, *inputs, **settings)
        if method == "at" and ufunc is np.add:
            target, index, value = inputs
            target._require_own()
            before = target.value
            np.add.at(target.array, plain(index), plain(value))
            code, places, arrays = _index_code(self.recorder, index)
            target._become(Put(code, True, places), (before, self._operand(value), *arrays))
            return None
        return self.recorder.refuse(f"np.{ufunc.__name__}.{method}")

    def _operand(self, value: Any) -> Any:
        """Return an operand of an instruction: a value, or a plain number."""
        if isinstance(value, Tracer):
            return value.value
        if isinstance(value, TracedNumber):
            return value.number
        if isinstance(value, np.ndarray):  # an op's own is always the same, another is read where it lies
            inside = self.recorder.is_inside_op
            return self.recorder.constant(value) if inside else self.recorder.lift(value).value
        return self.recorder.constant(value) if isinstance(value, np.generic) else value

    def _call_ufunc(self, ufunc: Any, inputs: tuple[Any, ...], out: Any = (), **settings: Any) -> Any:
        if settings or ufunc.nout != 1 or ufunc.__name__ not in vars(np):
            self.recorder.refuse(f"np.{ufunc.__name__} with settings")
        operands = tuple(self._operand(value) for value in inputs)
        target = out[0] if out else None
        if target is not None:
            if not isinstance(target, Tracer):
                self.recorder.refuse("a change in place of a plain array", _NOT_IN_PLACE)
            if target.value.origin != "state":
                target._require_own()
        sample = ufunc(*map(plain, inputs), out=None if target is None else target.array)
        if ufunc.signature is not None:
            return self._product(ufunc.__name__, operands, sample, target)
        operation = Elementwise(ufunc.__name__)
        if target is None:
            return self._emit(operation, operands, sample)
        if target.value.origin == "state":
            target.value = self.recorder.overwrite(operation, operands, target.value, target.array)
        else:
            target._become(operation, operands)
        return target

    def _product(self, name: str, operands: tuple[Any, ...], sample: Any, target: Any = None) -> Any:
        """Return a matrix product: np.dot if the result is the same, which saves 0.4 µs for small matrices.

        For reversed or repeated axes np.dot copies, and np.matmul sums in another order. The product of two
        single numbers is -0 by np.dot and 0 by np.matmul for 0 * -1.
        """
        if target is not None:
            self.recorder.refuse("a product into a given array")
        if any(not isinstance(operand, Value) for operand in operands):
            self.recorder.refuse("a product with a number")
        arrays = [operand.array for operand in operands]
        simple = all(a.ndim == 2 and a.flags.forc and min(a.strides) > 0 for a in arrays)
        simple = simple and any(a.size != 1 for a in arrays)
        return self._emit(Product("dot" if simple or name == "dot" else name), operands, sample)

    def _reduce(
        self,
        ufunc: Any,
        x: Any,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: bool = False,
        initial: Any = None,
    ) -> Any:
        if dtype is not None or out is not None or not isinstance(x, Tracer):
            self.recorder.refuse("a reduction with settings")
        extra = {} if initial is None else {"initial": initial}
        sample = ufunc.reduce(x.array, axis=axis, keepdims=keepdims, **extra)
        is_scalar, sample = isinstance(sample, np.generic), np.asarray(sample)
        reduced = _reduced_shape(x.shape, axis)
        initial = None if initial in (None, -np.inf) and 0 not in x.shape else initial
        axis = axis[0] if isinstance(axis, tuple) and len(axis) == 1 else axis
        operation = Reduction(ufunc.__name__, axis, initial)
        result = self._emit(operation, (x.value,), sample.reshape(reduced))
        if not keepdims:
            result.is_scalar = is_scalar
            return result
        view = self.recorder.emit(
            KeptAxes(f"{{}}.reshape({sample.shape})", sample.shape),
            (result.value,),
            sample,
            view_of=result.value,
        )
        return Tracer(self.recorder, view, sample)

    def _accumulate(self, ufunc: Any, x: Any, axis: int = 0) -> Any:
        name = f"{ufunc.__name__}.accumulate"
        operation = Function(f"np.{name}({{}}, axis={axis})", name, axis)
        return self._emit(operation, (x.value,), ufunc.accumulate(x.array, axis))

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(kind, Recordable) for kind in types):
            return NotImplemented
        noted = self.recorder.functions.get(function)
        if noted is None:
            self.recorder.refuse(f"{function.__module__.replace('numpy', 'np', 1)}.{function.__name__}")
        return noted(self, *args, **kwargs)


def plain(value: Any) -> Any:
    """Return the sample of a tracer, the value of an open number, or the value itself."""
    if isinstance(value, Tracer):
        return value.array
    return value.number.get() if isinstance(value, TracedNumber) else value


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


def _index_code(recorder: Recorder, index: Any) -> tuple[str, tuple[Any, ...], list[Value]]:
    """Return an index as code and as parts, with a {} or a `PLACE` for each array, and the arrays."""
    if isinstance(index, Tracer):
        return "{}", (PLACE,), [index.value]
    arrays: list[Value] = []

    def placeholder(part: Any) -> str:
        chosen = np.asarray(part)
        arrays.append(recorder.constant(chosen.astype(int) if chosen.dtype == float else chosen))  # of []
        return "{}"

    code = index_text(index, placeholder)
    is_array = [isinstance(part, np.ndarray | list | tuple) for part in _parts(index)]
    return code, tuple(PLACE if is_place else part for part, is_place in zip(_parts(index), is_array)), arrays


def _reduced_shape(shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    if axis is None:
        return ()
    gone = {a % max(len(shape), 1) for a in (axis if isinstance(axis, tuple) else (axis,))}
    return tuple(length for i, length in enumerate(shape) if i not in gone)
