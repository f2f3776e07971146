"""What a step holds at its peak."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

from tinygrad_mnist.benchmark.measure import Contestant
from tinygrad_mnist.benchmark.workloads import Setup


def peak_bytes(make: Callable[[Setup], Contestant | None], setup: Setup) -> int | None:
    """Bytes at the peak of a step beside parameters and data, with all that is kept between steps.

    What is allocated outside of Python and NumPy is not seen.
    """
    tracemalloc.start()
    try:
        contestant = make(setup)
        if contestant is None:
            return None
        for _ in range(5):  # a capture needs some steps to settle
            contestant.step()
        tracemalloc.reset_peak()
        contestant.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    weights, biases = setup.parameters()
    return peak - sum(array.nbytes for array in (*weights, *biases, *setup.data()[:2]))
