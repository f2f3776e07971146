"""The instructions noted so far, and which array of the capture stands for which value.

Here it is that two alike become one, that what is made of constants becomes one, and that numbers become
arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import is_uniform
from tinygrad_mnist.autodiff.modes import SCOPE
from tinygrad_mnist.program.instructions import Array, Instruction, Number, Recording, Value
from tinygrad_mnist.program.operations import Elementwise, Operation

_NUMBERS = (bool, int, float, complex)


class UntraceableError(Exception):
    """A forward did what stand-ins cannot note; it is then called as a whole."""


class Recorder:
    """Notes NumPy calls as instructions.

    Attributes
    ----------
    recording
        What was noted so far.
    epoch
        How many changes in place of outside arrays were noted: what was read before is another value after.
    """

    def __init__(self) -> None:
        self.recording = Recording()
        self.epoch = 0
        self._known: dict[int, Value] = {}
        self._made: dict[Any, Value] = {}
        self._kept: list[Any] = []  # so that no id is used twice

    # Arrays and values

    def value_of(self, array: Array) -> Value | None:
        """The value that an array is known as."""
        return self._known.get(id(array))

    def know(self, array: Array, value: Value) -> Value:
        """From now on the array stands for the value."""
        self._known[id(array)] = value
        self._kept.append(array)
        return value

    def constant(self, array: Any) -> Value:
        """A value that is the same at every call; equal ones are one."""
        array = np.asarray(array)
        key = ("constant", array.dtype, array.shape, array.strides, array.tobytes())
        if key not in self._made:
            self._made[key] = Value(array.copy(order="K") if 0 not in array.strides else array, "constant")
        return self._made[key]

    def number(self, number: Number, dtype: Any) -> Value:
        """A setting of an optimizer, as an array of a dtype without axes."""
        key = ("number", id(number.holder), number.key, dtype)
        if key not in self._made:
            self._made[key] = Value(np.asarray(number.get(), dtype), "number", number)
        return self._made[key]

    # Instructions

    def emit(
        self,
        operation: Operation,
        operands: tuple[Any, ...],
        sample: Any,
        *,
        view_of: Value | None = None,
    ) -> Value:
        """Note an operation and what it gave; two alike are one, one of constants is a constant."""
        sample = np.asarray(sample)
        values = [operand for operand in operands if isinstance(operand, Value)]
        if operation.repeatable and all(value.origin == "constant" for value in values):
            return self.know(sample, self.constant(sample))
        if isinstance(operation, Elementwise):
            operands = self._simplified(operation, operands, sample)
            if _is_times_one(operation, operands, sample):
                return self.know(sample, next(o for o in operands if o.origin != "constant"))
        epoch = 0 if all(value.is_ours for value in values) else self.epoch
        key = (operation, *((type(o), o) if not isinstance(o, Value) else o for o in operands), epoch)
        if operation.repeatable and key in self._made:
            return self.know(sample, self._made[key])
        result = Value(sample, "result", view_of=view_of)
        if operation.repeatable:
            self._made[key] = result
        self._append(Instruction(operation, operands, result))
        return self.know(sample, result)

    def overwrite(self, operation: Operation, operands: tuple[Any, ...], state: Value, array: Array) -> Value:
        """Note that an operation was written over a state, an array from outside."""
        result = Value(array, "state", state.source)
        operands = self._simplified(operation, operands, array)
        self._append(Instruction(operation, operands, result, changes=True))
        self.epoch += 1
        return self.know(array, result)

    def _append(self, instruction: Instruction) -> None:
        instruction.scope = SCOPE.get()
        if instruction.result is not None and not instruction.result.scope:
            instruction.result.scope = instruction.scope
        self.recording.instructions.append(instruction)
        modes = np.geterr()
        if modes != self.recording.warnings:
            self.recording.quiet |= {k for k, mode in modes.items() if mode != self.recording.warnings[k]}

    def _simplified(self, operation: Operation, operands: tuple[Any, ...], result: Array) -> tuple[Any, ...]:
        """Numbers as arrays without axes in the dtype of the others, which NumPy takes 0.2 µs faster.

        Constants of equal elements likewise, where the others give the result its shape.
        """
        arrays = [operand for operand in operands if isinstance(operand, Value)]
        dtypes = {value.dtype for value in arrays}
        dtype = dtypes.pop() if len(dtypes) == 1 else None
        is_logical = getattr(operation, "name", "").startswith("logical")

        def simple(operand: Any) -> Any:
            if isinstance(operand, Number):
                return self.number(operand, dtype or np.dtype(float))
            if isinstance(operand, _NUMBERS) and is_logical:
                return bool(operand)  # 1e-46 is true, and 0 as a float32
            if isinstance(operand, _NUMBERS) and dtype is not None and dtype.kind in "fc":
                return self.constant(np.asarray(operand, dtype))
            if isinstance(operand, Value) and operand.origin == "constant" and operand.array.size > 1:
                others = [value.shape for value in arrays if value is not operand]
                if (
                    others
                    and np.broadcast_shapes(*others) == result.shape
                    and operand.array.dtype.kind in "fiub"
                    and is_uniform(operand.array)
                ):
                    return self.constant(operand.array[(0,) * operand.array.ndim])
            return operand

        return tuple(simple(operand) for operand in operands)

    def number_of(self, array: Any) -> float:
        """What ``float(array)`` gives: nothing, since it is another number at the next call."""
        raise UntraceableError("a value was looked at")

    def rewind(self, length: int) -> None:
        """Forget the instructions from `length` on, and that their results can be used again."""
        gone = {id(i.result) for i in self.recording.instructions[length:]}
        del self.recording.instructions[length:]
        self._made = {key: value for key, value in self._made.items() if id(value) not in gone}


def _is_times_one(operation: Elementwise, operands: tuple[Any, ...], result: Array) -> bool:
    """Whether it multiplies by 1 what nobody else can change."""
    if operation.name != "multiply":
        return False
    ones = [o for o in operands if isinstance(o, Value) and o.origin == "constant" and o.array.ndim == 0]
    others = [o for o in operands if o not in ones]
    return (
        len(ones) == len(others) == 1
        and ones[0].array == 1
        and others[0].root.origin == "result"
        and (others[0].shape, others[0].dtype, others[0].array.strides)
        == (result.shape, result.dtype, result.strides)
    )
