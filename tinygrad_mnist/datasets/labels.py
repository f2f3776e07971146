"""Class labels of files, checked and turned into positions from 0."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.datasets.idx import read_idx
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

MOST_CLASSES = 256  # a label is kept as one byte
_STEP = 2**16
NO_LABEL = 255  # -1, "no label", as an unsigned byte


def count_classes(
    training: Array, test: Array
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[str, ...]]:
    """Number the classes that occur from 0, in the order of their labels.

    Parameters
    ----------
    training, test : ndarrays of integers, shape (n,) and (m,)

    Returns
    -------
    training, test : ndarrays of uint8
        The position of each label among those that occur: 0 and 1 for labels of 3 and 7.
    names : tuple of str
        The labels that occur, as text.

    Raises
    ------
    DataError
        If there are more than 256 classes.

    Warns
    -----
    UserWarning
        If a class occurs in the test labels alone: a network cannot learn it.
    """
    occurring = np.union1d(training, test)
    if len(occurring) > MOST_CLASSES:
        raise DataError(f"labels: {len(occurring):,} classes, expected at most {MOST_CLASSES}")
    unseen = np.setdiff1d(test, training)
    if len(unseen) and len(training):
        warnings.warn(
            f"the test labels hold {_listed(unseen)}, and no training image does: it cannot be learned",
            UserWarning,
            stacklevel=warning_level(),
        )
    first, second = (_positions(occurring, labels) for labels in (training, test))
    return first, second, tuple(map(str, occurring.tolist()))


def _positions(occurring: Array, labels: Array) -> NDArray[np.uint8]:
    found = np.empty(len(labels), np.uint8)
    for start in range(0, len(labels), _STEP):  # positions take 8 bytes each at first
        found[start : start + _STEP] = np.searchsorted(occurring, labels[start : start + _STEP])
    return found


def read_labels(path: Path) -> Array:
    """Read an IDX file of labels; only the header is read unless it promises whole numbers of shape (n,)."""
    return read_idx(path, partial(_require_form, path))


def require_labels(files: Mapping[Path, Array]) -> None:
    """Require one whole number >= 0 per image.

    255 without a class 254 is refused too: it is -1, cast to a byte.

    Raises
    ------
    DataError
        If a label is anything else; the message names its row.
    """
    for path, labels in files.items():
        _require_form(path, labels.dtype, labels.shape)
    every_byte = any(NO_LABEL - 1 in labels for labels in files.values())
    for path, labels in files.items():
        stray = labels < 0 if every_byte else (labels < 0) | (labels == NO_LABEL)
        if stray.any():
            row = int(stray.argmax())
            raise DataError(
                f"{path}: label {row} is {labels[row]}: expected a class number >= 0; remove the images "
                "without a label"
            )


def _require_form(path: Path, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if len(shape) != 1 or dtype.kind not in "iu":
        raise DataError(
            f"{path}: labels are {dtype.newbyteorder('=')} of shape {shape}: expected whole numbers of shape "
            "(n,); write one class number per image"
        )


def _listed(labels: Array) -> str:
    shown = ", ".join(map(str, labels[:10].tolist()))
    return f"class {shown}" if len(labels) == 1 else f"classes {shown}{', ...' * (len(labels) > 10)}"
