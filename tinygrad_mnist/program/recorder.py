"""Note instructions: merge equal ones, fold constants, turn numbers into arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from tinygrad_mnist.autodiff.expression import is_uniform
from tinygrad_mnist.autodiff.modes import CALL, path_of
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.source_line import calling_site, in_words
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Instruction, Recording, Value
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.operations import Call, Elementwise, Operation
from tinygrad_mnist.typing import Array

_NUMBERS = (bool, int, float, complex)


class UntraceableError(Exception):
    """The forward of an op did something that tracers cannot note; it is then called as a whole."""


_NO_VALUES = (
    "a program repeats the same operations at every call, so Python cannot read intermediate values. "
    "Compute with the Tensor itself (ops.where instead of if), return the value and read it outside, or "
    "leave this function uncompiled"
)


def refuse(what: str, instead: str = "") -> NoReturn:
    """Refuse code that a program cannot repeat, with its line: by default code that reads a value."""
    site = calling_site()
    raise CaptureError(
        f"{what} was asked for while a program is captured, at {in_words(site)}: {instead or _NO_VALUES}"
    )


class Recorder:
    """Note NumPy calls as instructions.

    Attributes
    ----------
    recording
        The notes so far.
    functions
        NumPy's functions that tracers note; others are refused.
    epoch
        Number of noted in-place changes of outside arrays; a value read before a change is another one.
    """

    functions: Mapping[Callable[..., Any], Callable[..., Any]] = {}

    def __init__(self) -> None:
        self.recording = Recording()
        self.epoch = 0
        self.is_inside_op = False  # the forward of an op is running: not the code of the captured function
        self._made: dict[Any, Value] = {}

    def refuse(self, what: str, instead: str = "") -> NoReturn:
        """Refuse an operation that cannot be noted, with the reason and what to write instead.

        Raises
        ------
        UntraceableError
            If the forward of an op did it: the op is then called as a whole.
        CaptureError
            If the captured function did it.
        """
        if self.is_inside_op:
            raise UntraceableError(what)
        refuse(what, instead)

    def lift(self, value: Any) -> Any:
        """Return the tracer of a value from outside the captured function."""
        raise NotImplementedError

    def run(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        """Run the forward of an op on tracers."""
        raise NotImplementedError

    def number_of(self, tracer: Any) -> float:
        """Return ``float(tracer)``; refused, since the next call may give another number."""
        self.refuse("float()")

    def check(self, function: Callable[..., None], tracer: Any, arguments: tuple[Any, ...]) -> None:
        """Check values now, and at every call of the program."""
        function(tracer.array, *arguments)
        operation, operands = (
            Call(function, self.name_of(function), is_check=True),
            (tracer.value, *arguments),
        )
        noted = [(i.operation, i.operands) for i in self.recording.instructions]
        if (operation, operands) not in noted or self.epoch:
            self.append(Instruction(operation, operands, None))

    def name_of(self, function: Callable[..., Any]) -> str:
        """Return a name for a function that is called: its own, unless another has it or it is a lambda."""
        calls = (i.operation for i in self.recording.instructions)
        taken = {call.name: call.function for call in calls if isinstance(call, Call)}
        own = function.__name__ if function.__name__.isidentifier() else "function"
        name, number = own, 1
        while taken.get(name, function) is not function:
            number += 1
            name = f"{own}{number}"
        return name

    # Values

    def constant(self, array: Any) -> Value:
        """Return a value that is the same at every call; equal ones are shared."""
        array = np.asarray(array)
        key = ("constant", array.dtype, array.shape, array.strides, array.tobytes())
        if key not in self._made:
            self._made[key] = Value(array.copy(order="K") if 0 not in array.strides else array, "constant")
        return self._made[key]

    def number(self, number: Number | Computed, dtype: Any) -> Value:
        """A number that is read or computed at every call, as an array of a dtype without axes."""
        key = ("number", number, dtype)
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
        """Note an operation and its result; share equal operations, fold one of constants."""
        sample = np.asarray(sample)
        values = [operand for operand in operands if isinstance(operand, Value)]
        is_open = any(isinstance(operand, Number | Computed) for operand in operands)
        if operation.repeatable and not is_open and all(value.origin == "constant" for value in values):
            return self.constant(sample)
        if isinstance(operation, Elementwise):
            operands = self._simplified(operation, operands, sample)
            if _is_times_one(operation, operands, sample):
                factor: Value = next(o for o in operands if o.origin != "constant")
                return factor
        epoch = 0 if all(value.is_ours for value in values) else self.epoch
        key = (operation, *((type(o), o) if not isinstance(o, Value) else o for o in operands), epoch)
        if operation.repeatable and key in self._made:
            return self._made[key]
        result = Value(sample, "result", view_of=view_of)
        if operation.repeatable:
            self._made[key] = result
        self.append(Instruction(operation, operands, result))
        return result

    def overwrite(self, operation: Operation, operands: tuple[Any, ...], state: Value, array: Array) -> Value:
        """Note that the result of an operation overwrote a state, an array from outside."""
        result = Value(array, "state", state.source)
        operands = self._simplified(operation, operands, array)
        self.append(Instruction(operation, operands, result, changes=True))
        self.epoch += 1
        return result

    def append(self, instruction: Instruction) -> None:
        """Note an instruction, in the scope and under the floating-point warnings of this moment."""
        instruction.scope = path_of(CALL.get())
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
            if isinstance(operand, Number | Computed):
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

    def rewind(self, length: int) -> None:
        """Forget the instructions from `length` on, and that their results can be reused."""
        gone = {id(i.result) for i in self.recording.instructions[length:]}
        del self.recording.instructions[length:]
        self._made = {key: value for key, value in self._made.items() if id(value) not in gone}


def _is_times_one(operation: Elementwise, operands: tuple[Any, ...], result: Array) -> bool:
    """Return True for a product with 1 of a value that nothing else can change."""
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
