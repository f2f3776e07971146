"""Capture: run a function on tracers, as a dry run, and note every op, update, check and draw."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import is_literal
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.observed import reads_noted
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Count, Instruction, Value
from tinygrad_mnist.program.numbers import Number, TracedNumber
from tinygrad_mnist.program.numpy_functions import FUNCTIONS
from tinygrad_mnist.program.observation import look
from tinygrad_mnist.program.operations import Call, Draw
from tinygrad_mnist.program.recorder import UntraceableError
from tinygrad_mnist.program.surroundings import Surroundings
from tinygrad_mnist.program.tracer import Tracer
from tinygrad_mnist.typing import Array


class Capturing(Surroundings):
    """The capture that is going on: what `modes.Capture` describes.

    Attributes
    ----------
    single_use
        Why a later call cannot repeat the program, or "".
    gradients
        The tensors whose ``.grad`` was touched.
    whole
        The ops that are not looked into.
    """

    functions = FUNCTIONS

    def __init__(self, whole: Collection[str] = ()) -> None:
        super().__init__()
        self.whole = whole
        self.single_use = ""
        self.gradients: dict[int, Gradient] = {}
        self._kept: dict[int, TracedState] = {}  # of optimizers and averages, by what they stand for

    def let_go(self) -> None:
        """Drop the tracers: in a circle with the capture, their samples would stay until a collection."""
        self._tracers.clear()
        self.gradients.clear()
        self._kept.clear()

    # Ops

    def argument(self, array: Array) -> Tracer:
        """Return the tracer of a new argument."""
        value = Value(array, "argument", len(self.recording.arguments))
        self.recording.arguments.append(value)
        return Tracer(self, value, array)

    def run(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Tracer:
        """Run an op's forward on tracers; one that cannot be looked into is called as a whole."""
        outer = self.is_inside_op
        arrays = inputs if outer else tuple(map(self.lift, inputs))
        length = len(self.recording.instructions)
        self.is_inside_op = True
        try:
            if primitive.name in self.whole and not outer:
                raise UntraceableError(primitive.name)
            result = primitive.forward(*arrays, **attributes)
            if not isinstance(result, Tracer):
                result = Tracer(self, self.constant(result), np.array(result))
        except CaptureError:
            raise
        except Exception:
            self.rewind(length)
            result = self._call_whole(primitive, arrays, attributes)
        finally:
            self.is_inside_op = outer
        if not result.value.primitive and result.value.origin == "result":
            result.value.primitive = primitive.name
        return result

    def _call_whole(
        self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]
    ) -> Tracer:
        for name, setting in attributes.items():
            if not is_literal(setting):
                raise CaptureError(
                    f"{name} is {setting!r}: expected a number, a text or an array as the setting of "
                    f"{primitive.name}, which a program calls as a whole; leave this function uncompiled"
                )
        plain = [x.array if isinstance(x, Tracer) else x for x in inputs]
        sample = np.asarray(primitive.forward(*plain, **attributes))
        operands = tuple(x.value if isinstance(x, Tracer) else x for x in inputs)
        call = Call(primitive.forward, self.name_of(primitive.forward), tuple(attributes.items()))
        value = self.emit(call, operands, sample)
        return Tracer(self, value, sample)

    def lift_setting(self, setting: Any) -> Any:
        """Return a setting of an op, with generators and indices made part of the program."""
        is_generator = isinstance(setting, np.random.Generator)
        return TracedGenerator(self, setting) if is_generator else super().lift_setting(setting)

    # Gradients

    def gradient(self, tensor: Tensor) -> Tracer | None:
        """Return the gradient; one from before the call becomes an argument of the program."""
        gradient = self._gradient(tensor)
        if not gradient.written and not gradient.read:
            gradient.read = True
            before = tensor._grad
            if before is not None:
                gradient.tracer = self.argument(np.asarray(before))
                gradient.position = len(self.recording.arguments) - 1
            elif not gradient.is_local:
                self.recording.without_gradient.append(tensor)
        return gradient.tracer

    def set_gradient(self, tensor: Tensor, gradient: Any) -> None:
        """Set the gradient, or None, in the program alone."""
        noted = self._gradient(tensor)
        noted.written, noted.spent = True, False
        noted.tracer = None if gradient is None else self.lift(gradient).owned()
        if noted.tracer is not None:
            noted.tracer._arrives_at(tensor)

    def _gradient(self, tensor: Tensor) -> Gradient:
        if id(tensor) not in self.gradients:
            self.gradients[id(tensor)] = Gradient(tensor, not self.is_outside(tensor))
        return self.gradients[id(tensor)]

    def _before_change(self, tensor: Tensor) -> None:
        super()._before_change(tensor)
        gradient = self.gradients.get(id(tensor))
        if gradient is not None:
            gradient.spent = True

    # Updates

    def update(self, optimizer: Any) -> None:
        """Note an optimizer's update of each parameter, with its numbers left open."""
        for group in optimizer.param_groups:
            settings = TracedSettings(group, self.recording.terms)
            for parameter, state in zip(group.params, look(group, "states")):
                gradient = self.gradient(parameter)
                if gradient is None:
                    continue
                p, kept = self.lift(parameter), self._kept_for(parameter, state, optimizer)
                optimizer.update(p, gradient, kept, settings)
                kept.after_update()

    def average(self, ema: Any) -> None:
        """Note an update of moving averages of parameters, with the decay left open."""
        settings = TracedSettings(ema, self.recording.terms)
        for parameter, state in zip(ema.params, look(ema, "states")):
            ema.take_in(self.lift(parameter), self._kept_for(parameter, state, ema), settings)

    def _kept_for(self, parameter: Tensor, state: Any, keeper: Any) -> TracedState:
        """Return what an optimizer or an EMA keeps for a parameter, with new scratch memory."""
        if id(state) not in self._kept:
            self._kept[id(state)] = TracedState(self, keeper, parameter, state)
        kept = self._kept[id(state)]
        kept.scratch = np.empty_like(self.lift(parameter))
        return kept


class Gradient:
    """The ``.grad`` of a tensor during a capture: read, written, used up by an update."""

    def __init__(self, tensor: Tensor, is_local: bool) -> None:
        self.tensor, self.is_local = tensor, is_local
        self.tracer: Tracer | None = None
        self.read = self.written = self.spent = False
        self.position: int | None = None  # among the arguments, where the gradient from before went in

    @property
    def is_kept(self) -> bool:
        """True if a new one is there after the call.

        That is so unless an update has used it and the next call clears it, or the tensor was made inside the
        function.
        """
        used_up = self.spent and not self.read
        return self.written and self.tracer is not None and not self.is_local and not used_up

    @property
    def is_cleared(self) -> bool:
        """True if none is there after the call: it was set to None, or is not kept."""
        return self.written and not self.is_local and not self.is_kept


class TracedGenerator:
    """A generator of random numbers among the settings of an op: each call draws anew."""

    def __init__(self, capture: Capturing, generator: np.random.Generator) -> None:
        self._capture = capture
        known = capture.recording.generators
        if all(generator is not other for other in known):
            known.append(generator)
        self._number = next(i for i, other in enumerate(known) if other is generator)
        self._sample = copy.deepcopy(generator)  # the generator itself does not move
        self._name = repr(generator)

    def random(self, size: tuple[int, ...], dtype: Any = np.float64) -> Tracer:
        """Draw random numbers in [0, 1)."""
        if dtype is not np.float32:
            self._capture.refuse("random numbers in double precision")
        sample = self._sample.random(size, dtype)
        value = Value(sample, "result")
        self._capture.append(Instruction(Draw(self._number, size), (), value))
        return Tracer(self._capture, value, sample)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self._capture.refuse(f"the {name} of a generator")

    def __repr__(self) -> str:
        return self._name


class TracedSettings:
    """The settings of a group of parameters: numbers that are read at each call."""

    def __init__(self, group: Any, terms: dict[Any, bool]) -> None:
        self._group, self._terms = group, terms

    def __getattr__(self, name: str) -> Any:
        value = look(self._group, name)
        if isinstance(value, tuple):
            return tuple(TracedNumber(Number(self._group, name, i), self._terms) for i in range(len(value)))
        return TracedNumber(Number(self._group, name), self._terms)


class TracedState:
    """State kept for a parameter by an optimizer or an EMA: arrays as tracers, a count as an open number."""

    def __init__(self, capture: Capturing, keeper: Any, parameter: Tensor, state: Any) -> None:
        self._capture = capture
        self._unmade = [name for name in type(keeper).STATES if look(state, name) is None]
        self._count: Count | None = None
        self.scratch: Any = None
        for name, letter in type(keeper).STATES.items():
            array = look(state, name)
            title = f"{letter}_{parameter.name or ''}"
            setattr(self, name, None if array is None else capture.state(array, state, name, title, letter))
        if type(keeper).COUNTED:
            counts = capture.recording.counts
            equal = (c.holder for c in counts if look(c.holder, "steps") == look(state, "steps"))
            self._count = Count(state, next(equal, state))
            counts.append(self._count)
            self.steps = TracedNumber(Number(self._count.like, "steps"), capture.recording.terms)

    def after_update(self) -> None:
        """Count the update; a program cannot make the arrays that the first one makes."""
        if self._count is not None:
            self._count.updates += 1
            self.steps = self.steps + 1
        made = [name for name in self._unmade if getattr(self, name) is not None]
        if made:
            self._capture.single_use = f"the optimizer makes its {made[0]}"


@contextmanager
def capturing(whole: Collection[str] = ()) -> Iterator[Capturing]:
    """Note what runs in the block; afterwards everything outside is as it was before."""
    capture = Capturing(whole)
    token = CAPTURE.set(capture)
    try:
        with reads_noted():
            yield capture
    finally:
        CAPTURE.reset(token)
        capture.restore()
        capture.let_go()
