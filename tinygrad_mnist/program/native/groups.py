"""Group instructions into loops: those over one shape, as far as their order allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto

from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.native.layout import Layout, memory_key, squeezed
from tinygrad_mnist.program.operations import Copy, Elementwise, Select, Take, View

_MOST_UNRELATED = 8  # arrays of a loop over some that have nothing in common: few enough for vectors
_ARRAYS = ("argument", "state", "result")  # not numbers and constants, which many loops read


class Kind(Enum):
    """The way an instruction is run."""

    LOOP = auto()  # for each element of the result, in a loop with others
    PRODUCT = auto()  # a matrix product in blocks, by itself
    CHECK = auto()  # a check of values that has native code
    NUMPY = auto()  # by its line of NumPy code


@dataclass(eq=False)
class Group:
    """Instructions that run together.

    Attributes
    ----------
    shape
        Of all results, without axes of length 1.
    reads, writes
        The memory that is read or written, by its key.
    elsewhere
        The memory read at another element than that of the loop.
    parts
        The memory that is written in parts, at other elements than those of the loop.
    """

    kind: Kind
    shape: tuple[int, ...]
    instructions: list[Instruction] = field(default_factory=list)
    reads: set[int] = field(default_factory=set)
    writes: set[int] = field(default_factory=set)
    elsewhere: set[int] = field(default_factory=set)
    parts: set[int] = field(default_factory=set)

    def add(self, instruction: Instruction, layout: Layout) -> None:
        """One more instruction."""
        self.instructions.append(instruction)
        self.reads |= {memory_key(value) for value in instruction.reads}
        self.elsewhere |= {memory_key(value) for value in reads_elsewhere(instruction, layout)}
        if instruction.result is not None:
            self.writes.add(memory_key(instruction.result))
            if instruction.result.view_of is not None:  # the rest of the array has to stay
                self.reads.add(memory_key(instruction.result))
            if not layout.is_itself(instruction.result):
                self.parts.add(memory_key(instruction.result))

    def takes(self, instruction: Instruction, layout: Layout) -> bool:
        """Return True if an instruction reads the same numbers inside the loop as after it."""
        assert instruction.result is not None
        if self.kind is not Kind.LOOP or self.shape != squeezed(instruction.result.shape):
            return False
        if any(isinstance(i.operation, Take) for i in (instruction, *self.instructions)):
            return False  # a look-up prevents vectorization of the loop
        arrays = {memory_key(v) for v in (*instruction.reads, instruction.result) if v.root.origin in _ARRAYS}
        mine = self.reads | self.writes
        if not arrays & mine and len(arrays | mine) > _MOST_UNRELATED:
            return False  # the updates of equal layers are one kernel, called for each
        elsewhere = {memory_key(value) for value in reads_elsewhere(instruction, layout)}
        written, is_whole = memory_key(instruction.result), layout.is_itself(instruction.result)
        if self.writes & elsewhere or any(memory_key(value) in self.parts for value in instruction.reads):
            return False
        if written in self.reads | self.writes and is_whole is (written in self.parts):
            return False  # a loop writes an array as a whole or in parts, not both
        return written not in self.elsewhere | elsewhere


def reads_elsewhere(instruction: Instruction, layout: Layout) -> Iterable[Value]:
    """The operands read at other elements than the one that is written."""
    operation = instruction.operation
    for position, value in enumerate(instruction.reads):
        by_element = isinstance(operation, Elementwise | Select | Copy)
        by_element |= isinstance(operation, Take) and position == 1
        shape = None if instruction.result is None else squeezed(instruction.result.shape)
        if not (by_element and squeezed(value.shape) == shape and layout.is_itself(value)):
            yield value


def grouped(instructions: list[Instruction], kinds: dict[int, Kind], layout: Layout) -> list[Group]:
    """The groups in the order in which they run; an instruction may move into an earlier one."""
    groups: list[Group] = []
    for instruction in instructions:
        if isinstance(instruction.operation, View):
            continue
        kind = kinds[id(instruction)]
        found = None
        if kind is Kind.LOOP:
            start = _earliest(instruction, groups)
            found = next((g for g in reversed(groups[start:]) if g.takes(instruction, layout)), None)
        if found is None:
            found = Group(kind, () if instruction.result is None else squeezed(instruction.result.shape))
            groups.append(found)
        found.add(instruction, layout)
    return groups


def _earliest(instruction: Instruction, groups: list[Group]) -> int:
    """The first group that an instruction may move into: where its operands are made.

    A write into a part of an array must stay after everything that reads or writes it; a change of a state
    also after every check.
    """
    needed = {memory_key(value) for value in instruction.reads}
    result, changed = instruction.result, None
    if result is not None and (instruction.changes or result.view_of is not None):
        changed = memory_key(result)
        needed.add(changed)
    for i in reversed(range(len(groups))):
        group = groups[i]
        if group.writes & needed or changed in group.reads:
            return i
        if changed is not None and instruction.changes and group.kind in (Kind.CHECK, Kind.NUMPY):
            return i + 1
    return 0
