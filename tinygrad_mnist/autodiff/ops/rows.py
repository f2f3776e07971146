"""Rows of a table chosen by numbers that are given at each call, as the words of a text."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE, as_positions, reshape
from tinygrad_mnist.autodiff.primitive import primitive
from tinygrad_mnist.errors import LabelError


@primitive
def rows(table: Any, numbers: Any, *, padding: int | None = None) -> Any:
    """Return the rows of a table.  table: (n, *rest), numbers: (*B) of whole numbers -> (*B, *rest)

    The row of the number `padding` gets no gradient.
    """
    return np.take(table, as_positions(numbers), axis=0)


@primitive
def add_rows(x: Any, numbers: Any, *, count: int) -> Any:
    """Return a table of zeros with rows added.  x: (*B, *rest), numbers: (*B) -> (count, *rest)"""
    if x.dtype is HALF:
        return add_rows.forward(x.astype(SINGLE), numbers, count=count).astype(HALF)
    rest = x.shape[numbers.ndim :]
    width = math.prod(rest)
    table = np.zeros_like(x, shape=(count * width,))
    # Element by element: np.add.at is five times as quick on a flat array as by rows.
    places = np.reshape(numbers, (-1, 1)) * width + np.arange(width)
    np.add.at(table, np.ravel(places), np.ravel(x))
    return np.reshape(table, (count, *rest))


def _gradient_of_rows(g: Any, y: Any, table: Any, numbers: Any, *, padding: int | None) -> Any:
    if padding is not None:
        g = g * reshape(numbers != padding, shape=(*numbers.shape, *(1,) * (table.ndim - 1)))
    return add_rows(g, numbers, count=table.shape[0])


rows.vjps(_gradient_of_rows, None)
add_rows.vjps(lambda g, y, x, numbers, *, count: rows(g, numbers), None)


def require_rows(numbers: Any, count: int) -> None:
    """Refuse numbers outside 0 .. count - 1: NumPy would take a negative one from the end."""
    wrong = np.flatnonzero((numbers < 0) | (numbers >= count))
    if wrong.size:
        raise LabelError(
            f"number {numbers.ravel()[wrong[0]]} at position {wrong[0]} is out of range: the table has the "
            f"rows 0 to {count - 1}"
        )
