"""Surroundings of a captured function: arrays of tensors, and attributes of modules and optimizers."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import Site, calling_site, in_words
from tinygrad_mnist.autodiff.tensor import Tensor, next_serial
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Array, Fixed, State, Value
from tinygrad_mnist.program.observation import ABSENT, Reading, look
from tinygrad_mnist.program.operations import Operation
from tinygrad_mnist.program.recorder import Recorder

_DECIDES_NOTHING = ("_scope", "__class__")  # of what is read of a module


class Surroundings(Recorder):
    """Notes what the program depends on, and what a failed capture has to put back."""

    def __init__(self) -> None:
        super().__init__()
        self._start = next_serial()
        self._undo: list[Callable[[], None]] = []
        self._states: dict[tuple[int, Any], State] = {}  # by holder and what is read of it
        self._state_values: dict[State, Value] = {}  # as they are now
        self._local: dict[int, Any] = {}  # modules and optimizers that the function makes
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
        """Return True if the tensor was there before the call."""
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

    # Attributes

    def keeps(self, index: Any) -> None:
        """An index; one that nobody holds after the call is a constant, another is compared at each call."""
        owns_memory = isinstance(index, np.ndarray) and index.base is None
        found = weakref.ref(index) if owns_memory else lambda: index
        self.recording.indices.append((found, copy.deepcopy(index)))

    def made(self, thing: Any) -> None:
        """A module or optimizer that is new at each call."""
        self._local[id(thing)] = thing

    def read(self, holder: Any, name: str) -> None:
        """An attribute that the program depends on: the first reading tells what it was before the call."""
        key = id(holder), name
        if not self._is_running or key in self.recording.readings or name in _DECIDES_NOTHING:
            return
        kind = type(holder)
        is_open = name in (*getattr(kind, "NUMBERS", ()), *getattr(kind, "TERMS", ()))
        if self.is_local(holder) or (is_open and holder is self._updating):
            return
        self.recording.readings[key] = Reading.of(holder, name, at_each_call=is_open)

    def before_setting(self, holder: Any, name: str) -> None:
        """An attribute that the function sets: it has to be set back before the end."""
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

    def undo(self) -> None:
        """Put back everything that the captured function changed."""
        for step in reversed(self._undo):
            step()
