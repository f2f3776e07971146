"""The command `derive`."""

from __future__ import annotations

from pathlib import Path

import click

from tinygrad_mnist.cli.command import Command
from tinygrad_mnist.cli.options import (
    ARTICLES,
    batch_option,
    data_options,
    layers_option,
    load_images,
    loss_option,
    lr_option,
    seed_option,
)


@click.command(
    cls=Command,
    short_help="Print a training step as NumPy formulas.",
    examples=("", "--layers 784-30-20-10 --loss cross-entropy"),
)
@data_options
@batch_option(10)
@layers_option(30)
@loss_option("quadratic", f", {ARTICLES}")
@lr_option(0.5)
@seed_option("Training", "weights and batch")
def derive(dataset: str, data: Path | None, batch_size: int, layers: tuple[int, ...] | None, loss: str,
           lr: float, seed: int) -> None:  # fmt: skip
    """Print a training step as NumPy code, next to the same step derived by hand.

    Both columns run as printed. The step is then taken both ways on real digits, and the parameters are
    compared.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.derivation import side_by_side
    from tinygrad_mnist.training.recipe import Recipe

    recipe = Recipe(activation="sigmoid", loss=loss, batch_size=batch_size, seed=seed, lr=lr)
    console.print_side_by_side(side_by_side(load_images(dataset, data, 0), layers, recipe))
