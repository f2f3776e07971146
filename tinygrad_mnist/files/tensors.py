"""Named arrays in a file that cannot run code: the format safetensors, read with a bound and checked.

Source: the description of the format at https://github.com/huggingface/safetensors. Eight bytes hold the
length of the header; the header in JSON and the values follow.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.atomic import write_atomically
from tinygrad_mnist.files.reading import read_bounded
from tinygrad_mnist.typing import Array

MOST_HEADER_BYTES = 2**20  # about 10,000 tensors; each takes more memory than header
_DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "I8": "i1",
    "U16": "<u2",
    "I16": "<i2",
    "U32": "<u4",
    "I32": "<i4",
    "U64": "<u8",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
    "C64": "<c8",
}
_DAMAGED = "is damaged or not a safetensors file"


def save_tensors(path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write arrays and short texts into one file, atomically.

    Parameters
    ----------
    path : Path
        An existing file is replaced.
    tensors : mapping of str to ndarray
        Arrays of any shape and memory order; bool, integers, float16 to float64 or complex64.
    metadata : mapping of str to str, optional
        Texts for the header.

    Raises
    ------
    CheckpointError
        If the format lacks a dtype, or the header is too long for `load_tensors`.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from tinygrad_mnist.files import load_tensors, save_tensors
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "weights.safetensors")
    ...     save_tensors(path, {"bias": np.array([0.5, 2.0])}, metadata={"epoch": "3"})
    ...     load_tensors(path, max_bytes=1000)
    ({'bias': array([0.5, 2. ])}, {'epoch': '3'})
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save

    # Not ascontiguousarray, which turns a scalar into a vector.
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    try:
        content = save(contiguous, dict(metadata) if metadata else None)
    except SafetensorError as error:
        raise CheckpointError(f"{path}: cannot be saved: {error}") from error
    _header_length(path, content)
    write_atomically(path, content)


def load_tensors(path: Path, *, max_bytes: int) -> tuple[dict[str, Array], dict[str, str]]:
    """Read a safetensors file with NumPy's dtypes, as `save_tensors` writes it.

    Parameters
    ----------
    path : Path
        The file.
    max_bytes : int
        Largest size that is read; reading takes twice the size of the file in memory.

    Returns
    -------
    tensors : dict of str to ndarray
        Writable arrays in native byte order.
    metadata : dict of str to str
        Texts of the header.

    Raises
    ------
    CheckpointError
        If it is missing, unreadable, too large or truncated, has bytes left over or a damaged header, or a
        tensor has a dtype or shape that NumPy lacks or a value that is not finite. The message names file,
        tensor and byte offset.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from tinygrad_mnist.files import load_tensors, save_tensors
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "weights.safetensors")
    ...     save_tensors(path, {"bias": np.array([0.5, np.nan])})
    ...     load_tensors(path, max_bytes=1000)
    Traceback (most recent call last):
    tinygrad_mnist.errors.CheckpointError: ... bias holds NaN or infinity: nan at index 1 (offset ...)
    """
    from safetensors import SafetensorError, deserialize

    content = read_bounded(path, max_bytes)
    end = _header_length(path, content) + 8
    try:
        # Checks that the tensors cover the whole file, and no byte twice.
        found = deserialize(content)  # type: ignore[no-untyped-call]
        header = json.loads(content[8:end])
    except (SafetensorError, ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path} {_DAMAGED}: {error} (header at offset 8, values from offset {end} to {len(content)})"
        ) from error
    del content  # the tensors are copies
    tensors = {}
    for name, entry in found:
        offset = end + header[name]["data_offsets"][0]
        tensors[name] = _array(f"{path}: {name!r} at offset {offset}", entry)
        _require_finite(path, name, tensors[name], offset)
    return tensors, header.get("__metadata__") or {}


def _header_length(path: Path, content: bytes) -> int:
    """Return the length of the header, after a check that the file holds it and that it is short."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise CheckpointError(
            f"{path} {_DAMAGED}: a header of {length} bytes at offset 8, and the file has {len(content)}"
        )
    if length > MOST_HEADER_BYTES:
        raise CheckpointError(
            f"{path}: a header of {length} bytes at offset 8, expected at most {MOST_HEADER_BYTES}"
        )
    return length


def _array(where: str, entry: dict[str, Any]) -> Array:
    code, shape = entry["dtype"], entry["shape"]
    if code not in _DTYPES:
        raise CheckpointError(f"{where}: values of dtype {code}, expected {', '.join(_DTYPES)}")
    dtype = np.dtype(_DTYPES[code])
    try:
        array = np.frombuffer(entry["data"], dtype).reshape(shape)
    except (ValueError, OverflowError) as error:  # more axes than NumPy has, or an axis too long for it
        raise CheckpointError(f"{where}: a shape that NumPy does not have: {error}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _require_finite(path: Path, name: str, array: Array, offset: int) -> None:
    if array.dtype.kind not in "fc" or np.isfinite(array).all():
        return
    position = int(np.isfinite(array).argmin())
    raise CheckpointError(
        f"{path}: {name} holds NaN or infinity: {array.flat[position]} at index {position} "
        f"(offset {offset + position * array.itemsize})"
    )
