"""Contestants of the benchmark: equal work, and memory."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest

from tinygrad_mnist.benchmark import CONTESTANTS, WORKLOADS, Contestant, TrainingStep, libraries
from tinygrad_mnist.benchmark.contestants import eager, hand, native, products
from tinygrad_mnist.benchmark.measure import peak_bytes
from tinygrad_mnist.benchmark.networks import NETWORKS
from tinygrad_mnist.benchmark.perceptrons import PERCEPTRONS
from tinygrad_mnist.by_hand import feed_forward

# PyTorch and JAX take gigabytes: the extra `bench` brings them, and with them these tests are collected.
NEEDED = {"PyTorch": "torch", "JAX jit": "jax", "HIPS autograd": "autograd", "MyGrad": "mygrad"}
COMPARED = [
    contestant
    for contestant in CONTESTANTS
    if contestant not in (products, hand)
    and (contestant.name not in NEEDED or find_spec(NEEDED[contestant.name]))
]

ONLY_PERCEPTRONS = ("by hand, in place", "HIPS autograd", "MyGrad")
QUICK = [c for c in COMPARED if c is not native]  # its kernels of a network compile for half a minute


def test_missing_framework_is_left_out(monkeypatch):
    frameworks = (libraries.pytorch, libraries.jax_jit, libraries.hips_autograd, libraries.mygrad)
    assert [framework.name for framework in frameworks] == list(NEEDED)
    for framework in frameworks:
        monkeypatch.setitem(sys.modules, NEEDED[framework.name], None)
        assert framework.prepare(WORKLOADS[0]) is None


# A contestant is written for a cost, and takes the sizes from the arrays: the last workload of each cost.
OF_EACH_COST = {workload.cost: workload for workload in PERCEPTRONS}.values()


@pytest.mark.parametrize("workload", OF_EACH_COST, ids=lambda workload: workload.name)
@pytest.mark.parametrize("contestant", COMPARED, ids=lambda contestant: contestant.name)
@pytest.mark.long
@pytest.mark.filterwarnings("default")  # of other frameworks
def test_every_contestant_takes_the_same_steps(contestant, workload):
    assert_equal_steps(contestant.prepare(workload), hand.prepare(workload))


@pytest.mark.parametrize("workload", NETWORKS, ids=lambda workload: workload.name)
@pytest.mark.parametrize("contestant", QUICK, ids=lambda contestant: contestant.name)
@pytest.mark.filterwarnings("default")  # of other frameworks
def test_contestant_takes_the_steps_of_eager_or_none(contestant, workload):
    found = contestant.prepare(workload)
    assert (found is None) == (contestant.name in ONLY_PERCEPTRONS)
    if found is not None:
        assert_equal_steps(found, eager.prepare(workload))


def assert_equal_steps(found, right):
    start = [parameter.copy() for parameter in right.parameters()]
    for _ in range(4):
        assert found.step() == pytest.approx(right.step(), rel=1e-5)
    for ours, theirs, before in zip(found.parameters(), right.parameters(), start, strict=True):
        assert ours.dtype == np.float32
        change = theirs - before
        assert abs(change).max() > 1e-5
        np.testing.assert_allclose(ours - before, change, rtol=0, atol=1e-3 * abs(change).max())


@pytest.mark.parametrize("workload", PERCEPTRONS, ids=lambda workload: workload.name)
def test_matrix_products_are_those_of_a_step(workload, monkeypatch):
    multiply, done = np.dot, []

    def dot(a, b, out):
        done.append(a.shape[0] * a.shape[1] * b.shape[1])
        return multiply(a, b, out)

    monkeypatch.setattr(np, "dot", dot)
    products.prepare(workload).step()
    inputs, hidden, outputs = workload.sizes
    assert sum(done) == workload.batch * hidden * (2 * inputs + 3 * outputs)
    assert len(done) == 5


@pytest.mark.parametrize("workload", PERCEPTRONS, ids=lambda workload: workload.name)
def test_data_of_a_workload_fit_its_network(workload):
    (x, labels), y = workload.data(), workload.desired_outputs()
    output = feed_forward(*workload.parameters(), x, workload.cost)[-1]
    assert output.shape == y.shape == (workload.batch, workload.sizes[-1])
    assert x.dtype == y.dtype == np.float32
    if workload.cost == "cross-entropy":
        np.testing.assert_array_equal(y.argmax(axis=1), labels)
    assert len(np.unique(labels)) == max(2, workload.sizes[-1]) or workload.batch == 10


def test_peak_memory_includes_what_a_step_keeps():
    kept = []

    def make(workload):
        np.empty(5_000_000, np.uint8)  # before the step: gone when it comes
        kept.append(np.empty(300_000, np.uint8))
        (weights, biases), data = workload.parameters(), workload.data()  # not counted

        def step():
            np.empty(1_000_000, np.uint8)
            return float(len(data))

        return TrainingStep(step, lambda: [*weights, *biases])

    assert peak_bytes(Contestant("own", make), WORKLOADS[0]) == pytest.approx(1_300_000, abs=10_000)
    assert peak_bytes(Contestant("missing", lambda workload: None), WORKLOADS[0]) is None
