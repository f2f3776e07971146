"""Batches: the forms that `fit`, `evaluate`, `predict` and the doctor accept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets import ImageDataset, Loader, Split
from tinygrad_mnist.datasets.loader import UnreadInputs
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn import Embedding, Module
from tinygrad_mnist.typing import Array

Batch: TypeAlias = tuple[Any, Any]
Batches: TypeAlias = "Iterable[Batch] | Split | Batch | Callable[[], Iterable[Batch]]"

TRAINING_SIZE, MEASURING_SIZE = 32, 1000  # rows of a batch, where only arrays are given
_INSTEAD = "give a Loader, a data set's split such as data.train, or a pair of arrays (inputs, targets)"


def as_batches(
    name: str, given: Any, model: Module, *, training: bool = False, passes: int = 1
) -> Iterable[Batch]:
    """Return `given` as an iterable of ``(inputs, targets)`` that is iterated over once per epoch.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    given : Loader, Split, pair of arrays, iterable of pairs, or function that returns one
        A split or a pair of arrays is cut into batches in the dtype of the model's parameters: of 32 rows,
        shuffled, for training, and of 1,000 rows in their order for measuring.  Integers for a model with an
        `nn.Embedding` stay integers.
    model : Module
    training : bool
        True for training, False for measuring.
    passes : int
        Number of passes over them.

    Raises
    ------
    TypeError
        If `given` is nothing of this kind.
    DataError
        If it has no batch, or cannot be iterated over `passes` times.
    """
    if isinstance(given, Loader):
        return given
    size = TRAINING_SIZE if training else MEASURING_SIZE
    if isinstance(given, Split):
        _require_rows(name, len(given))
        return given.loader(size, shuffle=training, dtype=dtype_of(model))
    if is_pair(given):
        inputs, targets = (part.data if isinstance(part, Tensor) else part for part in given)
        _require_rows(name, len(inputs))
        if _are_row_numbers(inputs, model):
            targets = _in_floats_of(model, targets)
            return Loader(inputs, targets, size, shuffle=training, dtype=np.int64)
        return Loader(inputs, targets, size, shuffle=training, dtype=dtype_of(model))
    if isinstance(given, type) or (callable(given) and isinstance(given, Iterable)):
        raise TypeError(f"{name} is {shown(given)}: expected batches; {_INSTEAD}")
    if callable(given):
        return _Made(name, given)
    return _iterable(name, given, passes)


def unread(batches: Iterable[Batch]) -> Iterable[Batch]:
    """Return the next epoch with inputs that are read when they are used, if the batches are a `Loader`'s."""
    return batches.unread() if type(batches) is Loader else batches


def read(batch: Batch) -> Batch:
    """Return a batch with its inputs as an array, if they are still to be read."""
    inputs, targets = batch
    return (inputs.read() if isinstance(inputs, UnreadInputs) else inputs), targets


def is_pair(given: Any) -> bool:
    """Return True for ``(inputs, targets)``, and False for a sequence of two such pairs."""
    if not isinstance(given, tuple | list) or len(given) != 2 or _is_batch(given[0]):
        return False
    return all(isinstance(part, list | tuple) or hasattr(part, "__array__") for part in given)


def dtype_of(model: Module) -> DTypeLike:
    """Return the dtype that a model's inputs are expected in: that of its first parameter, or float32."""
    return next((p.dtype for p in model.parameters() if p.dtype.kind == "f"), np.dtype(np.float32))


def _are_row_numbers(inputs: Any, model: Module) -> bool:
    """Return True for integers that an `nn.Embedding` of the model looks up."""
    return np.asarray(inputs).dtype.kind in "iu" and any(isinstance(m, Embedding) for m in model.modules())


def _in_floats_of(model: Module, targets: Any) -> Any:
    array = np.asarray(targets)
    return array.astype(dtype_of(model)) if array.dtype.kind == "f" else targets


def is_array(given: Any) -> bool:
    """Return True for inputs without targets."""
    return isinstance(given, np.ndarray | Tensor)


class _Made:
    """Batches that a function of the caller returns for each epoch."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name, self.make = name, make

    def __iter__(self) -> Iterator[Batch]:
        made = self.make()
        if not isinstance(made, Iterable) or is_array(made):
            raise TypeError(f"{self.name} returned {shown(made)}: expected batches; {_INSTEAD}")
        return _checked(self.name, made)


class _Listed:
    """Batches of the caller, each checked to be a pair."""

    def __init__(self, name: str, batches: Iterable[Any]) -> None:
        self.name, self.batches = name, batches

    def __iter__(self) -> Iterator[Batch]:
        return _checked(self.name, self.batches)


class _Sized(_Listed):
    """Checked batches with a length, the number of steps in an epoch."""

    def __len__(self) -> int:
        return len(cast(Sized, self.batches))


def _iterable(name: str, given: Any, passes: int) -> Iterable[Batch]:
    if isinstance(given, ImageDataset):
        raise TypeError(f"{name} is {shown(given)}: expected batches; give one of its splits, as data.train")
    if is_array(given) or isinstance(given, str | bytes | dict | Module) or not isinstance(given, Iterable):
        raise TypeError(f"{name} is {shown(given)}: expected (inputs, targets) batches; {_INSTEAD}")
    if isinstance(given, Iterator) and passes > 1:
        raise DataError(
            f"{name} is {shown(given)}, which is exhausted after one pass, and {passes} are needed: give a "
            "Loader, a list, or a function that returns a new one"
        )
    if hasattr(given, "epoch"):
        return given  # a loader class of the caller, resumed by its epoch like ours
    if not isinstance(given, Sized):
        return _Listed(name, given)
    _require_rows(name, len(given))
    return _Sized(name, given)


def _checked(name: str, batches: Iterable[Any]) -> Iterator[Batch]:
    for position, batch in enumerate(batches):
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise TypeError(
                f"{name} has {shown(batch)} as its batch {position}: expected a pair (inputs, targets); "
                f"{_INSTEAD}"
            )
        yield batch[0], batch[1]


def _is_batch(item: Any) -> bool:
    """Return True for a pair in a sequence of batches, and False for a row of numbers."""
    if not isinstance(item, tuple | list) or len(item) != 2:
        return False
    return any(hasattr(part, "__array__") and np.ndim(part) > 0 for part in item)


def _require_rows(name: str, count: int) -> None:
    if not count:
        raise DataError(f"{name} is empty: there is no batch to work on; expected at least one example")


def inputs_of(given: Any, model: Module) -> Array:
    """Return inputs without targets in the dtype of the model, as those of a pair are."""
    return np.asarray(given.data if isinstance(given, Tensor) else given, dtype_of(model))


def first_enough(found: list[Batch], stream: Iterator[Batch], examples: int, most: int) -> list[Batch]:
    """Return the batches that have enough examples together; `found` grows by batches of `stream`."""
    count = rows = 0
    while count < most and rows < examples:
        if count == len(found):
            batch = next(stream, None)
            if batch is None:
                break
            found.append(batch)
        rows, count = rows + len(found[count][0]), count + 1
    return found[:count]
