"""A program's step as native kernels, with NumPy lines between them where there is no native code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import number_text
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Instruction, Recording, State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.native.bound import Bound, Kernel, Memory
from tinygrad_mnist.program.native.groups import Group, Kind, grouped
from tinygrad_mnist.program.native.kinds import kinds_of
from tinygrad_mnist.program.native.layout import Index, Layout, is_dense, look, memory_key
from tinygrad_mnist.program.native.loops import Writer
from tinygrad_mnist.program.native.memory import Slots
from tinygrad_mnist.program.native.parts import written_in_place
from tinygrad_mnist.program.native.products import ProductWriter
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.operations import Call
from tinygrad_mnist.program.source import outside
from tinygrad_mnist.typing import Array

Step = Callable[..., Any]
# Stops if the first array overlaps one of the others; two words are its first element and its last.
_OVERLAPS = """def native(memory):
    for i in range(2, {stop}, 2):
        if memory[0] < memory[i + 1] + {size}:
            if memory[i] < memory[1] + {size}:
                return 1
    return 0
"""


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
        The same step in NumPy, which runs instead if an argument shares memory with a state, or is empty.
    largest
        Multiplications of the largest matrix product that native code computes.

    Raises
    ------
    CaptureError
        If native code cannot change the states, or none of the operations has a native form.
    """
    if not all(value.array.size for value in recording.arguments):  # an empty batch: nothing to gain
        return numpy_step
    recording = written_in_place(recording)
    if not _can_bind(recording, states):
        raise CaptureError(
            "an array that it changes has gaps, a foreign byte order or alignment, or memory in common with "
            "another"
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
    """Builder of the memory, the kernels and the step that calls them."""

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
        self._number_memories: dict[Number | Computed, str] = {}
        self.things: dict[str, Any] = {"np": np, "numpy_step": numpy_step}
        self.lines: list[str] = []
        self.parts: list[list[Kernel]] = []
        self.slots = Slots(recording, groups, layout)
        reads = set().union(*(group.reads for group in groups if group.kind is not Kind.NUMPY))
        self.given = [v for v in recording.arguments if id(v) in reads and v.array.size and is_dense(v.array)]
        self.bound = Bound(recording, names, states, layout, self.slots, self.given)
        self.things |= self.bound.things
        self._ready = {id(value) for value in recording.arguments}
        self._whole_call = ", ".join([*names.arguments, *self.numbers.values()])

    # The step

    def build(self) -> Step:
        """Write, compile and bind everything."""
        self._write_odd_arguments()
        for is_numpy, run in groupby(self.groups, lambda group: group.kind is Kind.NUMPY):
            if not is_numpy or not self.parts:
                self._write_part([] if is_numpy else run)
            for group in run if is_numpy else ():
                self.lines += self._numpy_lines(group.instructions[0])
        outputs = [f"{self._python(value)}.copy()" for value in self.recording.outputs]
        returned = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
        defaults = [f"{name}={number_text(n.get())}" for n, name in self.numbers.items()]
        head = f"def step({', '.join([*self.names.arguments, *defaults])}):"
        body = [f"    {line}" for line in [*self.lines, f"return {returned}"]]
        self.things["source"] = "\n".join([head, *body, ""])
        texts = dict.fromkeys(kernel.text for part in self.parts for kernel in part)
        self.things["native_source"] = "\n".join(texts)
        given = [self.layout.given(value) for value in self.given]
        for i, part in enumerate(compiled_parts(self.parts, given), 1):
            self.things[f"part{i}"] = part
        exec(self.things["source"], self.things)
        step: Step = self.things["step"]
        return step

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

    def _number_memory(self, number: Number | Computed) -> Memory:
        """The memory of a number, written before its first use."""
        name = self._number(number)
        if number not in self._number_memories:
            memory = self._number_memories[number] = self.names.new(f"{name}_memory")
            self.things[memory] = np.empty(1)
            self.lines.append(f"{memory}[0] = {name}")
        return Memory(self.things[self._number_memories[number]])

    # Kernels

    def _write_part(self, groups: Iterable[Group]) -> None:
        """Kernels that run one after another, and their call."""
        part: list[Kernel] = []
        answers: list[str] = []
        if not self.parts:
            part += self._overlaps()
            if part:
                answers += [f"if code <= {len(part)}:", f"    return numpy_step({self._whole_call})"]
            part += self._packing()
        for group in groups:
            part.append(self._kernel(group))
            if group.kind is Kind.CHECK:
                answers.append(f"if code == {len(part)}:")
                answers += [f"    {line}" for line in self._numpy_lines(group.instructions[0])]
        self.parts.append(part)
        given = ", ".join(map(self.names.of, self.given)) if len(self.parts) == 1 else ""
        call = f"part{len(self.parts)}({given})"
        self.lines += (
            [f"code = {call}", "if code:", *(f"    {line}" for line in answers)] if answers else [call]
        )

    def _kernel(self, group: Group) -> Kernel:
        """A native function of one group."""
        writer = self._writer()
        if group.kind is Kind.CHECK:
            _write_check(writer, group.instructions[0])
        elif group.kind is Kind.PRODUCT:
            ProductWriter(writer, group.instructions[0]).write()
        else:
            writer.write(group)
        return writer.kernel(self._number_memory)

    def _writer(self) -> Writer:
        return Writer(self.layout, self.bound, self.slots.stored)

    def _overlaps(self) -> Iterator[Kernel]:
        """Kernels that stop, before any change, if an argument meets a state: then the order matters."""
        changed = [value for value in _changed(self.recording) if value.array.size]
        for argument in self.given if changed else ():
            ends = [self.bound.part(value, last) for value in changed for last in (0, value.array.size - 1)]
            own = [self.bound.argument(argument, last) for last in (0, argument.array.size - 1)]
            size = max(memory.array.itemsize for memory in (*own, *ends))
            yield Kernel(_OVERLAPS.format(stop=2 + len(ends), size=size), [*own, *ends])

    def _packing(self) -> Iterator[Kernel]:
        """Kernels that copy the arguments which are read column by column."""
        for value in self.layout.packed.values():
            if id(value) not in self.slots.places or not is_dense(value.array):
                continue
            writer = self._writer()
            variables = [writer.names.new(letter) for letter in "ijklmn"[: value.array.ndim]]
            at = [Index(variable) for variable in variables]
            for variable, length in reversed(list(zip(variables, value.shape))):
                writer.loop(variable, length)
            given = writer.layout.as_given(value)
            writer.line(f"{writer.element(writer.layout.place(value), at)} = {writer.element(given, at)}")
            yield writer.kernel(self._number_memory)

    def _write_odd_arguments(self) -> None:
        """Arguments with gaps are copied by NumPy."""
        changed = [self.names.of(value) for value in _changed(self.recording)]
        for value in self.layout.packed.values():
            if id(value) not in self.slots.places or is_dense(value.array):
                continue
            name = self.names.of(value)
            if changed:
                overlaps = " or ".join(f"np.may_share_memory({name}, {state})" for state in changed)
                self.lines += [f"if {overlaps}:", f"    return numpy_step({self._whole_call})"]
            self.lines.append(f"np.copyto({name}_packed, {name})")


def _write_check(writer: Writer, instruction: Instruction) -> None:
    """A check of labels: if one is wrong, Python's function is called, which raises the error."""
    labels, classes = instruction.operands
    assert isinstance(labels, Value)
    writer.line("is_wrong = False")
    variables = [writer.names.new("i") for _ in labels.shape]
    for variable, length in zip(variables, labels.shape):
        writer.loop(variable, length)
    label = writer.operand(labels, labels.dtype, [Index(variable) for variable in variables])
    writer.line(f"is_wrong |= ({label} < 0) | ({label} >= {classes})")
    writer.close()
    writer.line("if is_wrong:")
    writer.line("    return 1")


def compiled_parts(sequences: list[list[Kernel]], arguments: list[Array]) -> list[Callable[..., int]]:
    """Return the functions of `machine.parts`; imports numba."""
    from tinygrad_mnist.program.native import machine

    return machine.parts(sequences, arguments)
