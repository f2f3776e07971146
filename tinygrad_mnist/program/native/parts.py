"""Arrays that are made part by part: each part is written where it belongs, without a copy of the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygrad_mnist.program.instructions import Instruction, Operand, Recording, Value
from tinygrad_mnist.program.native.layout import uniform
from tinygrad_mnist.program.operations import Copy, Elementwise, Index, Put, View
from tinygrad_mnist.typing import Array


def written_in_place(recording: Recording) -> Recording:
    """Return the recording with each write into a part of an array as a write into a view of it.

    A part that is added where there are zeros is only written: the same numbers, but for the sign of 0.
    """
    return _Rewriter(recording).rewritten()


class _Rewriter:
    """One pass over a recording, which stays as it is."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._last_reads = {
            id(value.root): i for i, each in enumerate(recording.instructions) for value in each.reads
        }
        self._last_reads |= {id(v.root): len(recording.instructions) for v in recording.outputs}
        self._now: dict[int, Value] = {}  # the value that stands in place of one of the recording
        self._written: dict[int, Array] = {}  # True where an element may no longer be 0
        self._instructions: list[Instruction] = []

    def rewritten(self) -> Recording:
        """Return the new recording."""
        for i, instruction in enumerate(self._recording.instructions):
            operands = tuple(map(self._current, instruction.operands))
            if _is_write_into_part(instruction):
                self._write_part(instruction, operands, i)
                continue
            result = instruction.result
            if isinstance(instruction.operation, View) and result is not None:
                (base,) = operands
                if isinstance(base, Value) and base is not instruction.operands[0]:
                    moved = replace(result, view_of=base)
                    self._now[id(result)] = moved
                    result = moved
            self._instructions.append(replace(instruction, operands=operands, result=result))
        outputs = [self._now.get(id(value), value) for value in self._recording.outputs]
        return replace(self._recording, instructions=self._instructions, outputs=outputs)

    def _current(self, operand: Operand) -> Operand:
        return self._now.get(id(operand), operand) if isinstance(operand, Value) else operand

    def _write_part(self, instruction: Instruction, operands: tuple[Operand, ...], i: int) -> None:
        """Write into the memory of the array, or into a copy if the array is read again or is the part."""
        (before, part), put = operands, instruction.operation
        assert isinstance(before, Value)
        assert isinstance(put, Put)
        assert instruction.result is not None
        whole = before
        old = instruction.operands[0]
        is_free = before.origin == "result" and before.view_of is None and self._last_reads[id(old)] <= i
        if not is_free or (isinstance(part, Value) and part.root is before):
            whole = instruction.result
            self._append(Copy(before.shape), (before,), whole, instruction)
            if uniform(before) == 0:
                self._written[id(whole)] = np.zeros(whole.shape, bool)
        else:
            self._now[id(instruction.result)] = whole
        view = Value(whole.array[put.index], "result", view_of=whole, scope=instruction.scope)
        self._append(Index(f"{{}}[{put.code}]", put.index), (whole,), view, instruction)
        written = self._written.get(id(whole))
        if put.added and (written is None or written[put.index].any()):
            self._append(Elementwise("add"), (view, part), view, instruction)
        else:
            self._append(Copy(view.shape), (part,), view, instruction)
        if written is not None:
            written[put.index] = True

    def _append(
        self,
        operation: View | Copy | Elementwise,
        operands: tuple[Operand, ...],
        result: Value,
        like: Instruction,
    ) -> None:
        self._instructions.append(Instruction(operation, operands, result, scope=like.scope))


def _is_write_into_part(instruction: Instruction) -> bool:
    """Return True for a write at an index of slices and numbers, which makes a view."""
    put, result = instruction.operation, instruction.result
    if not isinstance(put, Put) or result is None or len(instruction.operands) > 2:
        return False
    return isinstance(result.array[put.index], np.ndarray)  # not a single number
