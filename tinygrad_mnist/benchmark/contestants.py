"""Contestants on NumPy: matrix products alone, the hand-derived step, and this package by each backend."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
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
    weights, _ = workload.parameters()
    a = workload.data()[0]
    forward: list[tuple[Any, ...]] = []
    backward: list[tuple[Any, ...]] = []
    for W in weights:
        z = np.ones((workload.batch, len(W)), np.float32)
        backward += [(z.T, a, np.empty_like(W)), *([(z, W, np.empty_like(a))] if forward else [])]
        forward.append((a, W.T, z))
        a = z
    calls = [partial(np.dot, *operands) for operands in (*forward, *reversed(backward))]

    def step() -> float:
        for call in calls:
            call()
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
"""All contestants, in the order of the tables.

Examples
--------
>>> [each.name for each in CONTESTANTS[:4]]
['matrix products', 'by hand, in place', 'by hand', 'replay']
"""
