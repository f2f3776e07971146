"""Sums along one binary tree, by threads in place of processes."""

from queue import Queue

import numpy as np
import pytest

from tests.training.processes import together
from tinygrad_mnist.training import tree_sums
from tinygrad_mnist.training.distributed import Processes
from tinygrad_mnist.training.tree_sums import TreeSums, tree_sum

SHAPES = [(), (70, 90), (3,), (50, 40)]
LEAVES = [
    [np.asarray(9 * rng.standard_normal(shape), np.float32) for shape in SHAPES]
    for rng in np.random.default_rng(0).spawn(8)
]


def tree(first, last, position):
    """The sum of the leaves from `first` to before `last`, as it is defined."""
    if last - first == 1:
        return LEAVES[first][position]
    middle = (first + last) // 2
    return tree(first, middle, position) + tree(middle, last, position)


def totals(processes, early=False, leaves=8):
    """The bits of the sums that a process gets."""
    sums = TreeSums(LEAVES[0], leaves // processes.size, processes)
    for number in range(sums.share):
        sums.begin(number, may_be_early=early)
        for position in reversed(range(len(SHAPES))):
            sums.put(position, LEAVES[processes.rank * sums.share + number][position])
        sums.end()
    return [array.tobytes() for array in sums.totals]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("leaves", [1, 2, 4, 8])
def test_totals_are_those_of_the_tree_for_any_number_of_processes(leaves, early, monkeypatch):
    monkeypatch.setattr(tree_sums, "_PIECE", 8000)
    expected = [tree(0, leaves, position).tobytes() for position in range(len(SHAPES))]
    for size in (1, 2, 4, 8)[: leaves.bit_length()]:
        assert together(size, lambda c: totals(c, early, leaves)) == [expected] * size


def test_a_plain_sum_has_other_bits():
    assert totals(Processes())[1] != sum(leaf[1] for leaf in LEAVES).tobytes()


@pytest.mark.parametrize("leaves", [1, 2, 4, 8])
def test_small_arrays_are_added_along_the_same_tree(leaves):
    found = tree_sum(LEAVES[:leaves])
    assert [array.tobytes() for array in found] == [tree(0, leaves, k).tobytes() for k in range(len(SHAPES))]


class Meeting:
    """Two processes; each waits in an exchange for what the other sends."""

    def __init__(self, processes, log):
        self.rank, self.size, self._processes, self._log = processes.rank, 2, processes, log

    def exchange(self, sent, received, partner):
        self._processes.exchange(sent, received, partner)
        self._log.put(sent.nbytes)


def test_early_arrays_travel_before_the_last_one_is_known(monkeypatch):
    monkeypatch.setattr(tree_sums, "_PIECE", 8000)

    def run(processes):
        log = Queue()
        sums = TreeSums(LEAVES[0], 1, Meeting(processes, log))
        sums.begin(0, may_be_early=True)
        sums.put(3, LEAVES[0][3])
        first = log.get(timeout=60)  # a half of 50 x 40 numbers of 4 bytes
        for position in range(3):
            sums.put(position, LEAVES[0][position])
        sums.end()
        return first

    assert together(2, run) == [4000] * 2


def test_an_error_on_the_way_is_raised_where_the_totals_are_needed(monkeypatch):
    monkeypatch.setattr(tree_sums, "_PIECE", 8000)

    class Cut(Processes):
        size = 2

        def exchange(self, sent, received, partner):
            raise OSError("the cable is cut")

    with pytest.raises(OSError, match="the cable is cut"):
        totals(Cut(), early=True, leaves=2)


@pytest.mark.parametrize(("size", "most"), [(2, 1.0), (4, 1.5), (8, 1.75)])
def test_bytes_that_a_process_sends_stay_below_twice_the_arrays(size, most):
    """Recursive halving and doubling: 2 (P - 1) / P of the vector, instead of log2(P)."""

    def run(processes):
        sent = []
        exchange = processes.exchange
        processes.exchange = lambda mine, *rest: sent.append(mine.nbytes) or exchange(mine, *rest)
        sums = TreeSums([np.ones(2**18, np.float32)], 1, processes)
        sums.begin(0, may_be_early=False)
        sums.put(0, np.ones(2**18, np.float32))
        sums.end()
        return sum(sent) / 2**20

    assert together(size, run) == [most] * size
