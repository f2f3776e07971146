"""Everybody in the benchmark does the same work."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from tinygrad_mnist.benchmark import CONTESTANTS, SETUPS, measure, memory
from tinygrad_mnist.benchmark.contestants import HAND, PRODUCTS
from tinygrad_mnist.by_hand import feed_forward

# PyTorch and JAX take gigabytes: the extra `bench` brings them, and with them these tests are collected.
NEEDED = {"PyTorch": "torch", "JAX jit": "jax", "HIPS autograd": "autograd", "MyGrad": "mygrad"}
TAKING_PART = [
    name
    for name in CONTESTANTS
    if name not in (PRODUCTS, HAND) and (name not in NEEDED or find_spec(NEEDED[name]))
]


def test_every_other_framework_is_left_out_where_it_is_missing(monkeypatch):
    for name, module in NEEDED.items():
        monkeypatch.setitem(sys.modules, module, None)
        assert CONTESTANTS[name](SETUPS[0]) is None


# A contestant is written for a cost, and takes the sizes from the arrays: the last setup of each cost.
OF_EACH_COST = {setup.cost: setup for setup in SETUPS}.values()


@pytest.mark.parametrize("setup", OF_EACH_COST, ids=lambda setup: setup.name)
@pytest.mark.parametrize("name", TAKING_PART)
@pytest.mark.filterwarnings("default")  # of other frameworks
def test_every_contestant_takes_the_same_steps(name, setup):
    contestant, hand = CONTESTANTS[name](setup), CONTESTANTS[HAND](setup)
    start = [parameter.copy() for parameter in hand.parameters()]
    for _ in range(4):
        assert contestant.step() == pytest.approx(hand.step(), rel=1e-5)
    for found, right, before in zip(contestant.parameters(), hand.parameters(), start, strict=True):
        assert found.dtype == np.float32
        change = right - before
        assert abs(change).max() > 1e-5
        np.testing.assert_allclose(found - before, change, rtol=0, atol=1e-3 * abs(change).max())


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_the_floor_multiplies_what_a_step_multiplies(setup, monkeypatch):
    contestant, multiply, done = CONTESTANTS[PRODUCTS](setup), np.dot, []

    def dot(a, b, out):
        done.append(a.shape[0] * a.shape[1] * b.shape[1])
        return multiply(a, b, out)

    monkeypatch.setattr(np, "dot", dot)
    contestant.step()
    inputs, hidden, outputs = setup.sizes
    assert sum(done) == setup.batch * hidden * (2 * inputs + 3 * outputs)
    assert len(done) == 5


@pytest.mark.parametrize("setup", SETUPS, ids=lambda setup: setup.name)
def test_the_data_of_a_setup_fit_its_network(setup):
    x, y, labels = setup.data()
    output = feed_forward(*setup.parameters(), x, setup.cost)[-1]
    assert output.shape == y.shape == (setup.batch, setup.sizes[-1])
    assert x.dtype == y.dtype == np.float32
    if setup.cost == "cross-entropy":
        np.testing.assert_array_equal(y.argmax(axis=1), labels)
    assert len(np.unique(labels)) == max(2, setup.sizes[-1]) or setup.batch == 10


def test_peak_memory_is_that_of_a_step_with_what_it_keeps():
    kept = []

    def make(setup):
        np.empty(5_000_000, np.uint8)  # before the step: gone when it comes
        kept.append(np.empty(300_000, np.uint8))
        parameters, data = setup.parameters(), setup.data()  # not counted

        def step():
            np.empty(1_000_000, np.uint8)
            return float(len(parameters) + len(data))

        return measure.Contestant(step, list)

    assert memory.peak_bytes(make, SETUPS[0]) == pytest.approx(1_300_000, abs=10_000)
    assert memory.peak_bytes(lambda setup: None, SETUPS[0]) is None
