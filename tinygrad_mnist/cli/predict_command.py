"""The command `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import weights_option

_pictures = under("Pictures")


@click.command(
    cls=Command,
    short_help="Read digits from pictures.",
    examples=("digit.png", "runs/MNIST-20260101-120000 *.jpg --show"),
)
@click.argument("paths", metavar="[RUN] IMAGES...", nargs=-1, required=True, type=click.Path(path_type=Path))
@weights_option
@_pictures(
    "--invert/--no-invert",
    default=None,
    show_default=False,
    help="Dark is ink / bright is ink.  [default: ink is the colour that covers less]",
)
@_pictures("--show", is_flag=True, help="Also print each picture as the network receives it.")
@click.pass_context
def predict(context: click.Context, /, paths: tuple[Path, ...], invert: bool | None, show: bool,
            weights: Any) -> None:  # fmt: skip
    """Read digits from pictures with a trained network.

    RUN is the folder that `train` wrote; without it, the network of `reproduce record` reads, which comes
    with the package. IMAGES are pictures of one digit each (PNG, JPEG, WebP or BMP), or IDX files of many. A
    picture that cannot be read is reported on stderr; the others are read, and the exit status is 2.
    """
    import numpy as np

    from tinygrad_mnist.cli import console
    from tinygrad_mnist.datasets.picture import read_pictures
    from tinygrad_mnist.errors import DataError

    trained, images = _network(context, paths, weights)
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


def _network(context: click.Context, paths: tuple[Path, ...], weights: Any) -> tuple[Any, tuple[Path, ...]]:
    """Return the network that reads, and the paths of the pictures."""
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.pretrained import Pretrained
    from tinygrad_mnist.training.run_folder import load_run

    run, *images = paths
    if run.is_dir() or not (run.suffix or run.exists()):  # a name without suffix is a run that is missing
        if not images:
            raise click.UsageError(f"{run} is a run and there are no IMAGES: name pictures to read after it")
        return load_run(run, weights), tuple(images)
    if context.get_parameter_source("weights") is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"--weights is {weights}: expected none without a RUN; leave it out")
    reader = Pretrained.load("record")
    console.say(f"no RUN is named: {reader} reads", to_stderr=True)
    return reader, paths
