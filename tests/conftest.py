"""Data for all tests, and Hypothesis profiles: dev by default, ci in .ci/run, intense by hand
(HYPOTHESIS_PROFILE=intense).
"""

import gc
import os
import shutil
import signal
from pathlib import Path

# Before NumPy is imported: a second BLAS thread on a busy core makes a small matrix product 90 times slower.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(__file__).parents[1] / "build" / "native"))
os.environ.pop("TINYGRAD_MNIST_DATA", None)  # the tests know what is in the bundled files
os.environ.setdefault("SCIPY_ARRAY_API", "1")  # else scikit-learn skips one of its checks of an estimator

import pytest
from hypothesis import settings

from tinygrad_mnist.datasets import load_digits, load_mnist
from tinygrad_mnist.datasets.bundled import BUNDLED

settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("intense", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def pytest_collectstart():
    """Collect no garbage while tests are collected: nearly all that they are made of stays."""
    gc.disable()


def pytest_collection_finish():
    """Take what modules and tests are made of, half a million objects, out of garbage collection.

    Each full collection would look at all of them, for nearly half a second.
    """
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture
def within_a_minute():
    """Guard against hanging: a test that it stops would take hours."""

    def ring(number, frame):
        raise TimeoutError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium, without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("chromium is not installed (apt install chromium)")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def mnist_folder():
    """The bundled folder with MNIST's four files."""
    return BUNDLED["MNIST"]


@pytest.fixture(scope="session")
def mnist():
    return load_mnist()


@pytest.fixture(scope="session")
def digits():
    return load_digits()
