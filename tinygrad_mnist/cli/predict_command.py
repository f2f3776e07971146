"""The command `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.options import weights_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--invert/--no-invert",
    default=None,
    show_default=False,
    help="Dark is ink / bright is ink.  [default: the paper is what covers more]",
)
@click.option("--show", is_flag=True, help="Show what the network was given, as a picture.")
@weights_option
@click.pass_context
def predict(context: click.Context, /, run: Path, images: tuple[Path, ...], invert: bool | None,
            show: bool, weights: Any) -> None:  # fmt: skip
    """Read digits from pictures with a trained network.

    RUN is the folder that `train` wrote; IMAGES are pictures of one digit each (PNG, JPEG, WebP or BMP), or
    IDX files of many.  A picture that cannot be read costs a line on stderr and makes the exit status 2; the
    others are answered.
    """
    import numpy as np

    from tinygrad_mnist.autodiff.modes import no_grad
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
        with no_grad():
            outputs = trained.model.eval()(inputs)
        console.print_predictions(names, trained.recipe.probabilities(outputs.data), trained.class_names)
        if show:
            console.print_images(names, inputs)
    if failed:
        context.exit(2)
