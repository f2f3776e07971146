"""The examples of a page: images or points, some to test with and as many to train on as fit."""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_unmasked, shown
from tinygrad_mnist.datasets import Framing, ImageDataset
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.play.points import Points, count_classes
from tinygrad_mnist.typing import Array

MOST_TEST = 300
MOST_TRAIN = 3_000
_MOST_READ = 10_000  # test images that are read to find some that the network reads wrongly
_INSTEAD = "write load_digits(), spirals(), or a pair (x, y)"


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples and their classes: images as uint8 (n, height, width), points as float32 (n, 2)."""

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Any) -> Examples:
        """Return some of them."""
        return Examples(self.x[rows], self.y[rows])

    def few(self, most: int) -> Examples:
        """Return at most so many of them."""
        return self.take(few(self.y, most))

    def encoded(self) -> dict[str, Any]:
        """Return them as the page has them."""
        x = self.x if self.x.dtype == np.uint8 else self.x.astype("<f4")
        return {"count": len(self), "labels": self.y.tolist(), "values": packed(x)}


@dataclass(frozen=True, eq=False)
class PlayData:
    """Examples that a network is shown on, with facts on them.

    Attributes
    ----------
    name
        Of the data set.
    kind
        "image" or "points".
    shape
        Of an example.
    class_names
        In the order of the classes.
    train, test
        The examples.
    pixel_max
        Value of full ink; 1 for points.
    framing
        Place and size of the ink, to which the page brings what a reader draws; None for points.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    train: Examples
    test: Examples
    pixel_max: int = 1
    framing: Framing | None = None

    def inputs(self, examples: Examples) -> Array:
        """Return examples as the network gets them: (n, inputs), float64."""
        x = examples.x.reshape(len(examples), -1)
        if self.kind == "points":
            return x.astype(np.float64)
        return np.multiply(x, np.float32(1 / self.pixel_max), dtype=np.float32).astype(np.float64)

    def bounds(self) -> list[float] | None:
        """Return lowest and highest x and y of a picture of the points."""
        if self.kind == "image":
            return None
        x = np.concatenate([self.train.x, self.test.x], dtype=np.float64)  # a width may be beyond float32
        low, high = x.min(axis=0), x.max(axis=0)
        margin = 0.1 * np.maximum(high - low, 1e-3)
        return [float(side) for pair in zip(low - margin, high + margin) for side in pair]


def data_of(data: Any, class_names: Sequence[str] | None) -> PlayData:
    """Read what `play` takes as data.

    Parameters
    ----------
    data
        An `ImageDataset`, `Points`, or a pair of points (n, 2) or images (n, height, width), and classes.
    class_names
        For a pair, names in the order of the classes; their numbers if omitted.

    Raises
    ------
    DataError
        If it is something else, or class names are given for a data set that has its own.
    """
    if isinstance(data, ImageDataset | Points) and class_names is not None:
        raise DataError(
            f"class_names is {shown(class_names)}: expected none beside {data!r}, which has its own; leave "
            "it out"
        )
    if isinstance(data, ImageDataset):
        return _of_images(data)
    if isinstance(data, Points):
        train, test = (Examples(*each) for each in (data.train, data.test))
        return PlayData(data.name, "points", (2,), data.class_names, train.few(MOST_TRAIN), test)
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise DataError(f"data is {shown(data)}: expected a data set or a pair of arrays; {_INSTEAD}")
    x, y = data
    return _of_pair(x, y, class_names)


def _of_images(data: ImageDataset) -> PlayData:
    for name, split in (("train", data.train), ("test", data.test)):
        if not len(split):
            raise DataError(f"{data!r} has no {name} images: expected at least one; {_INSTEAD}")
    train, test = (
        Examples(split.take(rows), split.labels[rows])
        for split, most in ((data.train, MOST_TRAIN), (data.test, _MOST_READ))
        for rows in [few(split.labels, most)]
    )
    return PlayData(
        data.name,
        "image",
        data.image_shape,
        data.class_names,
        train,
        test,
        data.train.pixel_max,
        data.framing(),
    )


def _of_pair(x: Any, y: Any, class_names: Sequence[str] | None) -> PlayData:
    """Split arrays at random, a fifth to test with."""
    for name, given in (("x", x), ("y", y)):
        require_unmasked(name, given, DataError)
    x, y = np.asarray(x), np.asarray(y)
    is_known = x.ndim == 3 or (x.ndim == 2 and x.shape[1] == 2)
    if not is_known or x.dtype.kind not in "uif" or len(x) < 2 or not x.size:
        raise DataError(
            f"x is {shown(x)} and {x.dtype}: expected at least two points (n, 2) or images "
            "(n, height, width), of numbers"
        )
    if y.shape != (len(x),):
        raise DataError(f"y is {shown(y)}: expected the classes of {len(x)} examples, of shape ({len(x)},)")
    classes = count_classes("y", y, None if class_names is None else len(class_names))
    names = tuple(map(str, range(classes) if class_names is None else class_names))
    order = np.random.default_rng(0).permutation(len(x))
    cut = min(max(1, len(x) // 5), MOST_TEST)
    test, train = np.sort(order[:cut]), np.sort(order[cut:])
    if x.ndim == 2:
        return data_of(Points("points", (x[train], y[train]), (x[test], y[test]), names), None)
    images = Examples(_pixels(x), y)
    own = images.take(train).few(MOST_TRAIN)
    framing = Framing.measure(own.x, 255)
    return PlayData("images", "image", x.shape[1:], names, own, images.take(test), 255, framing)


def _pixels(x: Array) -> Array:
    """Images as bytes: numbers from 0 to 1 are rounded to 255 steps."""
    if x.dtype == np.uint8:
        return x
    if not (np.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise DataError(
            f"x has pixels from {x.min():g} to {x.max():g}: expected uint8, or numbers from 0 (paper) to 1 "
            "(ink); write x / x.max()"
        )
    pixels: Array = np.rint(255 * x).astype(np.uint8)
    return pixels


def packed(values: Array) -> str:
    """Return the bytes of numbers as text, compressed: first the lowest byte of each number, then the next.

    The highest bytes of weights are much alike.
    """
    planes = np.frombuffer(values.tobytes(), np.uint8).reshape(-1, values.itemsize).T
    press = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return b64encode(press.compress(planes.tobytes()) + press.flush()).decode("ascii")


def few(labels: Array, most: int) -> Array:
    """Return the positions of at most so many examples: the first, or others if these lack a class."""
    if len(labels) <= most:
        return np.arange(len(labels))
    if np.array_equal(np.unique(labels[:most]), np.unique(labels)):
        return np.arange(most)
    return np.arange(most) * len(labels) // most


def chosen_test(data: PlayData, outputs: Array) -> tuple[Array, int]:
    """Return the places of some test examples, and the position among them of one that is read wrongly, or 0.

    They are those that `few` takes.  If all of these are read correctly and others are not, some others are
    in their place, at the end.

    Parameters
    ----------
    outputs
        Of the network on all test examples.
    """
    ranks = np.argsort(-outputs, axis=1)
    wrong = np.flatnonzero(ranks[:, 0] != data.test.y)
    rows = few(data.test.y, MOST_TEST)
    if len(wrong) and not np.isin(wrong, rows).any():
        later = wrong[: max(1, len(rows) // 30)]
        rows = np.concatenate([rows[: len(rows) - len(later)], later])
    is_wrong = ranks[rows, 0] != data.test.y[rows]
    is_second = is_wrong & (ranks[rows, 1] == data.test.y[rows])
    start = int(np.argmax(is_second if is_second.any() else is_wrong))
    return rows, start
