"""Replacing a file so that whoever looks finds the old content or the new, never a part of it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes | str) -> None:
    """Put `data` in the place of the file, or leave that as it was.

    It is written beside the file under a hidden name, and takes the file's name once it is on the disk:
    neither a crash nor a full disk nor a power cut leaves half a file.

    Parameters
    ----------
    path : Path
        An existing file is replaced; its folder must exist.
    data : bytes or str
        Text is written as UTF-8, as it stands.

    Raises
    ------
    OSError
        The file cannot be written, replaced, or made to last; the temporary file is gone again.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:  # not mkstemp, whose files only their owner may read
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too
        temporary.unlink(missing_ok=True)
        raise
    _make_names_last(path.parent)


def _make_names_last(folder: Path) -> None:
    """Force the folder itself to the disk: until then a power cut may undo the replacement."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
