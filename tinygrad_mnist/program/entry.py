"""The way into a program: does it hold for these arguments, and if so, run it.

This is generated code, since for a small network looping over guards would take as long as the mathematics.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor, new_tensor, next_serial
from tinygrad_mnist.program.values import Number, Recording, State

MISS: Any = object()  # what an entry answers when the program does not hold


class Output:
    """What a leaf of the function's result is: "tensor" or "number" of a result, "argument" or "thing"."""

    def __init__(self, kind: str, what: Any) -> None:
        self.kind, self.what = kind, what


class Things:
    """Objects that generated code speaks of, each under a name."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def name(self, thing: Any) -> str:
        """The name of an object; it may be new."""
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
    output: Any,
    run: Callable[..., Any],
) -> tuple[Callable[..., bool], Callable[..., Any]]:
    """Generate ``holds(*leaves)``, and ``enter(*leaves)``, which answers `MISS` when it does not hold.

    Parameters
    ----------
    given
        The leaves of the arguments that were captured.
    states
        Where the program's outside arrays are found, and the arrays that its code is bound to.
    gradients, kept
        Tensors whose gradient goes in; tensors whose gradient comes out.
    run
        Takes the arrays and then the numbers.
    """
    things = Things()
    leaves = [f"x{i}" for i in range(len(given))]
    guards = [guard for leaf, x in zip(leaves, given) for guard in _guards(leaf, x, things)]
    for holder, key, expected in recording.guards:
        found = f"{things.name(holder)}.{key}" + ("()" if callable(getattr(holder, key)) else "")
        guards.append(f"{found} == {expected!r}" if expected is not None else f"{found} is None")
    arrays = [
        leaf if isinstance(x, np.ndarray) else f"{leaf}._data"
        for leaf, x in zip(leaves, given)
        if isinstance(x, np.ndarray | Tensor)
    ]
    for tensor, value in zip(gradients, recording.arguments[len(arrays) :]):
        found = f"{things.name(tensor)}._grad"
        guards.append(f"{found} is not None and {_layout(found, value.array, things)}")
        arrays.append(found)
    guards += [f"{_found(state, things)} is not None" for state, _ in states if state.position is not None]
    bound = [f"{_found(state, things)} is {things.name(array)}" for state, array in states]
    passed = ", ".join([*arrays, *(f"{things.name(n.holder)}.{n.key}" for n in numbers)])
    lines = [f"    results = run({passed})"]
    lines += [f"    {things.name(tensor)}.serial = next_serial()" for tensor in recording.changed]
    count = len(recording.outputs)
    names = ["results"] if count == 1 else [f"results[{i}]" for i in range(count)]
    lines += [f"    {things.name(t)}._grad = {result}" for t, result in zip(kept, names[count - len(kept) :])]
    code = "\n".join(
        [
            f"def holds({', '.join(leaves)}):",
            f"    return {' and '.join(guards) or 'True'}",
            "",
            f"def enter({', '.join(leaves)}):",
            f"    if not ({' and '.join([*guards, *bound]) or 'True'}):",
            "        return MISS",
            *lines,
            f"    return {_answer(output, leaves, names, things)}",
        ]
    )
    namespace = {"MISS": MISS, "new_tensor": new_tensor, "next_serial": next_serial, "run": run}
    namespace |= things.names
    exec(code, namespace)
    return namespace["holds"], namespace["enter"]


def _guards(leaf: str, x: Any, things: Things) -> list[str]:
    """What has to be true of a leaf of the arguments."""
    kind = f"type({leaf}) is {things.name(type(x))}"
    if isinstance(x, Tensor):
        return [kind, f"not {leaf}._requires_grad", _layout(f"{leaf}._data", x._data, things)]
    if isinstance(x, np.ndarray):
        return [kind, _layout(leaf, x, things)]
    return [kind, f"{leaf} == {things.name(x)}"] if x is not None else [f"{leaf} is None"]


def _layout(array: str, like: Any, things: Things) -> str:
    dtype = things.name(like.dtype)
    return (
        f"{array}.shape == {like.shape} and {array}.strides == {like.strides} "
        f"and ({array}.dtype is {dtype} or {array}.dtype == {dtype})"
    )


def _found(state: State, things: Things) -> str:
    found = f"{things.name(state.holder)}.{state.attribute}"
    return found if state.position is None else f"{found}[{state.position}]"


def _answer(tree: Any, leaves: list[str], results: list[str], things: Things) -> str:
    """Code for the function's result."""
    if isinstance(tree, Output):
        if tree.kind == "tensor":
            return f"new_tensor({results[tree.what]})"
        if tree.kind == "number":
            return f"{results[tree.what]}.item()"
        return leaves[tree.what] if tree.kind == "argument" else things.name(tree.what)
    if isinstance(tree, dict):
        inner = ", ".join(f"{key!r}: {_answer(x, leaves, results, things)}" for key, x in tree.items())
        return f"{{{inner}}}" if type(tree) is dict else f"{things.name(type(tree))}({{{inner}}})"
    inner = ", ".join(_answer(x, leaves, results, things) for x in tree)
    if hasattr(tree, "_fields"):
        return f"{things.name(type(tree))}({inner})"
    return f"[{inner}]" if isinstance(tree, list) else f"({inner},)" if inner else "()"
