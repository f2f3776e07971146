"""A program's step as native functions, with NumPy lines between them where there is no native code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import number_text
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Instruction, Recording, State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.native.bound import Bound, Memory
from tinygrad_mnist.program.native.groups import Group, Kind, grouped
from tinygrad_mnist.program.native.kernels import LocalLayout, LocalNames
from tinygrad_mnist.program.native.kinds import kinds_of
from tinygrad_mnist.program.native.layout import Index, Layout, is_dense, look, memory_key
from tinygrad_mnist.program.native.loops import NUMPY_FUNCTIONS, Writer
from tinygrad_mnist.program.native.memory import Slots
from tinygrad_mnist.program.native.parts import written_in_place
from tinygrad_mnist.program.native.products import ProductWriter
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.operations import Call
from tinygrad_mnist.program.source import outside
from tinygrad_mnist.typing import Array

Step = Callable[..., Any]
_TOGETHER = 32  # the most groups in one function; a longer program has a kernel per group
_ALIASED, _FIRST_CHECK = 1, 2  # returned by a native function that stopped early; 0 if it ran to its end


def native_step(
    recording: Recording,
    names: Names,
    states: Mapping[State, Array],
    numpy_step: Step,
    largest: int = 2**22,
) -> Step:
    """Return the step as native code, called as the step of `Source` is.

    Parameters
    ----------
    recording
        The captured recording.
    names
        Names of all its values, all different.
    states
        The arrays that the program changes and reads in place.
    numpy_step
        The same step in NumPy, which runs instead if an argument shares memory with a state.
    largest
        Multiplications of the largest matrix product that native code computes.

    Raises
    ------
    CaptureError
        If native code cannot change the states, or none of the operations has a native form.
    """
    recording = written_in_place(recording)
    if not _can_bind(recording, states):
        raise CaptureError(
            "an array that it changes has gaps, a foreign byte order, or memory in common with another"
        )
    layout = Layout(recording, states)
    groups = grouped(recording.instructions, kinds_of(recording.instructions, layout, largest), layout)
    if all(group.kind in (Kind.NUMPY, Kind.CHECK) for group in groups):
        raise CaptureError("none of its operations has a native form")
    return _Builder(recording, names, states, layout, groups, numpy_step).build()


def _can_bind(recording: Recording, states: Mapping[State, Array]) -> bool:
    """Return True if native code can change the states: each in separate memory, without gaps."""
    changed = [states[value.source] for value in _changed(recording)]
    arrays = list(states.values())
    return all(is_dense(a) and a.flags.aligned and a.dtype.isnative for a in arrays) and not any(
        a is not b and np.may_share_memory(a, b) for a in changed for b in arrays
    )


def _changed(recording: Recording) -> list[Value]:
    """The states that are changed, each by one of its values."""
    return list(
        {memory_key(i.result): i.result for i in recording.instructions if i.changes and i.result}.values()
    )


class _Builder:
    """Builder of the memory, the native functions and the step that calls them."""

    def __init__(
        self,
        recording: Recording,
        names: Names,
        states: Mapping[State, Array],
        layout: Layout,
        groups: list[Group],
        numpy_step: Step,
    ) -> None:
        self.recording, self.names, self.layout, self.groups = recording, names, layout, groups
        self.numbers = names.numbers(outside(recording)[1])
        self._computed: dict[Computed, str] = {}
        self._functions: dict[tuple[str, tuple[Any, ...]], str] = {}  # names, by text and types
        self.things: dict[str, Any] = {"np": np, "numpy_step": numpy_step}
        self.lines: list[str] = []
        self.texts: list[str] = []
        self.checks: list[Instruction] = []
        self.slots = Slots(recording, groups, layout)
        self.memory = Bound(recording, names, states, layout, self.slots)
        self.things |= self.memory.things
        self._ready = {id(value) for value in recording.arguments}

    # The step

    def build(self) -> Step:
        """Write, compile and bind everything."""
        self._write_parts()
        outputs = [f"{self._python(value)}.copy()" for value in self.recording.outputs]
        returned = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
        defaults = [f"{name}={number_text(n.get())}" for n, name in self.numbers.items()]
        head = f"def step({', '.join([*self.names.arguments, *defaults])}):"
        body = [f"    {line}" for line in [*self.lines, f"return {returned}"]]
        self.things["source"] = "\n".join([head, *body, ""])
        exec(self.things["source"], self.things)
        self.things["native_source"] = "\n".join(self.texts)
        step: Step = self.things["step"]
        return step

    def _write_parts(self) -> None:
        runs = [
            (is_numpy, list(run))
            for is_numpy, run in groupby(self.groups, lambda group: group.kind is Kind.NUMPY)
        ]
        is_long = sum(group.kind is not Kind.NUMPY for group in self.groups) > _TOGETHER
        if runs[0][0] or is_long:
            runs.insert(0, (False, []))
        self._write_odd_arguments()
        for i, (is_numpy, run) in enumerate(runs):
            if is_numpy:
                for group in run:
                    self.lines += self._numpy_lines(group.instructions[0])
            elif is_long and i:
                for group in run:
                    self._write_kernel(group)
            else:
                self._write_part(f"part{i // 2 + 1}", run, is_first=i == 0)

    # NumPy lines

    def _numpy_lines(self, instruction: Instruction) -> list[str]:
        """The lines of an instruction, after those that its operands need."""
        operation = instruction.operation
        operands = [self._python(x) if isinstance(x, Value) else number_text(x) for x in instruction.operands]
        self.things |= {name: getattr(np, name) for name in operation.functions()}
        if isinstance(operation, Call):
            self.things[operation.name] = operation.function
        for i, generator in enumerate(self.recording.generators):
            self.things[f"generator{i}"] = generator
        result = "" if instruction.result is None else self._python(instruction.result)
        return operation.lines(result, operands)

    def _python(self, value: Value) -> str:
        """The name of a value for NumPy, after lines that define it if needed."""
        name = self.names.of(value)
        if value.origin == "number" and name not in self.things:
            self.things[name] = np.empty((), value.dtype)
            self.lines.append(f"{name}[()] = {self._number(value.source)}")
        elif value.view_of is not None and id(value) not in self._ready:
            self._ready.add(id(value))
            operation, base = self.layout.view(value).operation, self._python(value.view_of)
            if value.root.origin == "argument":
                self.lines += operation.lines(name, [base])
            else:
                self.things[name] = look(operation, self.things[base])
        elif value.origin == "constant" and name not in self.things:
            self.things[name] = value.array
        return name

    def _number(self, number: Number | Computed) -> str:
        """The name of a number; a computed one gets its line before its first use."""
        if isinstance(number, Number):
            return self.numbers[number]
        if number not in self._computed:
            self._computed[number] = self.names.new(number.name)
            self.lines.append(f"{self._computed[number]} = {number.expression(self.names.number_name).text}")
        return self._computed[number]

    # Native functions

    def _write_part(self, name: str, groups: Sequence[Group], *, is_first: bool) -> None:
        """A native function and its call."""
        writer = Writer(self.layout, self.names, self.slots.stored)
        checks = len(self.checks)
        if is_first:
            self._write_overlaps(writer)
            self._write_packing(writer)
        for group in groups:
            if group.kind is Kind.CHECK:
                self._write_check(writer, group.instructions[0])
            elif group.kind is Kind.PRODUCT:
                ProductWriter(writer, group.instructions[0]).write()
            else:
                writer.write(group)
        if writer.lines:
            self._write_call(self._call(name, writer), range(checks, len(self.checks)), is_first=is_first)

    def _write_kernel(self, group: Group) -> None:
        """A native function of one group, and its call."""
        if group.kind is Kind.CHECK:
            self._write_part("check", [group], is_first=False)
            return
        names = LocalNames()
        layout = LocalLayout(self.layout, names)
        writer = Writer(layout, names, self.slots.stored)
        if group.kind is Kind.PRODUCT:
            ProductWriter(writer, group.instructions[0]).write()
        else:
            writer.write(group)
        memories = {name: self.memory.part(*layout.parameters[name]) for name in writer.arrays}
        self.things |= {m.passed: m.like for m in memories.values() if m.passed not in self.names.arguments}
        self.lines.append(self._call("kernel", writer, memories))

    def _write_call(self, call: str, checks: range, *, is_first: bool) -> None:
        answers = []
        if is_first and self._watched():
            passed = ", ".join([*self.names.arguments, *self.numbers.values()])
            answers += [f"if code == {_ALIASED}:", f"    return numpy_step({passed})"]
        for i in checks:
            answers.append(f"if code == {_FIRST_CHECK + i}:")
            answers += [f"    {line}" for line in self._numpy_lines(self.checks[i])]
        if not answers:
            self.lines.append(call)
            return
        self.lines += [f"code = {call}", "if code:", *(f"    {line}" for line in answers)]

    def _call(self, name: str, writer: Writer, memories: Mapping[str, Memory] | None = None) -> str:
        """Compile a function; the code that calls it.

        memories: the memory of each parameter, if the names differ from those of the memory.
        """
        memories = {name: self.memory.of[name] for name in writer.arrays} if memories is None else memories
        parameters = {name: f"{name}_given" if memory.flat else name for name, memory in memories.items()}
        begin = [
            f"{name} = {parameters[name]}{memory.flat}" for name, memory in memories.items() if memory.flat
        ]
        numbers: dict[str, str] = {}  # the parameter for each number that is passed
        for value, local in writer.numbers.items():
            number = self._number(value.source)
            own = number if writer.names is self.names else writer.names.new("number")
            parameter = numbers.setdefault(number, own)
            begin.append(f"{local} = {value.dtype.name}({parameter})")
        taken = ", ".join([*parameters.values(), *numbers.values()])
        lines = [f"    {line}" for line in [*begin, *writer.lines, "return 0"]]
        text = "\n".join([f"def {name}({taken}):", *lines, ""])
        key = text, tuple(_type(memory.like) for memory in memories.values())
        if key not in self._functions:
            self._functions[key] = named = self.names.new(name)
            self.texts.append(text.replace(name, named, 1))
            self.things[named] = _compiled(text, name, key[1], len(numbers))
        passed = ", ".join([*(memory.passed for memory in memories.values()), *numbers])
        return f"{self._functions[key]}({passed})"

    def _watched(self) -> list[Value]:
        """The arguments that native code reads if it changes states."""
        if not _changed(self.recording):
            return []
        reads = set().union(*(group.reads for group in self.groups if group.kind is not Kind.NUMPY))
        return [value for value in self.recording.arguments if id(value) in reads]

    def _write_overlaps(self, writer: Writer) -> None:
        """Stop before any change if an argument shares memory with a state, where the order matters."""
        for argument in self._watched():
            if not is_dense(argument.array):
                continue
            for state in _changed(self.recording):
                x, y = self.names.of(argument), self.names.of(state)
                writer.arrays |= {x: None, y: None}
                writer.line(f"if {x}.ctypes.data < {y}.ctypes.data + {state.array.nbytes}:")
                writer.line(f"    if {y}.ctypes.data < {x}.ctypes.data + {argument.array.nbytes}:")
                writer.line(f"        return {_ALIASED}")

    def _write_packing(self, writer: Writer) -> None:
        """Copies of the arguments that are read column by column."""
        for value in self.layout.packed.values():
            if id(value) not in self.slots.places or not is_dense(value.array):
                continue
            variables = [self.names.new(letter) for letter in "ijklmn"[: value.array.ndim]]
            at = [Index(variable) for variable in variables]
            depth = writer.depth
            for variable, length in reversed(list(zip(variables, value.shape))):
                writer.loop(variable, length)
            given = self.layout.given_place(value, self.names.of(value))
            writer.line(f"{writer.element(self.layout.place(value), at)} = {writer.element(given, at)}")
            writer.close(depth)

    def _write_odd_arguments(self) -> None:
        """Arguments with gaps are copied by NumPy."""
        changed = [self.names.of(value) for value in _changed(self.recording)]
        for value in self.layout.packed.values():
            if id(value) not in self.slots.places or is_dense(value.array):
                continue
            name = self.names.of(value)
            if changed:
                passed = ", ".join([*self.names.arguments, *self.numbers.values()])
                overlaps = " or ".join(f"np.may_share_memory({name}, {state})" for state in changed)
                self.lines += [f"if {overlaps}:", f"    return numpy_step({passed})"]
            self.lines.append(f"np.copyto({name}_packed, {name})")

    def _write_check(self, writer: Writer, instruction: Instruction) -> None:
        """Check labels natively; if one is wrong, call Python's function, which raises the error."""
        labels, classes = instruction.operands
        assert isinstance(labels, Value)
        self.checks.append(instruction)
        is_wrong = self.names.new("is_wrong")
        writer.line(f"{is_wrong} = False")
        depth = writer.depth
        variables = [self.names.new("i") for _ in labels.shape]
        for variable, length in zip(variables, labels.shape):
            writer.loop(variable, length)
        label = writer.operand(labels, labels.dtype, [Index(variable) for variable in variables])
        writer.line(f"{is_wrong} |= ({label} < 0) | ({label} >= {classes})")
        writer.close(depth)
        writer.line(f"if {is_wrong}:")
        writer.line(f"    return {_FIRST_CHECK + len(self.checks) - 1}")


def _type(array: Array) -> Any:
    from numba import typeof

    return typeof(array)  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1024)
def _compiled(text: str, name: str, arrays: tuple[Any, ...], numbers: int) -> Step:
    """Machine code, shared by equal networks."""
    from numba import float64, njit

    from tinygrad_mnist.program.native import functions

    things: dict[str, Any] = {"inf": np.inf, "nan": np.nan, **vars(functions)}
    things |= {name: getattr(np, name) for name in ("bool", "int32", *NUMPY_FUNCTIONS)}
    exec(text, things)
    compile_for = njit(error_model="numpy")(things[name]).compile
    return compile_for((*arrays, *(float64,) * numbers))
