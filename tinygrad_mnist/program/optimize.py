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


def lowered(recording: Recording) -> Recording:
    """Return the recording as it runs: the same bits, by quicker instructions."""
    instructions: list[Instruction] = []
    for instruction in recording.instructions:
        instructions += _chosen_bits(instruction) or _row_extremum(instruction)
    return replace(recording, instructions=instructions)


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
