"""Outside state of a captured function: arrays of tensors, attributes of modules and optimizers."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.primitive import Box
from tinygrad_mnist.autodiff.source_line import Site, calling_site, in_words
from tinygrad_mnist.autodiff.tensor import Tensor, next_serial
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Fixed, State, Value
from tinygrad_mnist.program.item import Item
from tinygrad_mnist.program.observation import ABSENT, Reading, look, snapshot
from tinygrad_mnist.program.operations import Operation
from tinygrad_mnist.program.randomness import Generators
from tinygrad_mnist.program.recorder import Recorder
from tinygrad_mnist.program.tracer import Tracer
from tinygrad_mnist.typing import Array

_DECIDES_NOTHING = ("_scope", "__class__")  # attributes whose values do not matter


class Surroundings(Recorder):
    """Note what the program depends on: arrays from outside, attributes of modules and optimizers.

    Arrays are looked up, never swapped: outside objects keep theirs, and the tracer of a parameter works on a
    copy. `restore` therefore has to restore only serial numbers and attributes that the function sets.
    """

    def __init__(self) -> None:
        super().__init__()
        self._start = next_serial()
        self._undo: list[Callable[[], None]] = []
        self._tracers: dict[tuple[int, Any], Tracer] = {}  # by owner and attribute
        self._local: dict[int, Any] = {}  # modules and optimizers made by the function
        self._set: dict[tuple[int, str], Site] = {}  # where attributes are set
        self.generators = Generators()
        self._is_running = True  # only what the function itself reads matters

    # Arrays

    def lift(self, value: Any) -> Any:
        """Return the tracer of a Tensor or an array; return any other value unchanged.

        Each is identified by its owner: two tensors that share an array now may not share it later.
        """
        if isinstance(value, Tensor):
            if self.is_outside(value):
                return self._lifted_from_outside(value)
            value = value._data
        if isinstance(value, Item):
            self.refuse("a number from item()")
        return self.state(value, Fixed(value), "array") if isinstance(value, np.ndarray) else value

    def _lifted_from_outside(self, tensor: Tensor) -> Tracer:
        self.read(tensor, "_requires_grad")
        if tensor.inputs and (id(tensor), "_data") not in self._tracers:
            inputs = [x for x in tensor.inputs if isinstance(x, Tensor)]
            if all(x.serial <= tensor.serial for x in inputs):  # otherwise no backward pass goes through it
                self.recording.outside_graph.append((tensor, inputs))
        return self.state(tensor._data, tensor, "_data", tensor.name or "")

    def is_outside(self, tensor: Tensor) -> bool:
        """Return True if the tensor existed before the call."""
        return (id(tensor), "_data") in self._tracers or tensor.serial <= self._start

    def state(self, array: Array, holder: Any, attribute: str, name: str = "", letter: str = "") -> Tracer:
        """Return the tracer of an array that outlives the call."""
        key = id(array if isinstance(holder, Fixed) else holder), attribute
        if key not in self._tracers:
            sample = array if isinstance(holder, Fixed) else _twin(array)
            value = Value(sample, "state", State(holder, attribute, name, letter))
            self._tracers[key] = Tracer(self, value, sample)
        return self._tracers[key]

    def overwrite(self, operation: Operation, operands: tuple[Any, ...], state: Value, array: Array) -> Value:
        """Note that an operation was written over a state, which is another value from now on."""
        holder = state.source.holder
        if isinstance(holder, Tensor):
            self._before_change(holder)
        return super().overwrite(operation, operands, state, array)

    def _before_change(self, tensor: Tensor) -> None:
        """Give the tensor a new serial, as a change does, until the end of the capture."""
        if all(tensor is not other for other in self.recording.changed):
            self.recording.changed.append(tensor)
            self._undo.append(partial(setattr, tensor, "serial", tensor.serial))
        tensor._mark_changed()

    # Attributes

    def lift_setting(self, setting: Any) -> Any:
        """Return a setting of an op; the elements of an index are compared at each call."""
        for part in setting if isinstance(setting, tuple) else (setting,):
            if isinstance(part, Box):
                self.refuse("an index")
            if isinstance(part, np.ndarray | list):
                self._guard_index(part)
        return setting

    def _guard_index(self, index: Any) -> None:
        """Note an index; an index that does not outlive the call is a constant."""
        owns_memory = isinstance(index, np.ndarray) and index.base is None
        found = weakref.ref(index) if owns_memory else lambda: index
        self.recording.indices.append((found, copy.deepcopy(index)))

    def made(self, thing: Any) -> None:
        """Note a module or optimizer that is new at each call."""
        self._local[id(thing)] = thing

    def read(self, holder: Any, name: str) -> None:
        """Note an attribute that the program depends on; the first reading is its value before the call."""
        key = id(holder), name
        if not self._is_running or key in self.recording.readings or name in _DECIDES_NOTHING:
            return
        if self.is_local(holder):
            return
        is_open = isinstance(holder, Observed) and name in look(holder, "OPEN")
        self.recording.readings[key] = Reading.of(holder, name, at_each_call=is_open)
        value = look(holder, name)
        self.generators.meet(value)
        if type(value) in (list, dict):
            self._undo.append(partial(_refill, value, value.copy()))

    def before_setting(self, holder: Any, name: str) -> None:
        """Note an attribute that the function sets; the function has to restore it before it ends."""
        if self.is_local(holder):
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

    def is_local(self, thing: Any) -> bool:
        """Return True if the function made this module, optimizer or tensor."""
        return id(thing) in self._local or (isinstance(thing, Tensor) and not self.is_outside(thing))

    def require_unchanged(self) -> None:
        """Refuse a function that has left attributes changed."""
        self._is_running = False
        self.generators.require_unmoved()
        for (key, name), reading in self.recording.readings.items():
            if not reading.holds():
                site = self._set.get((key, name))
                where = f", at {in_words(site)}" if site else ""
                raise CaptureError(
                    f"{reading} is changed while a program is captured{where}: a program repeats operations "
                    "on arrays and would leave it as it is. Return what is to be kept and set it outside, "
                    "or leave this function uncompiled"
                )

    def restore(self) -> None:
        """Restore serial numbers, attributes and generators that the captured function changed."""
        for step in reversed(self._undo):
            step()
        self.generators.put_back()


def _refill(container: Any, before: Any) -> None:
    """Restore the parts of a list or dict; leave it untouched if they are the same."""
    found, expected = ((list(x.items()) if isinstance(x, dict) else x) for x in (container, before))
    if snapshot(found) != snapshot(expected):
        container.clear()
        (container.update if isinstance(container, dict) else container.extend)(before)


def _twin(array: Array) -> Array:
    """Return a copy with the same strides, which decide how NumPy computes."""
    if not array.size:
        return array.copy()
    low, high = np.lib.array_utils.byte_bounds(array)
    memory = np.empty(high - low, np.uint8)
    start = array.__array_interface__["data"][0] - low
    twin: Array = np.ndarray(array.shape, array.dtype, memory, start, array.strides)
    twin[...] = array
    return twin
