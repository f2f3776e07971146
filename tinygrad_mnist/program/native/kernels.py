"""Names and places as a kernel takes them, so that the code of loops that are alike is the same text.

A program is a sequence of kernels, one for each group of instructions.  Networks repeat a few of them with
other memory, and each is compiled once.
"""

from __future__ import annotations

from collections import Counter

from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.native.bound import Bound, Memory
from tinygrad_mnist.program.native.layout import Layout, Place, memory_key
from tinygrad_mnist.typing import Array


class LocalNames:
    """Names within a kernel, numbered in the order of their first use."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._of: dict[int, str] = {}

    def new(self, wish: str) -> str:
        """Return a name that is not in use."""
        self._counts[wish] += 1
        return f"{wish}{self._counts[wish]}"

    def of(self, value: Value) -> str:
        """Return the name of a value."""
        if id(value) not in self._of:
            self._of[id(value)] = self.new("v")
        return self._of[id(value)]


class LocalLayout(Layout):
    """The layout of a program, where each place begins with a parameter.

    Attributes
    ----------
    memories
        The memory that each parameter stands for.
    """

    def __init__(self, layout: Layout, names: LocalNames, bound: Bound) -> None:
        self._layout, self._names, self._bound = layout, names, bound
        self._taken: dict[tuple[int, int], str] = {}
        self.memories: dict[str, Memory] = {}

    def place(self, value: Value) -> Place:
        """Return the place of a value, in a parameter that begins at its first element in memory."""
        place, root = self._layout.place(value), self._layout.place(value.root)
        back = sum(stride * (length - 1) for stride, length in zip(place.strides, place.shape) if stride < 0)
        key = memory_key(value), place.offset + back
        if key not in self._taken:
            self._taken[key] = self._named(self._bound.part(value.root, place.offset + back - root.offset))
        return Place(self._taken[key], -back, place.shape, place.strides)

    def as_given(self, argument: Value) -> Place:
        """Return the place of a packed argument, as it is given."""
        return self._layout.given_place(argument, self._named(self._bound.argument(argument)))

    def model(self, value: Value) -> Array:
        """Return an array with the memory order of the value."""
        return self._layout.model(value)

    def _named(self, memory: Memory) -> str:
        name = self._names.new("m")
        self.memories[name] = memory
        return name
