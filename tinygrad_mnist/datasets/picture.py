"""A person's own digits, from pictures or IDX files, made to look like those a network was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist.datasets.framing import Framing
from tinygrad_mnist.datasets.idx import read_images
from tinygrad_mnist.datasets.ink import SIDE, even_ink, find_ink
from tinygrad_mnist.datasets.picture_file import read_grey
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BY_CHANCE = 3  # standard errors of the correlation of neighbouring pixels


def read_pictures(
    path: str | Path,
    shape: tuple[int, int],
    framing: Framing | None = None,
    *,
    invert: bool | None = None,
    pixel_max: int = 255,
) -> Array:
    """Read digits from a picture (PNG, JPEG, WebP or BMP; one digit) or an IDX file of images.

    A picture of the network's own size whose paper is exactly background and whose ink lies where the data
    set's lies is taken as it is.  From any other the largest connected strokes are cut out, without frames,
    ruled lines, specks and uneven light, then scaled, placed and darkened as the data set's are.

    Parameters
    ----------
    path
        The file; its first bytes decide what it is, not its name.
    shape
        Height and width that the network takes.
    framing
        Place, size and darkness of the ink in the data set's images; MNIST's by default.
    invert
        True where dark is ink.  When None, the paper is what covers more.
    pixel_max
        The value of full ink in an IDX file; a picture's is that of its format.

    Returns
    -------
    ndarray of float32
        (n, height, width) in [0, 1], 1 being ink.

    Raises
    ------
    DataError
        The file is neither, damaged, animated, too large, or without a digit, or holds IDX images of another
        size.
    """
    path = Path(path)
    if _is_idx(path):
        return _read_idx_images(path, shape, invert, pixel_max)
    image = _read_digit(read_grey(path), shape, framing or Framing.of_mnist(shape), invert)
    if image is None:
        raise DataError(
            f"{path}: there is no digit in it: expected strokes that stand out from their paper, not a blank "
            "or ruled page or noise; give a picture of one digit"
        )
    return image[None]


def _read_digit(
    picture: Image, shape: tuple[int, int], framing: Framing, invert: bool | None
) -> Array | None:
    """Return the digit in a grey picture as an image of the data set; None where there is none."""
    if _is_noise(picture):
        return None
    if (picture.height, picture.width) == shape:
        image = np.asarray(picture, np.float32) / np.float32(255)
        own = next((version for version in (image, 1 - image) if framing.fits(version)), None)
        if own is not None:
            return own if invert is None else 1 - image if invert else image
        even = even_ink(picture, invert)
        if framing.fits(even):
            return even
    ink = find_ink(picture, invert)
    return None if ink is None else framing.place(ink, shape)


def _is_noise(picture: Image) -> bool:
    """Return True if neighbouring pixels of a grey picture are no more alike than chance allows.

    A picture that is shrunk before the search for ink is not judged: its pixels are smaller than a stroke.
    """
    if max(picture.size) > SIDE:
        return False
    grey = np.asarray(picture, np.float64)
    deviation = grey - grey.mean()
    products = [deviation[1:] * deviation[:-1], deviation[:, 1:] * deviation[:, :-1]]
    each = np.concatenate([values.ravel() for values in products])
    variance = (deviation**2).mean()
    return bool(variance and each.size and each.mean() < MOST_BY_CHANCE / np.sqrt(each.size) * variance)


def _is_idx(path: Path) -> bool:
    """Return True for a gzip file and for one that begins with two zero bytes, as no picture does."""
    try:
        with open_regular(path) as file:
            return file.read(2) in (b"\0\0", b"\x1f\x8b")
    except OSError:
        return False  # reading the picture says why


def _read_idx_images(path: Path, shape: tuple[int, int], invert: bool | None, pixel_max: int) -> Array:
    images = read_images(path, shape)
    if images.max(initial=0) > pixel_max:
        raise DataError(f"{path}: holds a pixel of {images.max()}; the network takes 0 to {pixel_max}")
    scaled = images / np.float32(pixel_max)
    return np.array([_with_ink_bright(i, invert) for i in scaled], np.float32).reshape(images.shape)


def _with_ink_bright(image: Array, invert: bool | None) -> Array:
    edge = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    dark_on_light = bool(np.median(edge) > 0.5) if invert is None else invert
    return 1 - image if dark_on_light else image
