"""Denormal numbers are rounded to zero where that is asked for, and while `fit` runs."""

import threading

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.denormals import flushed_denormals
from tinygrad_mnist.training import fit

IS_POSSIBLE = tm.set_flush_denormal(False)
needs_flushing = pytest.mark.skipif(not IS_POSSIBLE, reason="denormals are rounded to zero on Linux with x86")


@pytest.fixture(autouse=True)
def put_back():
    yield
    tm.set_flush_denormal(False)


def is_flushed(dtype=np.float32):
    smallest = np.full(16, np.finfo(dtype).tiny, dtype)
    return bool((smallest * dtype(0.5) == 0).all())


@needs_flushing
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mode_is_switched_on_and_off(dtype):
    tm.set_flush_denormal(True)
    assert is_flushed(dtype)
    tm.set_flush_denormal(False)
    assert not is_flushed(dtype)


@needs_flushing
def test_normal_numbers_keep_their_bits():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 1000)).astype(np.float32)
    expected = [x * y, x / y, np.exp(x), x @ y]
    with flushed_denormals():
        results = [x * y, x / y, np.exp(x), x @ y]
    for a, b in zip(results, expected):
        np.testing.assert_array_equal(a, b)


@needs_flushing
@pytest.mark.parametrize("mode", [True, False])
def test_block_goes_back_to_the_mode_before_it_also_after_an_error(mode):
    tm.set_flush_denormal(mode)

    def failing():
        with flushed_denormals():
            assert is_flushed()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert is_flushed() == mode


@needs_flushing
def test_mode_is_that_of_one_thread_and_of_those_that_it_starts():
    found, go = {}, threading.Event()

    def earlier():
        go.wait()
        found["earlier"] = is_flushed()

    thread = threading.Thread(target=earlier)
    thread.start()
    tm.set_flush_denormal(True)
    later = threading.Thread(target=lambda: found.update(later=is_flushed()))
    later.start()
    go.set()
    thread.join()
    later.join()
    assert found == {"earlier": False, "later": True}


@pytest.mark.parametrize("mode", [1, "True", None])
def test_mode_is_a_bool(mode):
    with pytest.raises(TypeError, match="mode is"):
        tm.set_flush_denormal(mode)


def decaying(**options):
    """Train a weight whose input is 0 after the first epoch; return its velocity, and the mode in `fit`."""
    model = nn.Linear(2, 1, rng=0)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    epochs = iter(range(1000))
    during = []

    def batches():
        during.append(is_flushed())
        yield np.float32([[1, 1 if next(epochs) == 0 else 0]]), np.float32([[1]])

    fit(model, nn.MSELoss(), optimizer, batches, epochs=1000, progress=False, **options)
    return optimizer.state_dict()["state"][0]["velocity"][0, 1], all(during)


@needs_flushing
@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_fit_lets_a_velocity_fall_to_zero(backend):
    velocity, was_flushed = decaying(backend=backend)
    assert velocity == 0
    assert was_flushed
    assert not is_flushed()


@needs_flushing
def test_without_it_a_velocity_remains_denormal(monkeypatch):
    monkeypatch.setattr("tinygrad_mnist.denormals._library", lambda: None)
    velocity, was_flushed = decaying()
    assert 0 < abs(velocity) < np.finfo(np.float32).tiny
    assert not was_flushed


def test_elsewhere_nothing_changes(monkeypatch):
    monkeypatch.setattr("tinygrad_mnist.denormals._library", lambda: None)
    assert not tm.set_flush_denormal(True)
    with flushed_denormals():
        assert not is_flushed()
