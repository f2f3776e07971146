"""Data for all tests, and Hypothesis profiles: dev by default, ci in .ci/run, intense by hand
(HYPOTHESIS_PROFILE=intense).
"""

import os
import signal
from pathlib import Path

# Before NumPy is imported: a second BLAS thread on a busy core makes a small matrix product 90 times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # else scikit-learn skips one of its checks of an estimator

import pytest
from hypothesis import settings

from tinygrad_mnist.datasets import load_digits, load_mnist

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("intense", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

BESIDE_THE_REPOSITORY = Path(__file__).parents[2] / "shared" / "data" / "mnist"


@pytest.fixture
def within_a_minute():
    """A guard against hanging, and no expectation: what it stops would take hours."""

    def ring(number, frame):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder with MNIST's own four files."""
    folder = Path(os.environ.get("TINYGRAD_MNIST_DATA") or BESIDE_THE_REPOSITORY)
    if not folder.is_dir():
        pytest.skip(f"MNIST is neither in TINYGRAD_MNIST_DATA nor in {BESIDE_THE_REPOSITORY}")
    return folder


@pytest.fixture(scope="session")
def mnist(mnist_folder):
    return load_mnist(mnist_folder)


@pytest.fixture(scope="session")
def digits():
    return load_digits()
