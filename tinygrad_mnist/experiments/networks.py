"""Parts of all experiments: networks with given first weights, their training on MNIST, accuracies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.datasets import ImageDataset, load_mnist
from tinygrad_mnist.program import Compiled, compile
from tinygrad_mnist.report import plots
from tinygrad_mnist.training import make_train_step
from tinygrad_mnist.typing import Array

Layer = tuple[Array, Array]  # weight (out, in) and bias (out,)


def linear(weight: Array, bias: Array) -> nn.Linear:
    """Build a linear layer in float64 with these first values: weight (out, in), bias (out,)."""
    fan_out, fan_in = weight.shape
    layer = nn.Linear(fan_in, fan_out, dtype=np.float64)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def perceptron(layers: Sequence[Layer], *, logits: bool = False) -> nn.Sequential:
    """Build layers with these first values, each followed by a sigmoid; with `logits`, not the last one."""
    sizes = [layers[0][0].shape[1], *(len(bias) for _, bias in layers)]
    final = None if logits else nn.Sigmoid
    model = nn.perceptron(sizes, nn.Sigmoid, final_activation=final, dtype=np.float64)
    model.load_state_dict(dict(zip(model.state_dict(), chain(*layers))))
    return model


class LinearInFours(nn.Module):
    """Linear layer for one row x: (1, in) -> (1, out), summed in the order of OpenBLAS on x86 processors.

    A sum in another order differs in the last bit, and an article prints all fifteen digits of its errors.
    The outputs are taken by fours.  For each four, the inputs are added by fours, (1st + 3rd) + (2nd + 4th),
    one four after the other.  The outputs that remain add one input after the other.  Where the inputs are
    0 and 1, as saturated sigmoids are, the result has these bits on every machine.

    Parameters
    ----------
    weight, bias
        First values, (out, in) with `in` a multiple of four, and (out,).
    """

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Any) -> Any:
        """x: (1, in) -> (1, out)"""
        outputs = self.weight.shape[0]
        whole = outputs // 4 * 4
        terms = x.reshape(-1, 1) * self.weight.T
        fours = terms.reshape(-1, 4, outputs)
        joined = (fours[:, 0] + fours[:, 2]) + (fours[:, 1] + fours[:, 3])
        total = ops.concatenate(ops.sum(joined[:, :whole], axis=0), ops.sum(terms[:, whole:], axis=0))
        return total.reshape(1, -1) + self.bias


def descent(model: nn.Module, loss: nn.Module, optimizer: optim.Optimizer) -> Compiled:
    """Capture a step on ``(inputs, targets)`` that returns the output before the update.

    The value of the loss is not returned, so the program does not compute it.
    """
    step = make_train_step(model, loss, optimizer)
    return compile(lambda inputs, targets: step(inputs, targets)[1])


@lru_cache(maxsize=1)
def mnist(folder: Path | None) -> ImageDataset:
    """Load MNIST with all 60,000 training images in one part; read once in each process."""
    return load_mnist(folder, validation=0)


def pixels(images: Any) -> Array:
    """Reshape images (n, height, width) to rows (n, height * width), still of small integers."""
    return np.asarray(images).reshape(len(images), -1)


def raw(rows: Array) -> Array:
    """Return the pixels as they are in the files, 0 to 255, in float64."""
    return rows.astype(np.float64)


def scaled(rows: Array) -> Array:
    """Return the pixels divided by 255, in float64."""
    return rows / 255


@dataclass(frozen=True)
class Digits:
    """MNIST in rows of pixels, as an article prepares them.

    Attributes
    ----------
    pixels, labels
        The training images as rows of small integers, (n, 784), and their digits, (n,).
    test, test_labels
        The prepared test images, (10000, 784), and their digits.
    batch
        Examples of a batch; the last one of an epoch may be smaller.
    prepare
        Takes rows of pixels and returns the inputs of the network.
    """

    pixels: Array
    labels: Array
    test: Array
    test_labels: Array
    batch: int
    prepare: Callable[[Array], Array]

    @classmethod
    def load(
        cls, folder: Path | None, batch: int, prepare: Callable[[Array], Array], images: int | None = None
    ) -> Digits:
        """Load the first `images` training images, or all of them."""
        data = mnist(folder)
        rows, labels = pixels(data.train.raw_images)[:images], data.train.labels[:images]
        test = prepare(pixels(data.test.raw_images))
        return cls(rows, labels, test, data.test.labels, batch, prepare)

    def batches(self, order: Array) -> Iterator[tuple[Array, Array]]:
        """Prepared rows and their labels as int64, batch by batch in this order."""
        ordered = self.labels[order].astype(np.int64)
        for start in range(0, len(order), self.batch):
            rows = np.take(self.pixels, order[start : start + self.batch], axis=0)
            yield self.prepare(rows), ordered[start : start + self.batch]


@dataclass(frozen=True)
class Trained:
    """A trained network as other processes return it.

    Attributes
    ----------
    state
        Parameters by name.
    outputs
        Its last outputs: those of the test images, (10000, 10), or of all examples before the last update.
    seconds
        Processor seconds: of an epoch without its test, the median, or of a full-batch training.
    confusions
        Counts on the examples of `outputs` per epoch, (epochs, classes, classes): true classes are rows.
    """

    state: dict[str, Array]
    outputs: Array
    seconds: float
    confusions: Array

    @property
    def accuracies(self) -> list[float]:
        """Share of these examples that are classified right, after each epoch."""
        rights = self.confusions.trace(axis1=1, axis2=2)
        return [float(right / len(self.outputs)) for right in rights]

    @property
    def recalls(self) -> Array:
        """Share of each class that is found after each epoch, (epochs, classes)."""
        found = self.confusions.diagonal(axis1=1, axis2=2)
        return np.asarray(found / self.confusions.sum(axis=2))


def train_epochs(
    model: nn.Module,
    step: Callable[[Array, Array], object],
    data: Digits,
    reorder: Callable[[Array], Array],
    epochs: int,
) -> Trained:
    """Train on batches in an order that is drawn anew for each epoch, with a test after each.

    Parameters
    ----------
    step
        Takes inputs (n, 784) and labels (n,), and updates the model.
    reorder
        Takes the positions of the images in their last order, (n,), and returns the next order.
    """
    order, seconds, confusions = np.arange(len(data.labels)), [], []
    for _ in range(epochs):
        start = time.process_time()
        order = reorder(order)
        for batch in data.batches(order):
            step(*batch)
        seconds.append(time.process_time() - start)
        answers = outputs(model, data.test)
        confusions.append(plots.confusion_counts(data.test_labels, answers.argmax(axis=1), answers.shape[1]))
    return Trained(model.state_dict(), answers, float(np.median(seconds)), np.array(confusions))


def outputs(model: nn.Module, inputs: Array) -> Array:
    """Outputs of the network for each row, (n, classes)."""
    with no_grad():
        return np.asarray(model(inputs).data)


def accuracy(answers: Array, labels: Array) -> float:
    """Return the share of rows whose largest output is at the label."""
    return float((answers.argmax(axis=1) == labels).mean())
