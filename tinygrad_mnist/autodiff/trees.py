"""Nested dicts, lists and tuples of leaves, so that a transform takes a whole set of parameters at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def leaves(tree: Any) -> list[Any]:
    """All leaves, dicts in insertion order."""
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in leaves(branch)]
    if isinstance(tree, list | tuple):
        return [leaf for branch in tree for leaf in leaves(branch)]
    return [tree]


def replace(tree: Any, function: Callable[[Any], Any]) -> Any:
    """The same structure with ``function(leaf)`` for each leaf, called in the order of `leaves`."""
    if isinstance(tree, dict):
        return {key: replace(branch, function) for key, branch in tree.items()}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*(replace(branch, function) for branch in tree))
    if isinstance(tree, list | tuple):
        return type(tree)(replace(branch, function) for branch in tree)
    return function(tree)


def refill(tree: Any, values: list[Any]) -> Any:
    """The same structure with `values` for its leaves."""
    source = iter(values)
    return replace(tree, lambda leaf: next(source))
