"""An untrained network and a batch for it, for the commands to examine."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_mnist import nn
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn.perceptrons import sizes_as_text
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.typing import Array

FEW_IMAGES = 10_000


@dataclass(frozen=True)
class FreshNetwork:
    """A model, its loss, a batch of training images (n, height, width) and labels (n,), and a description."""

    model: nn.Sequential
    loss: nn.Module
    images: Array
    labels: Array
    subject: str


def fresh_network(dataset: ImageDataset, sizes: tuple[int, ...] | None, recipe: Recipe) -> FreshNetwork:
    """Build a network and draw a batch.

    Parameters
    ----------
    sizes
        Sizes of all layers, the input and the output included; by default one hidden layer of 30.
    recipe
        Activation, loss, batch size, and the seed of weights and batch.

    Raises
    ------
    DataError
        If the sizes do not fit the images, or the batch is larger than the training set.
    """
    pixels = dataset.image_shape[0] * dataset.image_shape[1]
    sizes = sizes or (pixels, 30, dataset.classes)
    if recipe.batch_size > len(dataset.train):
        raise DataError(
            f"a batch of {recipe.batch_size:,} is more than the {len(dataset.train):,} training images"
        )
    recipe = Recipe(**{**recipe.to_dict(), "hidden": hidden_sizes(dataset, sizes)})
    loader = dataset.train.loader(recipe.batch_size, shuffle=True, seed=recipe.seed)
    images, labels = next(iter(loader))
    number = f"{recipe.batch_size} image{'s' * (recipe.batch_size != 1)}"
    return FreshNetwork(
        recipe.build_model(dataset.image_shape, dataset.classes),
        recipe.build_loss(),
        images,
        labels,
        f"{sizes_as_text(sizes)}, {recipe.activation}, {recipe.loss} loss, on {number} of {dataset.name}",
    )


def hidden_sizes(dataset: ImageDataset, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes of the hidden layers, given those of all layers.

    Raises
    ------
    DataError
        If the first or the last size does not fit the images.
    """
    height, width = dataset.image_shape
    pixels = height * width
    if (sizes[0], sizes[-1]) != (pixels, dataset.classes):
        raise DataError(
            f"images of {dataset.name} have {height} x {width} pixels in {dataset.classes} classes, and "
            f"{sizes_as_text(sizes)} takes {sizes[0]} and distinguishes {sizes[-1]}: "
            f"--layers {sizes_as_text((pixels, *sizes[1:-1], dataset.classes))} would fit"
        )
    return sizes[1:-1]


def default_batch_size(dataset: ImageDataset) -> int:
    """Return 128, or 16 for a small training set, where batches of 128 make too few steps."""
    return 128 if len(dataset.train) >= FEW_IMAGES else 16
