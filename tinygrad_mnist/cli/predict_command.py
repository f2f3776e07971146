"""The command `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import run_argument, weights_option

_pictures = under("Pictures")


@click.command(
    cls=Command,
    short_help="Read digits from pictures.",
    examples=("runs/MNIST-20260101-120000 digit.png", "runs/MNIST-20260101-120000 *.jpg --show"),
)
@run_argument
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@weights_option
@_pictures(
    "--invert/--no-invert",
    default=None,
    show_default=False,
    help="Dark is ink / bright is ink.  [default: ink is the colour that covers less]",
)
@_pictures("--show", is_flag=True, help="Also print each picture as the network receives it.")
@click.pass_context
def predict(context: click.Context, /, run: Path, images: tuple[Path, ...], invert: bool | None,
            show: bool, weights: Any) -> None:  # fmt: skip
    """Read digits from pictures with a trained network.

    RUN is the folder that `train` wrote; IMAGES are pictures of one digit each (PNG, JPEG, WebP or BMP), or
    IDX files of many. A picture that cannot be read is reported on stderr; the others are read, and the exit
    status is 2.
    """
    import numpy as np

    from tinygrad_mnist.cli import console
    from tinygrad_mnist.datasets.picture import read_pictures
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.training.run_folder import load_run

    trained = load_run(run, weights)
    names, batches, failed = [], [], False
    for path in images:
        try:
            batch = read_pictures(
                path, trained.image_shape, trained.framing, invert=invert, pixel_max=trained.pixel_max
            )
        except DataError as error:
            console.say(f"Error: {error}", to_stderr=True)
            failed = True
            continue
        names += [f"{path}[{i}]" if len(batch) > 1 else str(path) for i in range(len(batch))]
        batches.append(batch)
    if names:
        inputs = np.concatenate(batches)
        console.print_predictions(names, trained.probabilities(inputs), trained.class_names)
        if show:
            console.print_images(names, inputs)
    if failed:
        context.exit(2)
