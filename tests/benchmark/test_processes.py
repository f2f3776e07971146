import resource

import numpy as np
import pytest

from tinygrad_mnist.benchmark import processes


def test_peak_of_a_training_is_without_the_memory_of_its_parent():
    held = np.ones(50_000_000)
    process = processes.training(1, None, 1)
    assert held.nbytes < resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 0 < process.trained < process.finished
    if process.peak_bytes is None:
        pytest.skip("the system reports no peak")
    assert process.peak_bytes < held.nbytes
