"""What several commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files.limits import MOST_THREADS, MOST_UNITS

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
    try:
        return load(data, validation=validation)
    except DataError as error:
        error.args = (str(error).replace("pass directory=...", "give --data DIR"),)  # as a command has it
        raise


def load_images_of(settings: Any, data: Path | None, validation: int) -> Any:
    """The images that a run was trained on, or those in the folder `data`.

    Raises
    ------
    DataError
        When they are gone, or of another kind.
    """
    folder = settings.data_directory if settings.data_name != "digits" else None
    if data is None and folder is not None and folder.exists():
        data = folder
    dataset = "digits" if settings.data_name == "digits" and data is None else "mnist"
    try:
        images = load_images(dataset, data, validation)
    except DataError as error:
        if data is None:
            error.add_note(f"{settings.folder} was trained on the files in {folder}, which are gone")
        raise
    foreign = not set(images.class_names) <= set(settings.class_names)
    if (
        images.image_shape != settings.image_shape
        or foreign
        or (data is None and images.name != settings.data_name)
    ):
        height, width = settings.image_shape
        raise DataError(
            f"{settings.folder} was trained on {settings.data_name}, {height} x {width} in "
            f"{settings.classes} classes, and this is another data set: {images!r}; name the right folder "
            "with --data DIR"
        )
    return images.with_classes(settings.class_names)


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


def limit_threads(count: int) -> Any:
    """Limit the threads of the matrix products while the block runs."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(count)


threads_option = click.option(
    "--threads",
    type=click.IntRange(1, MOST_THREADS),
    default=1,
    help="Threads of the matrix products: more help large layers only, and hurt on a busy machine.",
)

weights_option = click.option(
    "--weights",
    type=click.Choice(["final", "best", "last"]),
    default="final",
    help="Of the end, or of the best or the last checkpoint.",
)
