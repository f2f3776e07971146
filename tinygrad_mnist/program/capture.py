"""Capture: run a function once for real, and note every op, update, check and draw as NumPy instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from tinygrad_mnist.autodiff.expression import is_literal
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.observed import reads_noted
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Array, Instruction, Number, Value
from tinygrad_mnist.program.item import Item, refuse
from tinygrad_mnist.program.observation import look
from tinygrad_mnist.program.operations import Call, Copy, Draw
from tinygrad_mnist.program.surroundings import Surroundings
from tinygrad_mnist.program.tracer import TracedArray, TracedNumber


class Capturing(Surroundings):
    """The capture that is going on: what `modes.Capture` describes.

    Attributes
    ----------
    single_use
        Why a later call cannot repeat the program, or "".
    gradients
        The tensors whose ``.grad`` was touched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.single_use = ""
        self.gradients: dict[int, Gradient] = {}

    # Arrays

    def _stand_in(self, x: Any) -> Any:
        value = self.value_for(x)
        if not isinstance(value, Value):
            return value
        return TracedArray(self, value, x._data if isinstance(x, Tensor) else x)

    def argument(self, array: Array) -> Tensor:
        """A new argument, as the captured function gets it."""
        looked_at = array.view()
        value = Value(looked_at, "argument", len(self.recording.arguments))
        self.recording.arguments.append(value)
        self.know(looked_at, value)
        return Tensor(looked_at)

    # modes.Capture

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Array:
        """Run a primitive on stand-ins; one that cannot be looked into is called as a whole."""
        stand_ins = [self._stand_in(x) for x in inputs]
        length = len(self.recording.instructions)
        try:
            result = primitive.forward(*stand_ins, **attributes)
            if not isinstance(result, TracedArray):
                result = TracedArray(self, self.constant(result), np.array(result))
                self.know(result.array, result.value)
        except CaptureError:
            raise
        except Exception:
            self.rewind(length)
            result = self._call_whole(primitive, stand_ins, attributes)
        if not result.value.primitive and result.value.origin == "result":
            result.value.primitive = primitive.name
        return result.array

    def _call_whole(
        self, primitive: Primitive, stand_ins: list[Any], attributes: dict[str, Any]
    ) -> TracedArray:
        for name, setting in attributes.items():
            if not is_literal(setting):
                raise CaptureError(
                    f"{name} is {setting!r}: expected a number, a text or an array as the setting of "
                    f"{primitive.name}, which a program calls as a whole; leave this function uncompiled"
                )
        plain = [x.array if isinstance(x, TracedArray) else x for x in stand_ins]
        sample = np.asarray(primitive.forward(*plain, **attributes))
        operands = tuple(x.value if isinstance(x, TracedArray) else x for x in stand_ins)
        value = self.emit(Call(primitive.forward, tuple(attributes.items())), operands, sample)
        return TracedArray(self, value, sample)

    def change(self, tensor: Tensor, ufunc: np.ufunc, other: Any) -> None:
        """A change in place of a leaf, ``ufunc(tensor, other, out=tensor)``."""
        target = self._stand_in(tensor)
        self._before_change(tensor)
        ufunc(target, self._stand_in(other), out=target)

    def _before_change(self, tensor: Tensor) -> None:
        array, before = tensor._data, tensor._data.copy()
        self._undo.append(lambda: np.copyto(array, before))
        if all(tensor is not other for other in self.recording.changed):
            self.recording.changed.append(tensor)
        gradient = self.gradients.get(id(tensor))
        if gradient is not None:
            gradient.spent = True

    def update(self, optimizer: Any, position: int) -> None:
        """An optimizer's update of one parameter, with its numbers left open."""
        parameter, v = look(optimizer, "parameters")[position], look(optimizer, "velocities")[position]
        self._before_change(parameter)
        self._updating = optimizer
        terms = {name: bool(look(optimizer, name)) for name in type(optimizer).TERMS}
        self.recording.terms.setdefault(id(optimizer), (optimizer, terms))
        velocity = None
        if v is None:
            self._undo.append(lambda: look(optimizer, "velocities").__setitem__(position, None))
        else:
            before = v.copy()
            self._undo.append(lambda: np.copyto(v, before))
            value = self._state(v, optimizer, "velocities", f"v_{parameter.name or ''}", position)
            velocity = TracedArray(self, value, v)
        numbers = _Numbers({name: TracedNumber(Number(optimizer, name)) for name in type(optimizer).NUMBERS})
        result = optimizer.update(
            self._stand_in(parameter), self._stand_in(parameter.grad), velocity, None, numbers
        )
        if v is None and result is not None:
            look(optimizer, "velocities")[position] = result.array
            self.single_use = "the optimizer makes its velocities"
        self._updating = None

    def check(self, function: Callable[..., None], *arguments: Any) -> None:
        """Check now, and at every call."""
        function(*(x.array if isinstance(x, TracedArray) else _plain(x) for x in arguments))
        operands = tuple(x.value if isinstance(x, TracedArray) else self.value_for(x) for x in arguments)
        operation = Call(function, is_check=True)
        noted = [(i.operation, i.operands) for i in self.recording.instructions]
        if (operation, operands) not in noted or self.epoch:
            self._append(Instruction(operation, operands, None))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> TracedArray:
        """Random numbers; the generator goes on as it would have."""
        generators = self.recording.generators
        if all(rng is not known for known in generators):
            generators.append(rng)
            state = rng.bit_generator.state
            self._undo.append(lambda: setattr(rng.bit_generator, "state", state))
        number = next(i for i, known in enumerate(generators) if known is rng)
        sample = rng.random(shape, dtype)
        value = Value(sample, "result")
        self._append(Instruction(Draw(number, shape), (), value))
        return TracedArray(self, self.know(sample, value), sample)

    def constant_tensor(self, array: Array) -> Tensor:
        """A Tensor around an array that is the same at every call."""
        self.know(array, self.constant(array))
        return Tensor(array)

    def copied(self, source: Array | Tensor, array: Array) -> None:
        """A copy that no op made, or the same array in another tensor."""
        value = self.value_for(source)
        if array is not _plain(source):
            dtype = None if source.dtype == array.dtype else f"np.{array.dtype.name}"
            self.emit(Copy(source.shape, dtype), (value,), array)

    def gradient(self, tensor: Tensor) -> Any:
        """The gradient; one from before the call becomes an argument of the program."""
        gradient = self._gradient(tensor)
        if not gradient.written and not gradient.read:
            gradient.read = True
            before = tensor._grad
            if before is None:
                self.recording.without_gradient.append(tensor)
            else:
                tensor._grad = self.argument(np.asarray(before))
                gradient.position = len(self.recording.arguments) - 1
        return tensor._grad

    def set_gradient(self, tensor: Tensor, gradient: Any) -> None:
        """A new gradient, or none."""
        self._gradient(tensor).written = True
        self._gradient(tensor).spent = False
        if isinstance(gradient, Tensor):
            if gradient.dtype != tensor.dtype:
                gradient = gradient.astype(tensor.dtype)
            value = self.value_for(gradient)
            if value.origin == "result" and value.gradient_of is None:
                value.gradient_of = self.value_for(tensor)
        tensor._grad = gradient

    def _gradient(self, tensor: Tensor) -> Gradient:
        if id(tensor) not in self.gradients:
            self.gradients[id(tensor)] = Gradient(tensor, not self.is_outside(tensor))
            before = tensor._grad
            self._undo.append(lambda: setattr(tensor, "_grad", before))
        return self.gradients[id(tensor)]

    def flows_into(self, tensor: Tensor, gradient: Tensor) -> None:
        """Note that a value is the gradient of another, for its name."""
        value = self.value_for(gradient)
        if value.origin == "result" and value.gradient_of is None:
            value.gradient_of = self.value_for(tensor)

    def item(self, tensor: Tensor) -> Item:
        """The number, to be returned."""
        if tensor.size != 1:
            refuse(f"item() of shape {tensor.shape}")
        return Item(self.value_for(tensor))

    def refuse(self, what: str) -> NoReturn:
        """Refuse Python code that wants to see a value."""
        refuse(what)


class Gradient:
    """What happened to the ``.grad`` of a tensor: read, written, and used up by an update."""

    def __init__(self, tensor: Tensor, is_local: bool) -> None:
        self.tensor, self.is_local = tensor, is_local
        self.read = self.written = self.spent = False
        self.position: int | None = None  # among the arguments, where the gradient from before went in

    @property
    def is_kept(self) -> bool:
        """Whether it is there after the call: unless an update has used it and the next call clears it, or
        the tensor was made inside the function.
        """
        return self.tensor._grad is not None and not self.is_local and (self.read or not self.spent)


def _plain(x: Any) -> Any:
    return x._data if isinstance(x, Tensor) else x


class _Numbers:
    def __init__(self, numbers: dict[str, TracedNumber]) -> None:
        vars(self).update(numbers)


@contextmanager
def capturing() -> Iterator[Capturing]:
    """Note what runs in the block; where it fails, everything is as it was before."""
    capture = Capturing()
    token = CAPTURE.set(capture)
    try:
        with reads_noted():
            yield capture
    except BaseException:
        capture.undo()
        raise
    finally:
        CAPTURE.reset(token)
