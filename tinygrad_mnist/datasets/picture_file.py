"""Reading of pictures from any source as grey values: PNG, JPEG, WebP or BMP, with bounded cost."""

from __future__ import annotations

import os
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular

if TYPE_CHECKING:
    from io import BufferedReader

    from PIL.Image import Image
    from PIL.ImageFile import ImageFile

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
MOST_PIXELS = 16_000_000
MOST_BYTES = 4 * MOST_PIXELS  # size of that many pixels of 8 bits with transparency
MOST_NOTES = 2**23  # bytes other than pixels: colour profiles, texts, small previews
MOST_READS = 50_000  # a writer puts some thousand bytes into each part, a forger none
_HIDDEN = 0.1  # fraction of black to white: a smaller difference from white paper is invisible
_PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
# Errors that Pillow raises for damaged files, next to its error for decompression bombs.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError, struct.error)
_ADVICE = "give a PNG, JPEG, WebP or BMP file, or an IDX file"


def read_grey(path: Path) -> Image:
    """Return the picture in grey (mode "L"), upright; transparent parts are white, or black under light ink.

    The first bytes of the file decide about its format, not its name.

    Raises
    ------
    DataError
        If it is not such a picture, damaged, animated, or larger than a digit needs.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with open_regular(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow doubts is refused below, in our words, or harmless
            size = os.fstat(file.fileno()).st_size
            if size > MOST_BYTES:
                raise DataError(
                    f"{path}: {size} bytes are more than a digit needs: expected at most {MOST_BYTES}"
                )
            with Image.open(_Bounded(path, file), formats=FORMATS) as picture:  # type: ignore[arg-type]
                _require_small(path, picture, size)
                if picture.format == "PNG":
                    _verify_png(path, picture, file, size)
            file.seek(0)
            with Image.open(_Bounded(path, file), formats=FORMATS) as picture:  # type: ignore[arg-type]
                return _grey(picture)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"{path}: not a readable picture, its first bytes are damaged or of another format; {_ADVICE}"
        ) from error
    except _PILLOW_ERRORS as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: not a readable picture ({reason}); {_ADVICE}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{path}: {error}; scale the picture down") from error


class _Bounded:
    """A file that refuses to be read in more parts than a picture has: each costs Pillow time and memory."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path, self._file, self._reads = path, file, 0
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        self._reads += 1
        if self._reads > MOST_READS:
            raise DataError(
                f"{self._path}: more than {MOST_READS} reads lead to offset {self._file.tell()}: expected a "
                "picture in fewer parts; save it anew"
            )
        return self._file.read(count)


def _require_small(path: Path, picture: ImageFile, file_size: int) -> None:
    """Refuse a picture whose header shows that it is not a digit."""
    pixels = picture.width * picture.height
    if pixels > MOST_PIXELS:
        raise DataError(
            f"{path}: {picture.width} x {picture.height} pixels are more than a digit needs; scale it down"
        )
    most = 8 * pixels + MOST_NOTES  # 16 bits and transparency
    if file_size > most:
        raise DataError(
            f"{path}: {file_size} bytes are more than {picture.width} x {picture.height} pixels need: "
            f"expected at most {most}; save the picture anew"
        )
    if picture.format != "JPEG" and getattr(picture, "is_animated", False):  # a JPEG may hold its preview
        raise DataError(f"{path}: an animation; give a file of one picture")


def _verify_png(path: Path, picture: ImageFile, file: BufferedReader, size: int) -> None:
    picture.verify()  # checks the checksums, which reading the pixels ignores
    end = file.seek(file.tell() - 8)  # it stops within the last chunk and reads only its name
    if file.read(len(_PNG_END) + 1) != _PNG_END:
        raise DataError(
            f"{path}: expected the picture and the file to end with the chunk at offset {end}, "
            f"found a file of {size} bytes with a damaged end or bytes after it"
        )


def _grey(picture: ImageFile) -> Image:
    from PIL import Image, ImageOps

    upright: Image.Image = picture
    ImageOps.exif_transpose(upright, in_place=True)
    if upright.mode.startswith("I"):  # 16 bits a pixel, of which a camera may fill twelve
        values = np.asarray(upright)
        darkest = int(values.min())
        factor = 255 / max(int(values.max()) - darkest, 1)
        return Image.fromarray(((values - darkest) * np.float32(factor)).astype(np.uint8))
    if "A" in upright.getbands() or "transparency" in upright.info:
        return _on_paper(upright.convert("RGBA"))
    return _clearest(upright)


def _on_paper(layers: Image) -> Image:
    """Return transparent layers on white paper, or on black paper if white hides them."""
    from PIL import Image

    ink, opacity = layers.convert("L"), layers.getchannel("A")
    for paper in ("white", "black"):
        seen = Image.composite(ink, Image.new("L", ink.size, paper), opacity)
        darkest, lightest = seen.getextrema()
        if lightest - darkest > 255 * _HIDDEN:  # type: ignore[operator]  # of one band
            break
    return seen


def _clearest(picture: Image) -> Image:
    """Return the luminance, or the colour that tells ink from paper far better."""
    if picture.mode != "RGB":
        return picture.convert("L")
    colours = np.asarray(picture.resize((64, 64)), np.float32)
    spread = colours.std(axis=(0, 1))
    luminance: Any = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    if spread.max() > 2 * luminance.std():
        return picture.getchannel(int(spread.argmax()))
    return picture.convert("L")
