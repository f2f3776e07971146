"""The code of one loop over a shape: for each element, all instructions of a group."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import number_text
from tinygrad_mnist.program.instructions import Instruction, Operand, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.native.groups import Group
from tinygrad_mnist.program.native.kernels import LocalNames
from tinygrad_mnist.program.native.layout import Index, Layout, Place, uniform
from tinygrad_mnist.program.operations import (
    Copy,
    Elementwise,
    Product,
    Reduction,
    Select,
    Take,
)

UNROLLED = 16  # the most terms of a sum that are written out
DTYPES = frozenset(map(np.dtype, ("bool", "int32", "int64", "float32", "float64")))
_FLOATS = frozenset(map(np.dtype, ("float32", "float64")))
_EXPRESSIONS = {
    "absolute": "abs({0})",
    "add": "({0} + {1})",
    "clip": "smaller(larger({0}, {1}), {2})",
    "divide": "({0} / {1})",
    "equal": "({0} == {1})",
    "exp": "exp_{dtype}({0})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "log": "log_{dtype}({0})",
    "log1p": "log1p_{dtype}({0})",
    "logical_and": "({0} & {1})",
    "logical_not": "(not {0})",
    "logical_or": "({0} | {1})",
    "maximum": "larger({0}, {1})",
    "minimum": "smaller({0}, {1})",
    "multiply": "({0} * {1})",
    "negative": "(-{0})",
    "not_equal": "({0} != {1})",
    "power": "({0} ** {1})",
    "reciprocal": "({dtype}(1) / {0})",
    "square": "({0} * {0})",
    "subtract": "({0} - {1})",
    "tanh": "tanh_{dtype}({0})",
}
# Functions that native code takes from NumPy, as numba compiles them.
NUMPY_FUNCTIONS = (
    *("sqrt", "expm1", "exp2", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh"),
    *("cosh", "arcsinh", "arccosh", "arctanh", "floor", "sign"),
)
_EXPRESSIONS |= {name: f"{name}({{0}})" for name in NUMPY_FUNCTIONS}
_ALSO_INTEGERS = frozenset({"add", "multiply", "subtract"})
_COMPARISONS = frozenset({"equal", "greater", "greater_equal", "less", "less_equal", "not_equal"})
_REDUCTIONS = {"add": "add_to_sum({0}, {1})", "maximum": "larger({0}, {1})", "minimum": "smaller({0}, {1})"}


def loop_dtype(operation: Elementwise, operands: Sequence[Operand], result: Value) -> np.dtype[Any] | None:
    """The dtype that an elementwise operation computes in; None where native code would use another."""
    if operation.name not in _EXPRESSIONS:
        return None
    if operation.name == "clip":
        return result.dtype if result.dtype in _FLOATS else None
    kinds = [x.dtype if isinstance(x, Value) else type(x) for x in operands]
    resolved = getattr(np, operation.name).resolve_dtypes((*kinds, None))
    found: np.dtype[Any] = resolved[0]
    if any(dtype != found for dtype in resolved[:-1]):
        return None
    allowed = found in _FLOATS
    allowed |= found == np.int64 and operation.name in _ALSO_INTEGERS | _COMPARISONS
    allowed |= found == np.bool and (operation.name in _COMPARISONS or operation.name.startswith("logical"))
    return found if allowed else None


def is_loop(instruction: Instruction) -> bool:
    """Return True if there is native code for an instruction other than a product."""
    operation, result = instruction.operation, instruction.result
    values = [*instruction.reads, *([] if result is None else [result])]
    if result is None or any(value.dtype not in DTYPES or not value.array.size for value in values):
        return False
    if isinstance(operation, Elementwise):
        return loop_dtype(operation, instruction.operands, result) is not None
    if isinstance(operation, Reduction):
        same = instruction.reads[0].dtype == result.dtype
        return operation.name in _REDUCTIONS and same and result.dtype in _FLOATS
    if isinstance(operation, Copy):
        return operation.reshaped is None
    if isinstance(operation, Select):
        return all(value.dtype == result.dtype for value in instruction.reads[1:])
    return isinstance(operation, Take) and operation.mode == "clip"


class Writer:
    """Writer of the code of one native function.

    Attributes
    ----------
    lines
        Lines of its body so far.
    arrays, numbers
        Its parameters: names of memory, and values that are numbers, in the order of their first use.
    """

    def __init__(self, layout: Layout, names: Names | LocalNames, stored: set[int]) -> None:
        self.layout, self.names = layout, names
        self.lines: list[str] = []
        self.arrays: dict[str, None] = {}
        self.numbers: dict[Value, str] = {}
        self._stored = stored
        self._depth = 0
        self._made: dict[int, str] = {}  # names of this element's results
        self._at: list[Index] = []
        self._inner = ""  # the variable of the innermost loop
        self._inside: list[str] = []  # the variables of loops within it
        self._fixed: dict[str, str] = {}  # elements constant in the innermost loop, and their names

    # Code

    def line(self, code: str) -> None:
        """Add a line, indented by the loops around it."""
        self.lines.append("    " * self._depth + code)

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
        self.arrays.setdefault(place.memory)
        return place.element(indices)

    def operand(self, x: Any, dtype: np.dtype[Any], indices: Sequence[Index]) -> str:
        """An operand's element at these indices of the result, in a dtype."""
        if not isinstance(x, Value):
            return typed(x, dtype)
        number = uniform(x)
        if number is not None:
            return typed(number, dtype)
        if x.origin == "number":
            text = self.numbers.setdefault(x, self.names.of(x))
        elif id(x.root) in self._made and self.layout.is_itself(x):
            text = self._made[id(x.root)]
        else:
            text = self._loaded(self.layout.place(x), indices)
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
            return _EXPRESSIONS[operation.name].format(*texts, dtype=dtype.name)
        if isinstance(operation, Select):
            mask, *both = operands
            texts = [self.operand(mask, np.dtype(bool), at)]
            texts += [self.operand(x, result.dtype, at) for x in both]
            return f"choose({', '.join(texts)})"
        if isinstance(operation, Take):
            return self._taken(operation, *instruction.reads)
        return self.operand(operands[0], result.dtype, at)

    def _taken(self, operation: Take, array: Value, indices: Value) -> str:
        """An element of an array, at an index that is bounded."""
        number = uniform(array)
        if number is not None:
            return typed(number, array.dtype)
        place = self.layout.place(array)
        self.arrays.setdefault(place.memory)
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
        expression = _REDUCTIONS[operation.name]
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


def typed(number: Any, dtype: np.dtype[Any]) -> str:
    """A number as code that has a dtype."""
    if isinstance(number, np.generic):
        number = number.item()
    return f"{dtype.name}({number_text(number).removeprefix('np.').replace('-np.', '-')})"


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of rows one after the other."""
    strides = [1]
    for length in reversed(shape[1:]):
        strides.insert(0, strides[0] * length)
    return tuple(strides)
