"""The settings of a run in words, as its report lists them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tinygrad_mnist import nn
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.training.named import Call, read_call
from tinygrad_mnist.training.optimizers import OPTIMIZERS, named_optimizer, takes_momentum
from tinygrad_mnist.training.recipe import AUGMENTATIONS, Recipe
from tinygrad_mnist.training.schedules import SCHEDULES

NAMES = {
    "hidden": "hidden layers",
    "lr": "learning rate",
    "dropout": "dropped hidden units",
    "decay_biases": "weight decay of biases",
    "clip_norm": "largest norm of the gradient",
    "clip_value": "largest entry of the gradient",
    "ema_decay": "decay of the averaged weights",
    "augment": "changes of the training images",
    "micro_batches": "micro-batches per batch",
}
CALLS: dict[str, Iterable[str]] = {"augment": AUGMENTATIONS, "optimizer": OPTIMIZERS, "schedule": SCHEDULES}
NONE_AT_ZERO = {"dropout", "momentum", "weight_decay"}
SHAPE = re.compile(r"\((\d+(?:, \d+)*),?\)")


def title_of(recipe: Recipe, dataset: ImageDataset) -> str:
    """Return the network and its data."""
    sizes = recipe.sizes(dataset.image_shape, dataset.classes)
    return f"Perceptron {'→'.join(map(str, sizes))} on {dataset.name}"


def settings_rows(recipe: Recipe, dataset: ImageDataset) -> list[tuple[str, str]]:
    """Return (setting, value) of all that was set, and the data."""
    height, width = dataset.image_shape
    size = ("image size", f"{height} × {width} pixels")
    return [("data", data_of(dataset)), size, ("files", dataset.origin), *recipe_rows(recipe)]


def data_of(dataset: ImageDataset) -> str:
    """Return the splits in one line."""
    splits = {"training": dataset.train, "validation": dataset.validation, "test": dataset.test}
    counts = ", ".join(f"{len(split):,} {name}" for name, split in splits.items() if len(split))
    return f"{dataset.name}: {counts} images"


def recipe_rows(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield the settings of a recipe; one that has no effect is left out."""
    idle = set() if takes_momentum(named_optimizer(recipe.optimizer)) else {"momentum"}
    idle |= set() if recipe.weight_decay else {"decay_biases"}
    for name, value in recipe.to_dict().items():
        if value is not None and name not in idle:
            yield NAMES.get(name, name.replace("_", " ")), in_words(name, value)


def in_words(name: str, value: Any) -> str:
    """Return the value of a setting."""
    if name in CALLS:
        return spoken(read_call(name, value, CALLS[name]))
    if name == "hidden":
        return f"{listed([f'{size:,}' for size in value])} units" if value else "none"
    if isinstance(value, bool):
        return spoken(value)
    if name == "early_stopping":
        return f"after {value} epoch{'s' * (value > 1)} without a lower validation loss"
    if name in NONE_AT_ZERO and not value:
        return "none"
    return f"{100 * value:g} %" if name == "dropout" else str(value)


def spoken(value: Any) -> str:
    """Return a setting of an optimizer or a schedule: a number, a boolean, a name with settings, a list."""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    if isinstance(value, list):
        return listed([spoken(each) for each in value])
    if not isinstance(value, Call) or not value.settings:
        return str(value)
    settings = "; ".join(f"{name.replace('_', ' ')} {spoken(each)}" for name, each in value.settings.items())
    return f"{value.name} ({settings})"


def listed(words: Sequence[str]) -> str:
    """Join words as a sentence does."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def layer_rows(model: nn.Module) -> list[tuple[str, str, str]]:
    """Return layer, sizes of its parameters and their number, for each layer."""
    rows = []
    for row in nn.summary(model).rows:
        sizes = SHAPE.sub(lambda shape: shape[1].replace(", ", " × "), row.shapes)
        rows.append((row.layer, sizes or "–", f"{row.parameters:,}" if row.parameters else "–"))
    return rows
