"""The command `graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.options import data_options, load_images, model_options


@click.command()
@model_options
@click.option("--batch", type=click.IntRange(1), default=10, help="How many images.")
@click.option(
    "--detail",
    type=click.Choice(["modules", "ops", "values"]),
    default="ops",
    help="modules: a box a layer; values: with numbers and work.",
)
@click.option("--backward", is_flag=True, help="Draw the backward pass beside the forward one.")
@click.option("--whole", is_flag=True, help="Draw more than 400 nodes as they are, not as modules.")
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the weights and the batch.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("graph.html"),
    help="The suffix says what is drawn: .html (with playback), .svg, .png, .pdf, .dot, .mmd or .txt.",
)
@data_options
def graph(sizes: tuple[int, ...] | None, activation: str, loss: str, batch: int, detail: Any, backward: bool,
          whole: bool, seed: int, output: Path, dataset: str, data: Path | None) -> None:  # fmt: skip
    """Draw a training step of a network on real digits.

    A page (.html) plays it: each op lights up, its rule shows with the numbers in it, gradients fill in.
    """
    from tinygrad_mnist.autodiff.tensor import Tensor
    from tinygrad_mnist.cli.console import say
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.graph import draw
    from tinygrad_mnist.training.fresh import fresh_network
    from tinygrad_mnist.training.recipe import Recipe

    recipe = Recipe(activation=activation, loss=loss, batch_size=batch, seed=seed)
    network = fresh_network(load_images(dataset, data, 0), sizes, recipe)
    images = Tensor(network.images.reshape(batch, -1), name="images")
    value = network.loss(network.model(images), Tensor(network.labels, name="labels"))
    try:
        path = draw(value, output, detail=detail, backward=backward, whole=whole)
    except ValueError as error:
        raise DataError(str(error)) from error
    say(f"{network.subject}: {path}")
