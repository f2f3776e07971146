"""Trace: the findings of a dry run of a function, closed: nothing is added to it later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import FunctionType, MethodType
from typing import Any, NoReturn

import numpy as np

from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.capture import Capturing
from tinygrad_mnist.program.guards import Output
from tinygrad_mnist.program.instructions import Recording, Value
from tinygrad_mnist.program.item import Item
from tinygrad_mnist.program.observation import is_plain
from tinygrad_mnist.program.optimize import with_early_checks, without_dead
from tinygrad_mnist.program.tracer import Tracer

# Results of a function that it may have made itself, and whose changes the next call would show.
_MADE_ANEW = (np.ndarray, np.random.Generator, FunctionType, MethodType, partial)


@dataclass(frozen=True, eq=False)
class Call:
    """A call of the function: the title, the structure and leaves of its arguments, the arrays' names."""

    title: str
    structure: Any
    leaves: Sequence[Any]
    names: Sequence[str]


@dataclass(frozen=True, eq=False)
class Trace:
    """A call of a function, as instructions, for arguments of one signature.

    Attributes
    ----------
    call
        The call, its arguments reduced to shapes, dtypes and layouts.
    recording
        The instructions that matter, and what they depend on.
    argument_names
        Names of the arrays that a program takes: arguments, then gradients from before the call.
    output
        The function's result, with an `Output` for each leaf.
    given, kept, cleared
        Tensors whose ``.grad`` from before goes in; those whose new one comes out; those that have none
        afterwards, since the function clears it or an update has used it.
    single_use
        Why a later call cannot repeat it, or "".
    """

    call: Call
    recording: Recording
    argument_names: list[str]
    output: Any
    given: list[Tensor]
    kept: list[Tensor]
    cleared: list[Tensor]
    single_use: str

    @property
    def things(self) -> list[Any]:
        """The parts of the result that existed before the call."""
        return [leaf.what for leaf in trees.leaves(self.output) if leaf.kind == "thing"]

    def clear_gradients(self) -> None:
        """Clear what the function clears or an update has used, as every call of the program does."""
        for tensor in self.cleared:
            tensor._grad = None


def traced(capture: Capturing, call: Call, stand_ins: Sequence[Any], result: Any) -> Trace:
    """Return the trace of a call that was just captured.

    Parameters
    ----------
    stand_ins
        The leaves of the arguments as the function got them.
    result
        The function's result.

    Raises
    ------
    CaptureError
        If the result holds something that a program cannot make anew.
    """
    outputs = _Outputs(capture, stand_ins)
    output = trees.replace(result, outputs.of)
    gradients = list(capture.gradients.values())
    kept = [g for g in gradients if g.is_kept]
    given = [g.tensor for g in gradients if g.position is not None]
    values = outputs.values + [g.tracer.value for g in kept if g.tracer is not None]
    instructions = with_early_checks(without_dead(capture.recording.instructions, values))
    return Trace(
        replace(call, leaves=[outline(leaf) for leaf in call.leaves]),
        replace(capture.recording, instructions=instructions, outputs=values),
        [*call.names, *(f"d{tensor.name or 'x'}" for tensor in given)],
        output,
        given,
        [g.tensor for g in kept],
        [g.tensor for g in gradients if g.is_cleared],
        capture.single_use,
    )


class _Outputs:
    """The leaves of a result, and the values that they are made of."""

    def __init__(self, capture: Capturing, stand_ins: Sequence[Any]) -> None:
        self._capture, self._stand_ins = capture, stand_ins
        self._made: dict[int, Output] = {}  # one that comes twice is one object
        self.values: list[Value] = []

    def of(self, leaf: Any) -> Output:
        """Return the origin of a leaf."""
        capture = self._capture
        for position, stand_in in enumerate(self._stand_ins):
            if leaf is stand_in and isinstance(leaf, Tensor):
                return Output("argument", position)
        if isinstance(leaf, Tensor) and not capture.is_outside(leaf):
            kind = "weak tensor" if leaf.weak_dtype else "tensor"
            return self._made_of(kind, leaf, capture.lift(leaf).value)
        if isinstance(leaf, Tracer):
            return self._made_of("scalar" if leaf.is_scalar else "array", leaf, leaf.value)
        if isinstance(leaf, Item):
            return self._made_of("number", leaf, leaf.value)
        is_made_anew = isinstance(leaf, _MADE_ANEW) or not is_plain(leaf)
        if not isinstance(leaf, Tensor) and (capture.is_local(leaf) or is_made_anew):
            _refuse_result(leaf)
        return Output("thing", leaf)

    def _made_of(self, kind: str, leaf: Any, value: Value) -> Output:
        if id(leaf) not in self._made:
            self.values.append(value)
            self._made[id(leaf)] = Output(kind, len(self.values) - 1)
        return self._made[id(leaf)]


def _refuse_result(leaf: Any) -> NoReturn:
    """Refuse a result that the function makes anew at each call, and that a program would hand out again."""
    raise CaptureError(
        f"the result of a compiled function holds a {type(leaf).__name__}, which a program cannot make "
        "anew: return Tensors, numbers, texts, and lists, tuples and dicts of them"
    )


def outline(leaf: Any) -> Any:
    """Return an argument's shape, dtype and layout, without its elements."""
    if isinstance(leaf, Tensor):
        tensor = type(leaf).__new__(type(leaf))
        tensor._data = outline(leaf._data)
        tensor.weak_dtype = leaf.weak_dtype
        return tensor
    if isinstance(leaf, np.ndarray):
        looks = np.lib.stride_tricks.as_strided(np.empty(0, leaf.dtype), leaf.shape, leaf.strides)
        return looks if type(leaf) is np.ndarray else looks.view(type(leaf))
    return leaf
