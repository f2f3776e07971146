"""Detect and undo an exchange of rows and columns, as in EMNIST's files."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.datasets.bundled import BUNDLED
from tinygrad_mnist.datasets.idx import read_idx
from tinygrad_mnist.datasets.rows import Concatenated, Rows
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from numpy.typing import NDArray


_SIDE = 8  # pixels of the bundled digits
_ROWS = 1000  # images exchanged at a time
_MOST_IMAGES = 10_000  # compared with the bundled digits
_FEWEST_PER_CLASS = 10
# Measured: the mean image of each MNIST digit, less the mean of all, correlates with that of the bundled
# digits by 0.37 (200 images) to 0.42 (10,000), and by 0.02 after an exchange of rows and columns.
_ALIKE, _MUCH_MORE = 0.3, 0.2


def exchange_axes(images: Any) -> Any:
    """Return the images with rows and columns exchanged.

    Square ones are changed in place, a view is returned of those that stay in files.
    """
    if isinstance(images, Concatenated):
        return Concatenated([exchange_axes(array) for array in images.arrays])
    if isinstance(images, np.memmap):
        return images.transpose(0, 2, 1)
    if images.shape[1] != images.shape[2]:
        return np.ascontiguousarray(images.transpose(0, 2, 1))
    for start in range(0, len(images), _ROWS):
        part = images[start : start + _ROWS]
        part[:] = part.transpose(0, 2, 1).copy()
    return images


def looks_transposed(images: Any, labels: Array) -> bool:
    """Return True if these are digits 0 to 9 with rows and columns exchanged.

    The mean image of each class, upright and exchanged, is compared with that of the bundled digits.
    """
    if len(images) != len(labels):
        return False
    images, labels = Rows(images).take(slice(_MOST_IMAGES)), labels[:_MOST_IMAGES]
    if images.ndim != 3 or images.shape[1] != images.shape[2]:
        return False
    if images.shape[1] < _SIDE or labels.min(initial=0) < 0 or labels.max(initial=0) != 9:
        return False
    if np.bincount(labels, minlength=10).min() < _FEWEST_PER_CLASS:
        return False
    means = _class_means(images, labels)
    exchanged = _likeness(means.transpose(0, 2, 1))
    return exchanged > _ALIKE and exchanged > _likeness(means) + _MUCH_MORE


def _class_means(images: NDArray[np.uint8], labels: Array) -> Array:
    """Return the mean image of each digit, less the mean of all, in 8 x 8 blocks: shape (10, 8, 8)."""
    block = images.shape[1] // _SIDE
    edge = (images.shape[1] - _SIDE * block) // 2
    middle = slice(edge, edge + _SIDE * block)
    means = np.stack([images[labels == digit].mean(axis=0)[middle, middle] for digit in range(10)])
    coarse: Array = means.reshape(10, _SIDE, block, _SIDE, block).mean(axis=(2, 4))
    centred: Array = coarse - coarse.mean(axis=0)
    return centred


def _likeness(means: Array) -> float:
    """Return the mean correlation with the bundled digits, from -1 to 1."""
    with np.errstate(all="ignore"):  # blank images have no correlation
        found = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(means, _bundled_means())]
    return float(np.nan_to_num(found).mean())


@cache
def _bundled_means() -> Array:
    names = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
    images, labels = (read_idx(BUNDLED["digits"] / name) for name in names)
    return _class_means(images, labels)
