"""Nested dicts, lists and tuples of leaves, so that a transform takes a whole set of parameters at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_mnist.errors import ShapeError


def leaves(tree: Any) -> list[Any]:
    """Return all leaves, dicts in insertion order."""
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves(branch)]
    if isinstance(tree, list | tuple):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


def replace(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Return the same structure with ``function(leaf)`` for each leaf, called in the order of `leaves`."""
    if isinstance(tree, dict):
        return type(tree)((key, replace(branch, function)) for key, branch in tree.items())
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(replace(branch, function) for branch in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(replace(branch, function) for branch in tree)
    return function(tree)


def refill(tree: Any, values: list[Any]) -> Any:
    """Return the same structure with `values` for its leaves."""
    source = iter(values)
    return replace(tree, lambda leaf: next(source))


def leaves_like(tree: Any, other: Any, what: str) -> list[Any]:
    """Return the leaves of `other`, which must have the structure of `tree`, in the order of its leaves."""
    if isinstance(tree, dict):
        if not isinstance(other, dict) or other.keys() != tree.keys():
            raise ShapeError(f"{what} must be a dict with the keys {list(tree)}, as the value is")
        return [leaf for key in tree for leaf in leaves_like(tree[key], other[key], what)]
    if isinstance(tree, list | tuple):
        if not isinstance(other, list | tuple) or len(other) != len(tree):
            raise ShapeError(f"{what} must be a sequence of {len(tree)}, as the value is")
        return [leaf for branch, mine in zip(tree, other) for leaf in leaves_like(branch, mine, what)]
    if isinstance(other, dict | list | tuple):
        raise ShapeError(f"{what} has a {type(other).__name__} where the value has a single array")
    return [other]
