"""The command `data`."""

from __future__ import annotations

from pathlib import Path

import click

from tinygrad_mnist.cli.command import Command
from tinygrad_mnist.cli.options import data_options, load_images


@click.command(
    cls=Command,
    short_help="Show a data set: sizes and classes.",
    examples=("--dataset digits", "--data ~/fashion-mnist"),
)
@data_options
def data(dataset: str, data: Path | None) -> None:
    """Show a data set: its source, its sizes and its classes."""
    from tinygrad_mnist.cli import console

    console.print_data(load_images(dataset, data, 0))
