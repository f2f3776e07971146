"""The result of a function as JavaScript: lists, objects, numbers, texts and copies of arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.guards import Output
from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.javascript.text import number_text, string_text
from tinygrad_mnist.program.trace import Trace


def answer(trace: Trace, states: list[Value], name: Callable[[Value], str]) -> str:
    """Return code for the result, then the gradients that the function leaves behind.

    Parameters
    ----------
    states
        The outside arrays that the program takes.
    name
        Gives the name of a value.

    Raises
    ------
    CaptureError
        If the result holds something that JavaScript has no word for.
    """
    outputs, given = trace.recording.outputs, iter(trace.recording.arguments)
    arguments = [next(given) if isinstance(leaf, np.ndarray | Tensor) else None for leaf in trace.call.leaves]

    def copied(value: Value) -> str:
        return f"result({name(value)})"

    def leaf(output: Output) -> str:
        if output.kind == "argument":
            value = arguments[output.what]
            assert value is not None
            return copied(value)
        if output.kind != "thing":
            return copied(outputs[output.what])
        for state in states:
            if state.source.holder is output.what and not state.source.letter:
                return copied(state)
        return _plain(output.what)

    gradients = [copied(value) for value in outputs[len(outputs) - len(trace.kept) :]] if trace.kept else []
    found = _tree(trace.output, leaf)
    return f"[{', '.join([found, *gradients])}]" if gradients else found


def _tree(tree: Any, leaf: Callable[[Output], str]) -> str:
    if isinstance(tree, Output):
        return leaf(tree)
    if isinstance(tree, dict):
        items = [f"{_key(str(key))}: {_tree(branch, leaf)}" for key, branch in tree.items()]
        return f"{{ {', '.join(items)} }}" if items else "{}"
    return f"[{', '.join(_tree(branch, leaf) for branch in tree)}]"


def _key(text: str) -> str:
    written = string_text(text)
    return f"[{written}]" if text == "__proto__" else written  # which is not an own key without brackets


def _plain(thing: Any) -> str:
    if thing is None:
        return "null"
    if isinstance(thing, bool | np.bool):
        return "true" if thing else "false"
    if isinstance(thing, str):
        return string_text(thing)
    if isinstance(thing, int | float | np.integer | np.floating):
        return number_text(thing)
    raise CaptureError(
        f"the result holds a {type(thing).__name__}: expected arrays, numbers and texts; leave it out"
    )
