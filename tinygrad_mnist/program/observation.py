"""Attributes that a captured function read, of modules, optimizers and tensors, and how they are compared."""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.tensor import Tensor

_NUMBERS = (bool, int, float, complex, range, slice, np.generic, np.dtype)
_CONTAINERS = (list, tuple, dict, set, frozenset, deque, bytearray)
# What is compared by identity: it cannot change, or its changes are found in other ways.
THEMSELVES = (
    Tensor,
    Observed,
    Primitive,
    np.ndarray,
    np.ufunc,
    np.random.Generator,
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    enum.Enum,
)
_MOST_PARTS = 1000  # of a value that is compared part by part; a larger one is left to `check`


class Same:
    """Equal only to itself, whatever the ``==`` of the object in it returns."""

    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.thing is self.thing

    __hash__ = None  # type: ignore[assignment]


ABSENT = Same(object())


def is_plain(value: Any) -> bool:
    """Return True for a number, a text, a function or the like: the same object has the same value."""
    if isinstance(value, MethodType | partial):
        return all(map(is_plain, _bound(value)))
    return value is None or isinstance(value, (*_NUMBERS, str, bytes, *THEMSELVES)) or _is_frozen(value)


def _bound(function: MethodType | partial[Any]) -> tuple[Any, ...]:
    """Return the object that a method is bound to, and its function."""
    if isinstance(function, MethodType):
        return function.__func__, function.__self__
    return function.func, *function.args, *function.keywords.items()


def _is_frozen(value: Any) -> bool:
    """Return True for a frozen set or a frozen dataclass of plain things."""
    if isinstance(value, frozenset):
        return all(map(is_plain, value))
    parameters = getattr(type(value), "__dataclass_params__", None)
    return parameters is not None and parameters.frozen and all(map(is_plain, vars(value).values()))


def snapshot(value: Any) -> Any:
    """Return a key that is equal for two values if a function cannot tell them apart.

    Numbers by type and digits (0.0 is not -0.0, nor is 1 True), containers and plain objects by their parts,
    everything else by identity.
    """
    return _Snapshots().of(value)


class _Snapshots:
    def __init__(self) -> None:
        self._seen: set[int] = set()

    def of(self, value: Any) -> Any:
        """The snapshot of a value; one that occurred already, as in a cycle, is compared by identity."""
        if value is None or isinstance(value, str | bytes):
            return value
        if isinstance(value, _NUMBERS):
            return type(value), repr(value)
        if isinstance(value, MethodType | partial):
            return tuple(map(self.of, _bound(value)))
        if isinstance(value, THEMSELVES) or id(value) in self._seen or len(self._seen) > _MOST_PARTS:
            return Same(value)
        self._seen.add(id(value))
        if isinstance(value, _CONTAINERS):
            parts = value.items() if isinstance(value, dict) else value
            if len(value) > _MOST_PARTS:
                return Same(value)
            return Same(type(value)), [self._part(part) for part in parts]
        return Same(value), self.of(getattr(value, "__dict__", None))

    def _part(self, part: Any) -> Any:
        return tuple(map(self.of, part)) if type(part) is tuple else self.of(part)


def may_change_unseen(value: Any) -> bool:
    """Return True if a part can be exchanged without setting an attribute of a module or optimizer."""
    if isinstance(value, tuple | frozenset):
        return any(map(may_change_unseen, value))
    return not (is_plain(value) or isinstance(value, MethodType))


def _attributes(holder: Any) -> dict[str, Any]:
    """All attributes of an object: including its mode, even if not set, and without its name in scopes."""
    found = {name: x for name, x in look(holder, "__dict__").items() if name not in ("_scope", "training")}
    return found | {"training": look(holder, "training")}


@dataclass(frozen=True, eq=False)
class Reading:
    """An attribute that was read.

    Attributes
    ----------
    expected
        The snapshot of its value at the capture.
    at_each_call
        True if it is compared at each call; the others only after something was set.
    """

    holder: Any
    name: str
    expected: Any
    at_each_call: bool

    @classmethod
    def of(cls, holder: Any, name: str, *, at_each_call: bool = False) -> Reading:
        """Read an attribute; ``__dict__`` stands for all of them."""
        value = _attributes(holder) if name == "__dict__" else look(holder, name)
        parts = tuple(value.values()) if name == "__dict__" else value
        return cls(holder, name, snapshot(value), at_each_call or may_change_unseen(parts))

    def holds(self) -> bool:
        """Return True if the attribute is unchanged."""
        value = _attributes(self.holder) if self.name == "__dict__" else look(self.holder, self.name)
        return bool(snapshot(value) == self.expected)

    def __str__(self) -> str:
        name = self.name if self.name == "__dict__" else self.name.lstrip("_")
        return f"{type(self.holder).__name__}.{name}"


def look(holder: Any, name: str) -> Any:
    """Return an attribute without a note in the capture; `ABSENT` where there is none."""
    try:
        return object.__getattribute__(holder, name)
    except AttributeError:
        return ABSENT
