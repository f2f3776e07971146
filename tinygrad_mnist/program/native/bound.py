"""The memory of a program in native code, as its functions take it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.program.instructions import Recording, State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.native.layout import Layout, flat
from tinygrad_mnist.program.native.memory import Slots
from tinygrad_mnist.program.source import outside
from tinygrad_mnist.typing import Array


class Memory(NamedTuple):
    """One-dimensional memory, as a native function takes it.

    passed: the code that the step passes.  like: an array of its type.
    flat: the code that makes it one-dimensional, such as ".reshape(784)", or "".
    """

    passed: str
    like: Array
    flat: str = ""


class Bound:
    """All memory of a program: that of its arguments and states, and its own.

    Attributes
    ----------
    of
        The memory by its name in the layout.
    things
        The arrays that the step refers to, by their names.
    """

    def __init__(
        self, recording: Recording, names: Names, states: Mapping[State, Array], layout: Layout, slots: Slots
    ) -> None:
        self.of: dict[str, Memory] = {}
        self.things: dict[str, Any] = {}
        self._names, self._layout = names, layout
        for value in recording.arguments:
            self._bind_argument(value)
        for value in outside(recording)[0]:
            self._bind_state(value, states[value.source])
        for name, memory in slots.make(names).items():
            self.things[name] = memory
            self.of[name] = Memory(name, memory)
        for value, _ in slots.places.values():
            self._fill(value)

    def _bind_argument(self, value: Value) -> None:
        name, array = self._names.of(value), self._layout.given(value)
        if id(value) not in self._layout.packed:
            self._layout.settle(value, name)
        turned = "" if array.flags.c_contiguous else ".T"
        self.of[name] = Memory(name, array, "" if array.ndim == 1 else f"{turned}.reshape({array.size})")

    def _bind_state(self, value: Value, array: Array) -> None:
        name = self._names.of(value)
        self._layout.settle(value, name)
        self.things[name] = array
        passed = name if array.ndim == 1 else self._names.new(f"{name}_flat")
        self.things[passed] = flat(array)
        self.of[name] = Memory(passed, self.things[passed])

    def _fill(self, value: Value) -> None:
        """Make the array of a value in the memory of the program; write the elements of a constant."""
        place = self._layout.place(value)
        memory = self.things[place.memory][place.offset :]
        strides = [stride * value.dtype.itemsize for stride in place.strides]
        array = np.lib.stride_tricks.as_strided(memory, place.shape, strides)
        if value.origin == "constant":
            array[...] = value.array
        name = self._names.of(value)
        self.things[f"{name}_packed" if value.origin == "argument" else name] = array

    def part(self, root: Value, start: int) -> Memory:
        """Return the memory of a value from the element `start` on."""
        place = self._layout.place(root)
        passed, like, begin = self.of[place.memory]
        if root.origin == "argument" and id(root) not in self._layout.packed:
            return Memory(passed, like, f"{begin}[{start}:]" if start else begin)
        if root.origin == "state" and not start:
            return Memory(passed, like)
        name = f"{self._names.of(root)}_{f'from_{start}' if start else 'flat'}"
        stop = like.size if root.origin == "state" else place.offset + math.prod(place.shape)
        self.things[name] = like[place.offset + start : stop]
        return Memory(name, self.things[name])
