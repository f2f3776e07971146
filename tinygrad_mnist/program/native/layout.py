"""Place the values of native code: memory, first element, strides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.autodiff.expression import is_uniform
from tinygrad_mnist.program.instructions import Instruction, Recording, State, Value
from tinygrad_mnist.program.operations import View
from tinygrad_mnist.typing import Array

_NARROW = 16  # most columns of a result stored column by column
_TALL = 4  # least ratio of its rows to its columns


class Index(NamedTuple):
    """An index along an axis: a loop's variable plus a number."""

    variable: str = ""
    shift: int = 0

    def moved(self, by: int) -> Index:
        """Return the index some elements further."""
        return Index(self.variable, self.shift + by)

    def plus(self, other: Index) -> Index:
        """Both together."""
        variables = [variable for variable in (self.variable, other.variable) if variable]
        variable = f"({' + '.join(variables)})" if len(variables) > 1 else "".join(variables)
        return Index(variable, self.shift + other.shift)


@dataclass(frozen=True)
class Place:
    """Elements in one-dimensional memory; offset and strides count elements."""

    memory: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def element(self, indices: Sequence[Index]) -> str:
        """Code for an element; axes of length 1, and those missing in front, are broadcast."""
        constant, terms = self.offset, []
        for index, length, stride in zip(reversed(indices), reversed(self.shape), reversed(self.strides)):
            if length == 1 or not stride:
                continue
            constant += stride * index.shift
            if index.variable:
                terms.append(index.variable if stride == 1 else f"{stride} * {index.variable}")
        if constant or not terms:
            terms.append(str(constant))
        return f"{self.memory}[{' + '.join(terms)}]"


class Layout:
    """The layout of everything in a program.

    Tall, narrow results of native code are stored column by column, so that loops run along the rows and
    fill whole vectors.  Such arguments are copied first.

    Attributes
    ----------
    packed
        The arguments that native code reads from a copy.
    """

    def __init__(self, recording: Recording, states: Mapping[State, Array]) -> None:
        self._views = {
            id(i.result): i for i in recording.instructions if isinstance(i.operation, View) and i.result
        }
        self._models: dict[Any, Array] = {}  # arrays with the memory order of the program's
        self._bases: dict[Any, tuple[str, int]] = {}
        self.packed: dict[int, Value] = {}
        for source, array in states.items():
            self._models[id(source)] = array
        for value in recording.arguments:
            if not is_dense(value.array) or is_tall(value.shape):
                self.packed[id(value)] = value
                self.lay_out(value, is_free=True)
            else:
                self._models[id(value)] = _like(value.array)

    def lay_out(self, value: Value, *, is_free: bool) -> None:
        """Decide the memory order of a result: as at the capture or, if free, by columns for a tall one."""
        if value.origin == "constant":
            self._models[id(value)] = np.ascontiguousarray(value.array)
            return
        by_columns = is_free and is_tall(value.shape)
        self._models[id(value)] = _like(value.array, by_columns=by_columns)
        if by_columns and not all(self._is_view(other) for other in self._looks_at(value)):
            self._models[id(value)] = _like(value.array)

    def _looks_at(self, value: Value) -> Iterable[Value]:
        return (i.result for i in self._views.values() if i.result is not None and i.result.root is value)

    def _is_view(self, value: Value) -> bool:
        return np.may_share_memory(self.model(value), self.model(value.root))

    def model(self, value: Value) -> Array:
        """An array with the memory order of the value."""
        if value.view_of is not None:
            return look(self._views[id(value)].operation, self.model(value.view_of))
        key = memory_key(value)
        if key not in self._models:
            self.lay_out(value, is_free=False)
        return self._models[key]

    def settle(self, root: Value, memory: str, offset: int = 0) -> None:
        """Decide the place of a root."""
        self._bases[memory_key(root)] = memory, offset

    def place(self, value: Value) -> Place:
        """Return the place of a value."""
        root, model = self.model(value.root), self.model(value)
        memory, offset = self._bases[memory_key(value)]
        offset += (_address(model) - _address(root)) // root.itemsize
        return Place(memory, offset, model.shape, _strides(model))

    def view(self, value: Value) -> Instruction:
        """The instruction that makes a view."""
        return self._views[id(value)]

    def given(self, argument: Value) -> Array:
        """An array with the memory order of an argument; for one with gaps, that of its copy."""
        return _like(argument.array)

    def given_place(self, argument: Value, memory: str) -> Place:
        """Return the place of a packed argument, as it is given."""
        return Place(memory, 0, argument.shape, _strides(argument.array))

    def is_itself(self, value: Value) -> bool:
        """Return True for a root, or a view of one that only adds or drops axes of length 1."""
        root, model = self.model(value.root).squeeze(), self.model(value).squeeze()
        return (_address(root), root.shape, root.strides) == (_address(model), model.shape, model.strides)


def memory_key(value: Value) -> int:
    """Return the owner of the memory: for all values of a state the same."""
    root = value.root
    return id(root.source) if root.origin == "state" else id(root)


def look(operation: Any, array: Array) -> Array:
    """The view of an array that an operation takes."""
    return eval(operation.code.format("array"), {"array": array, "np": np})  # type: ignore[no-any-return]


def is_tall(shape: tuple[int, ...]) -> bool:
    """Return True for few columns and many rows."""
    return len(shape) == 2 and 1 < shape[1] <= _NARROW and shape[0] >= _TALL * shape[1]


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without axes of length 1."""
    return tuple(length for length in shape if length > 1)


def uniform(value: Value) -> Any:
    """The number that all elements of a constant are, or None."""
    array = value.root.array
    return array[(0,) * array.ndim] if value.root.origin == "constant" and is_uniform(array) else None


def flat(array: Array) -> Array:
    """The memory of an array in one axis."""
    return np.moveaxis(array, _axes(array), range(array.ndim)).reshape(-1)


def is_dense(array: Array) -> bool:
    """Return True if the elements fill their memory, in the order of rows or of columns."""
    return bool(array.flags.c_contiguous or array.flags.f_contiguous)


def _axes(array: Array) -> list[int]:
    """The axes from the slowest to the fastest."""
    return sorted(range(array.ndim), key=lambda axis: (-array.strides[axis], axis))


def _like(array: Array, *, by_columns: bool = False) -> Array:
    """Return memory for an array in the same order, without gaps, or column by column."""
    if by_columns:
        return np.empty(array.shape, array.dtype, order="F")
    axes = _axes(array) if 0 not in array.strides else list(range(array.ndim))
    made: Array = np.empty([array.shape[axis] for axis in axes], array.dtype)
    return np.moveaxis(made, range(array.ndim), axes)


def _strides(array: Array) -> tuple[int, ...]:
    return tuple(stride // array.itemsize for stride in array.strides)


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])
