"""Labelled images in three splits: training, validation and test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist.datasets.framing import MOST_MEASURED, Framing
from tinygrad_mnist.datasets.loader import Loader
from tinygrad_mnist.datasets.rows import Concatenated, Rows, read_only
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.hints.rooms import NotInDataset, NotInSplit
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

    from tinygrad_mnist.datasets.loader import Transform


@dataclass(frozen=True, eq=False)
class Split(NotInSplit):
    """Images and their labels; ``images, labels = split`` unpacks both.

    Parameters
    ----------
    raw_images : ndarray or Concatenated of uint8, shape (n, height, width)
        Pixels from 0 (paper) to `pixel_max` (ink).  A memory map stays in its file.
    labels : ndarray of uint8, shape (n,)
        Classes, counted from 0.
    pixel_max : int
        Value of full ink.

    Raises
    ------
    DataError
        If a dtype or number of axes differs, the counts differ, or a pixel is above `pixel_max`.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> images, labels = load_digits().test
    >>> images.shape, labels.shape
    ((360, 8, 8), (360,))
    """

    raw_images: NDArray[np.uint8] | Concatenated
    labels: NDArray[np.uint8]
    pixel_max: int = 255

    def __post_init__(self) -> None:
        for name, array, axes in (("raw_images", self.raw_images, 3), ("labels", self.labels, 1)):
            if array.ndim != axes or array.dtype != np.uint8:
                raise DataError(
                    f"{name}: expected uint8 with {axes} axes, found {array.dtype} of shape {array.shape}"
                )
        if len(self.raw_images) != len(self.labels):
            raise DataError(
                f"{len(self.raw_images)} images and {len(self.labels)} labels: every image needs one label"
            )
        if self.pixel_max < np.iinfo(np.uint8).max:
            most = max((piece.max() for piece in Rows(self.raw_images).pieces()), default=0)
            if most > self.pixel_max:
                raise DataError(f"raw_images: a pixel is {most}, expected at most {self.pixel_max}")

    @cached_property
    def images(self) -> NDArray[np.float32]:
        """Images as in the batches of `loader`: float32 from 0 to 1, read-only; computed at first access.

        They take four times the memory of `raw_images`; a loader scales one batch at a time.
        """
        scale = np.float32(1 / self.pixel_max)
        return read_only(np.multiply(self.raw_images, scale, dtype=np.float32))

    def __iter__(self) -> Iterator[Array]:
        yield self.images
        yield self.labels

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.raw_images)

    def __repr__(self) -> str:
        return f"Split({len(self):,} images of {' x '.join(map(str, self.raw_images.shape[1:]))})"

    def take(self, rows: slice | NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return pixels of some images; those in a file are read from there, not through its map."""
        return Rows(self.raw_images).take(rows)

    def loader(
        self,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        dtype: DTypeLike = np.float32,
        transform: Transform | None = None,
    ) -> Loader:
        """Return batches of images, scaled to [0, 1], of shape (batch, height, width), and of int64 labels.

        Parameters and errors are those of `Loader`.
        """
        return Loader(
            self.raw_images,
            self.labels,
            batch_size,
            shuffle=shuffle,
            seed=seed,
            drop_last=drop_last,
            scale=1 / self.pixel_max,
            dtype=dtype,
            transform=transform,
        )


@dataclass(frozen=True, eq=False)
class ImageDataset(NotInDataset):
    """Three splits of one data set.

    Parameters
    ----------
    name : str
        ``"MNIST"``, ``"digits"``, or the name of the folder.
    origin : str
        Source of the files, in words.
    train, validation, test : Split
        Images of one shape; `validation` may be empty.
    classes : int
        Number of classes; labels are smaller.
    directory : Path, optional
        Folder of the files, so that a run finds its data again; None if this package has the same files.
    class_names : tuple of str, optional
        Names of the classes, in the order of the labels; their numbers if omitted.

    Raises
    ------
    DataError
        If the images differ in shape, or a label is not a class.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> data = load_digits()
    >>> data.name, len(data.train)
    ('digits', 1237)
    """

    name: str
    origin: str
    train: Split
    validation: Split
    test: Split
    classes: int
    directory: Path | None = None
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.class_names:
            object.__setattr__(self, "class_names", self._numbers)
        if len(self.class_names) != self.classes:
            raise DataError(f"{self.name}: {self.classes} classes and {len(self.class_names)} names for them")
        for split in self._splits:
            if split.raw_images.shape[1:] != self.image_shape:
                raise DataError(
                    f"{self.name}: expected images of one shape, "
                    f"found {self.image_shape} and {split.raw_images.shape[1:]}"
                )
            if split.labels.max(initial=0) >= self.classes:
                raise DataError(
                    f"{self.name}: a label is {split.labels.max()}, expected one of 0 to {self.classes - 1}"
                )

    @property
    def image_shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.train.raw_images.shape[1:]
        return height, width

    def framing(self) -> Framing:
        """Return size and position of the ink in the training images, to prepare other pictures alike."""
        return self._framing

    @cached_property
    def _framing(self) -> Framing:
        return Framing.measure(self.train.take(slice(MOST_MEASURED)), self.train.pixel_max)

    @property
    def _numbers(self) -> tuple[str, ...]:
        return tuple(map(str, range(self.classes)))

    @property
    def has_named_classes(self) -> bool:
        """True if the names of the classes are not their numbers from 0."""
        return self.class_names != self._numbers

    def with_classes(self, names: Sequence[str]) -> ImageDataset:
        """Return the same images with labels as positions in `names`, for a network that has those classes.

        Raises
        ------
        DataError
            If a class of this data set is not among `names`.
        """
        if tuple(names) == self.class_names:
            return self
        unknown = [name for name in self.class_names if name not in names]
        if unknown:
            raise DataError(
                f"{self.name} has the class {unknown[0]}: expected classes among {', '.join(names)}"
            )
        positions = np.array([names.index(name) for name in self.class_names], np.uint8)
        train, validation, test = (replace(part, labels=positions[part.labels]) for part in self._splits)
        return replace(
            self, train=train, validation=validation, test=test, classes=len(names), class_names=tuple(names)
        )

    @property
    def _splits(self) -> tuple[Split, Split, Split]:
        return self.train, self.validation, self.test

    def checksum(self) -> str:
        """Return the SHA-256 of all pixels, labels and names, by which a run recognizes its data."""
        return self._checksum

    @cached_property
    def _checksum(self) -> str:
        digest = hashlib.sha256()
        for split in self._splits:
            digest.update(f"{split.raw_images.shape} {split.pixel_max}".encode())
            for piece in Rows(split.raw_images).pieces():
                digest.update(piece.data)
            digest.update(np.ascontiguousarray(split.labels).data)
        if self.has_named_classes:
            digest.update(repr(self.class_names).encode())
        return digest.hexdigest()

    def __repr__(self) -> str:
        height, width = self.image_shape
        counts = f"{len(self.train):,} train + {len(self.validation):,} validation + {len(self.test):,} test"
        return f"ImageDataset({self.name}: {counts}, {height} x {width}, {self.classes} classes)"


def cut_validation(training: Split, count: int) -> tuple[Split, Split]:
    """Split off the last `count` images, as views: 50,000 + 10,000 in M. Nielsen's book (2015, ch. 1).

    Raises
    ------
    DataError
        If `count` is negative or leaves no image to train on.
    """
    if not len(training):
        raise DataError("there are no training images: expected at least one to train on")
    if not 0 <= count < len(training):
        raise DataError(
            f"validation={count} of {len(training)} training images: expected at least 0 and fewer than all"
        )
    kept = len(training) - count
    images, labels, pixel_max = training.raw_images, training.labels, training.pixel_max
    return Split(images[:kept], labels[:kept], pixel_max), Split(images[kept:], labels[kept:], pixel_max)
