"""Sums of products over named axes: Einstein's notation, put together from matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.ops.matrices import diagonal
from tinygrad_mnist.autodiff.ops.products import arranged, contracted
from tinygrad_mnist.autodiff.ops.reducing import sum
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted


@hinted
def einsum(subscripts: str, *operands: Any) -> Any:
    """Return sums of products over named axes: Einstein's notation.

    Parameters
    ----------
    subscripts : str
        A letter per axis of each operand, and of the result: ``"ij,jk->ik"``.  An ellipsis stands for axes
        that broadcast.  Without ``->`` the result has the letters that occur once, in alphabetical order.
    *operands : Tensor or ndarray
        The shapes that the letters name; an axis of length 1 is repeated.

    Returns
    -------
    Tensor or ndarray

    Raises
    ------
    ShapeError
        If a letter names axes of different lengths, or the letters of an operand do not fit its axes.

    Notes
    -----
    Two operands at a time become a matrix product, in the order that `numpy.einsum_path` finds.

    Examples
    --------
    >>> einsum("ij,j->i", np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([1.0, 10.0]))
    array([21., 43.])
    """
    if not isinstance(subscripts, str):
        raise TypeError(
            f"subscripts is {shown(subscripts)}: expected a text; write einsum('ij,jk->ik', a, b)"
        )
    arrays = [x if hasattr(x, "shape") else np.asarray(x) for x in operands]
    labels, out = _parsed(subscripts.replace(" ", ""), [x.shape for x in arrays])
    terms = [_diagonals(x, names) for x, names in zip(arrays, labels)]
    path: list[Any] = [(0, 1)] if len(terms) == 2 else []
    if len(terms) > 2:
        empty = [np.broadcast_to(np.empty(()), x.shape) for x in arrays]
        path = np.einsum_path(subscripts, *empty, optimize="greedy")[0][1:]
    for positions in path:
        chosen = [terms.pop(position) for position in sorted(positions, reverse=True)]
        while len(chosen) > 1:
            first, second = chosen.pop(), chosen.pop()
            rest = {label for _, names in (*terms, *chosen) for label in names} | set(out)
            first, second = _summed(*first, rest | set(second[1])), _summed(*second, rest | set(first[1]))
            kept = [label for label in dict.fromkeys((*first[1], *second[1])) if label in rest]
            chosen.append((contracted(*first, *second, kept), kept))
        terms += chosen
    return arranged(*_summed(*terms[0], set(out)), out)


def _parsed(subscripts: str, shapes: list[tuple[int, ...]]) -> tuple[list[list[Any]], list[Any]]:
    """Return the names of the axes of each operand and of the result; an ellipsis stands for numbers."""
    before, arrow, after = subscripts.partition("->")
    texts = before.split(",")
    if len(texts) != len(shapes):
        raise ShapeError(f"einsum: {subscripts!r} names {len(texts)} operands, and {len(shapes)} are given")
    longest = 0
    labels, lengths = [], dict[Any, int]()
    for text, shape in zip(texts, shapes):
        wide = len(shape) - len(text.replace("...", ""))
        if wide < 0 or (wide and "..." not in text):
            raise ShapeError(
                f"einsum: {text!r} does not name the axes of shape {shape}: expected one letter each"
            )
        longest = max(longest, wide)
        labels.append(_names(text, wide))
        for label, length in zip(labels[-1], shape):
            if 1 not in (length, lengths.setdefault(label, length)) and length != lengths[label]:
                raise ShapeError(
                    f"einsum: axis {label!r} of {subscripts!r} has lengths {lengths[label]} and {length}"
                )
            lengths[label] = max(length, lengths[label])
    if not arrow:
        once = sorted(letter for letter in {*before} - {*",."} if before.count(letter) == 1)
        after = f"...{''.join(once)}"
    out = _names(after, longest)
    if len(set(out)) < len(out) or not set(out) <= set(lengths):
        raise ShapeError(
            f"einsum: the result {after!r} of {subscripts!r} needs letters of the operands, once each"
        )
    return labels, out


def _names(text: str, wide: int) -> list[Any]:
    """Return the letters of a term, with the numbers -wide .. -1 in place of its ellipsis."""
    before, dots, after = text.partition("...")
    return [*before, *(range(-wide, 0) if dots else ()), *after]


def _diagonals(x: Any, labels: list[Any]) -> tuple[Any, list[Any]]:
    """Return an array in which each name stands for one axis: the diagonal where it stood for several."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            x = diagonal(x, 0, first, second)
            labels = [*(name for i, name in enumerate(labels) if i not in (first, second)), label]
    return x, labels


def _summed(x: Any, labels: list[Any], kept: set[Any]) -> tuple[Any, list[Any]]:
    """Return the sum over the axes that nobody else names."""
    gone = tuple(i for i, label in enumerate(labels) if label not in kept)
    return (sum(x, axis=gone), [label for label in labels if label in kept]) if gone else (x, labels)
