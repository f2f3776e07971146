"""Passes over a recording, before its code is written.

Common subexpressions, constants and numbers are dealt with as they are recorded: see `recorder.Recorder`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygrad_mnist.autodiff.ops.choices import BITS, LARGE_MASK, is_zero
from tinygrad_mnist.program.instructions import Instruction, Recording, Value
from tinygrad_mnist.program.operations import Copy, Elementwise, Keep, Reduction, Select, Transpose

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
        instructions += _kept_bits(instruction) or _row_extremum(instruction)
    return replace(recording, instructions=instructions)


def _kept_bits(instruction: Instruction) -> list[Instruction]:
    """Multiply the bits by the mask where np.where chooses between elements and 0, as `where` does itself."""
    operation, result = instruction.operation, instruction.result
    if not isinstance(operation, Select) or result is None:
        return []
    mask, chosen, other = instruction.operands
    x = other if is_zero(chosen) else chosen
    if (
        not is_zero(chosen if x is other else other)
        or not isinstance(mask, Value)
        or not isinstance(x, Value)
        or (x.shape, x.dtype) != (result.shape, result.dtype)
        or (mask.shape, mask.dtype) != (result.shape, np.dtype(bool))
        or x.array.size < LARGE_MASK
        or x.dtype not in BITS
    ):
        return []
    before = []
    if x is other:
        kept = Value(~mask.array, "result", scope=instruction.scope)
        before = [Instruction(Elementwise("logical_not"), (mask,), kept, scope=instruction.scope)]
        mask = kept
    return [*before, replace(instruction, operation=Keep(BITS[x.dtype].str[1:]), operands=(x, mask))]


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
