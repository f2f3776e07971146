"""Batches of arrays, scaled and shuffled; the same seed gives the same batches."""

from __future__ import annotations

import math
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_info

from tinygrad_mnist.arguments import require_unmasked, shown
from tinygrad_mnist.datasets.rows import Concatenated, Rows, read_only, stays_in_place
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints.rooms import NotInLoader
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Batch = tuple[Array, Array]
    Transform = Callable[[Array, np.random.Generator], Array]
    Given = ArrayLike | Concatenated


_ROWS = 10_000  # whose targets are converted together


class Loader(NotInLoader):
    """Iterable of ``(inputs, targets)`` batches; each ``iter()`` is the next epoch.

    Parameters
    ----------
    inputs : array of shape (n, ...)
        Real numbers. Integers (pixels) keep their dtype in memory, and each batch is converted; floats are
        converted to `dtype` once, here. The values of a memory map (see `map_idx`), and of arrays that are
        `Concatenated`, stay where they are, and each batch is converted.
    targets : array of shape (n, ...)
        Class labels of any integer dtype become int64 in a batch, floats become `dtype`.
    batch_size : int
        Rows per batch. The last batch may have fewer.
    shuffle : bool, default False
        If True, epoch `e` has the rows in the order of ``default_rng([seed, e]).permutation(n)``.
    seed : int, default 0
        Seed of the shuffling, not negative.
    drop_last : bool, default False
        If True, leave out a last batch that has fewer rows.
    scale : float, optional
        Factor of the inputs, in `dtype`: ``1 / 255`` for pixels.
    dtype : floating or integer dtype, default float32
        Dtype of the inputs in a batch; an integer one for row numbers, as `nn.Embedding` takes them.
    transform : callable, optional
        Changes the inputs of a batch: a function of them and of a ``numpy.random.Generator``, such as
        `augment.Distortions`.  It runs in a second thread while the batch before is in use, if the threads of
        BLAS leave a core free.  Batch `b` of epoch `e` gets ``default_rng([seed, e, b])``, so that a resumed
        run has the same bits.

    Attributes
    ----------
    epoch : int
        Number of the next epoch, from 0. Set it to resume a run exactly.

    Raises
    ------
    TypeError
        If `transform` is not a function.
    DataError
        If `dtype` is neither floating nor integer, or is integer for inputs that are floats or scaled.  If
        there are no rows, the lengths of inputs and targets differ, a value is not finite (the message names
        its row), the batch size is below 1, or `drop_last` leaves no batch.  In an epoch, if the file of a
        memory map has become shorter.

    Notes
    -----
    Targets, and unshuffled float inputs, are read-only: copy them before you write to them.  The order of a
    shuffled epoch takes 4 bytes of memory per row; that is all that grows with mapped inputs.

    Examples
    --------
    >>> loader = Loader([[0, 64], [128, 192], [255, 0]], [7, 2, 1], batch_size=2, scale=1 / 256)
    >>> for inputs, targets in loader:
    ...     print(inputs.tolist(), targets)
    [[0.0, 0.25], [0.5, 0.75]] [7 2]
    [[0.99609375, 0.0]] [1]
    >>> len(loader), loader.epoch
    (2, 1)
    """

    @hinted
    def __init__(
        self,
        inputs: Given,
        targets: Given,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        drop_last: bool = False,
        scale: float | None = None,
        dtype: DTypeLike = np.float32,
        transform: Transform | None = None,
    ) -> None:
        self.dtype = np.dtype(dtype)
        if self.dtype.kind not in "fiu":
            raise DataError(f"dtype is {self.dtype}: expected a floating one, as float32, or an integer one")
        self.inputs = _numbers("inputs", inputs, self.dtype)
        self.targets = _numbers("targets", targets, self.dtype)
        if self.dtype.kind != "f" and (self.inputs.dtype.kind == "f" or scale is not None):
            raise DataError(
                f"dtype is {self.dtype}: expected a floating one for inputs that are floats or scaled; "
                "write dtype=np.float32"
            )
        self._scale: Array | None = None if scale is None else np.asarray(scale, self.dtype)
        if self._scale is not None and self.inputs.dtype.kind == "f" and not stays_in_place(self.inputs):
            self.inputs, self._scale = self.inputs * self._scale, None
        self.input_rows = Rows(self.inputs)
        of_inputs = self.dtype if self.dtype.kind == "f" else self.targets.dtype
        self.target_rows = Rows(self.targets, of_inputs if self.targets.dtype.kind == "f" else np.int64)
        self.batch_size, self.shuffle, self.seed, self.drop_last = batch_size, shuffle, seed, drop_last
        if transform is not None and (isinstance(transform, type) or not callable(transform)):
            write = "transform=augment.Distortions()"
            raise TypeError(f"transform is {shown(transform)}: expected a function; write {write}")
        self.transform = transform
        self.epoch = 0
        self._check_counts()

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        batches = len(self.inputs) / self.batch_size
        return math.floor(batches) if self.drop_last else math.ceil(batches)

    def __iter__(self) -> Iterator[Batch]:
        epoch, transform = self.epoch, self.transform
        batches = ((self.read(rows), targets) for rows, targets in self._batches())
        if transform is None:
            return batches
        changed = self._transformed(transform, batches, epoch)
        return one_ahead(changed) if _has_free_core() else changed

    def unread(self) -> Iterator[tuple[Any, Array]]:
        """Return the next epoch with inputs that are read when they are used: a process reads its share.

        A transform needs whole batches: then they are arrays.
        """
        if self.transform is not None:
            return iter(self)
        return ((UnreadInputs(self, rows), targets) for rows, targets in self._batches())

    def __repr__(self) -> str:
        order = f"shuffled by seed {self.seed}" if self.shuffle else "in order"
        return f"Loader({len(self)} batches of {self.batch_size} of {len(self.inputs):,} rows, {order})"

    @property
    def scale(self) -> float | None:
        """Factor of integer inputs, or None; floats were multiplied by it at the start."""
        return None if self._scale is None else float(self._scale)

    def settings(self) -> dict[str, Any]:
        """Return the settings that decide the batches of an epoch, with the number of rows, as plain data."""
        names = ("batch_size", "shuffle", "seed", "drop_last")
        text = re.sub(" at 0x[0-9a-f]+", "", repr(self.transform))  # without the address, for other processes
        transform = {} if self.transform is None else {"transform": text}
        return {"rows": len(self.inputs), **{name: getattr(self, name) for name in names}, **transform}

    def rows(self, epoch: int, batch: int) -> NDArray[np.int64]:
        """Return the row numbers of a batch; epochs and batches count from 0."""
        start = batch * self.batch_size
        order = self._order(epoch)
        rows = np.arange(len(self.inputs)) if order is None else order
        return rows[start : start + self.batch_size].astype(np.int64)

    def _order(self, epoch: int) -> NDArray[Any] | None:
        if not self.shuffle:
            return None
        # In place and in 4 bytes: the bits of permutation(n), which takes 8.
        order = np.arange(len(self.inputs), dtype=np.uint32 if len(self.inputs) <= 2**32 else np.int64)
        np.random.default_rng([self.seed, epoch]).shuffle(order)
        return order

    def _batches(self) -> Iterator[tuple[slice | NDArray[Any], Array]]:
        """Return the rows and the targets of the batches of the next epoch."""
        order = self._order(self.epoch)
        self.epoch += 1  # not in the generator: an abandoned epoch counts too
        return self._in_order(order)

    def _transformed(self, transform: Transform, batches: Iterator[Batch], epoch: int) -> Iterator[Batch]:
        for number, (inputs, targets) in enumerate(batches):
            changed = transform(inputs, np.random.default_rng([self.seed, epoch, number]))
            if np.shape(changed)[:1] != targets.shape[:1]:
                raise DataError(
                    f"transform returned {shown(changed)}: expected {len(targets)} rows, as many as targets"
                )
            yield changed, targets

    def _in_order(self, order: NDArray[Any] | None) -> Iterator[tuple[slice | NDArray[Any], Array]]:
        size, count = self.batch_size, len(self.inputs)
        stop = min(len(self) * size, count)
        step = size * math.ceil(_ROWS / size)
        for first in range(0, stop, step):  # the targets of many batches at once
            last = min(first + step, stop)
            rows = None if order is None else order[first:last].astype(np.intp)
            targets = read_only(self.target_rows.take(slice(first, last) if rows is None else rows))
            for start in range(0, last - first, size):
                part = slice(start, start + size)
                own = slice(first + start, min(first + start + size, last)) if rows is None else rows[part]
                yield own, targets[part]

    def read(self, rows: slice | NDArray[Any]) -> Array:
        """Return inputs as in a batch."""
        inputs = self.input_rows.take(rows)
        if self._scale is not None:
            scaled: Array = np.multiply(inputs, self._scale, dtype=self.dtype)
            return scaled
        return inputs.astype(self.dtype, copy=False)

    def _check_counts(self) -> None:
        count = len(self.inputs)
        if count != len(self.targets):
            raise DataError(f"{count} inputs and {len(self.targets)} targets: every input needs one target")
        if count == 0:
            raise DataError("no rows to load: inputs and targets are empty")
        if self.batch_size < 1:
            raise DataError(f"batch_size is {self.batch_size}: expected at least 1")
        if len(self) == 0:
            raise DataError(
                f"batch_size {self.batch_size} with drop_last leaves no batch of {count} rows: "
                "make batches smaller or keep the last one"
            )


def _has_free_core() -> bool:
    """Return True if BLAS leaves a core free: its threads hold their cores between two products, too."""
    pools = threadpool_info()
    busy = max((pool["num_threads"] for pool in pools if pool["user_api"] == "blas"), default=1)
    return busy < (os.cpu_count() or 1)


def one_ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Compute each batch in a second thread while the one before it is in use."""
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, batches, None)
        while batch := coming.result():
            coming = thread.submit(next, batches, None)
            yield batch


class UnreadInputs:
    """Inputs of a batch: any of its rows are read from the loader's data when they are used."""

    def __init__(self, loader: Loader, rows: slice | NDArray[Any]) -> None:
        self._loader, self._rows = loader, rows

    def __len__(self) -> int:
        rows = self._rows
        return rows.stop - rows.start if isinstance(rows, slice) else len(rows)

    def read(self, part: slice = slice(None)) -> Array:
        """Return all rows, or some of them."""
        rows = self._rows
        if isinstance(rows, slice):
            chosen = range(rows.start, rows.stop)[part]
            return self._loader.read(slice(chosen.start, chosen.stop))
        return self._loader.read(rows[part])

    __getitem__ = read

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        return np.asarray(self.read(), dtype)


def _numbers(name: str, values: Given, dtype: np.dtype[Any]) -> Any:
    """Return integers and what is in files unchanged, other floats in a floating `dtype`.

    Floats must be finite.
    """
    require_unmasked(name, values, DataError)
    stays = stays_in_place(values)
    array: Any = values if stays else np.asarray(values, order="C")  # other orders are slower to take from
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        found = f"{array.dtype} of shape {array.shape}"
        write = f"; write np.unique({name}, return_inverse=True)[1]" if array.dtype.kind in "SUT" else ""
        raise DataError(f"{name}: expected rows of real numbers, found {found}{write}")
    if array.dtype.kind != "f":
        return array
    row, dtype = 0, dtype if dtype.kind == "f" else array.dtype
    with np.errstate(over="ignore"):  # an overflow is reported below, with its row
        array = array if stays else array.astype(dtype, copy=False)
        for piece in Rows(array, dtype).pieces():
            finite = np.isfinite(piece).all(axis=tuple(range(1, piece.ndim)))
            if not finite.all():
                raise DataError(
                    f"{name}: row {row + int(finite.argmin())} holds a value that is not finite in {dtype}: "
                    "remove or repair it"
                )
            row += len(piece)
    return array
