"""A person's own digits, from PNG or IDX files, made to look like those a network was trained on."""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.datasets.idx import read_images
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MOST_PIXELS = 16_000_000
MOST_BYTES = 8 * MOST_PIXELS  # the most that so many pixels take: four colours of 16 bits
FAINTEST_INK = 0.1  # of the way from black to white
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
# What Pillow raises for damaged files, beside its error for decompression bombs.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, IndexError, struct.error)
Array = NDArray[Any]


def read_pictures(
    path: str | Path, shape: tuple[int, int], *, invert: bool | None = None, pixel_max: int = 255
) -> Array:
    """Read digits from a picture (PNG, one digit) or an IDX file of images.

    A picture of another size is prepared as MNIST was: the ink, its contrast to the paper stretched, is cut
    out, scaled to 20/28 of the side and put with its centre of mass half a pixel below and right of the
    middle, where MNIST's lie (Y. LeCun, C. Cortes and C. Burges, The MNIST database).

    Parameters
    ----------
    path
        The file.
    shape
        Height and width that the network takes.
    invert
        Whether dark is ink.  When None, a picture with a bright border is taken as dark ink on light paper.
    pixel_max
        The value of full ink in an IDX file; a picture's is that of its format.

    Returns
    -------
    ndarray of float32
        (n, height, width) in [0, 1], 1 being ink.

    Raises
    ------
    DataError
        When the file is no PNG, damaged, animated, too large or blank, or holds IDX images of another size.
    """
    path = Path(path)
    if ".idx" in path.name or "-idx" in path.name or path.suffix in ("", ".gz"):
        images = read_images(path, shape)
        if images.max(initial=0) > pixel_max:
            raise DataError(f"{path}: holds a pixel of {images.max()}; the network takes 0 to {pixel_max}")
        scaled = images / np.float32(pixel_max)
        return np.array([_with_ink_bright(i, invert) for i in scaled], np.float32).reshape(images.shape)
    image = _with_ink_bright(_read_picture(path), invert)
    return (image if image.shape == shape else _centred(image, shape, path))[None]


def _read_picture(path: Path) -> Array:
    """Grey values in [0, 1]; transparent parts count as white paper."""
    from PIL import Image, UnidentifiedImageError

    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow doubts is refused below, in our words, or harmless
            size = os.fstat(file.fileno()).st_size
            with Image.open(file, formats=["PNG"]) as picture:
                _require_small(path, picture, size)
                picture.verify()  # the checksums, which reading the pixels does not look at
            end = file.seek(file.tell() - 8)  # it stops within the last chunk, and looks at its name alone
            if file.read(len(_PNG_END) + 1) != _PNG_END:
                raise DataError(
                    f"{path}: expected the picture and the file to end with the chunk at offset {end}, "
                    f"found a file of {size} bytes with a damaged end or bytes after it"
                )
            file.seek(0)
            with Image.open(file, formats=["PNG"]) as picture:
                return _grey(picture)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path}: not a readable picture, its first bytes are damaged or no PNG's; "
            "give a PNG file or an IDX file"
        ) from error
    except _PILLOW_ERRORS as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{path}: not a readable picture ({reason}); give a PNG file or an IDX file"
        ) from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: {error}; scale the picture down") from error


def _require_small(path: Path, picture: ImageFile, file_size: int) -> None:
    """Refuse what is no picture of a digit, by what its header says."""
    if picture.width * picture.height > MOST_PIXELS:
        raise DataError(
            f"{path}: {picture.width} x {picture.height} pixels are more than a digit needs; scale it down"
        )
    if file_size > MOST_BYTES:
        raise DataError(
            f"{path}: {file_size} bytes are more than a digit needs, expected at most {MOST_BYTES}"
        )
    if getattr(picture, "is_animated", False):
        raise DataError(f"{path}: an animation; give a PNG file of one picture")


def _grey(picture: ImageFile) -> Array:
    from PIL import Image

    if picture.mode.startswith("I"):  # 16 bits a pixel
        return np.asarray(picture, np.float32) / np.float32(65535)
    layers = picture.convert("RGBA")
    paper = Image.new("RGBA", layers.size, "white")
    grey = Image.alpha_composite(paper, layers).convert("L")
    return np.asarray(grey, np.float32) / np.float32(255)


def _paper(image: Array) -> Any:
    """The grey of the background: the median of the border."""
    return np.median(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]))


def _with_ink_bright(image: Array, invert: bool | None) -> Array:
    dark_on_light = bool(_paper(image) > 0.5) if invert is None else invert
    return 1 - image if dark_on_light else image


def _centred(image: Array, shape: tuple[int, int], path: Path) -> Array:
    from PIL import Image

    paper = _paper(image)
    strength = image.max() - paper
    if strength < FAINTEST_INK:
        raise DataError(f"{path}: the picture is blank: no pixel differs enough from its background")
    image = ((image - paper) / strength).clip(0, 1)
    rows, columns = (np.flatnonzero((image > 0.25).any(axis=axis)) for axis in (1, 0))
    ink = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    longest = min(shape) * 20 / 28
    height, width = (max(1, round(side * longest / max(ink.shape))) for side in ink.shape)
    small = np.asarray(Image.fromarray(ink).resize((width, height), Image.Resampling.BOX), np.float32)
    canvas = np.zeros((shape[0] * 3, shape[1] * 3), np.float32)
    mass = small.sum()
    centre = (small.sum(1) @ np.arange(height) / mass, small.sum(0) @ np.arange(width) / mass)
    top, left = (round(1.5 * side - c) for side, c in zip(shape, centre))
    canvas[top : top + height, left : left + width] = small
    return canvas[shape[0] : 2 * shape[0], shape[1] : 2 * shape[1]].clip(0, 1)
