"""The floor, the hand-derived step, and this package in its ways to run."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import by_hand, nn, optim
from tinygrad_mnist.benchmark.measure import Contestant
from tinygrad_mnist.benchmark.workloads import RATE, Setup
from tinygrad_mnist.program import compile
from tinygrad_mnist.typing import Array


def products(setup: Setup) -> Contestant:
    """The matrix products of a step and nothing else, into memory made once: nothing on NumPy is faster."""
    (W1, W2), _ = setup.parameters()
    x, dz2, _ = setup.data()
    a1, dz1 = (np.ones((setup.batch, len(W1)), np.float32) for _ in "ab")
    z1, z2 = np.empty_like(a1), np.empty_like(dz2)
    dW1, dW2 = np.empty_like(W1), np.empty_like(W2)
    W1T, W2T, dz1T, dz2T = W1.T, W2.T, dz1.T, dz2.T

    def step() -> float:
        np.dot(x, W1T, z1)
        np.dot(a1, W2T, z2)
        np.dot(dz2T, a1, dW2)
        np.dot(dz2, W2, dz1)
        np.dot(dz1T, x, dW1)
        return 0.0

    return Contestant(step, list)


def hand_in_place(setup: Setup) -> Contestant:
    """The hand-derived step with every buffer made once: the yardstick."""
    weights, biases = setup.parameters()
    x, y, _ = setup.data()
    step = by_hand.InPlaceStep(weights, biases, setup.batch, RATE, setup.cost)
    return Contestant(lambda: step(x, y), lambda: _alternating(weights, biases))


def hand(setup: Setup) -> Contestant:
    """The hand-derived step, allocating as it goes."""
    weights, biases = setup.parameters()
    x, y, _ = setup.data()
    return Contestant(
        lambda: by_hand.sgd_step(weights, biases, x, y, RATE, setup.cost),
        lambda: _alternating(weights, biases),
    )


def _alternating(weights: list[Array], biases: list[Array]) -> list[Array]:
    return [parameter for layer in zip(weights, biases) for parameter in layer]


def eager(setup: Setup) -> Contestant:
    """tinygrad_mnist, recording a graph and walking back through it at each step."""
    return _ours(setup, lambda function: function)


def replay(setup: Setup) -> Contestant:
    """tinygrad_mnist, repeating the program of a captured step."""
    return _ours(setup, compile)


def native(setup: Setup) -> Contestant | None:
    """tinygrad_mnist, repeating the program as machine code; None without numba."""
    if importlib.util.find_spec("numba") is None:
        return None
    return _ours(setup, lambda function: compile(function, backend="native"))


def _ours(setup: Setup, prepare: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Contestant:
    model = _model(setup)
    loss_function = {
        "quadratic": nn.QuadraticLoss,
        "cross-entropy": nn.CrossEntropyLoss,
        "binary cross-entropy": nn.BCEWithLogitsLoss,
    }[setup.cost]()
    optimizer = optim.SGD(model.parameters(), lr=RATE)
    x, _, labels = setup.data()

    def training_step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    prepared = prepare(training_step)
    return Contestant(
        lambda: float(prepared(x, labels).item()),
        lambda: [parameter.data for parameter in model.parameters()],
    )


def _model(setup: Setup) -> nn.Sequential:
    layers: list[nn.Module] = []
    for (fan_in, fan_out), weight, bias in zip(pairwise(setup.sizes), *setup.parameters()):
        linear = nn.Linear(fan_in, fan_out)
        linear.load_state_dict({"weight": weight, "bias": bias})
        layers += [linear, nn.Sigmoid()]
    return nn.Sequential(
        *(layers if setup.cost == "quadratic" else layers[:-1])
    )  # else the loss takes logits
