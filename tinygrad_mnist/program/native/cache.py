"""Compiled functions on disk, for later processes: in the folder NUMBA_CACHE_DIR, or the user's cache folder.

A file that is missing, damaged, or cannot be read or written costs time, never a result: its function is
compiled.  As numba's own caches these files are pickles: whoever can write into the folder can run code.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba.core.serialize import dumps
from numba.misc.appdirs import user_cache_dir

from tinygrad_mnist.files import write_atomically

Result = TypeVar("Result")
_DIGEST_SIZE = hashlib.sha256().digest_size


def folder() -> Path:
    """Return the folder of the files, which may not exist yet."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    return Path(chosen) / "tinygrad_mnist" if chosen else Path(user_cache_dir("tinygrad_mnist", False))


def load(key: str, rebuild: Callable[..., Result]) -> Result | None:
    """Return what `rebuild` makes of the parts saved under a key; None if that cannot be."""
    try:
        content = _path(key).read_bytes()
        digest, payload = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
        return rebuild(*pickle.loads(payload)) if _digest(key, payload) == digest else None
    except Exception:  # what a pickle of anything may raise
        return None


def save(key: str, parts: tuple[Any, ...]) -> None:
    """Save under a key, if the folder can be written."""
    payload: bytes = dumps(parts)
    try:
        _path(key).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(_path(key), _digest(key, payload) + payload)
    except OSError:
        pass


def _digest(key: str, payload: bytes) -> bytes:
    """A digest with the key: code under the name of other code would end the process."""
    return hashlib.sha256(key.encode() + payload).digest()


def _path(key: str) -> Path:
    return folder() / f"{key}.native"
