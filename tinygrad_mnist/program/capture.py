"""Capture: run a function once for real, and note every op, update, check and draw as NumPy instructions."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import numpy as np

from tinygrad_mnist.autodiff.expression import is_literal
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.observed import reads_noted
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.site import Site, calling_site, in_words
from tinygrad_mnist.autodiff.tensor import Tensor, next_serial
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.arrays import TracedArray, TracedNumber
from tinygrad_mnist.program.item import Item, refuse
from tinygrad_mnist.program.observation import ABSENT, Reading, look
from tinygrad_mnist.program.operations import Call, Copy, Draw, Operation
from tinygrad_mnist.program.recorder import Recorder
from tinygrad_mnist.program.values import Array, Fixed, Instruction, Number, State, Value

_DECIDES_NOTHING = ("_scope", "__class__")  # of what is read of a module


class Capturing(Recorder):
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
        self._start = next_serial()
        self._undo: list[Callable[[], None]] = []
        self._states: dict[tuple[int, Any], State] = {}  # by holder and what is read of it
        self._state_values: dict[State, Value] = {}  # as they are now
        self._made: dict[int, Any] = {}  # modules and optimizers that the function makes
        self._set: dict[tuple[int, str], Site] = {}  # where attributes are set
        self._updating: Any = None  # the optimizer that is at work
        self._is_running = True  # the function, of whose readings alone the program depends

    # Arrays

    def value_for(self, x: Any) -> Any:
        """The value of an input of an op; arrays that come from outside are states, read where they lie.

        Each is found again by its holder: two tensors may share an array today and not tomorrow.
        """
        if isinstance(x, Tensor):
            if self.is_outside(x):
                self.read(x, "_requires_grad")
                return self._state(x._data, x, "_data", x.name or "")
            x = x._data
            known = self.value_of(x)
            if known is not None:
                return known
        if not isinstance(x, np.ndarray):
            return x
        known = self.value_of(x)
        if known is not None and known.origin != "state":
            return known
        return self._state(x, Fixed(x), "array")

    def is_outside(self, tensor: Tensor) -> bool:
        """Whether a tensor was there before the call."""
        return (id(tensor), ("_data", None)) in self._states or tensor.serial <= self._start

    def _state(
        self, array: Array, holder: Any, attribute: str, name: str = "", position: int | None = None
    ) -> Value:
        """The value of an array that outlives the call."""
        key = id(array if isinstance(holder, Fixed) else holder), (attribute, position)
        if key not in self._states:
            state = self._states[key] = State(holder, attribute, name, position)
            self._state_values[state] = Value(array, "state", state)
        value = self._state_values[self._states[key]]
        if not isinstance(holder, Fixed) or self.value_of(array) is None:
            self.know(array, value)
        return value

    def overwrite(self, operation: Operation, operands: tuple[Any, ...], state: Value, array: Array) -> Value:
        """Note that an operation was written over a state, which is another value from now on."""
        result = super().overwrite(operation, operands, state, array)
        self._state_values[state.source] = result
        return result

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

    # Attributes

    def keeps(self, index: Any) -> None:
        """An index; one that nobody holds after the call is a constant, another is compared at each call."""
        owns_memory = isinstance(index, np.ndarray) and index.base is None
        found = weakref.ref(index) if owns_memory else lambda: index
        self.recording.indices.append((found, copy.deepcopy(index)))

    def made(self, thing: Any) -> None:
        """A module or optimizer that is new at each call."""
        self._made[id(thing)] = thing

    def read(self, holder: Any, name: str) -> None:
        """An attribute that the program depends on: the first reading tells what it was before the call."""
        key = id(holder), name
        if not self._is_running or key in self.recording.readings or name in _DECIDES_NOTHING:
            return
        kind = type(holder)
        is_open = name in (*getattr(kind, "NUMBERS", ()), *getattr(kind, "TERMS", ()))
        if self._is_local(holder) or (is_open and holder is self._updating):
            return
        self.recording.readings[key] = Reading.of(holder, name, at_each_call=is_open)

    def before_setting(self, holder: Any, name: str) -> None:
        """An attribute that the function sets: it has to be set back before the end."""
        if self._is_local(holder):
            return
        self.read(holder, name)
        self._set[id(holder), name] = calling_site()
        before = look(holder, name) if isinstance(holder, Tensor) else vars(holder).get(name, ABSENT)

        def put_back() -> None:
            if before is ABSENT:
                object.__delattr__(holder, name)
            else:
                object.__setattr__(holder, name, before)

        self._undo.append(put_back)

    def _is_local(self, holder: Any) -> bool:
        return id(holder) in self._made or (isinstance(holder, Tensor) and not self.is_outside(holder))

    def reads_graph(self, tensor: Tensor) -> None:
        """An op is differentiated; of one recorded before the call the inputs have to stay as they were."""
        if self.is_outside(tensor):
            inputs = [x for x in tensor.inputs if isinstance(x, Tensor)]
            self.recording.outside_graph.append((tensor, inputs))

    def require_unchanged(self) -> None:
        """After the function: refuse one that leaves other attributes than it found."""
        self._is_running = False
        for (key, name), reading in self.recording.readings.items():
            if not reading.holds():
                site = self._set.get((key, name))
                where = f", at {in_words(site)}" if site else ""
                raise CaptureError(
                    f"{reading} is changed while a program is captured{where}: a program repeats operations "
                    "on arrays and would leave it as it is. Return what is to be kept and set it outside, "
                    "or leave this function uncompiled"
                )

    def item(self, tensor: Tensor) -> Item:
        """The number, to be returned."""
        if tensor.size != 1:
            refuse(f"item() of shape {tensor.shape}")
        return Item(self.value_for(tensor))

    def refuse(self, what: str) -> NoReturn:
        """Refuse Python code that wants to see a value."""
        refuse(what)

    def undo(self) -> None:
        """Put back everything that the captured function changed."""
        for step in reversed(self._undo):
            step()


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
