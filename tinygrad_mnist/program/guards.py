"""Entry to a program: check whether it is valid for the arguments, then run it.

The code is generated: for a small network, a loop over guards would take as long as the mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import ATOM
from tinygrad_mnist.autodiff.modes import RECORDING
from tinygrad_mnist.autodiff.observed import LATEST, Observed
from tinygrad_mnist.autodiff.tensor import Tensor, new_tensor, next_serial
from tinygrad_mnist.program.instructions import Fixed, Recording, State
from tinygrad_mnist.program.numbers import Number
from tinygrad_mnist.program.observation import THEMSELVES, Reading, look, snapshot
from tinygrad_mnist.program.source import outside

MISS: Any = object()  # returned by an entry if its program is not valid for the arguments


class Output:
    """A leaf of the function's result: what `kind` says of a value, an "argument" or another "thing".

    A value comes out as a "tensor", a "weak tensor", an "array", a "scalar" of NumPy or a "number" of Python.
    """

    def __init__(self, kind: str, what: Any) -> None:
        self.kind, self.what = kind, what


class Things:
    """Objects that generated code refers to, each by a name."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def name(self, thing: Any) -> str:
        """Return the name of an object, perhaps a new one."""
        for name, other in self.names.items():
            if other is thing:
                return name
        name = f"thing{len(self.names)}"
        self.names[name] = thing
        return name


def entry(
    given: Sequence[Any],
    recording: Recording,
    states: Sequence[tuple[State, Any]],
    numbers: Sequence[Number],
    gradients: Sequence[Any],
    kept: Sequence[Any],
    cleared: Sequence[Any],
    output: Any,
    run: Callable[..., Any],
) -> tuple[Callable[..., bool], Callable[..., Any]]:
    """Generate ``holds(*leaves)``, and ``enter(*leaves)``, which returns `MISS` if they do not.

    Both look at the arguments.  What was read of modules, optimizers and tensors is compared by `holds`, and
    by `enter` only after a change of something of the kind, as is the layout of outside arrays after one was
    exchanged.

    Parameters
    ----------
    given
        The leaves of the arguments that were captured.
    states
        Where the program's outside arrays are found, and the arrays that its code is bound to.
    gradients, kept, cleared
        Tensors whose gradient goes in; whose gradient comes out; that have none afterwards.
    run
        Takes the arrays and then the numbers.
    """
    things = Things()
    leaves = [f"x{i}" for i in range(len(given))]
    guards = [guard for leaf, x in zip(leaves, given) for guard in _guards(leaf, x, things)]
    arrays = [
        leaf if isinstance(x, np.ndarray) else f"{leaf}._data"
        for leaf, x in zip(leaves, given)
        if isinstance(x, np.ndarray | Tensor)
    ]
    guards += _guards_of_the_world(recording, things)
    for tensor, value in zip(gradients, recording.arguments[len(arrays) :]):
        found = f"{things.name(tensor)}._grad"
        guards.append(f"{found} is not None and {_layout(found, value.array, things)}")
        arrays.append(found)
    guards += [f"{_found(state, things)} is not None" for state, _ in states if state.letter]
    layouts = [_layout(_found(state, things), like, things) for state, like in _layouts(recording, states)]
    bound = [f"{_found(state, things)} is {things.name(array)}" for state, array in states]
    passed = ", ".join([*arrays, *(_number(n, things) for n in numbers)])
    lines = [f"    results = run({passed})"]
    lines += [f"    {things.name(tensor)}.serial = next_serial()" for tensor in recording.changed]
    for each in recording.counts:
        holder = things.name(each.holder)
        lines.append(f'    set_quietly({holder}, "steps", {holder}.steps + {each.updates})')
    count = len(recording.outputs)
    names = ["results"] if count == 1 else [f"results[{i}]" for i in range(count)]
    lines += [f"    {things.name(t)}._grad = {result}" for t, result in zip(kept, names[count - len(kept) :])]
    lines += [f"    {things.name(tensor)}._grad = None" for tensor in cleared]
    answer = _Answer(leaves, names, things)
    returned = answer.code(output)
    code = "\n".join(
        [
            f"def holds({', '.join(leaves)}):",
            f"    return {' and '.join([*guards, *layouts, 'unchanged()'])}",
            "",
            f"def enter({', '.join(leaves)}):",
            f"    if not ({' and '.join([*guards, *bound, '(latest[0] is seen[0] or unchanged())'])}):",
            "        return MISS",
            *lines,
            *answer.lines,
            f"    return {returned}",
        ]
    )
    seen: list[object] = [None]
    namespace = {
        "MISS": MISS,
        "is_index": _is_index,
        "is_recording": RECORDING.get,
        "latest": LATEST,
        "new_tensor": new_tensor,
        "next_serial": next_serial,
        "run": run,
        "seen": seen,
        "set_quietly": object.__setattr__,  # what is counted changes no program
        "snapshot": snapshot,
        "unchanged": partial(_unchanged, list(recording.readings.values()), seen),
    }
    namespace |= things.names
    exec(code, namespace)
    return namespace["holds"], namespace["enter"]


def _unchanged(readings: Sequence[Reading], seen: list[object]) -> bool:
    """Return True if everything that was read is unchanged; `seen` then holds the token of this check."""
    latest = LATEST[0]  # read before the comparison: changes by another thread meanwhile count as unchecked
    holds = all(reading.holds() for reading in readings)
    if holds:
        seen[0] = latest
    return holds


def _is_index(found: Callable[[], Any], elements: Any) -> bool:
    """Return True if an index has the same elements as before, or no longer exists."""
    index = found()
    return index is None or bool(np.array_equal(index, elements))


def _guards_of_the_world(recording: Recording, things: Things) -> list[str]:
    """Return conditions that each call checks besides the arguments."""
    guards = [f"is_recording() is {recording.records}"]
    guards += [f"{things.name(tensor)}._grad is None" for tensor in recording.without_gradient]
    for tensor, inputs in recording.outside_graph:  # an op older than its input would read another value
        guards += [f"{things.name(x)}.serial <= {things.name(tensor)}.serial" for x in inputs]
    for found, elements in recording.indices:
        if found() is not None:
            guards.append(f"is_index({things.name(found)}, {things.name(elements)})")
    for number, takes_part in recording.terms.items():
        code = number.expression(lambda n: _number(n, things)).inside(ATOM)
        guards.append(f"(not {code}) is {not takes_part}")
    for count in recording.counts:
        if count.like is not count.holder:
            guards.append(f"{things.name(count.holder)}.steps == {things.name(count.like)}.steps")
    for reading in recording.readings.values():
        if reading.at_each_call:
            guards.append(_as_read(reading, things))
    return guards


def _as_read(reading: Reading, things: Things) -> str:
    """Return code for an attribute that is compared at each call, such as a list of parameters."""
    value = look(reading.holder, reading.name)
    if type(value) is list and all(isinstance(part, Tensor | Observed) for part in value):
        name = things.name(value)
        parts = [f"{name}[{i}] is {things.name(part)}" for i, part in enumerate(value)]
        return " and ".join([f"len({name}) == {len(value)}", *parts])
    if type(value) in (bool, int, float):
        found = f"{things.name(reading.holder)}.{reading.name}"
        return f"type({found}) is {things.name(type(value))} and {_equal(found, value, things)}"
    return f"{things.name(reading)}.holds()"


def _layouts(recording: Recording, states: Sequence[tuple[State, Any]]) -> list[tuple[State, Any]]:
    """Return states, each with an array laid out as at the capture: elsewhere a view may be a copy."""
    captured = {value.root.source: value.root.array for value in outside(recording)[0]}
    return [(state, captured[state]) for state, _ in states if not isinstance(state.holder, Fixed)]


def _guards(leaf: str, x: Any, things: Things) -> list[str]:
    """Return conditions on a leaf of the arguments."""
    kind = f"type({leaf}) is {things.name(type(x))}"
    if isinstance(x, Tensor):
        weak = f"{leaf}.weak_dtype is {x.weak_dtype}"
        return [kind, f"not {leaf}._requires_grad", weak, _layout(f"{leaf}._data", x._data, things)]
    if isinstance(x, np.ndarray):
        return [kind, _layout(leaf, x, things)]
    if x is None or isinstance(x, THEMSELVES):
        return [f"{leaf} is {things.name(x)}"]
    return [kind, _equal(leaf, x, things)]


def _equal(leaf: str, x: Any, things: Things) -> str:
    """Return code that compares plain values: 0.0 differs from -0.0, and NaN equals NaN."""
    if isinstance(x, bool | int | str | bytes) or (isinstance(x, float) and x == x and x != 0):
        return f"{leaf} == {things.name(x)}"
    return f"snapshot({leaf}) == {things.name(snapshot(x))}"


def _layout(array: str, like: Any, things: Things) -> str:
    dtype = things.name(like.dtype)
    return (
        f"{array}.shape == {like.shape} and {array}.strides == {like.strides} "
        f"and ({array}.dtype is {dtype} or {array}.dtype == {dtype})"
    )


def _found(state: State, things: Things) -> str:
    return f"{things.name(state.holder)}.{state.attribute}"


def _number(number: Number, things: Things) -> str:
    found = f"{things.name(number.holder)}.{number.key}"
    return found if number.position is None else f"{found}[{number.position}]"


class _Answer:
    """Code for the result of the function; an object that occurs twice is one object here too."""

    def __init__(self, leaves: list[str], results: list[str], things: Things) -> None:
        self._leaves, self._results, self._things = leaves, results, things
        self._met: dict[int, str] = {}
        self.lines: list[str] = []

    def code(self, tree: Any) -> str:
        """An expression; `lines` come before it."""
        if isinstance(tree, Output):
            return self._leaf(tree)
        if isinstance(tree, dict):
            items = [f"{self._things.name(key)}: {self.code(x)}" for key, x in tree.items()]
            inner = f"{{{', '.join(items)}}}"
            return inner if type(tree) is dict else f"{self._things.name(type(tree))}({inner})"
        inner = ", ".join(map(self.code, tree))
        if isinstance(tree, list):
            return f"[{inner}]"
        plain = f"({inner},)" if inner else "()"
        return f"{self._things.name(type(tree))}._make({plain})" if hasattr(tree, "_fields") else plain

    def _leaf(self, output: Output) -> str:
        if output.kind.endswith("tensor"):
            if id(output) not in self._met:
                self._met[id(output)] = f"tensor{len(self._met)}"
                made = f"new_tensor({self._results[output.what]}, weak_dtype={output.kind == 'weak tensor'})"
                self.lines.append(f"    {self._met[id(output)]} = {made}")
            return self._met[id(output)]
        if output.kind == "array":
            return str(self._results[output.what])
        if output.kind == "scalar":
            return f"{self._results[output.what]}[()]"
        if output.kind == "number":
            return f"{self._results[output.what]}.item()"
        return self._leaves[output.what] if output.kind == "argument" else self._things.name(output.what)
