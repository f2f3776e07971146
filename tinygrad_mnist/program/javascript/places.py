"""Places of the values of a program in one-dimensional memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Recording, Value
from tinygrad_mnist.program.operations import View
from tinygrad_mnist.typing import Array


class Place(NamedTuple):
    """The axes of an array in its memory; strides and offset count elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    @property
    def is_plain(self) -> bool:
        """True for C order from the beginning."""
        return not self.offset and self.strides == np_strides(self.shape)


class Places:
    """The places of all values: arguments and states in C order, results as they were at the capture."""

    def __init__(self, recording: Recording) -> None:
        self._makers = {id(i.result): i for i in recording.instructions if isinstance(i.operation, View)}
        self._models: dict[int, Array] = {}

    def of(self, value: Value) -> Place:
        """Return the place of a value in the memory of its root."""
        root, model = self._model(value.root), self._model(value)
        strides = tuple(stride // model.itemsize for stride in model.strides)
        if not model.size:
            return Place(model.shape, np_strides(model.shape), 0)
        return Place(model.shape, strides, (address(model) - address(root)) // root.itemsize)

    def _model(self, value: Value) -> Array:
        """Return an array with the memory order of the value."""
        if id(value) not in self._models:
            self._models[id(value)] = self._made(value)
        return self._models[id(value)]

    def _made(self, value: Value) -> Array:
        if value.view_of is not None:
            operation, before = self._makers[id(value)].operation, self._model(value.view_of)
            assert isinstance(operation, View)
            looked: Array = eval(operation.code.format("array"), {"array": before, "np": np})
            if looked.size and not np.may_share_memory(looked, before):
                raise CaptureError(
                    f"{operation.code.format('x')} is a view of an array in another order than C order: "
                    "expected an argument in C order; give np.ascontiguousarray(x) at the first call"
                )
            return looked
        if value.origin in ("argument", "constant"):
            return np.empty(value.shape, value.dtype)
        axes = sorted(range(value.array.ndim), key=lambda axis: (-value.array.strides[axis], axis))
        made: Array = np.empty([value.shape[axis] for axis in axes], value.dtype)
        return np.moveaxis(made, range(made.ndim), axes)


def np_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of a shape in C order, in elements."""
    strides: list[int] = []
    step = 1
    for length in reversed(shape):
        strides.insert(0, step)
        step *= max(length, 1)
    return tuple(strides)


def address(array: Any) -> int:
    """Return the place of the first element in the memory of the process."""
    return int(array.__array_interface__["data"][0])
