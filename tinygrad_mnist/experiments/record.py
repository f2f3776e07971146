"""Record: the lowest error on MNIST in half an hour, with and without distortions.

Each training image is distorted anew in each epoch, after P. Simard, D. Steinkraus and J. Platt, "Best
practices for convolutional neural networks applied to visual document analysis" (2003).  Network, recipe and
number of epochs were chosen on 5,000 training images that were held out, before the test images were read.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.datasets import ImageDataset, load_mnist
from tinygrad_mnist.datasets.augment import Distortions
from tinygrad_mnist.experiments import record_sections
from tinygrad_mnist.experiments.experiment import (
    NOTHING,
    Comparison,
    Experiment,
    ExperimentOptions,
    ExperimentResult,
    in_parallel,
)
from tinygrad_mnist.files import save_tensors
from tinygrad_mnist.formats.pretrained import HIDDEN, KERNELS, digit_network
from tinygrad_mnist.training import Callback, Checkpoints, History, fit, predict
from tinygrad_mnist.typing import Array

HELD_OUT, SEEDS, SEED = 5_000, 3, 1
CHECKPOINTS, WEIGHTS = "checkpoints", "record.safetensors"


@dataclass(frozen=True)
class Plan:
    """Network and recipe of a training run; the rate rises in its first tenth, and falls along a cosine.

    Attributes
    ----------
    distort
        Distortions of the training images, which get weaker in the last `fading` epochs; None for none.
    lr
        Highest learning rate, of SGD with Nesterov's momentum of 0.9.
    kernels, hidden, dropout
        As in `digit_network`.
    """

    name: str
    epochs: int
    distort: Distortions | None = None
    fading: int = 8
    lr: float = 0.03
    batch: int = 128
    kernels: tuple[int, int] = KERNELS
    hidden: int = HIDDEN
    dropout: float = 0.4


DISTORTIONS = Distortions(rotation=7.5, shear=0.1, scale=0.1, shift=0.036, elastic=0.036)
DISTORTED, PLAIN = Plan("distorted", 30, DISTORTIONS), Plan("as they are", 15)
QUICK_IMAGES, QUICK_MOST = 10_000, 0.25


@dataclass(frozen=True)
class Trained:
    """A trained network as other processes return it.

    Attributes
    ----------
    state
        Parameters and running statistics by name.
    shares
        Probabilities of the classes of the test images, (10000, 10).
    held_out
        Errors among the images that were held out.
    """

    state: dict[str, Array]
    shares: Array
    held_out: int
    history: History


class Fading(Callback):
    """Distortions that get weaker over the last epochs, down to ``1 / (fading + 1)`` in the last one.

    The network ends on images like those that it will read.  An instance is the transform of a loader and a
    callback of its training.
    """

    def __init__(self, distort: Distortions, fading: int) -> None:
        self.distort, self.fading, self.now = distort, fading, distort

    def __repr__(self) -> str:
        return f"Fading({self.distort!r}, {self.fading})"

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """Return distorted copies of images (n, height, width)."""
        return self.now(images, rng)

    def before_training(self, training: Any) -> None:
        """Set the strength of the first epoch."""
        self._set(training.epochs - training.epoch)

    def after_epoch(self, training: Any, epoch: Any) -> None:
        """Set the strength of the next epoch."""
        self._set(training.epochs - epoch.epoch - 1)

    def _set(self, left: int) -> None:
        share = min(1.0, (left + 1) / (self.fading + 1))
        kept = {"smoothing": self.distort.smoothing}
        self.now = Distortions(**{name: share * value for name, value in vars(self.distort).items()} | kept)


def train(data: Path | None, folder: Path, plan: Plan, seed: int, images: int | None = None) -> Trained:
    """Train by a plan on all but the images that are held out; interrupted, it goes on from `folder`."""
    dataset = load(data, images)
    model = digit_network(plan.kernels, plan.hidden, plan.dropout, seed)
    fading = None if plan.distort is None else Fading(plan.distort, plan.fading)
    loader = dataset.train.loader(plan.batch, shuffle=True, seed=seed, drop_last=True, transform=fading)
    optimizer = optim.SGD(model.parameters(), plan.lr, momentum=0.9, nesterov=True)
    checkpoints = Checkpoints(folder / CHECKPOINTS / f"{plan.name}, seed {seed}")
    history = fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        loader,
        dataset.validation.loader(1000),
        epochs=plan.epochs,
        schedule=optim.OneCycleLR(optimizer, plan.lr, len(loader) * plan.epochs, pct_start=0.1),
        callbacks=[*([fading] if fading else []), checkpoints],
        progress=False,
    )
    shares, held_out = (probabilities(model, split) for split in (dataset.test, dataset.validation))
    return Trained(model.state_dict(), shares, errors(held_out, dataset.validation.labels), history)


def short(plan: Plan) -> Plan:
    """Return a plan of the same kind that takes seconds."""
    return replace(plan, epochs=1, fading=0, kernels=(4, 8), hidden=32)


@lru_cache(maxsize=2)
def load(data: Path | None, images: int | None = None) -> ImageDataset:
    """Load MNIST, with the first training images only if a number is given."""
    if images is None:
        return load_mnist(data, validation=HELD_OUT)
    dataset = load(data)
    pixels, labels = dataset.train.raw_images[:images], dataset.train.labels[:images]
    return replace(dataset, train=replace(dataset.train, raw_images=pixels, labels=labels))


def halved(state: dict[str, Array]) -> dict[str, Array]:
    """Return the arrays with floats in half precision, for a small file."""
    return {
        name: array.astype(np.float16) if array.dtype.kind == "f" else array for name, array in state.items()
    }


def probabilities(model: nn.Module, split: Any) -> Array:
    """Return the probabilities of the classes, (n, classes)."""
    return np.asarray(ops.softmax(predict(model, split.loader(1000))[0]))


def errors(shares: Array, labels: Array) -> int:
    """Count the rows whose largest probability is not at the label."""
    return int((shares.argmax(axis=1) != labels).sum())


def run(options: ExperimentOptions) -> ExperimentResult:
    """Train from three seeds with distortions and from three without, and test each network and the means."""
    plans = [short(plan) if options.quick else plan for plan in (DISTORTED, PLAIN)]
    images = QUICK_IMAGES if options.quick else None
    first, count = options.seed(SEED), 2 if options.quick else SEEDS
    tasks = [
        (options.data, options.folder, plan, seed, images)
        for plan in plans
        for seed in range(first, first + count)
    ]
    found = in_parallel(train, tasks)
    distorted, plain = found[:count], found[count:]
    dataset = load(options.data)
    best = min(distorted, key=lambda trained: (trained.held_out, trained.history[-1].validation_loss))
    save_tensors(options.folder / WEIGHTS, halved(best.state))
    labels = dataset.test.labels
    together = np.mean([trained.shares for trained in distorted], axis=0)
    figures = [
        *_figures(options, "distorted", distorted, labels, 0.006, "0.4 % (Simard), 0.35 % (Ciresan)"),
        _error(options, f"distorted, {count} networks together", NOTHING, errors(together, labels), 0.005),
        *_figures(options, "as they are", plain, labels, 0.01, "0.95 % (LeNet-5), 0.45 % (maxout)"),
    ]
    sections = [
        record_sections.by_digit(options.folder, best.shares, together, labels),
        record_sections.mistakes(options.folder, best.shares, dataset.test),
        record_sections.curves(options.folder, best.history),
        record_sections.samples(options.folder, dataset.train, DISTORTIONS),
        record_sections.choices(),
    ]
    shutil.rmtree(options.folder / CHECKPOINTS)
    return ExperimentResult(figures, sections)


def _figures(
    options: ExperimentOptions, name: str, found: list[Trained], labels: Array, most: float, anchors: str
) -> list[Comparison]:
    """Errors of each network, their mean and standard deviation, and the seconds."""
    counts = [errors(trained.shares, labels) for trained in found]
    mean, deviation = np.mean(counts), np.std(counts, ddof=1)
    each = ", ".join(f"{100 * count / len(labels):.2f}" for count in counts)
    seconds = ", ".join(f"{sum(epoch.seconds for epoch in trained.history):.0f}" for trained in found)
    return [
        _error(options, f"{name}, mean of {len(found)} networks", anchors, float(mean), most),
        Comparison(f"{name}, each network", NOTHING, NOTHING, f"{each} %"),
        Comparison(f"{name}, standard deviation", NOTHING, NOTHING, f"{100 * deviation / len(labels):.2f} %"),
        Comparison(f"{name}, seconds of each training", NOTHING, NOTHING, seconds),
    ]


def _error(options: ExperimentOptions, name: str, anchor: str, count: float, most: float) -> Comparison:
    """Compare a number of errors among 10,000 with the largest share that is asked for."""
    most = QUICK_MOST if options.quick else most
    share = count / 10_000
    return Comparison(
        f"test error, {name}",
        anchor,
        NOTHING,
        f"{share:.2%}".replace("%", " %"),
        f"at most {100 * most:g} %",
        share <= most,
    )


EXPERIMENT = Experiment(
    "record",
    'P. Simard and others, "Best practices for convolutional neural networks" (2003), and beyond',
    f"two convolutions of {KERNELS[0]} and {KERNELS[1]} kernels, {HIDDEN} hidden units, cross-entropy, "
    f"{DISTORTED.epochs} epochs of distorted images; without distortions {PLAIN.epochs} epochs with dropout",
    run,
    dtype="float32",
)
