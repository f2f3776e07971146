"""IDX file format: a big-endian header (dtype, sizes), then the values.

Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
A file may come from anywhere: memory is allocated only after the header is known to be possible.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular, write_atomically
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedReader

    from numpy.typing import NDArray

MAX_BYTES = 2 * 2**30
MOST_PIXELS = 2**20  # of an image: 1024 x 1024
DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(np.uint8),
    0x09: np.dtype(np.int8),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_CODES = {dtype.newbyteorder("="): code for code, dtype in DTYPES.items()}
_GZIP_MAGIC = b"\x1f\x8b"
_STEP = 2**16
_DEFLATE_MAX_RATIO = 1032  # the limit of deflate: a header that promises more is wrong
HONEST_RATIO = 100  # images and labels compress less than this, zeros by 1032
SMALL = 64 * 2**20  # harmless at any ratio
_MAX_DIMENSIONS = 64  # NumPy's limit; the format allows 255
_DAMAGED = "the file is damaged or not an IDX file: copy it again"


Check = Callable[[np.dtype[Any], tuple[int, ...]], None]


def read_idx(path: str | Path, check: Check | None = None) -> Array:
    """Read one IDX file, plain or gzipped; its first bytes decide, not its name.

    Parameters
    ----------
    path : str or Path
        A file of unsigned or signed bytes, int16, int32, float32 or float64.
    check : callable, optional
        Called with dtype and shape before the values are read; may raise an error.

    Returns
    -------
    ndarray
        The values in native byte order, of the file's shape; C-contiguous and writable.

    Raises
    ------
    DataError
        If the file is missing, unreadable or damaged, has bytes left over, or promises more than 2 GiB, or,
        gzipped, more than 64 MiB and 100 times its size.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(f"{folder}/labels.idx", np.array([3, 1, 4], np.uint8))
    ...     read_idx(f"{folder}/labels.idx")
    array([3, 1, 4], dtype=uint8)
    """
    path = Path(path)
    with as_data_error(path), open_regular(path) as raw:
        zipped = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        file_size = os.fstat(raw.fileno()).st_size
        if zipped:
            return _read_stream(path, _Unzipped(path, raw), file_size, check)
        return _read_stream(path, raw, file_size, check)


def read_images(path: str | Path, image_shape: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read an IDX file of 8-bit images; anything else is refused before its values are read.

    Parameters
    ----------
    path : str or Path
        As in `read_idx`.
    image_shape : (int, int), optional
        Height and width to require; by default any, up to a million pixels.

    Returns
    -------
    ndarray of uint8, shape (n, height, width)

    Raises
    ------
    DataError
        As in `read_idx`, and if dtype, number of axes or size differ.
    """
    return read_idx(path, partial(require_images, path, image_shape))


def require_images(
    path: str | Path, image_shape: tuple[int, int] | None, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> None:
    """Refuse dtype and shape of a file that are not those of 8-bit images."""
    height, width = image_shape or ("height", "width")
    fits = dtype == np.uint8 and len(shape) == 3
    if not fits or (image_shape and shape[1:] != image_shape):
        raise DataError(
            f"{path} is {dtype.newbyteorder('=')} of shape {shape}: expected images, uint8 of shape "
            f"(n, {height}, {width}); scale and convert them first"
        )
    if shape[1] * shape[2] > MOST_PIXELS:
        raise DataError(
            f"{path} has images of {shape[1]} x {shape[2]} pixels: expected at most {MOST_PIXELS:,}; "
            "scale them down first"
        )


def map_idx(path: str | Path, check: Check | None = None) -> np.memmap[Any, Any]:
    """Map an uncompressed IDX file of any size into memory: its values stay on disk until they are used.

    Parameters
    ----------
    path, check
        As in `read_idx`.

    Returns
    -------
    memmap
        The values, read-only, of the file's shape, in its byte order.  A `Loader` of it, or of several that
        are `Concatenated`, reads each batch from the file.

    Raises
    ------
    DataError
        As in `read_idx`, and if the file is gzipped; it may be larger than 2 GiB.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import map_idx, write_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(f"{folder}/images.idx", np.arange(6, dtype=np.uint8).reshape(3, 1, 2))
    ...     images = map_idx(f"{folder}/images.idx")
    ...     images.shape, images[2].tolist()  # two bytes are read
    ((3, 1, 2), [[4, 5]])
    """
    path = Path(path)
    with as_data_error(path), open_regular(path) as raw:
        if raw.read(2) == _GZIP_MAGIC:
            raise DataError(f"{path} is gzipped: expected an uncompressed file to map; unpack it with gunzip")
        raw.seek(0)
        dtype, shape = _read_header(path, raw)
        offset, found = raw.tell(), os.fstat(raw.fileno()).st_size
        _check_promise(path, dtype, shape, found - offset, most=sys.maxsize)
        promised = math.prod(shape) * dtype.itemsize
        if promised != found - offset:
            _refuse_length(path, offset, dtype, shape, "more")
        if check is not None:
            check(dtype, shape)
        return np.memmap(path, dtype, "r", offset, shape)


def is_gzipped(path: Path) -> bool:
    """Return True if a file begins as a gzip stream.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    with as_data_error(path), open_regular(path) as file:
        return file.read(2) == _GZIP_MAGIC


def write_idx(path: str | Path, array: Array) -> None:
    """Write `array` as an IDX file, gzipped when the name ends in ``.gz``.

    Parameters
    ----------
    path : str or Path
        An existing file is replaced. Equal arrays give equal bytes (the gzip header holds no time).
    array : ndarray
        Any shape; uint8, int8, int16, int32, float32 or float64 in either byte order.

    Raises
    ------
    DataError
        If IDX has no code for the dtype, an axis is longer than 2**32 - 1, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_idx(f"{folder}/labels.idx", np.array([3, 1, 4], np.uint8))
    ...     read_idx(f"{folder}/labels.idx").dtype
    dtype('uint8')
    """
    path = Path(path)
    code = _CODES.get(array.dtype.newbyteorder("="))
    if code is None:
        known = ", ".join(str(dtype) for dtype in _CODES)
        raise DataError(f"{path}: IDX holds {known}, not {array.dtype}; convert with astype first")
    if max(array.shape, default=0) >= 2**32:
        raise DataError(f"{path}: an axis of IDX holds at most 2**32 - 1 entries, the shape is {array.shape}")
    header = struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape)
    content = header + array.astype(DTYPES[code], copy=False).tobytes()
    with as_data_error(path):
        write_atomically(path, gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


@contextmanager
def as_data_error(path: Path) -> Iterator[None]:
    """Raise errors of the file system as `DataError`."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{path}: {reason}; check the path and its permissions") from error


class _Unzipped:
    """Content of a gzip file of one member, decompressed on demand.

    ``gzip.GzipFile`` reads a name or padding byte by byte in Python, which takes minutes for a gigabyte.
    """

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self._path, self._file = path, file
        self._inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def read(self, count: int) -> bytes:
        """Return `count` bytes, or fewer at the end. Reading to the end compares the checksum."""
        found = bytearray(count)
        return bytes(found[: self.readinto(memoryview(found))])

    def readinto(self, target: memoryview) -> int:
        """Fill `target` and return the number of bytes written to it."""
        filled = 0
        while filled < len(target) and not self._inflate.eof:
            # A bounded piece, so that no second array of the target's size is made.
            piece = self._next(min(len(target) - filled, _STEP))
            target[filled : filled + len(piece)] = piece
            filled += len(piece)
        if self._inflate.eof and (self._inflate.unused_data or self._file.read(1)):
            self._fail("bytes after its end")
        return filled

    def _next(self, most: int) -> bytes:
        packed = self._inflate.unconsumed_tail or self._file.read(_STEP)
        if not packed:
            self._fail("its end is missing")
        try:
            return self._inflate.decompress(packed, most)
        except zlib.error as error:
            self._fail(str(error))

    def _fail(self, found: str) -> NoReturn:
        raise DataError(
            f"{self._path}: expected a whole gzip stream, found before offset {self._file.tell()}: {found}; "
            f"{_DAMAGED}"
        )


def _read_stream(
    path: Path, stream: BufferedReader | _Unzipped, file_size: int, check: Check | None
) -> Array:
    """Read header and values."""
    zipped = isinstance(stream, _Unzipped)
    capacity = file_size * (_DEFLATE_MAX_RATIO if zipped else 1)  # the most that the stream can hold
    dtype, shape = _read_header(path, stream)
    offset = 4 + 4 * len(shape)
    promised = math.prod(shape) * dtype.itemsize
    _check_promise(path, dtype, shape, capacity - offset)
    if check is not None:
        check(dtype, shape)
    if zipped and promised > max(SMALL, HONEST_RATIO * file_size):
        raise DataError(
            f"{path} promises {promised} bytes in {file_size}: expected at most {HONEST_RATIO} times the "
            "size of a gzip file; if you trust it, unpack it with gunzip"
        )
    content = np.empty(promised, np.uint8)
    # One more byte is requested: a surplus shows, and the checksum is compared.
    found = stream.readinto(content.data) + len(stream.read(1))
    if found != promised:
        _refuse_length(path, offset, dtype, shape, "more" if found > promised else str(found))
    values = content.view(dtype)
    if not dtype.isnative:  # in place: a copy takes as much memory again
        values = values.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return values.reshape(shape)


def _refuse_length(
    path: Path, offset: int, dtype: np.dtype[Any], shape: tuple[int, ...], found: str
) -> NoReturn:
    raise DataError(
        f"{path}: expected {math.prod(shape) * dtype.itemsize} bytes of values from offset {offset} "
        f"for {dtype} of shape {shape}, found {found}; {_DAMAGED}"
    )


def _read_header(path: Path, stream: BufferedReader | _Unzipped) -> tuple[np.dtype[Any], tuple[int, ...]]:
    zeros, code, dimensions = struct.unpack(">HBB", _read_exactly(path, stream, 4, 0))
    if zeros:
        raise DataError(f"{path}: expected two zero bytes at offset 0, found {zeros:#06x}; {_DAMAGED}")
    if code not in DTYPES:
        known = ", ".join(f"{known:#04x}" for known in DTYPES)
        raise DataError(f"{path}: expected a dtype code ({known}) at offset 2, found {code:#04x}; {_DAMAGED}")
    if dimensions > _MAX_DIMENSIONS:
        raise DataError(
            f"{path}: expected at most {_MAX_DIMENSIONS} axes at offset 3, found {dimensions}; {_DAMAGED}"
        )
    sizes = _read_exactly(path, stream, 4 * dimensions, 4)
    return DTYPES[code], struct.unpack(f">{dimensions}I", sizes)


def _read_exactly(path: Path, stream: BufferedReader | _Unzipped, count: int, offset: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise DataError(
            f"{path}: expected {count} bytes of header at offset {offset}, found {len(content)}; {_DAMAGED}"
        )
    return content


def _check_promise(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], capacity: int, most: int = MAX_BYTES
) -> None:
    """Refuse sizes that the file cannot hold, before memory is allocated for them."""
    promised = math.prod(shape) * dtype.itemsize
    if promised > capacity:
        raise DataError(
            f"{path}: the header promises {promised} bytes of values ({dtype} of shape {shape}), "
            f"found a file that holds at most {max(capacity, 0)}; {_DAMAGED}"
        )
    # An axis of length 0 must not hide the others: NumPy refuses an impossible shape even of an empty array.
    extent = math.prod(max(size, 1) for size in shape) * dtype.itemsize
    if extent > most:
        raise DataError(
            f"{path}: the header promises {dtype} of shape {shape}, "
            f"expected at most {most} bytes ({most / 2**30:,.0f} GiB); split the file"
        )
