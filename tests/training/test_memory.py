"""Peak memory of a training is bounded for any number of epochs."""

import sys

import pytest

from tests.fuzz import memory

pytestmark = pytest.mark.long


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_peak_is_bounded_and_does_not_grow():
    # A leak grows with the epochs.
    few, many = (memory.peak(epochs, "--layers", "784-32-10") for epochs in (1, 8))
    assert few <= memory.MOST
    assert many <= few + memory.GROWTH
