"""Graphs for several test files."""

import numpy as np

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.graph import Graph, Node, Statistics


def number(value):
    return Statistics(
        float(np.mean(value)),
        0.0,
        float(np.min(value)),
        float(np.max(value)),
        float(np.linalg.norm(value)),
        value,
    )


def leaf(name, value, gradient=None):
    return Node(
        name, "parameter", None, (), "float64", "", value=number(value),
        gradient=None if gradient is None else number(gradient),
    )  # fmt: skip


def scalar_graph(backward=True):
    a, b, c = (
        Tensor(value, requires_grad=True, name=name) for name, value in (("a", 2.0), ("b", -3.0), ("c", 10.0))
    )
    return Graph(a * b + c, backward=backward)


def network_graph(backward=True):
    model = nn.Sequential(nn.Linear(20, 6), nn.Sigmoid(), nn.Linear(6, 3))
    loss = nn.CrossEntropyLoss()(model(np.ones((5, 20), np.float32)), np.zeros(5, int))
    return Graph(loss, backward=backward)
