"""The code of one loop over a shape: for each element, all instructions of a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.native.bound import Bound, Kernel, Memory
from tinygrad_mnist.program.native.expressions import EXPRESSIONS, REDUCTIONS, loop_dtype, read, typed
from tinygrad_mnist.program.native.groups import Group
from tinygrad_mnist.program.native.kernels import LocalLayout, LocalNames
from tinygrad_mnist.program.native.layout import Index, Layout, Place, uniform
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.operations import (
    Elementwise,
    Product,
    Reduction,
    Select,
    Take,
)

UNROLLED = 16  # the most terms of a sum that are written out


class Writer:
    """Writer of the code of one kernel.

    Attributes
    ----------
    lines
        Lines of its body so far.
    """

    def __init__(self, layout: Layout, bound: Bound, stored: set[int]) -> None:
        self.names = LocalNames()
        self.layout = LocalLayout(layout, self.names, bound)
        self.lines: list[str] = []
        self._arrays: dict[str, None] = {}  # names of memory, in the order of their first use
        self._numbers: dict[Value, str] = {}
        self._stored = stored
        self._depth = 0
        self._made: dict[int, str] = {}  # names of this element's results
        self._at: list[Index] = []
        self._inner = ""  # the variable of the innermost loop
        self._inside: list[str] = []  # the variables of loops within it
        self._fixed: dict[str, str] = {}  # elements constant in the innermost loop, and their names

    def kernel(self, number: Callable[[Number | Computed], Memory]) -> Kernel:
        """Return the kernel; `number` returns the memory of a number, in float64."""
        memories = [self.layout.memories[name] for name in self._arrays]
        begin = [
            f"{name} = {memory.array.dtype.name}_at(memory, {i})"
            for i, (name, memory) in enumerate(zip(self._arrays, memories))
        ]
        for value, name in self._numbers.items():
            begin.append(f"{name} = {value.dtype.name}(float64_at(memory, {len(memories)})[0])")
            memories.append(number(value.source))
        lines = [f"    {line}" for line in [*begin, *self.lines, "return 0"]]
        return Kernel("\n".join(["def native(memory):", *lines, ""]), memories)

    # Code

    def line(self, code: str) -> None:
        """Add a line, indented by the loops around it."""
        self.lines.append("    " * self._depth + code)

    def named(self, wish: str, code: str) -> str:
        """Add a line that gives the number of an expression a name; return the name."""
        name = self.names.new(wish)
        self.line(f"{name} = {code}")
        return name

    def loop(self, variable: str, *bounds: int | str) -> None:
        """Begin a loop."""
        self.line(f"for {variable} in range({', '.join(map(str, bounds))}):")
        self._depth += 1

    def close(self, depth: int = 0) -> None:
        """End the loops below a depth."""
        self._depth = depth

    @property
    def depth(self) -> int:
        """The number of open loops."""
        return self._depth

    # Operands

    def element(self, place: Place, indices: Sequence[Index]) -> str:
        """An element in memory."""
        self._arrays.setdefault(place.memory)
        return place.element(indices)

    def operand(self, x: Any, dtype: np.dtype[Any], indices: Sequence[Index]) -> str:
        """An operand's element at these indices of the result, in a dtype."""
        if not isinstance(x, Value):
            return typed(x, dtype)
        number = uniform(x)
        if number is not None:
            return typed(number, dtype)
        if x.origin == "number":
            text = self._numbers.setdefault(x, self.names.of(x))
        elif id(x.root) in self._made and self.layout.is_itself(x):
            text = self._made[id(x.root)]
        else:
            text = read(self._loaded(self.layout.place(x), indices), x.dtype)
        return text if x.dtype == dtype else f"{dtype.name}({text})"

    def _loaded(self, place: Place, indices: Sequence[Index]) -> str:
        """An element, read before the innermost loop if it is constant there.

        LLVM could not do this: it must assume that the loop writes there.
        """
        code = self.element(place, indices)
        varies = any(
            index.variable in (self._inner, *self._inside) and stride and length > 1
            for index, length, stride in zip(
                reversed(indices), reversed(place.shape), reversed(place.strides)
            )
        )
        if varies or not self._inner:
            return code
        if code not in self._fixed:
            self._fixed[code] = self.names.new("fixed")
        return self._fixed[code]

    # Groups

    def write(self, group: Group) -> None:
        """The loop of a group."""
        variables = [self.names.new(letter) for letter in "ijklmn"[: len(group.shape)]]
        depth = self._depth
        *outer, inner = [(variables[axis], group.shape[axis]) for axis in self._order(group)] or [("", 0)]
        for variable, length in outer:
            self.loop(variable, length)
        lines, self.lines, self._fixed = self.lines, [], {}
        self._inner = inner[0]
        if inner[0]:
            self.loop(*inner)
        for instruction in group.instructions:
            rest = iter(variables)
            assert instruction.result is not None
            self._at = [Index(next(rest) if length > 1 else "") for length in instruction.result.shape]
            self._write(instruction)
        begin = "    " * (depth + len(outer))
        self.lines = [*lines, *(f"{begin}{name} = {code}" for code, name in self._fixed.items()), *self.lines]
        self.close(depth)
        self._made, self._inner = {}, ""

    def _order(self, group: Group) -> list[int]:
        """The axes from the outermost loop to the innermost, in the memory order of what is written."""
        stored = [i.result for i in group.instructions if i.result is not None and self._is_stored(i.result)]
        place = self.layout.place(stored[0])
        strides = [stride for stride, length in zip(place.strides, place.shape) if length > 1]
        return sorted(range(len(strides)), key=lambda axis: (-strides[axis], axis))

    def _is_stored(self, value: Value) -> bool:
        return value.origin == "state" or value.view_of is not None or id(value) in self._stored

    def _write(self, instruction: Instruction) -> None:
        operation, result = instruction.operation, instruction.result
        assert result is not None
        name = self.names.of(result) if result.origin != "state" else self.names.new("changed")
        if isinstance(operation, Reduction):
            self._reduce(name, operation, instruction.reads[0], result)
        elif isinstance(operation, Product):
            a, b = instruction.reads
            self._product(name, a, b, result)
        else:
            self.line(f"{name} = {self._expression(instruction, result)}")
        self._made[id(result)] = name
        if result.view_of is not None:
            self._made.pop(id(result.root), None)  # a part of it has changed
        if self._is_stored(result):
            self.line(f"{self.element(self.layout.place(result), self._at)} = {name}")

    def _expression(self, instruction: Instruction, result: Value) -> str:
        operation, operands, at = instruction.operation, instruction.operands, self._at
        if isinstance(operation, Elementwise):
            dtype = loop_dtype(operation, operands, result)
            assert dtype is not None
            texts = [self.operand(x, dtype, at) for x in operands]
            return EXPRESSIONS[operation.name].format(*texts, dtype=dtype.name)
        if isinstance(operation, Select):
            mask, *both = operands
            texts = [self.operand(mask, np.dtype(bool), at)]
            texts += [self.operand(x, result.dtype, at) for x in both]
            return f"choose({', '.join(texts)})"
        if isinstance(operation, Take):
            return read(self._taken(operation, *instruction.reads), result.dtype)
        return self.operand(operands[0], result.dtype, at)

    def _taken(self, operation: Take, array: Value, indices: Value) -> str:
        """An element of an array, at an index that is bounded."""
        number = uniform(array)
        if number is not None:
            return typed(number, array.dtype)
        place = self.layout.place(array)
        self._arrays.setdefault(place.memory)
        axis = operation.axis
        before = 0 if axis is None else axis % array.array.ndim
        inner = self._at[before : before + indices.array.ndim]
        size = array.array.size if axis is None else array.shape[before]
        chosen = self.names.new("index")
        found = self.operand(indices, np.dtype(np.int64), inner)
        self.line(f"{chosen} = min(max({found}, 0), {size - 1})")
        if axis is not None:
            at = [*self._at[:before], Index(), *self._at[before + indices.array.ndim :]]
            rest = place.element(at)[len(place.memory) + 1 : -1]
            return f"{place.memory}[{rest} + {place.strides[before]} * {chosen}]"
        terms, below = [str(place.offset)], size
        for length, stride in zip(array.shape, place.strides):
            below //= length
            terms.append(f"{stride} * ({chosen} // {below} % {length})")
        if array.array.ndim and place.strides == contiguous(array.shape):
            terms = [str(place.offset), chosen]
        return f"{place.memory}[{' + '.join(terms)}]"

    def _reduce(self, name: str, operation: Reduction, array: Value, result: Value) -> None:
        """A reduction of one element: written out, or a loop."""
        ndim = array.array.ndim
        named = range(ndim) if operation.axis is None else operation.axis
        axes = [axis % ndim for axis in ((named,) if isinstance(named, int) else named)]
        kept = iter(self._at)
        at = [Index() if axis in axes else next(kept) for axis in range(ndim)]
        expression = REDUCTIONS[operation.name]
        lengths = [array.shape[axis] for axis in axes]

        def term(indices: Iterable[Index]) -> str:
            for axis, index in zip(axes, indices):
                at[axis] = index
            return self.operand(array, result.dtype, at)

        if operation.initial is not None:
            start = typed(operation.initial, result.dtype)
        elif operation.name == "add":
            start = typed(0.0, result.dtype)
        else:
            start = term([Index()] * len(axes))
        self._accumulate(name, start, lengths, lambda total, at: expression.format(total, term(at)))

    def _product(self, name: str, a: Value, b: Value, result: Value) -> None:
        """One element of a matrix product: a scalar product."""
        rows = self._at[: a.array.ndim - 1]
        columns = self._at[a.array.ndim - 1 :]

        def added(total: str, at: tuple[Index, ...]) -> str:
            left = self.operand(a, result.dtype, [*rows, *at])
            right = self.operand(b, result.dtype, [*at, *columns])
            return f"add_product({total}, {left}, {right})"

        self._accumulate(name, typed(0.0, result.dtype), [a.shape[-1]], added)

    def _accumulate(
        self,
        name: str,
        start: str,
        lengths: Sequence[int],
        term: Callable[[str, tuple[Index, ...]], str],
    ) -> None:
        """A total over all indices of some axes."""
        self.line(f"{name} = {start}")
        if np.prod(lengths) <= UNROLLED:
            for at in product(*(range(length) for length in lengths)):
                self.line(f"{name} = {term(name, tuple(Index('', shift) for shift in at))}")
            return
        depth = self._depth
        variables = self._inside = [self.names.new("r") for _ in lengths]
        for variable, length in zip(variables, lengths):
            self.loop(variable, length)
        self.line(f"{name} = {term(name, tuple(map(Index, variables)))}")
        self.close(depth)
        self._inside = []


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of rows one after the other."""
    strides = [1]
    for length in reversed(shape[1:]):
        strides.insert(0, strides[0] * length)
    return tuple(strides)
