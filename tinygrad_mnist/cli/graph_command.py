"""The command `graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import (
    ARTICLES,
    activation_option,
    batch_option,
    data_options,
    layers_option,
    load_images,
    loss_option,
    output_option,
    seed_option,
)

_drawing = under("Drawing")


def _drawable(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    """Refuse an unknown suffix before data are loaded."""
    from tinygrad_mnist.graph.drawing import require_suffix

    try:
        require_suffix(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


@click.command(
    cls=Command,
    short_help="Draw a training step.",
    examples=("--backward -o step.html", "--detail modules --layers 784-30-20-10 -o step.svg"),
)
@data_options
@batch_option(10)
@layers_option(30)
@activation_option("sigmoid", f", {ARTICLES}")
@loss_option("quadratic", f", {ARTICLES}")
@_drawing(
    "--detail",
    type=click.Choice(["modules", "ops", "values"]),
    default="ops",
    help="modules: one box per layer; ops: one per op; values: with numbers and work.",
)
@_drawing("--backward", is_flag=True, help="Also draw the backward pass.")
@_drawing(
    "--whole",
    is_flag=True,
    help="Draw every node of a large graph. Otherwise a graph of more than 400 is folded into modules.",
)
@seed_option("Drawing", "weights and batch")
@output_option(
    "Drawing",
    "File to write. Its suffix selects the format: .html (with playback), .svg, .png, .pdf, .dot, .mmd or "
    ".txt.",
    metavar="FILE",
    default=Path("graph.html"),
    callback=_drawable,
)
def graph(dataset: str, data: Path | None, batch_size: int, layers: tuple[int, ...] | None, activation: str,
          loss: str, detail: Any, backward: bool, whole: bool, seed: int, output: Path) -> None:  # fmt: skip
    """Draw a training step of a network on real digits.

    A page (.html) plays it: each op lights up, its rule shows its numbers, gradients fill in.
    """
    from tinygrad_mnist.autodiff.tensor import Tensor
    from tinygrad_mnist.cli.console import say
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.graph import draw
    from tinygrad_mnist.training.fresh import fresh_network
    from tinygrad_mnist.training.recipe import Recipe

    recipe = Recipe(activation=activation, loss=loss, batch_size=batch_size, seed=seed)
    network = fresh_network(load_images(dataset, data, 0), layers, recipe)
    images = Tensor(network.images.reshape(batch_size, -1), name="images")
    value = network.loss(network.model(images), Tensor(network.labels, name="labels"))
    try:
        path = draw(value, output, detail=detail, backward=backward, whole=whole)
    except ValueError as error:
        raise DataError(str(error)) from error
    say(f"{network.subject}: {path}")
