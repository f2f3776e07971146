"""Perceptrons: the networks of the articles and a larger one, each with a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.benchmark.workload import Workload
from tinygrad_mnist.by_hand import Cost
from tinygrad_mnist.training.recipe import LOSSES
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class Perceptron(Workload):
    """Perceptron with sigmoids, and a batch.

    Attributes
    ----------
    sizes
        Units per layer, the input first.
    cost
        Cost, which implies the output layer, as in `by_hand`.
    """

    sizes: tuple[int, ...]
    cost: Cost

    def __str__(self) -> str:
        return f"{self.name}, batch {self.batch}, {self.cost}"

    def data(self) -> tuple[Array, Array]:
        """Return random inputs in [0, 1), and targets.

        Returns
        -------
        x, targets
            (batch, inputs), float32; the targets are classes (batch,), int64, for the cross-entropy, and the
            desired outputs for the other costs.
        """
        x, y, labels = self._drawn()
        return x, labels if self.cost == "cross-entropy" else y

    def desired_outputs(self) -> Array:
        """Return the outputs that the targets stand for, (batch, outputs), float32."""
        return self._drawn()[1]

    def _drawn(self) -> tuple[Array, Array, Array]:
        rng = np.random.default_rng(0)
        x = rng.random((self.batch, self.sizes[0]), np.float32)
        if self.cost == "binary cross-entropy":
            y = rng.integers(0, 2, (self.batch, self.sizes[-1])).astype(np.float32)
            return x, y, y
        labels = rng.integers(0, self.sizes[-1], self.batch)
        return x, np.eye(self.sizes[-1], dtype=np.float32)[labels], labels

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return small random weights (outputs, inputs) and zero biases, float32; the same at each call."""
        rng = np.random.default_rng(1)
        shapes = [(fan_out, fan_in) for fan_in, fan_out in pairwise(self.sizes)]
        weights = [(0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
        return weights, [np.zeros(fan_out, np.float32) for fan_out, _ in shapes]

    def network(self) -> tuple[nn.Module, nn.Module]:
        """Return the perceptron and its loss."""
        loss = {**LOSSES, "binary cross-entropy": nn.BCEWithLogitsLoss}[self.cost]()
        final = None if loss.takes_logits else nn.Sigmoid
        model = nn.perceptron(self.sizes, nn.Sigmoid, final_activation=final)
        model.load_state_dict(dict(zip(model.state_dict(), alternating(*self.parameters()))))
        return model, loss

    def in_pytorch(self) -> tuple[Any, Callable[[Any, Any], Any]]:
        """Return a Sequential and a function of `torch.nn.functional`."""
        import torch

        layers: list[Any] = []
        for weight, bias in zip(*self.parameters()):
            linear = torch.nn.Linear(*weight.shape[::-1])
            linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
            layers += [linear, torch.nn.Sigmoid()]
        losses: dict[str, Any] = {
            "quadratic": lambda output, y: ((output - y) ** 2).sum() * (0.5 / len(y)),
            "cross-entropy": torch.nn.functional.cross_entropy,
            "binary cross-entropy": torch.nn.functional.binary_cross_entropy_with_logits,
        }
        model = torch.nn.Sequential(*(layers if self.cost == "quadratic" else layers[:-1]))
        return model, losses[self.cost]

    def in_jax(self) -> tuple[Any, Callable[[Any, Any, Any], Any]]:
        """Return W^0, b^0, W^1, b^1 and the loss."""
        import jax
        import jax.numpy as jnp

        def loss(parameters: Any, x: Any, y: Any) -> Any:
            W1, b1, W2, b2 = parameters
            z = jax.nn.sigmoid(x @ W1.T + b1) @ W2.T + b2
            if self.cost == "quadratic":
                return 0.5 * jnp.sum((jax.nn.sigmoid(z) - y) ** 2) / len(x)
            if self.cost == "cross-entropy":
                return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(x)), y])
            return jnp.mean(jnp.logaddexp(0, z) - y * z)

        return [jnp.asarray(array) for array in alternating(*self.parameters())], loss


def alternating(weights: list[Array], biases: list[Array]) -> list[Array]:
    """Return W^0, b^0, W^1, b^1."""
    return [parameter for layer in zip(weights, biases) for parameter in layer]


PERCEPTRONS = (
    Perceptron("784-30-10", 10, (784, 30, 10), "quadratic"),
    Perceptron("784-128-10", 128, (784, 128, 10), "cross-entropy"),
    Perceptron("iris 4-5-3", 150, (4, 5, 3), "cross-entropy"),
    Perceptron("hot dogs 2-5-1", 200, (2, 5, 1), "binary cross-entropy"),
    Perceptron("784-512-10", 256, (784, 512, 10), "cross-entropy"),
)
