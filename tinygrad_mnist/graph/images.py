"""Arrays that are images: digits, weights by row, activations by unit, and the gradients of all these."""

from __future__ import annotations

import math
from base64 import b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.typing import Array

_MOST_IMAGES = 64  # of a weight or a batch, in one mosaic
_MOST_UNITS = 256  # of a layer, in one strip
_ZERO = 128


@dataclass(frozen=True)
class Image:
    """A small picture of an array.

    Attributes
    ----------
    title
        The contents in words: "gradient of 30 rows".
    width, height
        In pixels.
    grey
        Base64 of a byte per pixel, row by row: 0 is black and 255 white.
    signed
        True if 128 stands for zero, less for negative and more for positive numbers.
    gradient
        True if it is the gradient of the value that it stands beside.
    """

    title: str
    width: int
    height: int
    grey: str
    signed: bool = False
    gradient: bool = False


@dataclass(frozen=True)
class ImageShape:
    """The shape of the images that a graph was computed from, and the labels of a batch."""

    height: int
    width: int
    labels: tuple[Any, ...] = ()
    array: Any = None

    @classmethod
    def of(cls, images: Any, labels: Any = None) -> ImageShape:
        """Return the shape of images (..., height, width), with a label for each if they are given.

        Raises
        ------
        ShapeError
            If the images have fewer than two axes, or the number of labels differs.
        """
        try:
            array = np.asarray(images.data if hasattr(images, "requires_grad") else images)
        except ValueError:  # rows of different lengths
            array = np.empty(0)
        if array.ndim < 2 or 0 in array.shape or array.dtype.kind not in "biuf":
            raise ShapeError(
                f"images is {shown(images)}: expected (height, width) or (n, height, width); "
                "write images.reshape(-1, 28, 28)"
            )
        number = math.prod(array.shape[:-2])
        said = () if labels is None else tuple(np.ravel(labels).tolist())
        if said and len(said) != number:
            raise ShapeError(
                f"labels has {len(said)} entries and there are {number} images: expected one each"
            )
        return cls(array.shape[-2], array.shape[-1], said, array)

    @property
    def pixels(self) -> int:
        """The number of pixels of an image."""
        return self.height * self.width

    def are_in(self, value: Array) -> bool:
        """Return True if an array holds the images themselves, in any shape."""
        return (
            self.array is not None
            and value.size == self.array.size
            and np.array_equal(value.ravel(), self.array.ravel())
        )

    def images_of(
        self, array: Array, *, gradient: bool, is_weight: bool, value: Array | None = None
    ) -> tuple[Image, ...]:
        """Return a mosaic of the images in an array, or a strip of its units; nothing if it has neither.

        Parameters
        ----------
        gradient
            True for the gradient of `value`.
        is_weight
            True for what is learned.  Images that require a gradient are still images.
        """
        value = np.asarray(array if value is None else value)
        array = np.asarray(array)
        if array.dtype.kind != "f" or not array.size or not np.isfinite(array).all():
            return ()
        if array.size % self.pixels == 0 and self._ends_in_pixels(array):
            is_weight = is_weight and not self.are_in(value)
            return (self._mosaic(array.reshape(-1, self.height, self.width), gradient, is_weight),)
        if not is_weight and array.ndim == 2 and array.shape[1] <= _MOST_UNITS and len(array) <= _MOST_IMAGES:
            title = f"{'gradient of ' if gradient else ''}{array.shape[1]} units"
            return (_image(title, array, signed=gradient or bool(array.min() < 0), gradient=gradient),)
        return ()

    def _ends_in_pixels(self, array: Array) -> bool:
        return array.shape[-1:] == (self.pixels,) or array.shape[-2:] == (self.height, self.width)

    def _mosaic(self, images: Array, gradient: bool, is_weight: bool) -> Image:
        """The images side by side, with a line between them."""
        kept = images[:_MOST_IMAGES]
        columns = math.ceil(math.sqrt(len(kept)))
        rows = math.ceil(len(kept) / columns)
        signed = gradient or is_weight
        frame = np.full((rows * (self.height + 1) - 1, columns * (self.width + 1) - 1), np.nan)
        for i, image in enumerate(kept):
            top, left = i // columns * (self.height + 1), i % columns * (self.width + 1)
            frame[top : top + self.height, left : left + self.width] = image
        title = self._title(len(images), len(kept), gradient, is_weight)
        return _image(title, frame, signed=signed, gradient=gradient)

    def _title(self, number: int, kept: int, gradient: bool, is_weight: bool) -> str:
        kind = "row" if is_weight else "image"
        title = f"{'gradient of ' if gradient else ''}{number} {kind}{'s' if number > 1 else ''}"
        if kept < number:
            title += f", the first {kept}"
        labels = ", ".join(map(str, self.labels[:kept]))
        return f"{title}, label {labels}" if labels and not (is_weight or gradient) else title


def _image(title: str, array: Array, *, signed: bool, gradient: bool) -> Image:
    """An array as greys: from zero to its largest value, or with zero in the middle; a gap is white."""
    largest = float(np.nanmax(np.abs(array))) or 1.0
    if signed:
        grey = _ZERO + 127 * (array / largest)
    else:
        low = min(0.0, float(np.nanmin(array)))
        grey = 255 * ((array - low) / ((float(np.nanmax(array)) - low) or 1.0))
    bytes_ = np.where(np.isnan(grey), _ZERO if signed else 255, np.rint(np.nan_to_num(grey))).astype(np.uint8)
    return Image(
        title, array.shape[1], array.shape[0], b64encode(bytes_.tobytes()).decode(), signed, gradient
    )
