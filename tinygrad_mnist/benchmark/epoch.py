"""Time an epoch of the main job, with its loader, and the sum of its steps."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist.benchmark.contestants import eager, replay
from tinygrad_mnist.benchmark.libraries import pytorch
from tinygrad_mnist.benchmark.measure import Step, Timing, compare
from tinygrad_mnist.datasets import ImageDataset, Loader
from tinygrad_mnist.program import Backend
from tinygrad_mnist.training import Recipe, fit
from tinygrad_mnist.training.run_state import Parts
from tinygrad_mnist.training.step import Step as FitStep

STEPS_ALONE = ", steps alone"
BACKENDS: dict[str, Backend] = {replay.name: "numpy", eager.name: "eager"}


def time_epochs(dataset: ImageDataset, rounds: int) -> Timing:
    """Time an epoch from the images to the weights, and its steps alone on prepared batches."""
    recipe = Recipe()
    loader = dataset.train.loader(recipe.batch_size, shuffle=True)
    epochs: dict[str, Step | None] = {}
    for name, backend in BACKENDS.items():
        model = recipe.build_model(dataset.image_shape, dataset.classes)
        loss, (optimizer, _) = recipe.build_loss(), recipe.build_optimizer(model)
        epochs[name] = partial(fit, model, loss, optimizer, loader, epochs=1, backend=backend)
        epochs[name + STEPS_ALONE] = _steps_alone(FitStep(Parts(model, loss, optimizer), backend), loader)
    epochs[pytorch.name] = _torch_epoch(dataset, recipe)
    present = {name: epoch for name, epoch in epochs.items() if epoch is not None}
    return compare(f"{dataset.name}, {len(dataset.train):,} images", present, rounds, turn=0)


def _steps_alone(step: FitStep, loader: Loader) -> Step:
    """Return the steps of an epoch on prepared batches, without loader, sums and capture.

    Each step has another batch: a batch that is still in the cache makes a step a tenth faster than any step
    of an epoch.
    """
    batches = list(loader)

    def epoch() -> None:
        for x, y in batches:
            step(x, y)

    return epoch


def _torch_epoch(dataset: ImageDataset, recipe: Recipe) -> Step | None:
    """Return an epoch in PyTorch at its fastest: all images scaled before, batches by index."""
    try:
        import torch
    except ImportError:
        return None
    images = torch.tensor(np.asarray(dataset.train.raw_images)).float().flatten(1) / dataset.train.pixel_max
    labels = torch.tensor(dataset.train.labels).long()
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(recipe.sizes(dataset.image_shape, dataset.classes)):
        layers += [torch.nn.Linear(fan_in, fan_out), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=recipe.lr, momentum=recipe.momentum)

    def epoch() -> None:
        total = 0.0
        for rows in torch.split(torch.randperm(len(images)), recipe.batch_size):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(images[rows]), labels[rows])
            loss.backward()
            optimizer.step()
            total += float(loss.item()) * len(rows)

    return epoch
