"""Atomic replacement of files: a reader finds the old content or the new, never a part."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes | str) -> None:
    """Replace the content of a file, or leave the file as it was.

    The data are written next to it under a hidden name. Once they are on the disk, that file takes the name.
    A crash, a full disk or a power cut cannot leave half a file.

    Parameters
    ----------
    path : Path
        An existing file is replaced; its folder must exist.
    data : bytes or str
        Text is encoded as UTF-8; line ends are not changed.

    Raises
    ------
    OSError
        If the file cannot be written, replaced or synced, or its folder is missing. The temporary file is
        removed.

    Examples
    --------
    >>> import os
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import write_atomically
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "note.txt")
    ...     write_atomically(path, "old")
    ...     write_atomically(path, "new")
    ...     path.read_text(), os.listdir(folder)
    ('new', ['note.txt'])
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the folder is missing", str(path.parent))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder; name a file in it", str(path))
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:  # not mkstemp, whose files only their owner may read
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:  # Ctrl-C too
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):  # an error of write names no file, another the hidden one
            error.filename = str(path)
            del error.filename2
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Sync the folder: until then a power cut may undo the replacement."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
