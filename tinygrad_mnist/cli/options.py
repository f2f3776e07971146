"""What several commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

MOST_UNITS = 1_000_000

data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A folder with four IDX files (MNIST, Fashion-MNIST, ...).",
)


def load_images(dataset: str, data: Path | None, validation: int) -> Any:
    """The images that --dataset and --data name."""
    from tinygrad_mnist import datasets

    if dataset == "digits":
        return datasets.load_digits(validation=min(validation, 200))
    load = datasets.load_mnist if dataset == "mnist" else datasets.load_default
    return load(data, validation=validation)


def layers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Sizes of all layers from "784-30-10"."""
    if value is None:
        return None
    parts = value.split("-")
    if len(parts) < 2 or not all(part.isdecimal() and 1 <= int(part) <= MOST_UNITS for part in parts):
        raise click.BadParameter("give the sizes of all layers, such as 784-30-10")
    return tuple(int(part) for part in parts)


def model_options(command: Any) -> Any:
    """The options that say which network: --model, --activation and --loss."""
    for option in (
        click.option("--loss", type=click.Choice(["quadratic", "cross-entropy"]), default="quadratic"),
        click.option("--activation", type=click.Choice(["sigmoid", "tanh", "relu"]), default="sigmoid"),
        click.option(
            "--model",
            "sizes",
            callback=layers,
            help="Sizes of all layers.  [default: 784-30-10, or 64-30-10 for the embedded digits]",
        ),
    ):
        command = option(command)
    return command
