"""Readable code of a program: one formula per named value, as on paper, without memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tinygrad_mnist.autodiff.expression import Expression, array_text, literal, number_beside
from tinygrad_mnist.program.helpers import helper_lines
from tinygrad_mnist.program.instructions import Instruction, Operand, Recording, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.operations import (
    Call,
    Draw,
    Elementwise,
    KeptAxes,
    Operation,
    Put,
    Reduction,
    Select,
    View,
)
from tinygrad_mnist.program.source import signature

_LONGEST_INLINE = 60
_LONGEST_CONSTANT_INLINE = 16
_IN_PLACE = {"add": "+=", "subtract": "-=", "multiply": "*=", "divide": "/="}
_PUT = """
def put_at(array, index, value):
    array = np.array(array)
    array[index] = value
    return array
"""
_ADDED = """
def added_at(array, index, value):
    array = np.array(array)
    np.add.at(array, index, value)
    return array
"""


@dataclass(frozen=True)
class Line:
    """``name = formula``, or another statement about `name`; what it makes has a shape."""

    name: str
    code: str
    shape: str


class Derivation:
    """The lines of a program's mathematics.

    Values without a name that are read once stand inside the formula that reads them.
    """

    def __init__(self, recording: Recording, names: Names) -> None:
        self.recording, self.names = recording, names
        self.lines: list[Line] = []
        self._reads = Counter(id(v) for i in recording.instructions for v in i.reads)
        self._returned = {id(value) for value in recording.outputs}
        self._makers = {id(i.result): i for i in recording.instructions}
        self._inside: dict[int, Expression] = {}  # expressions inside others
        self._pending: dict[int, Value] = {}  # those that are not read by all readers yet
        self.constants: dict[str, Line] = {}
        for instruction in recording.instructions:
            if instruction.result is not None:  # a check has no result
                self._write(instruction, instruction.result)
        for value in recording.outputs:
            if value.origin == "constant":
                name = names.of(value)
                self.constants[name] = Line(name, f"{name} = {array_text(value.array)}", "")
        self.lines = [*self.constants.values(), *self.lines]

    def _write(self, instruction: Instruction, value: Value) -> None:
        formula = replace(self._formula(instruction), array=value.array)
        if instruction.changes:
            change = self._change(instruction, value, formula)
            self._write_pending()
            self.lines.append(change)
            return
        if id(value) in self._returned:
            self._define(value, formula)
            return
        if isinstance(instruction.operation, View) and formula.text.endswith(".T"):
            self._inside[id(value)] = formula
            self._pending[id(value)] = value
            return
        once = self._reads[id(value)] == 1 and not isinstance(instruction.operation, Draw)
        if once and not self.names.is_telling(value) and len(formula.text) <= _LONGEST_INLINE:
            self._inside[id(value)] = formula
            self._pending[id(value)] = value
            return
        self._define(value, formula)

    def _define(self, value: Value, formula: Expression) -> None:
        name = self.names.of(value)
        self.lines.append(Line(name, f"{name} = {formula.text}", str(value.shape)))

    def _write_pending(self) -> None:
        """Name values that are read after one of their operands has changed."""
        for key, value in self._pending.items():
            if self._reads[key] > 0:
                self._define(value, self._inside.pop(key))
        self._pending.clear()

    def _formula(self, instruction: Instruction) -> Expression:
        operation, operands = instruction.operation, instruction.operands
        maker = self._kept_reduction(instruction)
        if maker is not None:
            assert isinstance(maker.operation, Reduction)
            return maker.operation.formula([self._operand(x) for x in maker.operands], keepdims=True)
        if isinstance(operation, Elementwise) and operation.name in ("add", "multiply"):
            operands = tuple(sorted(operands, key=_is_variable))  # 1 + x, lr * x: numbers first
        bare = [_beside(operation, operands, position) for position in range(len(operands))]
        return operation.formula([self._operand(x, others) for x, others in zip(operands, bare)])

    def _kept_reduction(self, instruction: Instruction) -> Instruction | None:
        """Return the reduction whose axes are kept, if nothing else reads it."""
        operand = instruction.operands[0] if instruction.operands else None
        if not isinstance(instruction.operation, KeptAxes) or not isinstance(operand, Value):
            return None
        if id(operand) not in self._inside:
            return None
        self._reads[id(operand)] -= 1
        return self._makers[id(operand)]

    def _operand(self, x: Operand, others: Sequence[Any] | None = None) -> Expression:
        """Return an operand as code; a number next to `others` is written as by hand."""
        if not isinstance(x, Value):
            return literal(x)
        self._reads[id(x)] -= 1
        if id(x) in self._inside:
            return self._inside[id(x)]
        if x.origin == "number":
            number: Expression = x.source.expression(self.names.number_name)
            return replace(number, array=x.array)
        if x.origin != "constant":
            return Expression(self.names.of(x), array=x.array)
        if others is not None and not x.shape:
            return number_beside(x.array[()], others)
        text = array_text(x.array)
        if x.shape and len(text) > _LONGEST_CONSTANT_INLINE:
            self.constants[self.names.of(x)] = Line(self.names.of(x), f"{self.names.of(x)} = {text}", "")
            text = self.names.of(x)
        return Expression(text, array=x.array)

    def _change(self, instruction: Instruction, value: Value, formula: Expression) -> Line:
        """W1 -= lr * dW1"""
        name, operation = self.names.of(value), instruction.operation
        first = instruction.operands[0]
        if (
            isinstance(operation, Elementwise)
            and operation.name in _IN_PLACE
            and isinstance(first, Value)
            and self.names.of(first) == name
        ):
            right = self._operand(instruction.operands[1], _beside(operation, instruction.operands, 1))
            return Line(name, f"{name} {_IN_PLACE[operation.name]} {right.text}", "")
        return Line(name, f"{name}[...] = {formula.text}", "")


def _beside(operation: Operation, operands: Sequence[Operand], position: int) -> list[Any] | None:
    """Return the key by which an operand affects the dtype; None if it must be an array."""
    if isinstance(operation, Put):
        together: tuple[int, ...] = (0,) if position == 1 else ()
    elif isinstance(operation, Elementwise | Select):
        first = 1 if isinstance(operation, Select) and position else 0  # a mask does not affect the dtype
        together = tuple(i for i in range(first, len(operands)) if i != position)
    else:
        return None
    others = [operands[i] for i in together]
    return [x.dtype if isinstance(x, Value) else x for x in others] or None


def _is_variable(x: Operand) -> bool:
    return isinstance(x, Value) and x.origin not in ("constant", "number")


def derivation(recording: Recording, names: Names, title: str) -> str:
    """The mathematics of a program as a module with one function, which changes its parameters in place."""
    derived = Derivation(recording, names)
    operations = [i.operation for i in recording.instructions]
    lines = [f'"""{title}, as on paper."""', "", "import numpy as np", ""]
    lines += helper_lines([i for i in recording.instructions if _is_called(i)])
    lines += _PUT.splitlines() if any(isinstance(o, Put) and not o.added for o in operations) else []
    lines += _ADDED.splitlines() if any(isinstance(o, Put) and o.added for o in operations) else []
    arguments = signature(recording, names)
    lines += ["", f"def step({arguments}):"]
    width = max((len(line.code) for line in derived.lines if len(line.code) < 60), default=0)
    lines += [f"    {line.code}" for line in derived.constants.values()]
    section = ""
    for line in derived.lines[len(derived.constants) :]:
        found = _section(line, section)
        if found != section:
            lines += [*([""] if section or derived.constants else []), f"    # {found}"]
            section = found
        lines.append(f"    {line.code:<{width}}  # {line.shape}" if line.shape else f"    {line.code}")
    outputs = [names.of(value) for value in recording.outputs]
    returned = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
    return "\n".join([*lines, f"    return {returned}", ""])


def _is_called(instruction: Instruction) -> bool:
    return isinstance(instruction.operation, Call) and not instruction.operation.is_check


def _section(line: Line, before: str) -> str:
    """Forward, backward from the first gradient on, update from the first change on."""
    if not line.shape:
        return "update"
    if before == "backward" or line.name[:1] == "d":
        return "backward" if before != "update" else "update"
    return before or "forward"
