"""The command `derive`."""

from __future__ import annotations

from pathlib import Path

import click

from tinygrad_mnist.cli.options import data_options, layers, load_images


@click.command()
@click.option(
    "--model",
    "sizes",
    callback=layers,
    help="Sizes of all layers.  [default: 784-30-10, or 64-30-10 for --dataset digits]",
)
@click.option("--loss", type=click.Choice(["quadratic", "cross-entropy"]), default="quadratic")
@click.option("--batch", type=click.IntRange(1), default=10, help="How many images.")
@click.option("--lr", type=click.FloatRange(0), default=0.5, help="Learning rate of the step.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the weights and the batch.")
@data_options
def derive(sizes: tuple[int, ...] | None, loss: str, batch: int, lr: float, seed: int,
           dataset: str, data: Path | None) -> None:  # fmt: skip
    """Print a training step as NumPy, as the graph gives it, beside the one derived by hand.

    Both are real: each line is what runs, with the memory left out.  The step is then taken both ways on real
    digits, and the parameters are compared.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.derivation import side_by_side
    from tinygrad_mnist.training.recipe import Recipe

    recipe = Recipe(activation="sigmoid", loss=loss, batch_size=batch, seed=seed, lr=lr)
    console.print_side_by_side(side_by_side(load_images(dataset, data, 0), sizes, recipe))
