"""The hand-derived perceptron and the framework are each other's oracle."""

import ast
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autodiff.oracles import assert_close, central_gradient
from tinygrad_mnist import by_hand, nn, optim

NAMES = ("quadratic", "cross-entropy", "binary cross-entropy")
COSTS = st.sampled_from(NAMES)
SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=5)  # up to three hidden layers
SEEDS = st.integers(0, 2**32 - 1)


class Problem:
    """One network both ways, with the same weights, and a batch of one-hot (or zero and one) targets."""

    def __init__(self, sizes, cost, seed, examples=4):
        rng = np.random.default_rng(seed)
        layers = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out, rng=rng, dtype=np.float64), nn.Sigmoid()]
        self.model = nn.Sequential(*(layers[:-1] if cost == "cross-entropy" else layers))
        self.loss = self.framework_loss(cost, sizes[-1])
        self.weights = [layer.weight.data.copy() for layer in layers[::2]]
        self.biases = [layer.bias.data.copy() for layer in layers[::2]]
        self.x = rng.standard_normal((examples, sizes[0]))
        self.labels = rng.integers(0, sizes[-1], examples)
        self.y = np.eye(sizes[-1])[self.labels]
        if cost == "binary cross-entropy":
            self.y = self.labels = rng.integers(0, 2, (examples, sizes[-1])).astype(np.float64)
        self.cost = cost

    @staticmethod
    def framework_loss(cost, outputs):
        if cost == "binary cross-entropy":  # the framework's averages over the outputs, as PyTorch's does
            return lambda output, target: outputs * nn.BCELoss()(output, target)
        return nn.QuadraticLoss() if cost == "quadratic" else nn.CrossEntropyLoss()

    def by_hand(self):
        return by_hand.backprop(self.weights, self.biases, self.x, self.y, self.cost)

    def framework(self):
        self.model.zero_grad()
        value = self.loss(self.model(self.x), self.labels)
        value.backward()
        gradients = [p.grad for p in self.model.parameters()]
        return value.item(), gradients[::2], gradients[1::2]


def assert_equal_to_rounding(actual, expected):
    assert actual[0] == pytest.approx(expected[0], rel=1e-12, abs=1e-14)
    for a, b in zip([*actual[1], *actual[2]], [*expected[1], *expected[2]], strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(abs(b).max(), 1e-3))


@given(sizes=SIZES, cost=COSTS, seed=SEEDS)
def test_networks_of_any_size_agree_with_the_framework(sizes, cost, seed):
    problem = Problem(sizes, cost, seed)
    assert_equal_to_rounding(problem.framework(), problem.by_hand())


@given(sizes=SIZES, cost=COSTS, seed=SEEDS)
def test_derivation_agrees_with_central_differences(sizes, cost, seed):
    problem = Problem(sizes, cost, seed)
    arrays = [*problem.weights, *problem.biases]
    depth = len(problem.weights)

    def value(*arrays):
        output = by_hand.feed_forward(arrays[:depth], arrays[depth:], problem.x, cost)[-1]
        return by_hand.cost_value(output, problem.y, cost)

    _, weights, biases = problem.by_hand()
    for position, gradient in enumerate([*weights, *biases]):
        numeric = central_gradient(value, arrays, position)
        assert_close(gradient, numeric, 1e-6, 1e-9, f"parameter {position}")


@given(sizes=SIZES, cost=COSTS, seed=SEEDS)
def test_steps_of_descent_agree_with_the_framework(sizes, cost, seed):
    problem = Problem(sizes, cost, seed)
    optimizer = optim.SGD(problem.model.parameters(), lr=0.5)
    for _ in range(3):
        expected, *_ = problem.framework()
        optimizer.step()
        found = by_hand.sgd_step(problem.weights, problem.biases, problem.x, problem.y, 0.5, cost)
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-14)
    for layer, weight in zip(list(problem.model)[::2], problem.weights):
        np.testing.assert_allclose(layer.weight.data, weight, rtol=1e-10, atol=1e-12)


def test_real_digits_agree_with_the_framework(mnist):
    problem = Problem([784, 30, 10], "quadratic", seed=0)
    problem.x = mnist.train.raw_images[:20].reshape(20, 784) / 255
    problem.labels = mnist.train.labels[:20]
    problem.y = np.eye(10)[problem.labels]
    assert_equal_to_rounding(problem.framework(), problem.by_hand())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(sizes=SIZES, cost=COSTS, seed=SEEDS, examples=st.integers(1, 9))
def test_step_in_place_equals_the_step_up_to_rounding(dtype, sizes, cost, seed, examples):
    problem = Problem(sizes, cost, seed, examples)
    x, y = problem.x.astype(dtype), problem.y.astype(dtype)
    plain, in_place = ([array.astype(dtype) for array in (*problem.weights, *problem.biases)] for _ in "12")
    depth = len(problem.weights)
    step = by_hand.InPlaceStep(in_place[:depth], in_place[depth:], examples, 0.5, cost)
    few_ulps = 32 * float(np.finfo(dtype).eps)
    for _ in range(3):
        expected = by_hand.sgd_step(plain[:depth], plain[depth:], x, y, 0.5, cost)
        assert step(x, y) == pytest.approx(expected, rel=few_ulps, abs=few_ulps)
    for found, right in zip(in_place, plain):
        np.testing.assert_allclose(found, right, rtol=0, atol=few_ulps * max(abs(right).max(), 1))


@pytest.mark.parametrize("cost", NAMES)
def test_step_in_place_makes_no_array(cost):
    problem = Problem([300, 200, 100], cost, seed=0, examples=100)
    step = by_hand.InPlaceStep(problem.weights, problem.biases, 100, 0.1, cost)
    step(problem.x, problem.y)
    tracemalloc.start()
    try:
        for _ in range(3):
            step(problem.x, problem.y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    while_broadcasting = 8 * np.getbufsize()  # what NumPy itself keeps for the time of adding a bias
    assert peak < while_broadcasting + 2000 < problem.y.nbytes


@pytest.mark.parametrize("cost", NAMES)
def test_step_in_place_accepts_saturated_units(cost):
    problem = Problem([3, 4, 2], cost, seed=0)
    for weight in problem.weights:
        weight *= 1e5
    copies = [array.copy() for array in (*problem.weights, *problem.biases)]
    step = by_hand.InPlaceStep(copies[:2], copies[2:], 4, 0.1, cost)
    with np.errstate(over="ignore", divide="ignore"):  # a cost of infinity is right where the truth has 0
        expected = by_hand.sgd_step(problem.weights, problem.biases, problem.x, problem.y, 0.1, cost)
        found = step(problem.x, problem.y)
    if cost != "cross-entropy":  # that one takes no logarithm of 0 here, and is finite
        assert found == pytest.approx(expected)
    for array, right in zip(copies, [*problem.weights, *problem.biases]):
        np.testing.assert_allclose(array, right, rtol=1e-12, atol=1e-12)


def test_by_hand_imports_nothing_but_numpy():
    names = set()
    for path in Path(by_hand.__file__).parent.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    others = {name for name in names if not name.startswith("tinygrad_mnist.by_hand.")}
    assert others == {"__future__", "collections.abc", "typing", "numpy", "numpy.typing"}


@pytest.mark.parametrize("cost", ["mse", "Quadratic", "cross_entropy", "binary-cross-entropy", "", None])
def test_unknown_cost_is_refused(cost):
    x, y = np.zeros((2, 3)), np.zeros((2, 2))
    weights, biases = [np.zeros((2, 3))], [np.zeros(2)]
    for call in (
        lambda: by_hand.backprop(weights, biases, x, y, cost),
        lambda: by_hand.sgd_step(weights, biases, x, y, 0.1, cost),
        lambda: by_hand.feed_forward(weights, biases, x, cost),
        lambda: by_hand.cost_value(y, y, cost),
        lambda: by_hand.InPlaceStep(weights, biases, 2, 0.1, cost),
    ):
        with pytest.raises(ValueError, match=r'cost is .*: expected one of "quadratic", "cross-entropy"'):
            call()
