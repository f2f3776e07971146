"""The batch as an open length: found by comparing the traces of two batches of different lengths."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from tinygrad_mnist.errors import ExportError
from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.operations import Broadcast, Operation, Reshape
from tinygrad_mnist.program.trace import Trace

_FIXED = "write dynamic_batch=False for a file that takes batches of one length"


@dataclass(frozen=True)
class Batch:
    """A length that is `times` the number of examples."""

    times: int


Length = int | Batch


class OpenShapes:
    """The shapes in a trace, with the number of examples left open.

    Parameters
    ----------
    trace
        Of a batch of some length.
    other
        Of the same function for a batch of another length; None if the length is fixed.
    lengths
        The two lengths.

    Raises
    ------
    ExportError
        If the two do not have the same instructions: the function depends on the number of examples.
    """

    def __init__(self, trace: Trace, other: Trace | None, lengths: tuple[int, int]) -> None:
        self._lengths = lengths
        self._pairs: dict[int, Value] = {}
        if other is not None:
            self._compare(trace, other)

    def of(self, value: Value) -> tuple[Length, ...]:
        """Return the shape of a value."""
        pair = self._pairs.get(id(value), value)
        return tuple(self._length(a, b) for a, b in zip(value.shape, pair.shape))

    def _length(self, a: int, b: int) -> Length:
        if a == b:
            return a
        first, second = self._lengths
        if a % first or a * second != b * first:
            raise ExportError(f"an axis has length {a} for {first} examples and {b} for {second}: {_FIXED}")
        return Batch(a // first)

    def _compare(self, trace: Trace, other: Trace) -> None:
        ours, theirs = trace.recording, other.recording
        if len(ours.instructions) != len(theirs.instructions):
            raise ExportError(f"the function runs other operations for another number of examples: {_FIXED}")
        for a, b in zip(ours.arguments, theirs.arguments):
            self._pair(a, b)
        for one, another in zip(ours.instructions, theirs.instructions):
            self._compare_instructions(one, another)

    def _compare_instructions(self, one: Instruction, another: Instruction) -> None:
        if not _alike(one.operation, another.operation):
            raise ExportError(f"{type(one.operation).__name__} differs with the number of examples: {_FIXED}")
        for a, b in zip(one.operands, another.operands):
            if isinstance(a, Value) and isinstance(b, Value):
                self._pair(a, b)
            elif a != b:
                raise ExportError(f"{a} is {b} for another number of examples: {_FIXED}")
        if one.result is not None and another.result is not None:
            self._pair(one.result, another.result)

    def _pair(self, a: Value, b: Value) -> None:
        is_given = a.origin in ("argument", "result")
        if not is_given and not np.array_equal(a.array, b.array, equal_nan=True):
            raise ExportError(f"a number or an array depends on the number of examples: {_FIXED}")
        self._pairs[id(a)] = b


def _alike(a: Operation, b: Operation) -> bool:
    """Return True if two operations differ at most in the shapes of their results."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Reshape | Broadcast):
        return True
    names = [field.name for field in fields(a) if field.name not in ("shape", "reshaped", "index")]
    return all(getattr(a, name) == getattr(b, name) for name in names)
