"""The hand-derived perceptron and the framework are each other's oracle."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autodiff.oracles import assert_close, central_gradient
from tinygrad_mnist import by_hand, nn, optim

COSTS = st.sampled_from(["quadratic", "cross-entropy"])
SIZES = st.lists(st.integers(1, 6), min_size=2, max_size=5)  # up to three hidden layers
SEEDS = st.integers(0, 2**32 - 1)


class Problem:
    """One network both ways, with the same weights, and a batch of one-hot targets."""

    def __init__(self, sizes, cost, seed, examples=4):
        rng = np.random.default_rng(seed)
        layers = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out, rng=rng, dtype=np.float64), nn.Sigmoid()]
        quadratic = cost == "quadratic"
        self.model = nn.Sequential(*(layers if quadratic else layers[:-1]))
        self.loss = nn.QuadraticLoss() if quadratic else nn.CrossEntropyLoss()
        self.weights = [layer.weight.data.copy() for layer in layers[::2]]
        self.biases = [layer.bias.data.copy() for layer in layers[::2]]
        self.x = rng.standard_normal((examples, sizes[0]))
        self.labels = rng.integers(0, sizes[-1], examples)
        self.y = np.eye(sizes[-1])[self.labels]
        self.cost = cost

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
def test_networks_of_any_depth_and_width_agree_with_the_framework(sizes, cost, seed):
    problem = Problem(sizes, cost, seed)
    assert_equal_to_rounding(problem.framework(), problem.by_hand())


@given(sizes=SIZES, cost=COSTS, seed=SEEDS)
def test_the_derivation_agrees_with_central_differences(sizes, cost, seed):
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
def test_steps_of_descent_agree(sizes, cost, seed):
    problem = Problem(sizes, cost, seed)
    optimizer = optim.SGD(problem.model.parameters(), lr=0.5)
    for _ in range(3):
        expected, *_ = problem.framework()
        optimizer.step()
        found = by_hand.sgd_step(problem.weights, problem.biases, problem.x, problem.y, 0.5, cost)
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-14)
    for layer, weight in zip(list(problem.model)[::2], problem.weights):
        np.testing.assert_allclose(layer.weight.data, weight, rtol=1e-10, atol=1e-12)


def test_real_digits_agree_too(mnist):
    problem = Problem([784, 30, 10], "quadratic", seed=0)
    problem.x = mnist.train.images[:20].reshape(20, 784) / 255
    problem.labels = mnist.train.labels[:20]
    problem.y = np.eye(10)[problem.labels]
    assert_equal_to_rounding(problem.framework(), problem.by_hand())


def test_it_imports_nothing_but_numpy():
    tree = ast.parse(Path(by_hand.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names == {"__future__", "collections.abc", "typing", "numpy", "numpy.typing"}
