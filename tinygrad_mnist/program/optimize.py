"""Passes over a recording, before its code is written.

Common subexpressions, constants and numbers are dealt with as they are recorded: see `recorder.Recorder`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.choices import BITS, LARGE_MASK, is_zero
from tinygrad_mnist.program.instructions import Instruction, Operand, Recording, Value
from tinygrad_mnist.program.operations import (
    Copy,
    Elementwise,
    Keep,
    Merge,
    Operation,
    Reduction,
    Select,
    Transpose,
)

_SHORT = 64  # the longest rows whose maximum is taken down a transposed copy


def without_dead(instructions: list[Instruction], outputs: list[Value]) -> list[Instruction]:
    """Return the instructions that an output, a change, a check or a generator depends on."""
    live = {id(value) for value in outputs}
    kept = []
    for instruction in reversed(instructions):
        has_effect = instruction.changes or instruction.result is None or not instruction.operation.repeatable
        if has_effect or id(instruction.result) in live:
            kept.append(instruction)
            live |= {id(value) for value in instruction.reads}
    return kept[::-1]


def with_early_checks(instructions: list[Instruction]) -> list[Instruction]:
    """Move each check of results to where they are made: a gradient is then known during the pass."""
    made = {id(i.result): number for number, i in enumerate(instructions) if i.result is not None}

    def place(number: int) -> int:
        reads = instructions[number].reads
        is_check = instructions[number].result is None and all(v.root.origin == "result" for v in reads)
        return max((made[id(v)] for v in reads), default=number) if is_check else number

    return [instructions[number] for number in sorted(range(len(instructions)), key=place)]


def lowered(recording: Recording) -> Recording:
    """Return the recording as it runs: the same bits, by quicker instructions."""
    instructions: list[Instruction] = []
    for instruction in (recording := _without_ones(recording)).instructions:
        instructions += _chosen_bits(instruction) or _row_extremum(instruction)
    return replace(recording, instructions=instructions)


def _without_ones(recording: Recording) -> Recording:
    """Leave out products with 1 and quotients by 1, as the mean of a batch of one example has them."""
    instructions: list[Instruction] = []
    same: dict[int, Value] = {}  # the value that stands in place of another
    for instruction in recording.instructions:
        operands = tuple(same.get(id(x), x) if isinstance(x, Value) else x for x in instruction.operands)
        result = instruction.result
        if result is not None and result.view_of is not None and id(result.view_of) in same:
            moved = same[id(result)] = replace(result, view_of=same[id(result.view_of)])
            instruction = replace(instruction, result=moved)
        equal = _times_one(instruction.operation, operands, result)
        if equal is not None:
            same[id(result)] = equal
        else:
            instructions.append(replace(instruction, operands=operands))
    outputs = [same.get(id(value), value) for value in recording.outputs]
    return replace(recording, instructions=instructions, outputs=outputs)


def _times_one(operation: Operation, operands: tuple[Operand, ...], result: Value | None) -> Value | None:
    """Return the operand that has all bits of the result, or None."""
    if not isinstance(operation, Elementwise) or operation.name not in ("multiply", "divide"):
        return None
    for x, one in (operands, operands[::-1])[: 2 if operation.name == "multiply" else 1]:
        if (
            isinstance(x, Value)
            and isinstance(one, Value)
            and result is not None
            and (x.origin, one.origin, result.origin) == ("result", "constant", "result")
            and result.view_of is None
            and x.dtype.kind in "fiu"
            and (x.shape, x.dtype, x.array.strides) == (result.shape, result.dtype, result.array.strides)
            and bool((one.array == 1).all())
        ):
            return x
    return None


def _chosen_bits(instruction: Instruction) -> list[Instruction]:
    """Multiply bits by the mask instead of np.where, as the op `where` does; [] if that is not possible."""
    operation, result = instruction.operation, instruction.result
    if not isinstance(operation, Select) or result is None or result.array.size < LARGE_MASK:
        return []
    mask, *choices = instruction.operands
    if result.dtype not in BITS or not isinstance(mask, Value) or mask.dtype != bool:
        return []
    if any(x.dtype != result.dtype if isinstance(x, Value) else type(x) is not float for x in choices):
        return []
    bits, made = BITS[result.dtype].str[1:], []

    def emit(operation: Operation, operands: tuple[Operand, ...], sample: Any) -> Value:
        made.append(
            Instruction(
                operation, operands, Value(sample, "result", scope=instruction.scope), scope=instruction.scope
            )
        )
        return made[-1].result  # type: ignore[return-value]

    kept: list[Value] = []
    for i, x in enumerate(choices):
        if is_zero(x):
            continue
        chosen = emit(Elementwise("logical_not"), (mask,), ~mask.array) if i else mask
        x = x if isinstance(x, Value) else Value(np.asarray(x, result.dtype), "constant")
        sample = (
            result.array if np.broadcast_shapes(x.shape, mask.shape) == result.shape else x.array * mask.array
        )
        kept.append(emit(Keep(bits), (x, chosen), sample))
    if len(kept) == 2:
        return [*made, replace(instruction, operation=Merge(bits), operands=tuple(kept))]
    return [*made[:-1], replace(made[-1], result=result)] if kept and kept[0].shape == result.shape else []


def _row_extremum(instruction: Instruction) -> list[Instruction]:
    """Take the maximum or minimum of short rows down a transposed copy: a fourth of the time."""
    operation, result = instruction.operation, instruction.result
    operand = instruction.operands[0] if instruction.operands else None
    if (
        not isinstance(operation, Reduction)
        or operation.name not in ("maximum", "minimum")
        or not isinstance(operand, Value)
        or len(operand.shape) != 2
        or operation.axis not in (1, -1)
        or operation.initial is not None
        or operand.shape[1] > _SHORT
        or not operand.array.flags.c_contiguous
    ):
        return [instruction]
    view = Value(operand.array.T, "result", view_of=operand, scope=instruction.scope)
    columns = Value(view.array.copy(), "result", scope=instruction.scope)
    return [
        Instruction(Transpose("{}.T", (1, 0)), (operand,), view, scope=instruction.scope),
        Instruction(Copy(view.shape), (view,), columns, scope=instruction.scope),
        replace(instruction, operation=replace(operation, axis=0), operands=(columns,), result=result),
    ]
