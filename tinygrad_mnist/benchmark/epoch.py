"""An epoch of the main job, loader included, and the sum of its steps."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

from tinygrad_mnist.benchmark.contestants import EAGER, PYTORCH, REPLAY
from tinygrad_mnist.benchmark.measure import Row, Step, compare
from tinygrad_mnist.datasets import ImageDataset, Loader
from tinygrad_mnist.program import Backend
from tinygrad_mnist.training import Recipe, fit
from tinygrad_mnist.training.step import Step as FitStep

STEPS_ALONE = ", steps alone"
BACKENDS: dict[str, Backend] = {REPLAY: "numpy", EAGER: "eager"}


def epoch_row(dataset: ImageDataset, rounds: int) -> Row:
    """Seconds an epoch: from the images to the weights, and beside it its steps on batches that lie ready."""
    recipe = Recipe()
    loader = dataset.train.loader(recipe.batch_size, shuffle=True)
    epochs: dict[str, Step | None] = {}
    for name, backend in BACKENDS.items():
        model = recipe.build_model(dataset.image_shape, dataset.classes)
        loss, (optimizer, _) = recipe.build_loss(), recipe.build_optimizer(model)
        epochs[name] = partial(fit, model, loss, optimizer, loader, epochs=1, backend=backend)
        epochs[name + STEPS_ALONE] = _steps_alone(FitStep(model, loss, optimizer, backend), loader)
    epochs[PYTORCH] = _torch_epoch(dataset, recipe)
    present = {name: epoch for name, epoch in epochs.items() if epoch is not None}
    return compare(f"{dataset.name}, {len(dataset.train):,} images", present, rounds, turn=0)


def _steps_alone(step: FitStep, loader: Loader) -> Step:
    """The steps of an epoch on batches that lie ready: all that it takes but for loader, sums and capture.

    Each on its own batch, since a batch that is still in the cache from the step before makes a step a tenth
    faster than any step of an epoch can be.
    """
    batches = list(loader)

    def epoch() -> None:
        for x, y in batches:
            step(x, y)

    return epoch


def _torch_epoch(dataset: ImageDataset, recipe: Recipe) -> Step | None:
    """The epoch in PyTorch at its fastest: all images scaled beforehand, batches by index."""
    try:
        import torch
    except ImportError:
        return None
    images = torch.tensor(dataset.train.raw_images).float().flatten(1) / dataset.train.pixel_max
    labels = torch.tensor(dataset.train.labels).long()
    sizes = (images.shape[1], *recipe.hidden, dataset.classes)
    layers: list[Any] = []
    for fan_in, fan_out in pairwise(sizes):
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
