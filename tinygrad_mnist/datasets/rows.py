"""Rows of arrays in memory or in files, a few at a time; several arrays as one."""

from __future__ import annotations

import mmap
import os
import weakref
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.arguments import require_unmasked, shown
from tinygrad_mnist.datasets.idx import as_data_error
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import DTypeLike, NDArray

_PIECE = 2**24  # bytes of a pass over all rows
_COMPARED = 8  # rows by which a file is recognized as that of a map


class Concatenated:
    """Arrays one behind the other, read as one, and not copied: the parts of a data set that was split.

    Parameters
    ----------
    arrays : sequence of arrays or `Concatenated` of shape (n, ...)
        Of one dtype, in either byte order, and rows of one shape.  Memory maps stay in their files.

    Attributes
    ----------
    dtype, shape, ndim
        Those of the whole.

    Raises
    ------
    DataError
        If there is no array, or one has another dtype or another shape of a row.

    Examples
    --------
    >>> both = Concatenated([np.array([1, 2]), np.array([3])])
    >>> len(both), both[[2, 0]], np.asarray(both[1:])
    (3, array([3, 1]), array([2, 3]))
    """

    def __init__(self, arrays: Sequence[Array | Concatenated]) -> None:
        if not len(arrays):
            raise DataError("arrays is empty: expected one or more to read one behind the other")
        for number, array in enumerate(arrays):
            require_unmasked(f"arrays[{number}]", array, DataError)
            if not isinstance(array, np.ndarray | Concatenated) or not array.ndim:
                raise DataError(f"arrays[{number}] is {shown(array)}: expected an array of shape (n, ...)")
        parts = [each.arrays if isinstance(each, Concatenated) else (each,) for each in arrays]
        self.arrays: tuple[Array, ...] = tuple(chain.from_iterable(parts))
        first = self.arrays[0]
        self.dtype: np.dtype[Any] = first.dtype.newbyteorder("=")
        self.ndim: int = first.ndim
        for number, array in enumerate(self.arrays):
            if (array.dtype.newbyteorder("="), array.shape[1:]) != (self.dtype, first.shape[1:]):
                raise DataError(
                    f"arrays[{number}] is {array.dtype} of shape {array.shape}: expected {first.dtype} of "
                    f"shape ({', '.join(map(str, ('n', *first.shape[1:])))}), as the first"
                )
        self.shape: tuple[int, ...] = (sum(map(len, self.arrays)), *first.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        """Return the rows of a slice as another `Concatenated`, a copy of others."""
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            parts, end = [], 0
            for array in self.arrays:
                begin, end = end, end + len(array)
                parts.append(array[max(start - begin, 0) : max(stop - begin, 0)])
            return Concatenated([part for part in parts if len(part)] or parts[:1])
        number = np.arange(len(self))[rows]
        found = Rows(self).take(np.atleast_1d(number))
        return found if number.ndim else found[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.asarray(np.concatenate(self.arrays), dtype)

    def __repr__(self) -> str:
        return f"Concatenated({len(self.arrays)} arrays, {self.dtype} of shape {self.shape})"


class Rows:
    """Rows of an array, or of arrays one behind the other, converted to a dtype when they are taken.

    Rows of a read-only memory map are read from its file: pages of the map would count as memory of the
    process, and end it if the file shrinks.  A page that is touched for a row also costs more than reading.
    """

    def __init__(self, array: Array | Concatenated, dtype: DTypeLike | None = None) -> None:
        self.dtype = np.dtype(dtype or array.dtype.newbyteorder("="))
        self.shape: tuple[int, ...] = array.shape
        self._array = array
        arrays = array.arrays if isinstance(array, Concatenated) else (array,)
        self._parts = [_part(each) for each in arrays]
        self._ends = np.cumsum([len(each) for each in arrays])

    def __len__(self) -> int:
        return self.shape[0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Return the array to a copy or another process, which opens the files again."""
        return Rows, (self._array, self.dtype)

    def take(self, rows: slice | NDArray[Any]) -> Array:
        """Return rows by their numbers from 0, or a slice, which may be a read-only view."""
        if len(self._parts) == 1:
            return _taken(self._parts[0], rows).astype(self.dtype, copy=False)
        numbers = np.arange(*rows.indices(len(self))) if isinstance(rows, slice) else rows.astype(np.int64)
        found = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        owners = np.searchsorted(self._ends, numbers, side="right")
        for owner in np.unique(owners):
            begin = self._ends[owner] - len(self._parts[owner])
            found[owners == owner] = _taken(self._parts[owner], numbers[owners == owner] - begin)
        return found

    def pieces(self) -> Iterator[Array]:
        """Return all rows in contiguous arrays of some megabytes."""
        size = int(np.prod(self.shape[1:])) * self.dtype.itemsize
        step = max(1, _PIECE // max(1, size))
        for start in range(0, len(self), step):
            yield np.ascontiguousarray(self.take(slice(start, start + step)))


def stays_in_place(array: Any) -> bool:
    """Return True for arrays that are not copied whole, since they may not fit in memory."""
    return isinstance(array, Concatenated) or _map_of(array) is not None


def read_only(array: Array) -> Array:
    """Return a read-only view."""
    view = array.view()
    view.flags.writeable = False
    return view


def _map_of(array: Any) -> Any:
    return getattr(array, "_mmap", None) if isinstance(array, np.memmap) else None


def _is_in_file(array: Array) -> bool:
    """Return True if each row is a block of the file of a read-only map, its axes in any order."""
    if not isinstance(array, np.memmap) or _map_of(array) is None or not array.size or array.mode != "r":
        return False
    size = array.nbytes // len(array)
    last = sum((n - 1) * stride for n, stride in zip(array.shape[1:], array.strides[1:])) + array.itemsize
    is_block = array.strides[0] == last == size and min(array.strides) > 0
    return is_block and array.filename is not None and hasattr(os, "pread")


def _part(array: Any) -> Any:
    """Return the rows of a file, or of the map if its file is gone or another has its name."""
    if _is_in_file(array) and os.path.exists(array.filename):
        found = _InFile(array)
        some = np.linspace(0, len(array) - 1, _COMPARED).astype(np.intp)
        if found.take(some).tobytes() == np.ascontiguousarray(array[some]).tobytes():
            return found
    return read_only(np.asarray(array))


class _InFile:
    """Rows of a memory map, read from its file."""

    def __init__(self, array: Any) -> None:
        self._row, self._size = array[:1], array.strides[0]
        self._path, self._count = Path(array.filename), len(array)
        first_page = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
        in_map = array.ctypes.data - np.frombuffer(array._mmap, np.uint8).ctypes.data
        self._start = first_page + in_map
        with as_data_error(self._path):
            self._file = open_regular(self._path)
        weakref.finalize(self, self._file.close)

    def __len__(self) -> int:
        return self._count

    def take(self, rows: slice | NDArray[Any]) -> Array:
        if isinstance(rows, slice):
            first, stop, _ = rows.indices(self._count)
            numbers, length = [first], max(stop - first, 0) * self._size
        else:
            numbers, length = rows.tolist(), self._size
        file, start, size = self._file.fileno(), self._start, self._size
        with as_data_error(self._path):
            content = b"".join([_read(file, length, start + size * number) for number in numbers])
        if len(content) != length * len(numbers):
            least = start + size * self._count
            raise DataError(
                f"{self._path} has shrunk since it was opened: expected {least} bytes or more; "
                "copy it again, and begin anew"
            )
        shape = (len(content) // size, *self._row.shape[1:])
        return np.ascontiguousarray(np.ndarray(shape, self._row.dtype, content, 0, self._row.strides))


def _read(file: int, length: int, start: int) -> bytes:
    """Return bytes of a file, fewer at its end; one read gives 2 GiB at most, and may give less."""
    content = os.pread(file, length, start)
    while len(content) < length and (more := os.pread(file, length - len(content), start + len(content))):
        content += more
    return content


def _taken(part: Array | _InFile, rows: slice | NDArray[Any]) -> Array:
    if isinstance(part, _InFile):
        return part.take(rows)
    if not part.flags.c_contiguous:  # np.take would copy it whole
        return np.ascontiguousarray(part[rows])
    # np.take is measurably faster than indexing with an array.
    return part[rows] if isinstance(rows, slice) else np.take(part, rows, axis=0)
