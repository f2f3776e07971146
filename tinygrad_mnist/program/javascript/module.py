"""The module: the functions that a program uses, and the program itself, one line for each instruction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.javascript.answer import answer
from tinygrad_mnist.program.javascript.elements import made
from tinygrad_mnist.program.javascript.library import library, needed, types
from tinygrad_mnist.program.javascript.lines import lines
from tinygrad_mnist.program.javascript.places import Place, Places
from tinygrad_mnist.program.javascript.text import (
    KINDS,
    array_text,
    bounds,
    comment,
    name_text,
    number_text,
    shape_text,
)
from tinygrad_mnist.program.memory import Block, Plan, plan
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.operations import View
from tinygrad_mnist.program.source import all_values, outside
from tinygrad_mnist.program.trace import Trace

_SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**"}


def javascript(trace: Trace) -> str:
    """Return a program as the text of a module with a function ``build(states, generators) -> step``.

    Raises
    ------
    CaptureError
        If an operation, a dtype or the layout of an array has no form in JavaScript.
    """
    recording, title = trace.recording, trace.call.title
    layout = plan(recording.instructions, recording.outputs)
    try:
        return _Module(trace, layout, Names(recording, trace.argument_names, layout)).text(title)
    except CaptureError as error:
        raise CaptureError(f"{title} cannot be printed as JavaScript: {error}") from None


class _Module:
    """The lines of a program."""

    def __init__(self, trace: Trace, layout: Plan, names: Names) -> None:
        self.trace, self.plan, self.names = trace, layout, names
        self.recording = recording = trace.recording
        self.states, self.numbers = outside(recording)
        names.numbers(self.numbers)
        self.places = Places(recording)
        self._functions = made()
        self._taken = frozenset(library().keys() | self._functions.keys())
        self._given = {id(v): self._spelled(names.new(f"{names.of(v)}_given")) for v in recording.arguments}
        self._once: dict[str, str] = {}
        self._build: list[str] = []
        self._step: list[tuple[str, str]] = []
        self._write()

    # What the lines of operations ask for

    def name(self, value: Value) -> str:
        """Return the name of a value."""
        return self._spelled(self.names.of(value))

    def place(self, value: Value) -> Place:
        """Return the place of a value in its memory."""
        return self.places.of(value)

    def once(self, wish: str, code: str) -> str:
        """Return the name of something that is made once, equal code under one name."""
        if code not in self._once:
            self._once[code] = self._spelled(self.names.new(wish))
            self._build.append(f"const {self._once[code]} = {code};")
        return self._once[code]

    def is_shared(self, instruction: Instruction, position: int) -> bool:
        """Return True if the result lies in the memory of that operand."""
        return self.plan.shared.get(id(instruction)) == position

    def _spelled(self, name: str) -> str:
        return name_text(name, self._taken)

    # Lines

    def _write(self) -> None:
        for generator in self.recording.generators:
            _require_pcg64(generator)
        values = [*self.recording.arguments, *all_values(self.recording)]
        for value in values:
            _require_kind(value, self.name(value))
        for value in self.states:
            self._write_state(value)
        for value in self.recording.arguments:
            self._define(value, f"new {_kind(value)}({value.array.size})")
            self._step.append((self._filled(value), ""))
        for value in dict.fromkeys(v for v in values if v.root.origin == "constant"):
            self._define(value, array_text(value.array))
        for value in dict.fromkeys(v for v in values if v.origin == "number"):
            self._define(value, f"new {_kind(value)}(1)")
            self._step.append((f"{self.name(value)}.data[0] = {self._number(value.source)};", ""))
        for block in self.plan.blocks:
            self._write_block(block)
        for instruction in self.recording.instructions:
            self._write_instruction(instruction)

    def _write_state(self, value: Value) -> None:
        name = self.name(value)
        if not value.array.flags.c_contiguous:
            raise CaptureError(
                f"{value.source.name or name} is an array in another order than C order: expected rows one "
                "after another; assign np.ascontiguousarray of it"
            )
        self._build.append(f'{name} = state({name}, {shape_text(value.shape)}, {_kind(value)}, "{name}");')

    def _filled(self, value: Value) -> str:
        name = self.name(value)
        given = f'{name}, {self._given[id(value)]}, "{name}"'
        if value.dtype.kind == "f":
            return f"fill({given});"
        low, high = bounds(value.dtype)
        return f"fillWhole({given}, {low}, {high});"

    def _define(self, value: Value, memory: str) -> None:
        place = self.place(value)
        strides = [] if place.is_plain else [shape_text(place.strides)]
        axes = ", ".join([shape_text(place.shape), *strides])
        self._build.append(f"const {self.name(value)} = array({memory}, {axes});")

    def _write_block(self, block: Block) -> None:
        """Allocate memory, and assign each value its part."""
        values = {self.names.of(value): value for value in reversed(block.values)}
        first, *others = reversed(values.values())
        memory = f"new {KINDS[block.dtype.name]}({block.size})"
        if others:
            name = self._spelled(self.names.new("memory"))
            self._build.append(f"const {name} = {memory};")
            memory = name
        for value in (first, *others):
            self._define(value, memory)

    def _write_instruction(self, instruction: Instruction) -> None:
        value = instruction.result
        written = lines(self, instruction)
        if isinstance(instruction.operation, View):
            self._build += written
            return
        said = "" if value is None else f"{value.shape} {value.dtype} {instruction.scope}".strip()
        self._step += [(line, said) for line in written]

    def _number(self, number: Number | Computed | float) -> str:
        if isinstance(number, Number):
            return self._spelled(self.names.number_name(number))
        if not isinstance(number, Computed):
            return f"({number_text(number)})" if number < 0 else number_text(number)
        operands = [self._number(operand) for operand in number.operands]
        if number.operation == "negative":
            return f"(-{operands[0]})"
        return f"({f' {_SIGNS[number.operation]} '.join(operands)})"

    def _default(self, number: Number) -> str:
        """Return the value of a number where a call gives none: updates are counted from the capture on."""
        value = number_text(number.get())
        counts = [count for count in self.recording.counts if count.like is number.holder]
        if number.key != "steps" or not counts:
            return value
        name = self._spelled(self.names.new(f"{self.names.number_name(number)}_counted"))
        self._build.append(f"let {name} = {value};")
        return f"({name} += {counts[0].updates}) - {counts[0].updates}"

    # The module

    def text(self, title: str) -> str:
        """Return the module."""
        generators = [f"generator{i}" for i in range(len(self.recording.generators))]
        defaults = [f"{self._number(number)} = {self._default(number)}" for number in self.numbers]
        returned = answer(self.trace, self.states, self.name)
        given = [self._given[id(value)] for value in self.recording.arguments]
        build = [*self._build, *(f"{name} = generator({name});" for name in generators)]
        body = [
            *(f"  {line}" for line in build),
            "",
            f"  return function step({', '.join([*given, *defaults])}) {{",
            *(f"    {line}" for line in _side_by_side(self._step)),
            f"    return {returned};",
            "  };",
        ]
        states = ", ".join([*(self.name(value) for value in self.states), *generators])
        functions = needed(_words("\n".join(body)) & self._taken, self._functions)
        return "\n".join(
            [
                comment(title),
                "//",
                *map(comment, self._described()),
                "",
                "// The states are changed in place; the memory of the results is made once.",
                f"export function build({states}) {{",
                *body,
                "}",
                "",
                *types(functions),
                *functions,
            ]
        )

    def _described(self) -> list[str]:
        """Return lines on the arguments: names, shapes and dtypes."""
        return [
            f"{self.name(v)}: {v.shape} {v.dtype}"
            + (f", {v.source.name}" if v.origin == "state" and v.source.name else "")
            for v in [*self.recording.arguments, *self.states]
        ] + [f"{self.plan.bytes_after:,} bytes for results ({self.plan.bytes_before:,} without reuse)"]


def _kind(value: Value) -> str:
    return KINDS[value.dtype.name]


def _require_kind(value: Value, name: str) -> None:
    if value.dtype.name not in KINDS or not value.dtype.isnative:
        raise CaptureError(
            f"{name} is of {value.dtype}: expected float32, float64, whole numbers or truth values; convert "
            "with astype(np.float64)"
        )


def _require_pcg64(generator: Any) -> None:
    name = type(generator.bit_generator).__name__
    if name != "PCG64":
        raise CaptureError(
            f"rng draws by {name}: expected PCG64, which JavaScript repeats; write np.random.default_rng()"
        )


def _words(text: str) -> set[str]:
    return set(re.findall(r"[\w$]+", text))


def _side_by_side(lines: Iterable[tuple[str, str]]) -> list[str]:
    """Return lines of code with their comments in a column."""
    pairs = list(lines)
    width = max((len(line) for line, _ in pairs if len(line) < 60), default=0)
    return [f"{line:<{width}}  {comment(said)}" if said else line for line, said in pairs]
