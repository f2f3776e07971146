"""The memory of a program in native code, as its kernels take it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.program.instructions import Recording, State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.native.layout import Layout, flat
from tinygrad_mnist.program.native.memory import Slots
from tinygrad_mnist.program.source import outside
from tinygrad_mnist.typing import Array


class Memory(NamedTuple):
    """One-dimensional memory of a kernel.

    array: the memory, or an array of its dtype if it is that of an argument, whose place among the arguments
    and first element there are the others.
    """

    array: Array
    argument: int | None = None
    start: int = 0


class Kernel(NamedTuple):
    """A native function, as text, and its memory in one of its calls."""

    text: str
    memories: Sequence[Memory]


class Bound:
    """All memory of a program: that of its arguments and states, and its own.

    Attributes
    ----------
    things
        The arrays that the step refers to, by their names.
    """

    def __init__(
        self,
        recording: Recording,
        names: Names,
        states: Mapping[State, Array],
        layout: Layout,
        slots: Slots,
        given: Sequence[Value],
    ) -> None:
        self.things: dict[str, Any] = {}
        self._names, self._layout = names, layout
        self._given = {id(value): i for i, value in enumerate(given)}
        self._memory: dict[str, Array] = {}
        for value in recording.arguments:
            if id(value) not in layout.packed:
                layout.settle(value, names.of(value))
        for value in outside(recording)[0]:
            name, array = names.of(value), states[value.source]
            layout.settle(value, name)
            self.things[name], self._memory[name] = array, flat(array)
        self._memory |= slots.make(names)
        for value, _ in slots.places.values():
            self._fill(value)

    def _fill(self, value: Value) -> None:
        """Make the array of a value in the memory of the program; write the elements of a constant."""
        place = self._layout.place(value)
        memory = self._memory[place.memory][place.offset :]
        strides = [stride * value.dtype.itemsize for stride in place.strides]
        array = np.lib.stride_tricks.as_strided(memory, place.shape, strides)
        if value.origin == "constant":
            array[...] = value.array
        name = self._names.of(value)
        self.things[f"{name}_packed" if value.origin == "argument" else name] = array

    def argument(self, value: Value, start: int = 0) -> Memory:
        """Return the memory of an argument as it is given, from the element `start` on."""
        return Memory(value.array, self._given[id(value)], start)

    def part(self, root: Value, start: int = 0) -> Memory:
        """Return the memory of a value from the element `start` on."""
        if root.origin == "argument" and id(root) not in self._layout.packed:
            return self.argument(root, start)
        place = self._layout.place(root)
        return Memory(
            self._memory[place.memory][place.offset + start : place.offset + math.prod(place.shape)]
        )
