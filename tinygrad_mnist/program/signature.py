"""Arguments and results of a compiled function: structure, names and refusals."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.observation import is_plain


def flat(arguments: tuple[Any, ...], keywords: dict[str, Any]) -> tuple[Any, Sequence[Any]]:
    """Return the structure of the arguments, for plain ones just their number, and the leaves."""
    if keywords or any(isinstance(x, dict | list | tuple) for x in arguments):
        return structure_of((arguments, keywords)), trees.leaves((arguments, keywords))
    return len(arguments), arguments


def structure_of(tree: Any) -> Any:
    """Return the containers of a tree and their keys, without the leaves."""
    if isinstance(tree, dict):
        return type(tree), tuple((type(key), key, structure_of(x)) for key, x in tree.items())
    if isinstance(tree, list | tuple):
        return type(tree), tuple(map(structure_of, tree))
    return None


def accepted(x: Any) -> Any:
    """Return an argument; refuse one that a program cannot take."""
    if not is_array(x) and not is_plain(x):
        raise CaptureError(
            f"an argument of a compiled function is a {type(x).__name__}, which may change unseen: give "
            "arrays, Tensors, modules, numbers, texts, and lists, tuples and dicts of them"
        )
    if isinstance(x, Tensor) and x._requires_grad:
        raise CaptureError(
            f"{x._label()}, an argument of a compiled function, requires a gradient, and a program takes "
            "plain arrays: differentiate inside, with tm.grad"
        )
    return x


def require_plain_containers(tree: Any, what: str) -> None:
    """Refuse containers with a state besides their parts: a program could not make them again."""
    if not isinstance(tree, dict | list | tuple):
        return
    if type(tree) not in (dict, OrderedDict, list, tuple) and not hasattr(tree, "_fields"):
        raise CaptureError(
            f"{what} of a compiled function is a {type(tree).__name__}: expected a list, tuple, named tuple "
            "or dict; turn it into one, outside for an argument"
        )
    for key in trees.leaves(list(tree)) if isinstance(tree, dict) else ():
        if isinstance(key, Tensor) or not is_plain(key):
            raise CaptureError(
                f"{what} of a compiled function is a dict whose keys hold a {type(key).__name__}: expected "
                "texts and numbers; write a list of pairs"
            )
    for part in tree.values() if isinstance(tree, dict) else tree:
        require_plain_containers(part, what)


def require_unchanged(filled: Any, given: Any, stand_ins: list[Any]) -> None:
    """Refuse a function that adds to or removes from the lists and dicts among its arguments."""
    found = trees.leaves(filled)
    same = len(found) == len(stand_ins) and all(a is b for a, b in zip(found, stand_ins))
    if not same or structure_of(filled) != structure_of(given):
        raise CaptureError(
            "a list or dict among the arguments is changed while a program is captured, which a program does "
            "not repeat: return the new parts instead"
        )


def argument_names(function: Callable[..., Any], arguments: Any, keywords: Any) -> list[str]:
    """Return a name for each array among the arguments, from the function's own parameters."""
    bound = inspect.signature(function).bind(*arguments, **keywords).arguments
    names = []
    for name, tree in bound.items():
        arrays = [x for x in trees.leaves(tree) if isinstance(x, np.ndarray | Tensor)]
        names += [name] if len(arrays) == 1 else [f"{name}{i + 1}" for i in range(len(arrays))]
    return names


def as_tensors(arguments: Any, keywords: Any, leaves: Sequence[Any]) -> tuple[list[Any], Any]:
    """Return the leaves with Tensors in place of arrays, and the arguments made of them."""
    given = [Tensor(x) if isinstance(x, np.ndarray) else x for x in leaves]
    return given, trees.refill((arguments, keywords), given)


def is_array(x: Any) -> bool:
    """Return True for an array or a Tensor."""
    return isinstance(x, np.ndarray | Tensor)


def is_weak(x: Any) -> bool:
    """Return True for a Tensor whose dtype yields to another's."""
    return isinstance(x, Tensor) and x.weak_dtype


def plain_array(x: Any) -> Any:
    """Return the array of a Tensor, and anything else unchanged."""
    return x._data if isinstance(x, Tensor) else x
