"""The lines of JavaScript of each operation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any, Protocol

import numpy as np

from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Instruction, Operand, Value
from tinygrad_mnist.program.javascript.elements import ACCUMULATIONS, element_function, reduction_function
from tinygrad_mnist.program.javascript.places import Place, address, np_strides
from tinygrad_mnist.program.javascript.text import array_text, number_text, shape_text
from tinygrad_mnist.program.operations import (
    PLACE,
    Call,
    Copy,
    Draw,
    Elementwise,
    Function,
    Join,
    Operation,
    Pick,
    Product,
    Put,
    Reduction,
    Select,
    Take,
    View,
)
from tinygrad_mnist.typing import Array

# By the name of the Python function, as the layers and losses are above the level of programs.
_CHECKS = {
    "require_labels": "requireLabels",
    "require_probabilities": "requireProbabilities",
    "require_rows": "requireRows",
}
_PACKAGE = __name__.partition(".")[0]
_FUNCTIONS = {"sort": "sort", "argsort": "argsort", "take_along_axis": "takeAlong"}


class Writer(Protocol):
    """The printed program as the lines see it."""

    def name(self, value: Value) -> str:
        """Return the name of a value."""

    def place(self, value: Value) -> Place:
        """Return the place of a value in its memory."""

    def once(self, wish: str, code: str) -> str:
        """Return the name of something that is made once, equal code under one name."""

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


@_lines.register(Elementwise)
def _(operation: Elementwise, writer: Writer, instruction: Instruction) -> list[str]:
    name, loop = element_function(operation, instruction.operands, _made(instruction).dtype)
    operands = [_operand(writer, x, loop) for x in instruction.operands]
    return [_called(name, *operands, _result(writer, instruction))]


@_lines.register(Product)
def _(operation: Product, writer: Writer, instruction: Instruction) -> list[str]:
    if _made(instruction).dtype.kind == "b":
        raise CaptureError("@ multiplies truth values: expected numbers; convert with astype(int)")
    return [_called(operation.name, *_names(writer, instruction), _result(writer, instruction))]


@_lines.register(Reduction)
def _(operation: Reduction, writer: Writer, instruction: Instruction) -> list[str]:
    (x,) = instruction.reads
    given = range(len(x.shape)) if operation.axis is None else np.atleast_1d(operation.axis).tolist()
    axes = shape_text(tuple(axis % len(x.shape) for axis in given if x.shape))
    name, last = reduction_function(operation.name, x.dtype), []
    if operation.initial is not None:
        last = [number_text(operation.initial)]
    return [_called(name, writer.name(x), axes, _result(writer, instruction), *last)]


@_lines.register(View)
def _(operation: View, writer: Writer, instruction: Instruction) -> list[str]:
    value, (before,) = _made(instruction), instruction.reads
    return [f"const {writer.name(value)} = {view(writer.name(before), writer.place(value))};"]


@_lines.register(Copy)
def _(operation: Copy, writer: Writer, instruction: Instruction) -> list[str]:
    if writer.is_shared(instruction, 0):
        return []
    (x,), result = instruction.reads, _made(instruction)
    target = writer.name(result)
    if operation.reshaped is not None:
        target = _part_of(writer, result, Place(x.shape, np_strides(x.shape), 0))
    return [_called(_copying(x.dtype, result.dtype), writer.name(x), target)]


@_lines.register(Select)
def _(operation: Select, writer: Writer, instruction: Instruction) -> list[str]:
    dtype = _made(instruction).dtype
    operands = [_operand(writer, x, dtype) for x in instruction.operands]
    return [_called("where", *operands, _result(writer, instruction))]


@_lines.register(Take)
def _(operation: Take, writer: Writer, instruction: Instruction) -> list[str]:
    x = instruction.operands[0]
    axis = "null"
    if operation.axis is not None and isinstance(x, Value):
        axis = str(operation.axis % len(x.shape))
    names = [_operand(writer, operand, np.dtype(int)) for operand in instruction.operands]
    return [_called("take", *names[:2], axis, _result(writer, instruction), f'"{operation.mode}"')]


@_lines.register(Join)
def _(operation: Join, writer: Writer, instruction: Instruction) -> list[str]:
    result, start, made = _made(instruction), 0, []
    whole = writer.place(result)
    axis = operation.axis % len(result.shape)
    for x in instruction.reads:
        part = Place(x.shape, whole.strides, whole.offset + start * whole.strides[axis])
        made.append(_called("copy", writer.name(x), _part_of(writer, result, part)))
        start += x.shape[axis]
    return made


@_lines.register(Function)
def _(operation: Function, writer: Writer, instruction: Instruction) -> list[str]:
    (x, *others), axis = instruction.reads, operation.axis
    name, _, method = operation.name.partition(".")
    function = ACCUMULATIONS.get(name) if method == "accumulate" else _FUNCTIONS.get(operation.name)
    if function is None:
        raise CaptureError(
            f"np.{operation.name} is called: expected a cumulative sum or product; write it with ops"
        )
    arguments = [writer.name(x), *map(writer.name, others), str(axis % len(x.shape))]
    return [_called(function, *arguments, _result(writer, instruction))]


@_lines.register(Pick)
def _(operation: Pick, writer: Writer, instruction: Instruction) -> list[str]:
    x, *arrays = instruction.reads
    if arrays[0].origin != "constant":
        _require_numbers(arrays[0])
        names = [writer.name(x), writer.name(arrays[0])]
        return [_called("take", *names, "0", _result(writer, instruction), '"raise"')]
    places = _placed(writer.place(x), operation.index, arrays)
    return [_called("pick", writer.name(x), _made_once(writer, places), _result(writer, instruction))]


@_lines.register(Put)
def _(operation: Put, writer: Writer, instruction: Instruction) -> list[str]:
    result, (base, value, *arrays) = _made(instruction), instruction.operands
    name, dtype = writer.name(result), result.dtype
    given = _operand(writer, value, dtype)
    assert isinstance(base, Value)
    first = [] if writer.is_shared(instruction, 0) else [_called("copy", writer.name(base), name)]
    copying = _copying(value.dtype, dtype) if isinstance(value, Value) else "copy"
    if not arrays:
        part = _part_of(writer, result, _part(writer.place(result), operation.index))
        line = _called("add", part, given, part) if operation.added else _called(copying, given, part)
        return [*first, line]
    if copying != "copy":
        raise CaptureError(
            f"numbers of another dtype are written into an array of {dtype}: expected its own; convert with "
            "astype"
        )
    function = "putAdded" if operation.added else "put"
    constants = [x for x in arrays if isinstance(x, Value)]
    if constants[0].origin == "constant":
        places = _placed(writer.place(result), operation.index, constants)
        return [*first, _called(function, name, _made_once(writer, places), given)]
    (indices,) = constants
    _require_numbers(indices)
    shape = (*indices.shape, *result.shape[1:])
    chosen = writer.once("chosen", f"array(new Int32Array({math.prod(shape)}), {shape_text(shape)})")
    every = _made_once(writer, _placed(writer.place(result), (), []))
    choice = _called("take", every, writer.name(indices), "0", chosen, '"raise"')
    return [*first, choice, _called(function, name, chosen, given)]


@_lines.register(Draw)
def _(operation: Draw, writer: Writer, instruction: Instruction) -> list[str]:
    return [_called("random", f"generator{operation.generator}", _result(writer, instruction))]


@_lines.register(Call)
def _(operation: Call, writer: Writer, instruction: Instruction) -> list[str]:
    name = getattr(operation.function, "__name__", "") if operation.is_check else ""
    if name not in _CHECKS or operation.function.__module__.partition(".")[0] != _PACKAGE:
        raise CaptureError(
            f"{operation.name} is a Python function: expected operations on arrays alone; write it with ops"
        )
    names = [writer.name(x) if isinstance(x, Value) else number_text(x) for x in instruction.operands]
    return [_called(_CHECKS[name], *names)]


def view(name: str, place: Place) -> str:
    """Return code for a view of an array's memory."""
    offset = [str(place.offset)] if place.offset else []
    return _expression("view", name, shape_text(place.shape), shape_text(place.strides), *offset)


def _part_of(writer: Writer, value: Value, place: Place) -> str:
    """Return the name of a part of a result, or of all of it with other axes."""
    name = writer.name(value)
    return writer.once(f"{name}_part", view(name, place))


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
    """Return an operand as code; a number is rounded to the dtype of the computation.

    A whole number beside others stays: it may be compared with those of a dtype that cannot hold it.
    """
    if isinstance(x, Value):
        return writer.name(x)
    if isinstance(x, int) and dtype.kind in "iu":
        return f"scalar({number_text(x)})"
    if not isinstance(x, bool | int | float):
        raise CaptureError(f"{x!r} is an operand: expected an array or a real number; pass it as an argument")
    return f"scalar({number_text(np.asarray(x).astype(dtype)[()])})"


def _part(place: Place, index: Any) -> Place:
    """Return the place of a part that basic indexing looks at."""
    last = sum((length - 1) * stride for length, stride in zip(place.shape, place.strides))
    memory = np.empty(place.offset + max(last, 0) + 1, np.int8)
    whole = np.lib.stride_tricks.as_strided(memory[place.offset :], place.shape, place.strides)
    parts = index if isinstance(index, tuple) else (index,)
    part = whole[parts if any(part is ... for part in parts) else (*parts, ...)]  # a view for an element too
    return Place(part.shape, part.strides, address(part) - address(memory))


def _placed(place: Place, index: Any, arrays: Sequence[Value]) -> Array:
    """Return the places in memory of the elements that an index chooses."""
    places = np.full(place.shape, place.offset)
    for axis, (length, stride) in enumerate(zip(place.shape, place.strides)):
        places += (stride * np.arange(length)).reshape(-1, *[1] * (len(place.shape) - axis - 1))
    left = iter(arrays)
    parts = index if isinstance(index, tuple) else (index,)
    return places[tuple(next(left).array if part is PLACE else part for part in parts)]


def _made_once(writer: Writer, places: Array) -> str:
    return writer.once("places", f"array({array_text(places.astype(np.int32))}, {shape_text(places.shape)})")


def _require_numbers(indices: Value) -> None:
    if indices.dtype.kind not in "iu":
        raise CaptureError(
            f"an index is an array of {indices.dtype}: expected whole numbers; choose with ops.where"
        )


def _copying(before: np.dtype[Any], after: np.dtype[Any]) -> str:
    """Return the function that copies from one dtype to another."""
    if after == np.bool and before != np.bool:
        return "copyTruth"
    return "copyTruncated" if after == np.int64 and before.kind == "f" else "copy"
