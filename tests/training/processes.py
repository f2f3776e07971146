"""Threads in place of processes, to train together without MPI."""

from concurrent.futures import ThreadPoolExecutor
from queue import Queue


class Threads:
    """One of some threads; what is sent to another waits in a queue."""

    def __init__(self, rank, size, queues):
        self.rank, self.size, self._queues = rank, size, queues

    def exchange(self, sent, received, partner):
        self._queues[self.rank, partner].put(sent.copy())
        received[:] = self._queues[partner, self.rank].get(timeout=60)

    def gather(self, value):
        for rank in range(self.size):
            self._queues[self.rank, rank].put(value)
        return [self._queues[rank, self.rank].get(timeout=60) for rank in range(self.size)]


def together(size, function):
    """Return what ``function(communicator)`` returns or raises in each of some threads."""
    ranks = range(size)
    queues = {(sender, receiver): Queue() for sender in ranks for receiver in ranks}
    with ThreadPoolExecutor(size) as pool:
        running = [pool.submit(function, Threads(rank, size, queues)) for rank in ranks]
    return [each.exception() or each.result() for each in running]
