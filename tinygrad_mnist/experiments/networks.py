"""What the experiments share: networks with given first weights, batches in a given order, accuracies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist import nn, no_grad, optim
from tinygrad_mnist.datasets import ImageDataset, load_mnist
from tinygrad_mnist.program import Compiled, compile
from tinygrad_mnist.typing import Array

Layer = tuple[Array, Array]  # weight (out, in) and bias (out,)


def linear(weight: Array, bias: Array) -> nn.Linear:
    """A linear layer in float64 with these first values: weight (out, in), bias (out,)."""
    fan_out, fan_in = weight.shape
    layer = nn.Linear(fan_in, fan_out, dtype=np.float64)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def perceptron(layers: Sequence[Layer], *, logits: bool = False) -> nn.Sequential:
    """Layers, each followed by a sigmoid; with `logits` the last one is left to the loss."""
    modules = [module for weight, bias in layers for module in (linear(weight, bias), nn.Sigmoid())]
    return nn.Sequential(*(modules[:-1] if logits else modules))


def descent(model: nn.Module, loss: nn.Module, optimizer: optim.SGD) -> Compiled:
    """A captured step of gradient descent on ``(inputs, targets)``, giving the output before the update.

    Nobody asks for the value of the loss, so the program leaves it out.
    """

    def step(inputs: Any, targets: Any) -> Any:
        optimizer.zero_grad()
        output = model(inputs)
        loss(output, targets).backward()
        optimizer.step()
        return output

    return compile(step)


@lru_cache(maxsize=1)
def mnist(folder: Path | None) -> ImageDataset:
    """MNIST with all 60,000 training images in one part; read once in each process."""
    return load_mnist(folder, validation=0)


def pixels(images: Array) -> Array:
    """Images (n, height, width) as rows (n, height * width), still of small integers."""
    return images.reshape(len(images), -1)


def batches(
    inputs: Array, labels: Array, order: Array, size: int, prepare: Callable[[Array], Array]
) -> Iterator[tuple[Array, Array]]:
    """Batches in an order: the rows of inputs (n, ...) after `prepare`, and their labels (n,) as int64."""
    ordered = labels[order].astype(np.int64)
    for start in range(0, len(order), size):
        rows = np.take(inputs, order[start : start + size], axis=0)
        yield prepare(rows), ordered[start : start + size]


def raw(rows: Array) -> Array:
    """Pixels as they are in the files, 0 to 255, in float64."""
    return rows.astype(np.float64)


def scaled(rows: Array) -> Array:
    """Pixels divided by 255, in float64."""
    return rows / 255


def outputs(model: nn.Module, inputs: Array) -> Array:
    """What the network says of each row, (n, classes)."""
    with no_grad():
        return np.asarray(model(inputs).data)


def accuracy(answers: Array, labels: Array) -> float:
    """The share of rows whose largest output is at the label."""
    return float((answers.argmax(axis=1) == labels).mean())
