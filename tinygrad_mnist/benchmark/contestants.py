"""Contestants on NumPy: matrix products alone, the hand-derived step, and this package by each backend."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import by_hand, optim
from tinygrad_mnist.benchmark import libraries
from tinygrad_mnist.benchmark.measure import TrainingStep, contestant, of_perceptrons
from tinygrad_mnist.benchmark.perceptrons import Perceptron, alternating
from tinygrad_mnist.benchmark.workload import LR, Workload
from tinygrad_mnist.program import compile
from tinygrad_mnist.training import make_train_step


@contestant("matrix products")
@of_perceptrons
def products(workload: Perceptron) -> TrainingStep:
    """Matrix products of a step alone, into preallocated memory: the lower bound on NumPy."""
    (W1, W2), _ = workload.parameters()
    x, dz2 = workload.data()[0], workload.desired_outputs()
    a1, dz1 = (np.ones((workload.batch, len(W1)), np.float32) for _ in "ab")
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

    return TrainingStep(step, list)


@contestant("by hand, in place", measures_memory=True)
@of_perceptrons
def hand_in_place(workload: Perceptron) -> TrainingStep:
    """Hand-derived step with preallocated buffers: the yardstick."""
    weights, biases = workload.parameters()
    x, y = workload.data()[0], workload.desired_outputs()
    step = by_hand.InPlaceStep(weights, biases, workload.batch, LR, workload.cost)
    return TrainingStep(lambda: step(x, y), lambda: alternating(weights, biases))


@contestant("by hand", measures_memory=True)
@of_perceptrons
def hand(workload: Perceptron) -> TrainingStep:
    """Hand-derived step that allocates its results."""
    weights, biases = workload.parameters()
    x, y = workload.data()[0], workload.desired_outputs()
    return TrainingStep(
        lambda: by_hand.sgd_step(weights, biases, x, y, LR, workload.cost),
        lambda: alternating(weights, biases),
    )


@contestant("eager", measures_memory=True)
def eager(workload: Workload) -> TrainingStep:
    """Step of tinygrad_mnist that records a graph and walks back through it."""
    return _ours(workload, lambda function: function)


@contestant("replay", measures_memory=True)
def replay(workload: Workload) -> TrainingStep:
    """Step of tinygrad_mnist that runs its captured program."""
    return _ours(workload, compile)


@contestant("native", measures_memory=True)
def native(workload: Workload) -> TrainingStep | None:
    """Step of tinygrad_mnist that runs its program as machine code; None without numba."""
    if importlib.util.find_spec("numba") is None:
        return None
    return _ours(workload, lambda function: compile(function, backend="native"))


def _ours(workload: Workload, prepare: Callable[[Callable[..., Any]], Callable[..., Any]]) -> TrainingStep:
    model, loss = workload.network()
    optimizer = optim.SGD(model.parameters(), lr=LR)
    x, targets = workload.data()

    step = make_train_step(model, loss, optimizer)
    prepared = prepare(lambda x, y: step(x, y)[0])
    return TrainingStep(
        lambda: float(prepared(x, targets).item()),
        lambda: [parameter.data for parameter in model.parameters()],
    )


CONTESTANTS = (
    products,
    hand_in_place,
    hand,
    replay,
    native,
    eager,
    libraries.pytorch,
    libraries.jax_jit,
    libraries.hips_autograd,
    libraries.mygrad,
)
