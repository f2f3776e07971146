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
    r"""Open a regular file for reading: a pipe could block, a device never end.

    Parameters
    ----------
    path : Path
        The file, or a link to it.

    Returns
    -------
    BufferedReader
        The file, open for reading bytes.

    Raises
    ------
    OSError
        If it is missing, not permitted, a folder, or not a regular file; `strerror` says which.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import open_regular, write_atomically
    >>> with TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "note.txt"), "one\ntwo\n")
    ...     with open_regular(Path(folder, "note.txt")) as file:
    ...         file.readline()
    b'one\n'
    >>> open_regular(Path("/dev/zero"))
    Traceback (most recent call last):
    OSError: [Errno 0] Not a regular file: '/dev/zero'
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

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        Largest size that is read.

    Returns
    -------
    bytes

    Raises
    ------
    CheckpointError
        If it cannot be read or is larger; a larger file is not read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import read_bounded, write_atomically
    >>> with TemporaryDirectory() as folder:
    ...     write_atomically(Path(folder, "note.txt"), "hello")
    ...     read_bounded(Path(folder, "note.txt"), max_bytes=4)
    Traceback (most recent call last):
    tinygrad_mnist.errors.CheckpointError: ...note.txt: 5 bytes where at most 4 are expected
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
