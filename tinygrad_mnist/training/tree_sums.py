"""Sums over the micro-batches of a step: the same bits for any number of processes.

They are added along one fixed binary tree.  In a process it grows as numbers are counted: a micro-batch
completes one sum for each binary one at the end of its number.  The levels above join pairs of processes.
Each sum of the tree has the same two operands, whoever adds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from threading import Event, Thread
from typing import Any

import numpy as np

from tinygrad_mnist.training.distributed import Processes
from tinygrad_mnist.typing import Array

_PIECE = 2**20  # least bytes of arrays that travel together: latency is small beside their time


def tree_sum(parts: Sequence[list[Array]]) -> list[Array]:
    """Return the sums of the arrays of all micro-batches, whose number is a power of two."""
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2])
        parts = [[low + high for low, high in zip(*pair)] for pair in pairs]
    return parts[0]


class TreeSums:
    """Sums of large arrays that each micro-batch gives.

    Parameters
    ----------
    arrays
        Arrays of the same shapes.  Those that are known last come first: the others may travel before.
    share
        Number of micro-batches of each process, a power of two.
    processes
        Processes that add; their number is a power of two.

    Attributes
    ----------
    totals : list of ndarray
        The sums after `end` of the last micro-batch.
    is_early : bool
        True if the arrays of this micro-batch travel as soon as they are put.

    Notes
    -----
    Processes add by recursive halving and doubling: each of a pair adds one half of what both have, and goes
    on with it to the next pair; then they exchange the sums.  R. Thakur and others, Optimization of
    collective communication operations in MPICH, 2005.
    """

    def __init__(self, arrays: Sequence[Array], share: int, processes: Processes) -> None:
        self.share, self.processes, self.is_early = share, processes, False
        ends = np.cumsum([array.size for array in arrays])
        levels = np.empty(((share - 1).bit_count() + 1, ends[-1]), np.result_type(*arrays))
        self._levels = [
            [part.reshape(array.shape) for part, array in zip(np.split(level, ends[:-1]), arrays)]
            for level in levels
        ]
        self.totals, bytes_behind = self._levels[0], levels.itemsize * (ends[-1] - ends)
        from_last = groupby(reversed(range(len(arrays))), lambda position: bytes_behind[position] // _PIECE)
        pieces = [list(positions) for _, positions in from_last]
        starts = [0, *ends]
        self._pieces = [(piece, levels[0, starts[piece[-1]] : ends[piece[0]]]) for piece in pieces]
        self._error: BaseException | None = None

    def begin(self, number: int, *, may_be_early: bool) -> None:
        """Begin a micro-batch of this process; early ones must put each array once."""
        self._depth, self._completed = number.bit_count(), (number ^ (number + 1)).bit_count() - 1
        self._is_last = number == self.share - 1
        is_large = sum(total.nbytes for total in self.totals) >= _PIECE
        self.is_early = may_be_early and self._is_last and is_large and self.processes.size > 1
        self._ready = [Event() for _ in self.totals]
        if self.is_early:
            self._sender = Thread(target=self._send, daemon=True)
            self._sender.start()

    def put(self, position: int, array: Any, factor: float = 1) -> None:
        """Give an array of the micro-batch, times a factor."""
        np.multiply(array, factor, out=self._levels[self._depth][position])
        if self.is_early:
            self._add(position)
            self._ready[position].set()

    def end(self) -> None:
        """End a micro-batch, all arrays of which were put; after the last one, the totals are known."""
        if self.is_early:
            self._sender.join()
        else:
            for position, ready in enumerate(self._ready):
                self._add(position)
                ready.set()
            if self._is_last:
                self._send()
        if self._error is not None:
            raise self._error

    def _add(self, position: int) -> None:
        """Complete the sums of an array that end with this micro-batch."""
        for depth in range(self._depth, self._depth - self._completed, -1):
            self._levels[depth - 1][position] += self._levels[depth][position]

    def _send(self) -> None:
        try:
            for piece, vector in self._pieces:
                for position in piece:
                    self._ready[position].wait()
                self._add_others(vector)
        except BaseException as error:  # raised where the totals are waited for
            self._error = error

    def _add_others(self, vector: Array, distance: int = 1) -> None:
        """Add the vectors of the other processes, from this distance between partners on."""
        if distance < self.processes.size:
            partner = self.processes.rank ^ distance
            mine, other = np.array_split(vector, 2)[:: 1 if self.processes.rank < partner else -1]
            received = np.empty_like(mine)
            self.processes.exchange(other, received, partner)
            mine += received
            self._add_others(mine, 2 * distance)
            self.processes.exchange(mine, other, partner)
