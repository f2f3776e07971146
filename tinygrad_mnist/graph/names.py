"""Names of values and of module calls, unique in a graph and the same in every run."""

from __future__ import annotations

import inspect
from collections import Counter
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.formula import input_names
from tinygrad_mnist.autodiff.modes import Call
from tinygrad_mnist.autodiff.tensor import Tensor

_SAY_NOTHING = frozenset({"a", "b", "r", "x"})  # names of an op's inputs that are not those of a value


def printable(text: str) -> str:
    """Return text with control characters as boxes, so that renderers and terminals do not obey them."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{WHITE SQUARE}" for c in text)


class Names:
    """Unique names of the values of a graph, and unique paths of the module calls that made them.

    A value with a name keeps it.  An op is called after its primitive, with a running number.  A leaf is
    called after the argument by which a module or an op got it; the leaves of an argument that was given
    several times are numbered from 0: ``x[3]`` is the one of the fourth call.

    Parameters
    ----------
    values
        The values in the order of computation, a leaf right before its first use.
    """

    def __init__(self, values: list[Any]) -> None:
        self.of: dict[int, str] = {}
        self.values: dict[str, Any] = {}
        self._numbers = Counter[str]()
        self._paths: dict[int, str] = {}
        self._calls = Counter[str]()
        arguments = _arguments(values)
        several = {name for name, number in Counter(arguments.values()).items() if number > 1}
        given = Counter[str]()
        for value in values:
            name = arguments.get(id(value))
            if name in several:
                given[name] += 1
                name = f"{name}[{given[name] - 1}]"
            self.give(value, name)

    def give(self, value: Any, argument: str | None = None) -> str:
        """Give a value a name: its own, that of its argument, or that of its op or kind with a number."""
        own = getattr(value, "name", None) or argument
        own = printable(own) if own else None
        primitive = getattr(value, "primitive", None)
        name = own
        while not name or name in self.values:
            kind = "op" if primitive else "leaf"
            self._numbers[kind] += 1
            name = f"{own or (primitive.name if primitive else leaf_kind(value))}_{self._numbers[kind]}"
        self.of[id(value)] = name
        self.values[name] = value
        return name

    def sources(self, inputs: tuple[Any, ...]) -> tuple[str, ...]:
        """Return the names of an op's inputs; numbers as text."""
        return tuple(self.of.get(id(x)) or repr(x) for x in inputs)

    def path(self, call: Call | None) -> str:
        """Return the path of a call; the second of a module in the same outer call is ``Linear[in] (2)``."""
        unnamed = []  # without recursion: scopes may nest to any depth
        while call is not None and id(call) not in self._paths:
            unnamed.append(call)
            call = call[0]
        path = "" if call is None else self._paths[id(call)]
        for inner in reversed(unnamed):
            path = self._paths[id(inner)] = self._free_path(f"{path}/{printable(inner[1])}".removeprefix("/"))
        return path

    def _free_path(self, path: str) -> str:
        free = path
        while self._calls[free]:
            self._calls[path] += 1
            free = f"{path} ({self._calls[path]})"
        self._calls[free] += 1
        return free


def leaf_kind(value: Any) -> Any:
    """Return "parameter" for a leaf that requires a gradient, else "data"."""
    return "parameter" if isinstance(value, Tensor) and value.requires_grad else "data"


def _arguments(values: list[Any]) -> dict[int, str]:
    """The arguments by which modules or ops got the leaves without a name, by the id of the leaf."""
    found: dict[int, str] = {}
    for value in values:
        primitive = getattr(value, "primitive", None)
        if primitive is None:
            continue
        call = value._call if isinstance(value, Tensor) else value.call
        for position, x in enumerate(value.inputs):
            is_leaf = isinstance(x, Tensor | np.ndarray) and not getattr(x, "inputs", ())
            if is_leaf and id(x) not in found and not getattr(x, "name", None):
                name = _argument_of(call, x) or _input_of(primitive, len(value.inputs), position)
                if name:
                    found[id(x)] = name
    return found


def _input_of(primitive: Any, count: int, position: int) -> str | None:
    """The primitive's name for an input, if it is one such as ``targets``."""
    name = input_names(primitive, count)[position]
    return None if primitive.variadic or name in _SAY_NOTHING else name


def _argument_of(call: Call | None, value: Any) -> str | None:
    """The name of an argument of the outermost module call that was given the value, or what it copies."""
    name = None
    while call is not None:
        outer, _, module, inputs, settings = call
        given: list[tuple[Any, Any]] = [*enumerate(inputs), *settings.items()]
        same = [key for key, x in given if x is value] or [key for key, x in given if _is_copy(value, x)]
        if same:
            name = same[0] if isinstance(same[0], str) else _parameter(module, same[0])
        call = outer
    return name


def _is_copy(value: Any, given: Any) -> bool:
    """True for what a module makes of numbers, such as labels."""
    is_computed = isinstance(given, Tensor) and given.inputs
    of_arrays = isinstance(given, list | tuple) and any(getattr(x, "ndim", 0) for x in given)
    if is_computed or of_arrays:
        return False
    try:
        its = np.asarray(given.data if isinstance(given, Tensor) else given)
    except Exception:  # an argument of any kind, such as lists of several lengths
        return False
    mine = np.asarray(value.data if isinstance(value, Tensor) else value)
    return mine.shape == its.shape and its.dtype.kind in "biuf" and np.array_equal(mine, its)


def _parameter(module: Any, position: int) -> str:
    """The name of a positional argument of a module's ``forward``."""
    parameters = list(inspect.signature(module.forward).parameters.values())
    for place, parameter in enumerate(parameters[: position + 1]):
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            return f"{parameter.name}[{position - place}]"
    return parameters[position].name
