"""Run independent trainings in parallel, each in a process with one thread for its matrix products."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Workers:
    """Processes that live as long as the ``with`` block; a count of 1 uses the current process.

    Parameters
    ----------
    count
        Number of processes.  They start at the first call with more than one task.
    """

    def __init__(self, count: int = 1) -> None:
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[..., Answer], tasks: Iterable[tuple[Any, ...]]) -> list[Answer]:
        """Return ``[function(*task) for task in tasks]``; function and arguments must be picklable."""
        todo = list(tasks)
        if self._count < 2 or len(todo) < 2:
            return [function(*task) for task in todo]
        if self._pool is None:
            # Fresh processes: a copy of this one would inherit the locks of its threads.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, mp_context=context, initializer=one_thread)
        return [future.result() for future in [self._pool.submit(function, *task) for task in todo]]


def one_thread() -> None:
    """Limit the matrix products of this process to one thread, so that processes do not compete for cores."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
