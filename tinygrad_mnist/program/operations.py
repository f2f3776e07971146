"""The kinds of instructions: each knows its line of NumPy code, and its formula as a person writes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np


class Formula(NamedTuple):
    """A piece of readable code, and how strongly its outermost operator binds."""

    text: str
    binding: int

    def inside(self, binding: int) -> str:
        """As an operand of an operator that binds so strongly."""
        return self.text if self.binding >= binding else f"({self.text})"


ATOM, UNARY = 9, 6
_INFIX = {
    "add": ("+", 4),
    "subtract": ("-", 4),
    "multiply": ("*", 5),
    "divide": ("/", 5),
    "power": ("**", 7),
    "less": ("<", 1),
    "less_equal": ("<=", 1),
    "greater": (">", 1),
    "greater_equal": (">=", 1),
    "equal": ("==", 1),
    "not_equal": ("!=", 1),
    "logical_and": ("&", 2),
}
_METHODS = {"add": "sum", "maximum": "max", "minimum": "min"}


@dataclass(frozen=True)
class Operation:
    """What an instruction does.  Operands and result are given as the text that stands for them."""

    repeatable = True  # the same operands give the same result, so that one of two alike is enough

    def may_overwrite(self, position: int) -> bool:
        """Whether the result may lie in the memory of that operand, when it is of its shape and dtype."""
        return False

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """Lines of code that write into `result`, whose memory is that of the operand number `shared`."""
        raise NotImplementedError

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """The result as an expression."""
        raise NotImplementedError

    def functions(self) -> set[str]:
        """The names that the lines take from NumPy."""
        return set()


@dataclass(frozen=True)
class Elementwise(Operation):
    """A ufunc on each element, by its name in NumPy."""

    name: str

    def may_overwrite(self, position: int) -> bool:
        """Each element is read before it is written."""
        return True

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """add(a, b, result)"""
        if self.name in ("maximum", "minimum"):  # of which NumPy wants `out` by name
            return [f"{self.name}({', '.join(operands)}, out={result})"]
        return [f"{self.name}({', '.join([*operands, result])})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """A + b"""
        if self.name in _INFIX:
            sign, binding = _INFIX[self.name]
            left, right = operands
            sides = (binding + 1, binding) if self.name == "power" else (binding, binding + 1)
            return Formula(f"{left.inside(sides[0])} {sign} {right.inside(sides[1])}", binding)
        if self.name == "negative":
            return Formula(f"-{operands[0].inside(UNARY)}", UNARY)
        if self.name == "reciprocal":
            return Formula(f"1 / {operands[0].inside(6)}", 5)
        return Formula(f"np.{self.name}({', '.join(o.text for o in operands)})", ATOM)

    def functions(self) -> set[str]:
        """The ufunc."""
        return {self.name}


@dataclass(frozen=True)
class Product(Operation):
    """np.dot, or np.matmul for stacks of matrices."""

    name: str

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """a.dot(b, result), which takes 0.1 µs less than np.dot(a, b, result)"""
        if self.name == "dot":
            return [f"{operands[0]}.dot({operands[1]}, {result})"]
        return [f"{self.name}({operands[0]}, {operands[1]}, {result})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """A @ b"""
        return Formula(f"{operands[0].inside(5)} @ {operands[1].inside(6)}", 5)

    def functions(self) -> set[str]:
        """np.matmul; dot is a method."""
        return {self.name} - {"dot"}


@dataclass(frozen=True)
class Reduction(Operation):
    """A ufunc along axes, which are removed."""

    name: str
    axis: int | tuple[int, ...] | None
    initial: float | None

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """add.reduce(a, 0, None, result)"""
        initial = "" if self.initial is None else f", False, {number_text(self.initial)}"
        return [f"{self.name}.reduce({operands[0]}, {self.axis}, None, {result}{initial})"]

    def formula(self, operands: Sequence[Formula], *, keepdims: bool = False) -> Formula:
        """a.sum(axis=0)"""
        said = [] if self.axis is None else [f"axis={self.axis}"]
        if keepdims:
            said.append("keepdims=True")
        if self.initial is not None and self.initial != -np.inf:
            said.append(f"initial={number_text(self.initial)}")
        if self.name in _METHODS:
            return Formula(f"{operands[0].inside(8)}.{_METHODS[self.name]}({', '.join(said)})", ATOM)
        return Formula(f"np.{self.name}.reduce({', '.join([operands[0].text, *said])})", ATOM)

    def functions(self) -> set[str]:
        """The ufunc."""
        return {self.name}


@dataclass(frozen=True)
class View(Operation):
    """Another look at the operand's memory, as code with {} for the operand."""

    code: str

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """Result = a.T"""
        return [f"{result} = {self.code.format(operands[0])}"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """a.T"""
        called = self.code.startswith("np.")
        return Formula(self.code.format(operands[0].text if called else operands[0].inside(8)), ATOM)


@dataclass(frozen=True)
class KeptAxes(View):
    """The view of a reduction in which the reduced axes have length 1."""


@dataclass(frozen=True)
class Copy(Operation):
    """The same elements in memory of its own, in another shape or dtype when so asked."""

    shape: tuple[int, ...]  # of the operand
    dtype: str | None = None
    reshaped: tuple[int, ...] | None = None

    def may_overwrite(self, position: int) -> bool:
        """Then there is nothing to do."""
        return self.dtype is None

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, a)"""
        if shared == 0:
            return []
        target = result if self.reshaped is None else f"{result}.reshape({self.shape})"
        casting = "" if self.dtype is None else ', "unsafe"'
        return [f"copyto({target}, {operands[0]}{casting})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """a.astype(np.float32)"""
        operand = operands[0].inside(8)
        if self.reshaped is not None:
            return Formula(f"{operand}.reshape({self.reshaped})", ATOM)
        return Formula(f"{operand}.copy()" if self.dtype is None else f"{operand}.astype({self.dtype})", ATOM)

    def functions(self) -> set[str]:
        """np.copyto"""
        return {"copyto"}


@dataclass(frozen=True)
class Select(Operation):
    """np.where: of three operands the second where the first holds, else the third."""

    by_mask: bool  # the mask has the result's shape, and what it selects is a single number

    def may_overwrite(self, position: int) -> bool:
        """What is kept may be there already."""
        return position == 2

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, b), then a where the mask says so"""
        mask, chosen, other = operands
        first = [] if shared == 2 else [f"copyto({result}, {other})"]
        if self.by_mask:
            return [*first, f"putmask({result}, {mask}, {chosen})"]
        return [*first, f'copyto({result}, {chosen}, "same_kind", {mask})']

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """np.where(mask, a, b)"""
        return Formula(f"np.where({', '.join(o.text for o in operands)})", ATOM)

    def functions(self) -> set[str]:
        """What writes through a mask."""
        return {"copyto", "putmask"} if self.by_mask else {"copyto"}


@dataclass(frozen=True)
class Take(Operation):
    """np.take of elements along an axis, or of the flat array."""

    axis: int | None
    mode: str

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """a.take(indices, axis, result, mode)"""
        return [f'{operands[0]}.take({operands[1]}, {self.axis}, {result}, "{self.mode}")']

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """a.take(indices)"""
        axis = "" if self.axis is None else f", axis={self.axis}"
        return Formula(f"{operands[0].inside(8)}.take({operands[1].text}{axis})", ATOM)


@dataclass(frozen=True)
class Pick(Operation):
    """Indexing that copies: with arrays and masks.  {} stand for the operand, then for the arrays."""

    code: str

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, a[rows])"""
        return [f"copyto({result}, {self.code.format(*operands)})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """a[rows]"""
        return Formula(self.code.format(operands[0].inside(8), *(o.text for o in operands[1:])), ATOM)

    def functions(self) -> set[str]:
        """np.copyto"""
        return {"copyto"}


@dataclass(frozen=True)
class Put(Operation):
    """The first operand with the second written (or added) at an index, whose arrays are further operands."""

    index: str
    added: bool

    def may_overwrite(self, position: int) -> bool:
        """What is kept may be there already."""
        return position == 0

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, a); result[rows] = b"""
        base, value, *arrays = operands
        first = [] if shared == 0 else [f"copyto({result}, {base})"]
        index = self.index.format(*arrays)
        if self.added:
            return [*first, f"add.at({result}, np.s_[{index}], {value})"]
        return [*first, f"{result}[{index}] = {value}"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """put(a, (rows,), b)"""
        base, value, *arrays = (operand.text for operand in operands)
        name = "added_at" if self.added else "put_at"
        return Formula(f"{name}({base}, np.s_[{self.index.format(*arrays)}], {value})", ATOM)

    def functions(self) -> set[str]:
        """np.copyto, and np.add.at"""
        return {"copyto", "add"} if self.added else {"copyto"}


@dataclass(frozen=True)
class Join(Operation):
    """np.concatenate."""

    axis: int

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """concatenate((a, b), axis, result)"""
        return [f"concatenate(({', '.join(operands)},), {self.axis}, {result})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """np.concatenate((a, b), axis=0)"""
        return Formula(f"np.concatenate(({', '.join(o.text for o in operands)},), axis={self.axis})", ATOM)

    def functions(self) -> set[str]:
        """np.concatenate"""
        return {"concatenate"}


@dataclass(frozen=True)
class Draw(Operation):
    """Random numbers in [0, 1) from the operand, a generator."""

    generator: int  # which one
    shape: tuple[int, ...]
    repeatable = False

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """generator0.random(None, float32, result)"""
        return [f"generator{self.generator}.random(None, float32, {result})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """generator0.random((10, 30), np.float32)"""
        return Formula(f"generator{self.generator}.random({self.shape}, np.float32)", ATOM)

    def functions(self) -> set[str]:
        """The dtype."""
        return {"float32"}


@dataclass(frozen=True)
class Call(Operation):
    """A Python function that is called as it is: a check of values (no result), or an op not looked into."""

    function: Callable[..., Any]
    settings: tuple[tuple[str, Any], ...] = ()
    is_check: bool = False
    repeatable = False

    def _called(self, operands: Sequence[str]) -> str:
        settings = [f"{key}={_literal(value)}" for key, value in self.settings]
        return f"{self.function.__name__}({', '.join([*operands, *settings])})"

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, function(a))"""
        call = self._called(operands)
        return [call if self.is_check else f"copyto({result}, {call})"]

    def formula(self, operands: Sequence[Formula]) -> Formula:
        """function(a)"""
        return Formula(self._called([o.text for o in operands]), ATOM)

    def functions(self) -> set[str]:
        """np.copyto"""
        return set() if self.is_check else {"copyto"}


def _literal(value: Any) -> str:
    return f"np.{value.name}" if isinstance(value, np.dtype) else repr(value)


def number_text(value: Any) -> str:
    """A number as code, as short as its dtype allows; infinities and NaN have no literals."""
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return "np.nan" if np.isnan(value) else ("np.inf" if value > 0 else "-np.inf")
    return str(value) if isinstance(value, np.generic) else repr(value)
