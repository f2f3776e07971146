"""A captured program: bound to the arrays it changes, and run again with new arguments."""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from types import FunctionType, MethodType
from typing import Any, Literal, NoReturn

import numpy as np

from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.capture import Capturing
from tinygrad_mnist.program.guards import Output, entry
from tinygrad_mnist.program.instructions import Array, Value
from tinygrad_mnist.program.item import Item
from tinygrad_mnist.program.memory import plan
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.observation import is_plain
from tinygrad_mnist.program.operations import Call
from tinygrad_mnist.program.optimize import lowered, without_dead
from tinygrad_mnist.program.source import Source, all_values
from tinygrad_mnist.program.tracer import Tracer

# Results of a function that it may have made itself, and whose changes the next call would show.
_MADE_ANEW = (np.ndarray, np.random.Generator, FunctionType, MethodType, partial)


class Program:
    """The NumPy instructions of one call of a function, for arguments of one signature.

    Attributes
    ----------
    source : str
        The code that runs, as a module of its own.
    states : list of State
        Where the outside arrays are found that ``build`` takes, parameters first.
    backend : {"numpy", "native"}
        As `compile` was asked for; the first two calls of a program run on NumPy.
    bytes_before, bytes_after : int
        The memory of all results each by itself, and with memory used again.
    """

    def __init__(
        self,
        capture: Capturing,
        structure: Any,
        leaves: Sequence[Any],
        stand_ins: Sequence[Any],
        names: Sequence[str],
        output: Any,
        title: str,
    ) -> None:
        self.structure = structure
        self.is_checked = False
        self.backend: Literal["numpy", "native"] = "numpy"
        self._leaves = [outline(leaf) for leaf in leaves]
        self.recording = capture.recording
        self.single_use = capture.single_use
        self._title = title
        self._made: dict[int, Output] = {}  # for the leaves of the result: one that comes twice is one object
        self._output = trees.replace(output, lambda leaf: self._output_leaf(leaf, stand_ins, capture))
        self._gradients = [g for g in capture.gradients.values() if g.is_kept]
        self.recording.outputs += [g.tracer.value for g in self._gradients if g.tracer is not None]
        self._spent = [g.tensor for g in capture.gradients.values() if not g.is_kept]
        self._given = [g for g in capture.gradients.values() if g.position is not None]
        self.recording.instructions = without_dead(self.recording.instructions, self.recording.outputs)
        self.lowered = lowered(self.recording)
        self._plan = plan(self.lowered.instructions, self.lowered.outputs)
        self.bytes_before, self.bytes_after = self._plan.bytes_before, self._plan.bytes_after
        extra = [f"d{g.tensor.name or 'x'}" for g in self._given]
        self._argument_names = [*names, *extra]
        names_in_memory = Names(self.lowered, self._argument_names, self._plan)
        self._source = Source(self.lowered, self._plan, names_in_memory, title)
        self.source = self._source.text
        self.states = [value.source for value in self._source.states]
        self.numbers = self._source.numbers
        self._context = contextvars.Context()  # where the same floating-point warnings are switched off
        quiet = dict.fromkeys(self.recording.quiet, "ignore")
        self._context.run(np.seterr, **{**self.recording.warnings, **quiet})
        self._code = compile(self.source, f"<program of {self._title}>", "exec")
        self._forget_samples()
        self.bind()

    def _forget_samples(self) -> None:
        """Keep of the arrays of the capture only what they looked like."""
        for value in {*all_values(self.recording), *all_values(self.lowered), *self.recording.arguments}:
            if value.root.origin != "constant":
                value.root.array, value.array = outline(value.root.array), outline(value.array)

    def _output_leaf(self, leaf: Any, stand_ins: Sequence[Any], capture: Capturing) -> Output:
        """Return the origin of a leaf of the function's result."""
        for position, stand_in in enumerate(stand_ins):
            if leaf is stand_in and isinstance(leaf, Tensor):
                return Output("argument", position)
        if isinstance(leaf, Tensor) and not capture.is_outside(leaf):
            return self._made_output("tensor", leaf, capture.lift(leaf).value)
        if isinstance(leaf, Tracer):
            return self._made_output("array", leaf, leaf.value)
        if isinstance(leaf, Item):
            return self._made_output("number", leaf, leaf.value)
        is_made_anew = isinstance(leaf, _MADE_ANEW) or not is_plain(leaf)
        if not isinstance(leaf, Tensor) and (capture.is_local(leaf) or is_made_anew):
            _refuse_result(leaf)
        return Output("thing", leaf)

    def _made_output(self, kind: str, leaf: Any, value: Value) -> Output:
        """Return the part of the result that a value becomes; a leaf that comes twice is one object."""
        if id(leaf) not in self._made:
            self.recording.outputs.append(value)
            self._made[id(leaf)] = Output(kind, len(self.recording.outputs) - 1)
        return self._made[id(leaf)]

    @property
    def things(self) -> list[Any]:
        """The parts of the result that existed before the call."""
        return [leaf.what for leaf in trees.leaves(self._output) if leaf.kind == "thing"]

    def forget_spent_gradients(self) -> None:
        """Clear what an update has used, as every call of the program does."""
        for tensor in self._spent:
            tensor._grad = None

    def is_bound(self) -> bool:
        """Return True if the code works on the current outside arrays."""
        return all(state.get() is array for state, array in zip(self.states, self._bound))

    def bind(self, backend: Literal["numpy", "native"] | None = None) -> None:
        """Make the memory and the code, for the outside arrays as they are now.

        After this `holds(*leaves)` says whether the program can run on the leaves of some arguments, and
        `enter(*leaves)` runs it, or answers `MISS` where it does not hold or outside arrays were exchanged.

        Parameters
        ----------
        backend
            By default the one it has.

        Raises
        ------
        CaptureError
            If the program has no native form; nothing is changed then.
        """
        backend = backend or self.backend
        bound = [state.get() for state in self.states]
        calls = [i.operation for i in self.recording.instructions if isinstance(i.operation, Call)]
        namespace: dict[str, Any] = {}
        exec(self._code, namespace)
        for call in calls:
            namespace[call.function.__name__] = call.function  # not the copy in the text: its errors are ours
        step = namespace["build"](*bound, *self.recording.generators)
        if backend == "native":
            step = self._native(step, bound)
        self.backend, self._bound = backend, bound
        self.holds, self.enter = entry(
            self._leaves,
            self.recording,
            list(zip(self.states, bound)),
            self.numbers,
            [g.tensor for g in self._given],
            [g.tensor for g in self._gradients],
            self._output,
            partial(self._context.run, step),
        )

    def _native(self, step: Callable[..., Any], bound: Sequence[Array]) -> Callable[..., Any]:
        """Return the step as native code."""
        from tinygrad_mnist.program.native import native_step

        names = Names(self.recording, self._argument_names, None)
        try:
            return native_step(self.recording, names, dict(zip(self.states, bound)), step)
        except CaptureError as error:
            raise CaptureError(
                f"{self._title} cannot run as native code: {error}; write backend='numpy'"
            ) from None

    # What a check has to put back

    def snapshot(self) -> Callable[[], None]:
        """Copy everything that a call changes; return the function that puts it back."""
        arrays = [(array, array.copy()) for array in self._bound if array.flags.writeable]
        states = [(rng, rng.bit_generator.state) for rng in self.recording.generators]
        tensors = [g.tensor for g in self._gradients]
        gradients = [(t, None if t._grad is None else t._grad.copy()) for t in tensors]

        def put_back() -> None:
            for array, before in arrays:
                np.copyto(array, before)
            for rng, state in states:
                rng.bit_generator.state = state
            for tensor, gradient in gradients:
                tensor._grad = gradient
            self.forget_spent_gradients()

        return put_back

    def touched(self) -> dict[str, Array]:
        """Return the arrays that a call may have changed, by name."""
        found = {self._source.names.of(v): a for v, a in zip(self._source.states, self._bound)}
        for g in self._gradients:
            if g.tensor._grad is not None:
                found[f"the gradient of {g.tensor._label()}"] = g.tensor._grad
        return found

    @cached_property
    def derivation(self) -> str:
        """The same mathematics as on paper, without memory: the text of a module."""
        from tinygrad_mnist.program.derivation import derivation

        names = Names(self.recording, self._argument_names, None)
        return derivation(self.recording, names, self._title)

    def __repr__(self) -> str:
        return (
            f"<program of {self._title} on {self.backend}: {len(self.recording.instructions)} instructions, "
            f"{self.bytes_after:,} bytes for results ({self.bytes_before:,} without reuse)>"
        )


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
        return tensor
    if isinstance(leaf, np.ndarray):
        looks = np.lib.stride_tricks.as_strided(np.empty(0, leaf.dtype), leaf.shape, leaf.strides)
        return looks if type(leaf) is np.ndarray else looks.view(type(leaf))
    return leaf
