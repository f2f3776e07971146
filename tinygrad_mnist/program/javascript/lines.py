"""The lines of JavaScript of each operation."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Protocol

import numpy as np

from tinygrad_mnist.autodiff.ops.fused import require_labels
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Instruction, Operand, Value
from tinygrad_mnist.program.javascript.elements import element_function, reduction_function
from tinygrad_mnist.program.javascript.places import Place, np_strides
from tinygrad_mnist.program.javascript.text import number_text, shape_text
from tinygrad_mnist.program.operations import (
    Call,
    Copy,
    Draw,
    Elementwise,
    Join,
    Operation,
    Product,
    Reduction,
    Select,
    Take,
    View,
)

_CHECKS = {require_labels: "requireLabels"}


class Writer(Protocol):
    """The printed program as the lines see it."""

    def name(self, value: Value) -> str:
        """Return the name of a value."""

    def place(self, value: Value) -> Place:
        """Return the place of a value in its memory."""

    def is_shared(self, instruction: Instruction, position: int) -> bool:
        """Return True if the result lies in the memory of that operand."""


def lines(writer: Writer, instruction: Instruction) -> list[str]:
    """Return the lines of an instruction.

    Raises
    ------
    CaptureError
        If it has no form in JavaScript.
    """
    return _lines(instruction.operation, writer, instruction)


@singledispatch
def _lines(operation: Operation, writer: Writer, instruction: Instruction) -> list[str]:
    raise CaptureError(f"{type(operation).__name__} is an operation without a form in JavaScript")


@_lines.register
def _(operation: Elementwise, writer: Writer, instruction: Instruction) -> list[str]:
    name, loop = element_function(operation, instruction.operands)
    return [
        _called(
            name, *(_operand(writer, x, loop) for x in instruction.operands), _result(writer, instruction)
        )
    ]


@_lines.register
def _(operation: Product, writer: Writer, instruction: Instruction) -> list[str]:
    if _made(instruction).dtype.kind == "b":
        raise CaptureError("a product of truth values has no form in JavaScript: convert with astype(int)")
    return [_called(operation.name, *_names(writer, instruction), _result(writer, instruction))]


@_lines.register
def _(operation: Reduction, writer: Writer, instruction: Instruction) -> list[str]:
    (x,) = instruction.reads
    given = range(len(x.shape)) if operation.axis is None else np.atleast_1d(operation.axis).tolist()
    axes = shape_text(tuple(axis % max(len(x.shape), 1) for axis in given))
    name, last = reduction_function(operation.name, x.dtype), []
    if operation.initial is not None:
        last = [number_text(operation.initial)]
    return [_called(name, writer.name(x), axes, _result(writer, instruction), *last)]


@_lines.register
def _(operation: View, writer: Writer, instruction: Instruction) -> list[str]:
    value, (before,) = _made(instruction), instruction.reads
    return [f"const {writer.name(value)} = {view(writer.name(before), writer.place(value))};"]


@_lines.register
def _(operation: Copy, writer: Writer, instruction: Instruction) -> list[str]:
    if writer.is_shared(instruction, 0):
        return []
    (x,), result = instruction.reads, _made(instruction)
    target = writer.name(result)
    if operation.reshaped is not None:
        target = view(target, Place(x.shape, np_strides(x.shape), 0))
    return [_called(_copying(x.dtype, result.dtype), writer.name(x), target)]


@_lines.register
def _(operation: Select, writer: Writer, instruction: Instruction) -> list[str]:
    dtype = _made(instruction).dtype
    operands = [_operand(writer, x, dtype) for x in instruction.operands]
    return [_called("where", *operands, _result(writer, instruction))]


@_lines.register
def _(operation: Take, writer: Writer, instruction: Instruction) -> list[str]:
    x = instruction.operands[0]
    axis = "null"
    if operation.axis is not None and isinstance(x, Value):
        axis = str(operation.axis % len(x.shape))
    names = [_operand(writer, operand, np.dtype(int)) for operand in instruction.operands]
    return [_called("take", *names[:2], axis, _result(writer, instruction), f'"{operation.mode}"')]


@_lines.register
def _(operation: Join, writer: Writer, instruction: Instruction) -> list[str]:
    result, start, made = _made(instruction), 0, []
    whole = writer.place(result)
    axis = operation.axis % len(result.shape)
    for x in instruction.reads:
        part = Place(x.shape, whole.strides, whole.offset + start * whole.strides[axis])
        made.append(_called("copy", writer.name(x), view(writer.name(result), part)))
        start += x.shape[axis]
    return made


@_lines.register
def _(operation: Draw, writer: Writer, instruction: Instruction) -> list[str]:
    return [_called("random", f"generator{operation.generator}", _result(writer, instruction))]


@_lines.register
def _(operation: Call, writer: Writer, instruction: Instruction) -> list[str]:
    if operation.function not in _CHECKS:
        raise CaptureError(
            f"{operation.name} is a Python function: expected operations on arrays alone; write it with ops"
        )
    names = [writer.name(x) if isinstance(x, Value) else number_text(x) for x in instruction.operands]
    return [_called(_CHECKS[operation.function], *names)]


def view(name: str, place: Place) -> str:
    """Return code for a view of an array's memory."""
    offset = [str(place.offset)] if place.offset else []
    return _expression("view", name, shape_text(place.shape), shape_text(place.strides), *offset)


def _expression(function: str, *operands: str) -> str:
    return f"{function}({', '.join(operands)})"


def _called(function: str, *operands: str) -> str:
    return f"{_expression(function, *operands)};"


def _made(instruction: Instruction) -> Value:
    assert instruction.result is not None
    return instruction.result


def _result(writer: Writer, instruction: Instruction) -> str:
    return writer.name(_made(instruction))


def _names(writer: Writer, instruction: Instruction) -> list[str]:
    return [writer.name(value) for value in instruction.reads]


def _operand(writer: Writer, x: Operand, dtype: np.dtype[Any]) -> str:
    """Return an operand as code; a number is rounded to the dtype of the computation."""
    if isinstance(x, Value):
        return writer.name(x)
    if not isinstance(x, bool | int | float):
        raise CaptureError(f"{x!r} is an operand: expected an array or a real number; pass it as an argument")
    return f"scalar({number_text(np.asarray(x).astype(dtype)[()])})"


def _copying(before: np.dtype[Any], after: np.dtype[Any]) -> str:
    """Return the function that copies from one dtype to another."""
    if after == np.bool and before != np.bool:
        return "copy_truth"
    return "copy_truncated" if after == np.int64 and before.kind == "f" else "copy"
