"""Checks before a path in a folder is used: a link to elsewhere, a pipe or a device may lie there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tinygrad_mnist.errors import CheckpointError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_file(path: Path, home: Path) -> None:
    """Require that `path` is a file, a link to one inside `home`, or missing.

    Parameters
    ----------
    path : Path
        A path in the folder.
    home : Path
        The folder that a link must not leave.

    Raises
    ------
    CheckpointError
        If it is anything else. The message says what: a link that leaves `home`, a folder, a pipe, a socket
        or a device.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import require_file
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "history.json")
    ...     require_file(path, Path(folder))  # missing: it may be written
    ...     path.symlink_to("/etc/passwd")
    ...     require_file(path, Path(folder))
    Traceback (most recent call last):
    tinygrad_mnist.errors.CheckpointError: ... is a link to /etc/passwd: expected a file inside ...; remove it
    """
    _require(path, home, stat.S_IFREG)


def require_folder(path: Path, home: Path) -> None:
    """Require that `path` is a folder, a link to one inside `home`, or missing.

    Parameters and errors are those of `require_file`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import require_folder
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "checkpoints")
    ...     path.touch()
    ...     require_folder(path, Path(folder))
    Traceback (most recent call last):
    tinygrad_mnist.errors.CheckpointError: ...checkpoints is a file: expected a folder; remove it
    """
    _require(path, home, stat.S_IFDIR)


def require_empty_file(path: Path, home: Path) -> None:
    """Require that `path` is an empty file or missing: opening a lock may truncate its target.

    Parameters
    ----------
    path : Path
        A path in the folder.
    home : Path
        The folder.

    Raises
    ------
    CheckpointError
        If it is anything else, or a link.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import require_empty_file, write_atomically
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "lock")
    ...     write_atomically(path, "letter")
    ...     require_empty_file(path, Path(folder))
    Traceback (most recent call last):
    tinygrad_mnist.errors.CheckpointError: ...lock is a file of 6 bytes: expected an empty file; remove it
    """
    if path.is_symlink():
        _refuse(path, f"a link to {os.readlink(path)}", "an empty file")
    _require(path, home, stat.S_IFREG)
    if path.exists() and path.stat().st_size:
        _refuse(path, f"a file of {path.stat().st_size} bytes", "an empty file")


def _require(path: Path, home: Path, kind: int) -> None:
    expected = _KINDS[kind]
    try:
        if path.is_symlink() and not path.resolve().is_relative_to(home.resolve()):
            _refuse(path, f"a link to {os.readlink(path)}", f"{expected} inside {home}")
        found = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return
    except (OSError, RuntimeError) as error:  # a link to itself: RuntimeError up to Python 3.12
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    if found != kind:
        _refuse(path, _KINDS.get(found, "no file"), expected)


def _refuse(path: Path, found: str, expected: str) -> None:
    raise CheckpointError(f"{path} is {found}: expected {expected}; remove it")
