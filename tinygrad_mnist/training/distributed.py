"""The processes of one training: how they exchange arrays, are compared at the start, and end together."""

from __future__ import annotations

import atexit
import os
import pickle
import sys
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from importlib import metadata
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_info

from tinygrad_mnist.arguments import require_whole
from tinygrad_mnist.errors import MissingExtraError, ProcessError
from tinygrad_mnist.training.checkpoint_files import versions
from tinygrad_mnist.typing import Array

_LAUNCHED = (  # variables of MPICH, Intel MPI and Slurm, and of Open MPI: number, rank on this machine
    ("PMI_SIZE", "MPI_LOCALRANKID"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
)
MICRO_BATCHES = 8  # of a batch, if processes train together and nothing else is said
_LOOKS, _NAP = 20, 1e-4  # looks in a row for a message, and seconds between two rows
_PATIENCE = 2.0  # seconds until an error is known to be that of one process


class Processes:
    """Processes that train together: this one alone, or those of `MPI`.

    Attributes
    ----------
    rank, size
        Number of this process, counted from 0, and of all: a power of two.
    """

    rank, size = 0, 1

    def exchange(self, sent: Array, received: Array, partner: int) -> None:
        """Send a vector to a process, and fill `received` with the one that it sends."""

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, by rank."""
        return [value]


class MPI(Processes):
    """The processes that ``mpiexec`` started: ``fit(..., distributed=MPI())``.

    An error that ends one of them ends all: uncaught in a script, or leaving a ``with MPI() as processes:``.

    Attributes
    ----------
    rank, size
        Number of this process, counted from 0, and of all.

    Raises
    ------
    MissingExtraError
        If mpi4py or the MPI library is not installed.
    ProcessError
        If the ``mpiexec`` that started the processes is of another MPI library.

    Examples
    --------
    ``mpiexec -n 4 python train.py`` starts four processes, which share each batch and get the same bits.
    Without ``mpiexec`` there is one.

    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.training import fit
    >>> model = nn.Linear(1, 1, bias=False, weight_init=nn.init.ones)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.25)
    >>> data = np.ones((8, 1), np.float32), np.zeros((8, 1), np.float32)
    >>> with MPI() as processes:
    ...     history = fit(model, nn.MSELoss(), optimizer, data, epochs=2, distributed=processes)
    >>> processes.rank, processes.size, [epoch.train_loss for epoch in history]
    (0, 1, [1.0, 0.25])
    """

    def __init__(self) -> None:
        try:
            from mpi4py import MPI as library  # noqa: N811
        except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py without a library
            raise MissingExtraError(
                "training by several processes needs mpi4py and MPICH: pip install -e '.[mpi]'"
            ) from error
        self._world = library.COMM_WORLD
        self.rank, self.size = self._world.rank, self._world.size
        if self.size != (number_started() or self.size):
            raise ProcessError(
                f"mpiexec started {number_started()} processes, and mpi4py finds {self.size}: expected both "
                "of one MPI library; write the path of the mpiexec that pip installed beside python"
            )
        before = getattr(sys.excepthook, "__self__", None)
        if isinstance(before, MPI):  # it reports an error, once
            self._errors: Any = before._errors
        else:
            self._errors = self._world.Dup()  # of the processes that end by an error
            self._report, sys.excepthook = sys.excepthook, self._report_and_end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: Any) -> None:
        """End all processes by an error, after its report; process 0 alone reports one that all have."""
        if raised[0] is None:
            return
        met, deadline = self._errors.Ibarrier(), time.monotonic() + _PATIENCE
        while not (all_have_it := met.Test()) and time.monotonic() < deadline:
            time.sleep(0.01)
        if not all_have_it:
            atexit.register(self._abort)  # at exit MPI would wait for the others
        elif self.rank:
            raise SystemExit(2)

    def _abort(self) -> None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # MPICH repeats what has been reported
        self._world.Abort(2)

    def _report_and_end(self, *raised: Any) -> None:
        with suppress(SystemExit):
            self.__exit__(*raised)
            self._report(*raised)

    def exchange(self, sent: Array, received: Array, partner: int) -> None:
        """Send a vector to a process, and fill `received` with the one that it sends."""
        _wait_for(self._world.Isendrecv(sent, partner, recvbuf=received, source=partner))

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, by rank."""
        content = np.frombuffer(pickle.dumps(value), np.uint8)
        lengths = np.empty(self.size, np.int64)
        _wait_for(self._world.Iallgather(np.array([len(content)]), lengths))
        all_contents = np.empty(lengths.sum(), np.uint8)
        _wait_for(self._world.Iallgatherv(content, [all_contents, lengths.tolist()]))
        return [pickle.loads(part.tobytes()) for part in np.split(all_contents, np.cumsum(lengths[:-1]))]


def _wait_for(request: Any) -> None:
    """Wait without the core, which those that compute may need: MPI's own wait does not leave it."""
    while not any(request.Test() for _ in range(_LOOKS)):
        time.sleep(_NAP)


def started_processes() -> AbstractContextManager[Processes]:
    """Return the processes that a launcher of MPI started, or this one alone, as a context manager."""
    return nullcontext(Processes()) if number_started() in (None, 1) else MPI()


def number_started() -> int | None:
    """Return the number of processes that a launcher of MPI started; None if none started this one."""
    return next((int(os.environ[size]) for size, _ in _LAUNCHED if size in os.environ), None)


def is_first_here() -> bool:
    """Return True for the first process on its machine: it reports errors of starting that all have."""
    return all(os.environ.get(rank, "0") == "0" for _, rank in _LAUNCHED)


def require_shares(micro_batches: int, processes: int = 1) -> None:
    """Refuse micro-batches that no binary tree can add, or that processes cannot share equally.

    Raises
    ------
    TypeError, ValueError
        If `micro_batches` is not a power of two.
    ProcessError
        If the number of processes does not divide it.
    """
    require_whole("micro_batches", micro_batches)
    if micro_batches & (micro_batches - 1):
        least = 1 << micro_batches.bit_length() - 1
        raise ValueError(f"micro_batches is {micro_batches}: expected a power of two; write {least}")
    if micro_batches % processes:
        most = 1 << min(processes, micro_batches).bit_length() - 1
        raise ProcessError(
            f"the number of processes is {processes}: expected 1, 2, 4 or another power of two that divides "
            f"the {micro_batches} micro-batches; write mpiexec -n {most}"
        )


def require_unwatched(detect_anomaly: bool) -> None:
    """Refuse to watch the steps in micro-batches.

    Raises
    ------
    ProcessError
        If `detect_anomaly` is true.
    """
    if detect_anomaly:
        raise ProcessError(
            "detect_anomaly is True: expected False with micro-batches, whose steps are not watched; leave "
            "it out, or the micro-batches and the processes"
        )


def machine() -> dict[str, str]:
    """Return what the bits of training depend on besides its settings: versions and instruction sets."""
    blas = [info for info in threadpool_info() if info["user_api"] == "blas"]
    libraries = {f"{b['internal_api']} {b['version']} for {b.get('architecture', 'any')}" for b in blas}
    return {
        "version of tinygrad_mnist": metadata.version("tinygrad_mnist"),
        **{f"version of {name}": version for name, version in versions().items()},
        "BLAS library": ", ".join(sorted(libraries)),
        "instruction set of NumPy": str(np.show_config(mode="dicts")["SIMD Extensions"]),
    }


def require_alike(processes: Processes, settings: Mapping[str, str]) -> None:
    """Refuse to train with processes that differ, at the same time in all of them.

    Raises
    ------
    ProcessError
        If a setting differs from that of process 0, or data cannot be compared.
    """
    first, *others = processes.gather({**machine(), **settings})
    for rank, own in enumerate(others, 1):
        for name in sorted({*first, *own}):
            value, expected = own.get(name, "missing"), first.get(name, "none")
            if value == "unknown":
                raise ProcessError(f"{name} cannot be compared between processes: give a Loader")
            if value != expected:
                raise ProcessError(
                    f"{name}: expected {expected} as in process 0, and process {rank} has {value}; start all "
                    "alike, on the same data and after the same manual_seed"
                )
