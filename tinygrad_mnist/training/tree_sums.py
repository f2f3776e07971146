"""Sums over the micro-batches of a step: the same bits for any number of processes.

They are added along one fixed binary tree.  In a process it grows as numbers are counted: a micro-batch
completes one sum for each binary one at the end of its number.  The levels above join pairs of processes.
Each sum of the tree has the same two operands, whoever adds them.
"""

from __future__ import annotations

import math
from threading import Event, Thread
from typing import Any

import numpy as np

from tinygrad_mnist.training.distributed import Processes
from tinygrad_mnist.typing import Array

Layout = list[tuple[np.dtype[Any], tuple[int, ...]]]
_PIECE = 2**20  # least bytes of arrays that travel together: latency is small beside their time
_SMALL = 2**14  # bytes that travel whole: a second latency costs more than half of them


class TreeSums:
    """Arrays that each micro-batch gives, summed over all.

    Parameters
    ----------
    layout
        Dtypes and shapes of the arrays.  Those that are known last come first: the others may travel before.
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

    def __init__(self, layout: Layout, share: int, processes: Processes) -> None:
        self.share, self.processes, self.is_early = share, processes, False
        self._pieces = _pieces(layout)
        self._levels = [_Memory(layout, self._pieces) for _ in range((share - 1).bit_count() + 1)]
        self._vectors, self.totals = self._levels[0].vectors, self._levels[0].arrays
        self._error: BaseException | None = None

    def begin(self, number: int, *, may_be_early: bool) -> None:
        """Begin a micro-batch of this process; early ones must put each array once."""
        self._depth, self._completed = number.bit_count(), (number ^ (number + 1)).bit_count() - 1
        self._is_last, is_large = number == self.share - 1, self._vectors[0].nbytes >= _PIECE
        self.is_early = may_be_early and self._is_last and is_large and self.processes.size > 1
        if self.is_early:
            self._missing = [set(piece) for piece in self._pieces]
            self._ready = [Event() for _ in self._pieces]
            self._sender = Thread(target=self._send, daemon=True)
            self._sender.start()

    def put(self, position: int, array: Any, factor: float = 1) -> None:
        """Give an array of the micro-batch, times a factor."""
        np.multiply(array, factor, out=self._levels[self._depth].arrays[position])
        if self.is_early:
            self._add(position)
            for missing, ready in zip(self._missing, self._ready):
                missing.discard(position)
                if not missing:
                    ready.set()

    def end(self) -> None:
        """End a micro-batch, all arrays of which were put; after the last one, the totals are known."""
        if self.is_early:
            self._sender.join()
            if self._error is not None:
                raise self._error
            return
        for position in range(len(self.totals)):
            self._add(position)
        if self._is_last:
            for vector in self._vectors:
                self._add_others(vector)

    def _add(self, position: int) -> None:
        """Complete the sums of an array that end with this micro-batch."""
        for depth in range(self._depth, self._depth - self._completed, -1):
            low, high = (level.arrays[position] for level in self._levels[depth - 1 : depth + 1])
            low += high

    def _send(self) -> None:
        try:
            for ready, vector in zip(self._ready, self._vectors):
                ready.wait()
                self._add_others(vector)
        except BaseException as error:  # raised where the totals are waited for
            self._error = error

    def _add_others(self, vector: Array, distance: int = 1) -> None:
        """Add the vectors of the other processes, from this distance between partners on."""
        if distance == self.processes.size:
            return
        partner = self.processes.rank ^ distance
        mine = other = vector
        if vector.nbytes > _SMALL:
            mine, other = np.array_split(vector, 2)[:: 1 if self.processes.rank < partner else -1]
        received = np.empty_like(mine)
        self.processes.exchange(other, received, partner)
        mine += received
        self._add_others(mine, 2 * distance)
        if mine is not other:
            self.processes.exchange(mine, other, partner)


class _Memory:
    """Memory of the arrays of a layout: those of a piece lie one behind the other in a vector."""

    def __init__(self, layout: Layout, pieces: list[list[int]]) -> None:
        self.arrays: list[Array] = [np.empty(0)] * len(layout)
        self.vectors: list[Array] = []
        for piece in pieces:
            lengths = [math.prod(layout[position][1]) for position in piece]
            self.vectors.append(np.empty(sum(lengths), layout[piece[0]][0]))
            for position, part in zip(piece, np.split(self.vectors[-1], np.cumsum(lengths[:-1]))):
                self.arrays[position] = part.reshape(layout[position][1])


def _pieces(layout: Layout) -> list[list[int]]:
    """Return the positions of arrays that travel together, from the last array to the first."""
    pieces: list[list[int]] = []
    size = 0
    for position, (dtype, shape) in reversed(list(enumerate(layout))):
        if not pieces or size >= _PIECE or layout[pieces[-1][0]][0] != dtype:
            pieces.append([])
            size = 0
        pieces[-1].append(position)
        size += math.prod(shape) * dtype.itemsize
    return pieces
