"""The memory of native code: one array per dtype, with the results one after another."""

from __future__ import annotations

import numpy as np

from tinygrad_mnist.program.instructions import Recording, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.native.groups import Group, Kind
from tinygrad_mnist.program.native.layout import Layout, memory_key, uniform
from tinygrad_mnist.program.source import all_values
from tinygrad_mnist.typing import Array

_LINE = 64  # bytes of a cache line, at which each result begins


class Slots:
    """Place each result in the memory of its dtype; a result that is not read again makes room.

    Attributes
    ----------
    stored
        The results that need memory, by their ids: not those that exist only within one loop.
    """

    def __init__(self, recording: Recording, groups: list[Group], layout: Layout) -> None:
        self._layout = layout
        self._ends: dict[np.dtype[np.generic], int] = {}
        self._free: list[tuple[np.dtype[np.generic], int, int]] = []  # dtype, start, stop
        self.places: dict[int, tuple[Value, int]] = {}
        self.last_reads = _last_reads(recording, groups)
        self.stored = _stored(groups, self.last_reads)
        self._place_all(recording, groups)

    def _place_all(self, recording: Recording, groups: list[Group]) -> None:
        read = set().union(*(group.reads for group in groups if group.kind is not Kind.NUMPY))
        for root in dict.fromkeys(value.root for value in all_values(recording)):  # in the order of use
            if root.origin == "constant" and id(root) in read and uniform(root) is None:
                self._put(root)
        for value in self._layout.packed.values():
            if any(id(value) in group.reads for group in groups):
                self._put(value)
        for i, group in enumerate(groups):
            for instruction in group.instructions:
                result = instruction.result
                if result is not None and id(result) in self.stored:
                    self._put(result)
                    self.last_reads.setdefault(id(result), i)  # of one that nothing reads
            for key, (value, start) in self.places.items():
                if self.last_reads.get(key, i) == i and value.origin != "constant":
                    self._free.append((value.dtype, start, start + self._size(value)))

    def _put(self, value: Value) -> None:
        """Find room: the smallest that is large enough, else at the end."""
        size, dtype = self._size(value), value.dtype
        fitting = [room for room in self._free if room[0] == dtype and room[2] - room[1] >= size]
        if fitting:
            best = min(fitting, key=lambda room: room[2] - room[1])
            self._free.remove(best)
            start = best[1]
            if start + size < best[2]:
                self._free.append((dtype, start + size, best[2]))
        else:
            start = self._ends.get(dtype, 0)
            self._ends[dtype] = start + size
        self.places[id(value)] = value, start

    def _size(self, value: Value) -> int:
        """The elements it takes, up to the end of a cache line."""
        line = _LINE // value.dtype.itemsize
        return max(1, -(-value.array.size // line)) * line

    def make(self, names: Names) -> dict[str, Array]:
        """Allocate the memory, and fix the place of everything."""
        memory = {}
        for dtype, size in self._ends.items():
            spare = np.empty(size * dtype.itemsize + _LINE, np.uint8)
            start = -spare.ctypes.data % _LINE
            name = names.new(f"{dtype.name}_memory")
            memory[name] = spare[start : start + size * dtype.itemsize].view(dtype)
            for value, offset in self.places.values():
                if value.dtype == dtype:
                    self._layout.settle(value, name, offset)
        return memory


def _last_reads(recording: Recording, groups: list[Group]) -> dict[int, int]:
    """The last group that reads some memory."""
    last = {key: i for i, group in enumerate(groups) for key in group.reads}
    return last | {memory_key(value): len(groups) for value in recording.outputs}


def _stored(groups: list[Group], last_reads: dict[int, int]) -> set[int]:
    """The results that are needed outside the loop that makes them, and those that are made part by part."""
    stored = set()
    for i, group in enumerate(groups):
        for instruction in group.instructions:
            result = instruction.result
            if result is None or result.origin != "result":
                continue
            if result.view_of is not None:
                stored.add(id(result.root))
            elif group.kind is not Kind.LOOP or last_reads.get(id(result), i) > i:
                stored.add(id(result))
    return stored
