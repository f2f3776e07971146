"""Networks beyond perceptrons, each written once in the names that `nn` shares with PyTorch, and in JAX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import nn, ops
from tinygrad_mnist.benchmark import jax_networks
from tinygrad_mnist.benchmark.workload import Workload
from tinygrad_mnist.typing import Array

PIXELS, DIGITS = 28, 10
LETTERS, LENGTH, WIDTH, HEADS, BLOCKS = 16, 12, 32, 4, 2  # of examples/26_a_transformer.py
Attend = Callable[[Any, Any, Any], Any]  # query, key, value (n, heads, length, size) -> the same shape


@dataclass(frozen=True)
class Network(Workload):
    """Network that gives logits of classes, and a batch.

    Attributes
    ----------
    build
        Returns the model, of the layers in the `nn` of a library and of its attention.
    draw
        Returns inputs and labels from a generator and the number of examples.
    apply
        Returns the logits in JAX, from the parameters by name and the inputs.
    """

    build: Callable[[Any, Attend], Any]
    draw: Callable[[np.random.Generator, int], tuple[Array, Array]]
    apply: Callable[[dict[str, Any], Any], Any]

    def __str__(self) -> str:
        return f"{self.name}, batch {self.batch}"

    def data(self) -> tuple[Array, Array]:
        """Return random inputs, and labels of random classes, int64; the same at each call."""
        return self.draw(np.random.default_rng(0), self.batch)

    def network(self) -> tuple[nn.Module, nn.Module]:
        """Return the model with small random parameters, and the cross-entropy."""
        model, rng = self.build(nn, _attention), np.random.default_rng(1)
        for parameter in model.parameters():
            parameter.data[...] = 0.1 * rng.standard_normal(parameter.shape)
        return model, nn.CrossEntropyLoss()

    def in_pytorch(self) -> tuple[Any, Callable[[Any, Any], Any]]:
        """Return the model and the cross-entropy over the last axis."""
        import torch
        from torch.nn import functional as F

        def attention(query: Any, key: Any, value: Any) -> Any:
            return F.scaled_dot_product_attention(query, key, value, is_causal=True)

        model, state = self.build(torch.nn, attention), self.network()[0].state_dict()
        model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
        return model, lambda output, y: F.cross_entropy(output.flatten(0, -2), y.flatten())

    def in_jax(self) -> tuple[Any, Callable[[Any, Any, Any], Any]]:
        """Return the parameters in the model's order, and the loss."""
        import jax
        import jax.numpy as jnp

        state = self.network()[0].state_dict()

        def loss(parameters: Any, x: Any, y: Any) -> Any:
            found = jax.nn.log_softmax(self.apply(dict(zip(state, parameters)), x))
            return -jnp.mean(jnp.take_along_axis(found, y[..., None], axis=-1))

        return [jnp.asarray(array) for array in state.values()], loss


def _attention(query: Any, key: Any, value: Any) -> Any:
    """Return means of the values at and before each place, weighted by how well query and key fit."""
    scores = query @ key.mT / query.shape[-1] ** 0.5
    before = np.tri(scores.shape[-1], dtype=bool)
    return ops.softmax(ops.where(before, scores, -1e9)) @ value


def _row_reader(nn: Any, attend: Attend) -> Any:
    """Build a network that reads an image row by row.  (rows, n, 28) -> (n, 10)"""

    class RowReader(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rows, self.out = nn.LSTM(PIXELS, 64), nn.Linear(64, DIGITS)

        def forward(self, x: Any) -> Any:
            outputs, _ = self.rows(x)
            return self.out(outputs[-1])

    return RowReader()


def _lenet(nn: Any, attend: Attend) -> Any:
    """Build LeNet-5 of examples/09_lenet.py.  (n, 1, 28, 28) -> (n, 10)"""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(),
        nn.Linear(84, DIGITS),
    )  # fmt: skip


def _transformer(nn: Any, attend: Attend) -> Any:
    """Build the network of the lesson.  (n, length) -> (n, length, letters)"""

    class Attention(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.parts, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Any) -> Any:
            n, length, width = x.shape
            parts = self.parts(x).reshape(n, length, 3, HEADS, width // HEADS)
            found = attend(*(parts[:, :, i].swapaxes(1, 2) for i in range(3)))
            return self.out(found.swapaxes(1, 2).reshape(n, length, width))

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.attend, self.first, self.second = Attention(), nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.think = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x: Any) -> Any:
            x = x + self.attend(self.first(x))
            return x + self.think(self.second(x))

    class Transformer(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.letters, self.places = nn.Embedding(LETTERS, WIDTH), nn.Embedding(LENGTH, WIDTH)
            self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
            self.out = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, LETTERS))

        def forward(self, letters: Any) -> Any:
            return self.out(self.blocks(self.letters(letters) + self.places.weight))

    return Transformer()


NETWORKS = (
    Network(
        "LSTM 28-64-10, 28 rows",
        64,
        _row_reader,
        lambda rng, n: (rng.random((PIXELS, n, PIXELS), np.float32), rng.integers(0, DIGITS, n)),
        jax_networks.row_reader,
    ),
    Network(
        "transformer of width 32",
        64,
        _transformer,
        lambda rng, n: (rng.integers(0, LETTERS, (n, LENGTH)), rng.integers(0, LETTERS, (n, LENGTH))),
        jax_networks.transformer,
    ),
    Network(
        "LeNet-5",
        64,
        _lenet,
        lambda rng, n: (rng.random((n, 1, PIXELS, PIXELS), np.float32), rng.integers(0, DIGITS, n)),
        jax_networks.lenet,
    ),
)
