"""The kinds of instructions, each with its line of NumPy code and its formula as on paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import (
    ATOM,
    Expression,
    applied,
    called,
    literal,
    literal_text,
    number_text,
)

PLACE = object()  # in an index: an array that is an operand
_METHODS = {"add": "sum", "maximum": "max", "minimum": "min"}


@dataclass(frozen=True)
class Operation:
    """A kind of instruction.  Operands and result are given as their text in code."""

    repeatable = True  # the same operands give the same result, so one of two equal instructions suffices

    def may_overwrite(self, position: int) -> bool:
        """Return True if the result may lie in the memory of that operand, of equal shape and dtype."""
        return False

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """Lines of code that write into `result`, whose memory is that of the operand number `shared`."""
        raise NotImplementedError

    def formula(self, operands: Sequence[Expression]) -> Expression:
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
        if self.name in ("maximum", "minimum"):  # which take `out` by name only
            return [f"{self.name}({', '.join(operands)}, out={result})"]
        return [f"{self.name}({', '.join([*operands, result])})"]

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """A + b"""
        if self.name == "reciprocal" and operands[0].is_of("f"):  # that of an integer is an integer
            return applied("divide", [literal(1), *operands])
        return applied(self.name, operands, module="np.")

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

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """A @ b"""
        stacks = any(np.ndim(operand.array) > 2 for operand in operands)  # for which np.dot is not @
        return applied("dot" if self.name == "dot" and stacks else "matmul", operands, module="np.")

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

    def formula(self, operands: Sequence[Expression], *, keepdims: bool = False) -> Expression:
        """a.sum(axis=0)"""
        said = [] if self.axis is None else [f"axis={self.axis}"]
        if keepdims:
            said.append("keepdims=True")
        if self.initial is not None:
            said.append(f"initial={number_text(self.initial)}")
        if self.name in _METHODS:
            return Expression(f"{operands[0].inside(ATOM)}.{_METHODS[self.name]}({', '.join(said)})")
        if self.axis is None:
            said = ["axis=None", *said]  # which is not what reduce() takes by default
        return called(f"np.{self.name}.reduce", operands, ", ".join(said))

    def functions(self) -> set[str]:
        """The ufunc."""
        return {self.name}


@dataclass(frozen=True)
class View(Operation):
    """A view of the operand's memory, as code with {} for the operand."""

    code: str

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """Result = a.T"""
        return [f"{result} = {self.code.format(operands[0])}"]

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """a.T"""
        is_call = self.code.startswith("np.")
        return Expression(self.code.format(operands[0].text if is_call else operands[0].inside(ATOM)))


@dataclass(frozen=True)
class Transpose(View):
    """The view with the axes in another order."""

    axes: tuple[int, ...]


@dataclass(frozen=True)
class Reshape(View):
    """The view in another shape."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class KeptAxes(Reshape):
    """The view of a reduction in which the reduced axes have length 1."""


@dataclass(frozen=True)
class Index(View):
    """The view of some elements: whole numbers, slices, None and Ellipsis."""

    index: Any = field(compare=False)  # as in the code


@dataclass(frozen=True)
class Broadcast(View):
    """The view with elements repeated."""

    shape: tuple[int, ...]


@dataclass(frozen=True)
class Windows(View):
    """The view of all windows of some lengths along axes, the places in a window as new last axes."""

    lengths: tuple[int, ...]
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Copy(Operation):
    """A copy of the elements, in another shape or dtype if these are given."""

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

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """a.astype(np.float32)"""
        operand = operands[0].inside(ATOM)
        if self.reshaped is not None:
            return Expression(f"{operand}.reshape({self.reshaped})")
        return Expression(f"{operand}.copy()" if self.dtype is None else f"{operand}.astype({self.dtype})")

    def functions(self) -> set[str]:
        """np.copyto"""
        return {"copyto"}


@dataclass(frozen=True)
class Select(Operation):
    """np.where: the second of three operands where the first is true, else the third."""

    by_mask: bool  # the mask has the result's shape, and selects a single number

    def may_overwrite(self, position: int) -> bool:
        """Return True for the operand whose elements are kept."""
        return position == 2

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, b), then a where the mask is true"""
        mask, chosen, other = operands
        first = [] if shared == 2 else [f"copyto({result}, {other})"]
        if self.by_mask:
            return [*first, f"putmask({result}, {mask}, {chosen})"]
        return [*first, f'copyto({result}, {chosen}, "same_kind", {mask})']

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """np.where(mask, a, b)"""
        return called("np.where", operands)

    def functions(self) -> set[str]:
        """The functions that write through a mask."""
        return {"copyto", "putmask"} if self.by_mask else {"copyto"}


@dataclass(frozen=True)
class Keep(Operation):
    """The first operand where the second, a mask, is true, else 0: its bits times the mask."""

    bits: str  # the dtype of whole numbers of as many bytes

    def may_overwrite(self, position: int) -> bool:
        """Return True for the operand whose elements are kept."""
        return position == 0

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """multiply(a.view("i4"), mask, result.view("i4"))"""
        x, mask = operands
        return [f'multiply({x}.view("{self.bits}"), {mask}, {result}.view("{self.bits}"))']

    def functions(self) -> set[str]:
        """np.multiply"""
        return {"multiply"}


@dataclass(frozen=True)
class Merge(Operation):
    """The elements of either operand where the bits of the other are 0."""

    bits: str

    def may_overwrite(self, position: int) -> bool:
        """Each element is read before it is written."""
        return True

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """bitwise_or(a.view("i4"), b.view("i4"), result.view("i4"))"""
        looks = [f'{x}.view("{self.bits}")' for x in (*operands, result)]
        return [f"bitwise_or({', '.join(looks)})"]

    def functions(self) -> set[str]:
        """np.bitwise_or"""
        return {"bitwise_or"}


@dataclass(frozen=True)
class Take(Operation):
    """np.take of elements along an axis, or of the flat array."""

    axis: int | None
    mode: str

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """a.take(indices, axis, result, mode)"""
        return [f'{operands[0]}.take({operands[1]}, {self.axis}, {result}, "{self.mode}")']

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """a.take(indices)"""
        axis = "" if self.axis is None else f", axis={self.axis}"
        mode = "" if self.mode == "raise" else f', mode="{self.mode}"'
        return Expression(f"{operands[0].inside(ATOM)}.take({operands[1].text}{axis}{mode})")


@dataclass(frozen=True)
class Function(Operation):
    """A function of NumPy along an axis that makes its own result, as code with {} for the operands."""

    code: str
    name: str  # after "np."
    axis: int

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, np.sort(a, axis=0))"""
        return [f"copyto({result}, {self.code.format(*operands)})"]

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """np.sort(a, axis=0)"""
        return Expression(self.code.format(*(operand.text for operand in operands)))

    def functions(self) -> set[str]:
        """np.copyto"""
        return {"copyto"}


@dataclass(frozen=True)
class Pick(Operation):
    """Indexing that copies: with arrays and masks.  {} stand for the operand, then for the arrays."""

    code: str
    index: Any = field(compare=False)  # as in the code, with a `PLACE` for each array

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, a[rows])"""
        return [f"copyto({result}, {self.code.format(*operands)})"]

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """a[rows]"""
        return Expression(self.code.format(operands[0].inside(ATOM), *(o.text for o in operands[1:])))

    def functions(self) -> set[str]:
        """np.copyto"""
        return {"copyto"}


@dataclass(frozen=True)
class Put(Operation):
    """The first operand with the second written (or added) at an index, whose arrays are further operands."""

    code: str
    added: bool
    index: Any = field(compare=False)  # as in the code, with a `PLACE` for each array

    def may_overwrite(self, position: int) -> bool:
        """Return True for the operand whose elements are kept."""
        return position == 0

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, a); result[rows] = b"""
        base, value, *arrays = operands
        first = [] if shared == 0 else [f"copyto({result}, {base})"]
        index = self.code.format(*arrays)
        if self.added and not arrays:  # each element occurs once
            return [*first, f"{result}[{index}] += {value}"]
        if self.added:
            return [*first, f"add.at({result}, np.s_[{index}], {value})"]
        return [*first, f"{result}[{index}] = {value}"]

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """put(a, (rows,), b)"""
        base, value, *arrays = (operand.text for operand in operands)
        name = "added_at" if self.added else "put_at"
        return Expression(f"{name}({base}, np.s_[{self.code.format(*arrays)}], {value})")

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

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """np.concatenate((a, b), axis=0)"""
        return Expression(f"np.concatenate(({', '.join(o.text for o in operands)},), axis={self.axis})")

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

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """generator0.random((10, 30), np.float32)"""
        return Expression(f"generator{self.generator}.random({self.shape}, np.float32)")

    def functions(self) -> set[str]:
        """The dtype."""
        return {"float32"}


@dataclass(frozen=True)
class Call(Operation):
    """A Python function called as a whole: a check of values (no result), or an op that is not traced."""

    function: Callable[..., Any]
    name: str  # its name in the code, which no other function has
    settings: tuple[tuple[str, Any], ...] = ()
    is_check: bool = False
    repeatable = False

    def _called(self, operands: Sequence[str]) -> str:
        settings = [f"{key}={literal_text(value)}" for key, value in self.settings]
        return f"{self.name}({', '.join([*operands, *settings])})"

    def lines(self, result: str, operands: Sequence[str], shared: int | None = None) -> list[str]:
        """copyto(result, function(a))"""
        call = self._called(operands)
        return [call if self.is_check else f"copyto({result}, {call})"]

    def formula(self, operands: Sequence[Expression]) -> Expression:
        """function(a)"""
        return Expression(self._called([o.text for o in operands]))

    def functions(self) -> set[str]:
        """np.copyto"""
        return set() if self.is_check else {"copyto"}
