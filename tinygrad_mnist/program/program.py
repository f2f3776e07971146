"""Program: a trace, optimised, laid out in memory, named and printed; bound to the arrays it changes.

Every step makes a new value: trace -> lowered recording -> plan of the memory -> names -> source -> binding.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from types import CodeType
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.derivation import derivation
from tinygrad_mnist.program.guards import entry
from tinygrad_mnist.program.instructions import Recording, State
from tinygrad_mnist.program.javascript.module import javascript
from tinygrad_mnist.program.memory import Plan, plan
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.numbers import Number
from tinygrad_mnist.program.operations import Call
from tinygrad_mnist.program.optimize import lowered
from tinygrad_mnist.program.source import Source, all_values
from tinygrad_mnist.program.trace import Trace, outline
from tinygrad_mnist.typing import Array


@dataclass(frozen=True, eq=False)
class Program:
    """The NumPy instructions of one call of a function, for arguments of one signature.

    Attributes
    ----------
    trace : Trace
        What the function does.
    lowered : Recording
        The instructions as they run: quicker ones with the same bits.
    plan : Plan
        The memory of the results.
    printed : Source
        The code that runs, and what it takes.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> @tm.compile
    ... def length(x):
    ...     return tm.ops.sqrt((x * x).sum())
    >>> [length(np.array([3.0, 4.0])).item() for _ in range(2)]
    [5.0, 5.0]
    >>> length.program
    <program of length: 3 instructions, 24 bytes for results (32 without reuse)>
    >>> print(length.program.derivation.splitlines()[-2])
        loss = np.sqrt((x * x).sum())  # ()
    """

    trace: Trace
    lowered: Recording
    plan: Plan
    printed: Source

    @classmethod
    def of(cls, trace: Trace) -> Program:
        """Fold a trace into a program."""
        recording = lowered(trace.recording)
        layout = plan(recording.instructions, recording.outputs)
        printed = Source(recording, layout, Names(recording, trace.argument_names, layout), trace.call.title)
        _forget_samples(trace.recording, recording)
        return cls(trace, recording, layout, printed)

    @property
    def recording(self) -> Recording:
        """The instructions as they were noted."""
        return self.trace.recording

    @property
    def source(self) -> str:
        """The code that runs: the text of a module."""
        return Code(self.printed.text)

    @cached_property
    def derivation(self) -> str:
        """The same mathematics as on paper, without memory: the text of a module."""
        return Code(derivation(self.recording, self.names_on_paper(), self.trace.call.title))

    @cached_property
    def javascript(self) -> str:
        """The same program as JavaScript, for Node and pages: the text of an ES module that imports nothing.

        Its ``build`` takes `states` as typed arrays in C order, which the step changes in place, then the
        state of each generator as JSON, its whole numbers as text.  Its ``step`` takes the arguments as flat
        arrays in C order, then gradients from before that the function adds to, then `numbers`; it counts
        updates by itself where they are left out.  It returns the function's result in its structure, with a
        number for an array without axes and a typed array for another; if the function leaves gradients
        behind, a list of the result and of these.  Whole numbers of 64 bits are doubles, exact below 2**53.

        Raises
        ------
        CaptureError
            If an operation, a dtype or the order of an array's elements has no form in JavaScript.

        Examples
        --------
        >>> import numpy as np
        >>> import tinygrad_mnist as tm
        >>> double = tm.compile(lambda x: 2 * x)
        >>> results = [double(np.ones(3)) for _ in range(2)]
        >>> "multiply(two, x, t1);" in double.program.javascript
        True
        """
        return Code(javascript(self.trace))

    def names_on_paper(self) -> Names:
        """Return names for the values where none shares memory with another."""
        return Names(self.recording, self.trace.argument_names, None)

    @property
    def states(self) -> list[State]:
        """The places of the outside arrays that ``build`` takes, parameters first."""
        return [value.source for value in self.printed.states]

    @property
    def numbers(self) -> list[Number]:
        """The settings of optimizers that ``step`` takes after the arguments."""
        return self.printed.numbers

    @property
    def bytes_before(self) -> int:
        """The memory of all results, each by itself."""
        return self.plan.bytes_before

    @property
    def bytes_after(self) -> int:
        """The memory of all results, with memory used again."""
        return self.plan.bytes_after

    @cached_property
    def _code(self) -> CodeType:
        return compile(self.source, f"<program of {self.trace.call.title}>", "exec")

    def bind(self, backend: Literal["numpy", "native"] = "numpy") -> Binding:
        """Make the memory and the code, for the outside arrays as they are now.

        Raises
        ------
        CaptureError
            If the program has no native form.
        """
        arrays = [state.get() for state in self.states]
        calls = [i.operation for i in self.recording.instructions if isinstance(i.operation, Call)]
        namespace: dict[str, Any] = {}
        exec(self._code, namespace)
        for call in calls:
            namespace[call.name] = call.function  # not the copy in the text: its errors are ours
        step = namespace["build"](*arrays, *self.recording.generators)
        if backend == "native":
            step = self._native(step, arrays)
        return Binding(self, backend, arrays, step)

    def _native(self, step: Callable[..., Any], arrays: Sequence[Array]) -> Callable[..., Any]:
        """Return the step as native code."""
        from tinygrad_mnist.program.native.step import native_step

        states = dict(zip(self.states, arrays))
        try:
            return native_step(self.recording, self.names_on_paper(), states, step)
        except CaptureError as error:
            raise CaptureError(
                f"{self.trace.call.title} cannot run as native code: {error}; write backend='numpy'"
            ) from None

    def __repr__(self) -> str:
        return (
            f"<program of {self.trace.call.title}: {len(self.recording.instructions)} instructions, "
            f"{self.bytes_after:,} bytes for results ({self.bytes_before:,} without reuse)>"
        )


class Code(str):
    """Text of a module; IPython and notebooks show its lines instead of a quoted string."""

    __slots__ = ()

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def __reduce__(self) -> tuple[Any, ...]:  # a pickle is plain text, and read where this package is not
        return str, (str(self),)


class Binding:
    """A program that is ready to run on the outside arrays that it was bound to.

    Attributes
    ----------
    backend : {"numpy", "native"}
        The code that runs.
    holds : callable
        ``holds(*leaves)`` says if the program can run on the leaves of some arguments.
    enter : callable
        ``enter(*leaves)`` runs it, or answers `MISS` where it does not hold or arrays were exchanged.
    """

    def __init__(
        self,
        program: Program,
        backend: Literal["numpy", "native"],
        arrays: Sequence[Array],
        step: Callable[..., Any],
    ) -> None:
        self.program, self.backend, self._arrays = program, backend, arrays
        trace, recording = program.trace, program.recording
        context = contextvars.Context()  # where the same floating-point warnings are switched off
        context.run(np.seterr, **{**recording.warnings, **dict.fromkeys(recording.quiet, "ignore")})
        self.holds, self.enter = entry(
            trace.call.leaves,
            recording,
            list(zip(program.states, arrays)),
            program.numbers,
            trace.given,
            trace.kept,
            trace.cleared,
            trace.output,
            partial(context.run, step),
        )

    def is_current(self) -> bool:
        """Return True if the outside arrays are still those that it was bound to."""
        return all(state.get() is array for state, array in zip(self.program.states, self._arrays))

    def snapshot(self) -> Callable[[], None]:
        """Copy everything that a call changes; return the function that puts it back."""
        trace = self.program.trace
        arrays = [(array, array.copy()) for array in self._arrays if array.flags.writeable]
        states = [(rng, rng.bit_generator.state) for rng in trace.recording.generators]
        changed = [*trace.kept, *trace.cleared]
        gradients = [(t, None if t._grad is None else t._grad.copy("K")) for t in changed]
        counts = [(count.holder, count.holder.steps) for count in trace.recording.counts]

        def put_back() -> None:
            for array, before in arrays:
                np.copyto(array, before)
            for rng, state in states:
                rng.bit_generator.state = state
            for tensor, gradient in gradients:
                tensor._grad = gradient
            for holder, steps in counts:
                holder.steps = steps

        return put_back

    def touched(self) -> dict[str, Array]:
        """Return the arrays that a call may have changed, by name."""
        printed = self.program.printed
        found = {printed.names.of(v): a for v, a in zip(printed.states, self._arrays)}
        for tensor in self.program.trace.kept:
            if tensor._grad is not None:
                found[f"the gradient of {tensor._label()}"] = tensor._grad
        return found


def _forget_samples(*recordings: Recording) -> None:
    """Keep of the arrays of a capture only shapes, dtypes and layouts; constants keep their elements."""
    for value in {v for recording in recordings for v in (*all_values(recording), *recording.arguments)}:
        if value.root.origin != "constant":
            value.root.array, value.array = outline(value.root.array), outline(value.array)
