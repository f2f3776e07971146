"""Data sets in one ``.npz`` file, in Keras's form: x_train, y_train, x_test, y_test.

A file may come from anywhere: nothing is unpickled, and memory is allocated only for sizes the file can hold.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from tinygrad_mnist.datasets.idx import HONEST_RATIO, MAX_BYTES, SMALL
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular
from tinygrad_mnist.typing import Array

NAMES = ("x_train", "y_train", "x_test", "y_test")
_MOST_DIRECTORY = 2**20  # bytes; four members need 400
_TAIL = 2**16 + 64  # where a zip file's end record, with a comment, may begin
_STEP = 2**20
_ADVICE = "write it with np.savez(path, x_train=..., y_train=..., x_test=..., y_test=...)"


def read_npz(path: str | Path) -> tuple[Array, ...]:
    """Read x_train, y_train, x_test and y_test.

    Parameters
    ----------
    path : str or Path
        A file that ``np.savez`` or ``np.savez_compressed`` wrote.

    Returns
    -------
    tuple of ndarray
        Images of uint8, shape (n, height, width), and labels of an integer dtype, shape (n,), in the order of
        the names. A last axis of length 1 is dropped.

    Raises
    ------
    DataError
        If the file is missing, damaged, too large, or holds other names or dtypes.
    """
    path = Path(path)
    try:
        with open_regular(path) as file:
            _require_small_directory(file)
            with zipfile.ZipFile(file) as archive:
                members = _members(path, archive)
                return tuple(_read_member(path, archive, member, name) for name, member in members.items())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}; check the path and its permissions") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: expected a whole .npz file: {error}; {_ADVICE}") from error


def _require_small_directory(file: IO[bytes]) -> None:
    """Refuse a list of members that takes far more memory than the arrays."""
    start = max(0, file.seek(0, 2) - _TAIL)
    file.seek(start)
    tail = file.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 16 or tail[max(0, end - 20) :].startswith(b"PK\x06\x07"):
        raise zipfile.BadZipFile("its end is missing or of another format")
    if int.from_bytes(tail[end + 12 : end + 16], "little") > _MOST_DIRECTORY:
        raise zipfile.BadZipFile("its list of members is too long")


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the four members by name, after a check of their sizes."""
    found = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
    missing = [name for name in NAMES if name not in found]
    if missing:
        holds = ", ".join(sorted(found)[:10]) or "nothing"
        raise DataError(f"{path}: lacks {', '.join(missing)}, and holds {holds}: {_ADVICE}")
    members = {name: found[name] for name in NAMES}
    for member in members.values():
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile("a member is neither stored nor deflated")
        if member.file_size > max(SMALL, HONEST_RATIO * member.compress_size):
            raise zipfile.BadZipFile("a member is packed more than pictures and labels can be")
    if sum(member.file_size for member in members.values()) > MAX_BYTES:
        raise DataError(f"{path}: expected at most {MAX_BYTES} bytes (2 GiB); split the file")
    return members


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Array:
    with archive.open(member) as stream:
        shape, column_major, dtype = _header(stream)
        images = name.startswith("x_")
        if dtype.hasobject or dtype.kind not in "iu" or (images and dtype != np.uint8):
            advice = "bytes (uint8); scale to 0..255, then" if images else "whole numbers (n,); argmax or"
            raise DataError(f"{path}: {name} holds {dtype}: expected {advice} convert with astype")
        promised = math.prod(shape) * dtype.itemsize
        if promised > member.file_size:
            raise DataError(f"{path}: {name} promises {promised} bytes, found fewer; {_ADVICE}")
        content = np.empty(promised, np.uint8)
        filled = 0
        while filled < promised:
            piece = stream.read(min(_STEP, promised - filled))
            if not piece:
                raise DataError(f"{path}: {name} ends after {filled} of {promised} bytes; {_ADVICE}")
            content[filled : filled + len(piece)] = np.frombuffer(piece, np.uint8)
            filled += len(piece)
        if stream.read(1):  # reading to the end compares the checksum too
            raise DataError(f"{path}: {name} has bytes after its end; {_ADVICE}")
    values = content.view(dtype).reshape(shape, order="F" if column_major else "C")
    values = np.ascontiguousarray(values.astype(dtype.newbyteorder("="), copy=False))
    axes = 3 if name.startswith("x_") else 1
    return values[..., 0] if values.ndim == axes + 1 and values.shape[-1] == 1 else values


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order (True if column-major) and dtype; anything but a header raises ValueError."""
    version = npy.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"an array of format {version}")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    return read(stream)
