"""Independent trainings side by side, each process with one thread for its matrix products."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

Answer = TypeVar("Answer")


class Workers:
    """A few processes that live as long as the ``with`` block; with fewer than two, this very process.

    Parameters
    ----------
    count
        How many processes.  They are started when there is more than one thing to do.
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
        """``[function(*task) for task in tasks]``; a function of a module, arguments that can be pickled."""
        todo = list(tasks)
        if self._count < 2 or len(todo) < 2:
            return [function(*task) for task in todo]
        if self._pool is None:
            # Fresh processes: a copy of this one would inherit the locks of its threads.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._count, mp_context=context, initializer=one_thread)
        return [future.result() for future in [self._pool.submit(function, *task) for task in todo]]


def one_thread() -> None:
    """Let matrix products of this process use one thread: two processes share two cores better than four."""
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)
