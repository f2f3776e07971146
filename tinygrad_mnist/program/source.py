"""The exact code of a program: a module of NumPy calls, one line per operation."""

from __future__ import annotations

import math
import textwrap
from typing import Any

from tinygrad_mnist.autodiff.expression import array_text, number_text
from tinygrad_mnist.program.helpers import helper_lines
from tinygrad_mnist.program.instructions import Instruction, Recording, Value
from tinygrad_mnist.program.memory import Block, Plan
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.numbers import Number
from tinygrad_mnist.program.operations import View


class Source:
    """Code of a program, and the values that it takes.

    Attributes
    ----------
    text
        A module with a function ``build(states) -> step``; ``step(arguments, numbers) -> outputs``.
    states
        The values whose arrays `build` takes, in its order; then come the generators.
    numbers
        The settings that `step` takes after the arguments.
    """

    def __init__(self, recording: Recording, plan: Plan, names: Names, title: str) -> None:
        self.recording, self.plan, self.names = recording, plan, names
        self.states, self.numbers = outside(recording)
        names.numbers(self.numbers)  # in the order of the parameters
        self._step: list[tuple[str, str]] = []
        self._build: list[tuple[str, str]] = []
        self._write()
        self.text = self._module(title)

    # Lines

    def _write(self) -> None:
        values = all_values(self.recording)
        constants = _each_once(v for v in values if v.origin == "constant")
        for value in constants:
            self._build.append((f"{self.names.of(value)} = {constant_text(value)}", ""))
        for value in _each_once(v for v in values if v.origin == "number"):
            self._build.append((f"{self.names.of(value)} = np.empty((), np.{value.dtype.name})", ""))
            number = value.source.expression(self.names.number_name)
            self._step.append((f"{self.names.of(value)}[()] = {number.text}", ""))
        for block in self.plan.blocks:
            self._make_block(block)
        for instruction in self.recording.instructions:
            self._write_instruction(instruction)

    def _make_block(self, block: Block) -> None:
        """Return lines that allocate the memory and assign each value its part."""
        made: dict[str, Value] = {}
        for value in block.values:
            made.setdefault(self.names.of(value), value)
        first, *others = made.items()
        if all(value.array.size == block.size for value in made.values()):
            self._build.append((f"{first[0]} = {_empty(first[1])}", ""))
            for name, value in others:
                self._build.append((f"{name} = {_within(first[0], first[1], value)}", ""))
            return
        memory = self.names.new("memory")
        self._build.append((f"{memory} = np.empty({block.size}, np.{block.dtype.name})", ""))
        for name, value in made.items():
            alike = next((n for n, v in made.items() if _lies_like(v, value)), name)
            if alike != name:
                self._build.append((f"{name} = {alike}", ""))
                continue
            part = memory if value.array.size == block.size else f"{memory}[:{value.array.size}]"
            self._build.append((f"{name} = {_laid_out(part, value)}", ""))

    def _write_instruction(self, instruction: Instruction) -> None:
        value = instruction.result
        operands = [
            self.names.of(x) if isinstance(x, Value) else number_text(x) for x in instruction.operands
        ]
        name = "" if value is None else self.names.of(value)
        shared = self.plan.shared.get(id(instruction))
        lines = instruction.operation.lines(name, operands, shared)
        once = (
            isinstance(instruction.operation, View) and value is not None and value.root.origin != "argument"
        )
        comment = (
            "" if value is None else _one_line(f"{value.shape} {value.dtype} {instruction.scope}".strip())
        )
        for line in lines:
            (self._build if once else self._step).append((line, "" if once else comment))

    # The module

    def _module(self, title: str) -> str:
        used = sorted({name for i in self.recording.instructions for name in i.operation.functions()})
        generators = [f"generator{i}" for i in range(len(self.recording.generators))]
        states = [*(self.names.of(value) for value in self.states), *generators]
        defaults = [f"{self.names.number_name(n)}={number_text(n.get())}" for n in self.numbers]
        outputs = [f"{self.names.of(value)}{_copied(value)}" for value in self.recording.outputs]
        returned = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
        quiet = ", ".join(f'{kind}="ignore"' for kind in sorted(self.recording.quiet))
        doc = [_one_line(title), "", *self._described()]
        if quiet:
            doc += ["", f"Call step under np.errstate({quiet})."]
        lines = ['"""' + "\n".join(doc) + '\n"""', "", "import numpy as np"]
        if used:
            lines += (
                textwrap.wrap(f"from numpy import {', '.join(used)}", 100, subsequent_indent="    ")
                if len(used) < 8
                else [f"from numpy import ({', '.join(used)})"]
            )
        lines += ["", *self._helpers(), "", f"def build({', '.join(states)}):"]
        lines.append('    """Make all memory once; the parameters are changed where they lie."""')
        lines += [f"    {line}" for line, _ in self._build]
        lines += ["", f"    def step({', '.join([*self.names.arguments, *defaults])}):"]
        width = max((len(line) for line, _ in self._step if len(line) < 60), default=0)
        lines += [
            f"        {line:<{width}}  # {comment}" if comment else f"        {line}"
            for line, comment in self._step
        ]
        lines += [f"        return {returned}", "", "    return step", ""]
        return "\n".join(lines)

    def _described(self) -> list[str]:
        """Return lines on the arguments: names, shapes and dtypes."""
        values = [*self.recording.arguments, *self.states]
        kinds = [
            f"{self.names.of(v)}: {v.shape} {v.dtype}"
            + (f", {_one_line(v.source.name)}" if v.origin == "state" and v.source.name else "")
            for v in values
        ]
        saved = f"{self.plan.bytes_after:,} bytes for results ({self.plan.bytes_before:,} without reuse)"
        return [*kinds, saved]

    def _helpers(self) -> list[str]:
        """Return the source of the Python functions that are called."""
        return helper_lines(self.recording.instructions)


def all_values(recording: Recording) -> list[Value]:
    """Return the values that instructions read and make, in their order, then the outputs."""
    values: list[Value] = []
    for instruction in recording.instructions:
        values += instruction.reads
        values += [instruction.result] if instruction.result is not None else []
    return values + recording.outputs


def outside(recording: Recording) -> tuple[list[Value], list[Number]]:
    """Return the states, each by one of its values, and the numbers."""
    values = all_values(recording)
    states: dict[int, Value] = {}
    for value in values:
        if value.root.origin == "state":
            states.setdefault(id(value.root.source), value.root)
    numbers = (number for value in values if value.origin == "number" for number in value.source.leaves)
    return list(states.values()), _each_once(numbers)


def signature(recording: Recording, names: Names) -> str:
    """Return the parameters of a function of arguments, states, generators and numbers."""
    states, numbers = outside(recording)
    generators = [f"generator{i}" for i in range(len(recording.generators))]
    defaults = [f"{name}={number_text(n.get())}" for n, name in names.numbers(numbers).items()]
    return ", ".join([*names.arguments, *map(names.of, states), *generators, *defaults])


def _each_once(things: Any) -> list[Any]:
    """Return the items in order without duplicates."""
    return list(dict.fromkeys(things))


def _order(value: Value) -> tuple[int, ...]:
    """Return the axes from the slowest to the fastest in memory."""
    strides = value.array.strides
    return tuple(sorted(range(value.array.ndim), key=lambda axis: (-strides[axis], axis)))


def _copied(value: Value) -> str:
    """Return code that, after the name of a value, copies it in its own layout."""
    return ".copy()" if _is_plain(value) else '.copy("K")'


def _one_line(text: str) -> str:
    """Return a text in which nothing ends a line, a comment or a docstring."""
    return "".join("_" if c in '"\\' or not c.isprintable() else c for c in text)


def _is_plain(value: Value) -> bool:
    return bool(value.array.flags.c_contiguous)


def constant_text(value: Value) -> str:
    """Return code that makes a constant in the layout of the capture: products sum in its order."""
    if _is_plain(value):
        return array_text(value.array)
    if 0 in value.array.strides:
        once = value.array[tuple(slice(None if stride else 1) for stride in value.array.strides)]
        return f"np.broadcast_to({array_text(once)}, {value.shape})"
    order = _order(value)
    return f"{array_text(value.array.transpose(order))}.transpose({_inverse(order)})"


def _empty(value: Value) -> str:
    """Return code that allocates memory for a value in the layout of the capture."""
    if _is_plain(value):
        return f"np.empty({value.shape}, np.{value.dtype.name})"
    return _laid_out(f"np.empty({value.array.size}, np.{value.dtype.name})", value)


def _laid_out(flat: str, value: Value) -> str:
    """Return code for flat memory in the shape and layout of a value."""
    if _is_plain(value):
        return f"{flat}.reshape({value.shape})"
    order = _order(value)
    shape = tuple(value.shape[axis] for axis in order)
    assert math.prod(shape) == value.array.size
    return f"{flat}.reshape({shape}).transpose({_inverse(order)})"


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    """Return the order of axes that undoes a transposition."""
    return tuple(order.index(axis) for axis in range(len(order)))


def _lies_like(first: Value, value: Value) -> bool:
    return (first.shape, first.array.strides) == (value.shape, value.array.strides)


def _within(name: str, first: Value, value: Value) -> str:
    """Return code for the memory of one value in the shape of another with as many elements."""
    if _lies_like(first, value):
        return name  # the same object: NumPy recognizes at once that it may overwrite the operand
    flat = f"{name}.ravel()" if _is_plain(first) else f"{name}.transpose({_order(first)}).ravel()"
    return _laid_out(flat, value)
