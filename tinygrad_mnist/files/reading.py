"""Opening and reading of paths that may lead to a folder, a pipe, a device or an endless file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_mnist.errors import CheckpointError

if TYPE_CHECKING:
    from io import BufferedReader


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading: a pipe could block, a device never end.

    Raises
    ------
    OSError
        If it is missing, not permitted, a folder, or not a regular file; `strerror` says which.
    """
    try:
        file = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    except ValueError as error:  # a zero byte in the name
        raise OSError(0, str(error), str(path)) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "Not a regular file", str(path))
    return file


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file of at most `max_bytes` bytes.

    Raises
    ------
    CheckpointError
        If it cannot be read or is larger; a larger file is not read.
    """
    try:
        with open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(size + 1) if size <= max_bytes else b""  # read() allocates that size at once
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}") from error
    if size > max_bytes:
        raise CheckpointError(f"{path}: {size} bytes where at most {max_bytes} are expected")
    if len(content) > size:
        raise CheckpointError(f"{path}: more than its {size} bytes: it grows while it is read")
    return content


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
