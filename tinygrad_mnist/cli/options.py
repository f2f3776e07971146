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
    metavar="DIR",
    help="A folder with another data set in MNIST's four files, such as Fashion-MNIST.",
)
_dataset_option = click.option(
    "--dataset",
    type=click.Choice(["mnist", "digits"]),
    default="mnist",
    help="Bundled data: MNIST, or 1,797 digits of 8 x 8 for quick tests.",
)


def data_options(command: Any) -> Any:
    """Add the options that name a data set: --dataset and --data."""
    return _dataset_option(data_option(command))


def load_images(dataset: str, data: Path | None, validation: int) -> Any:
    """Load the images that --dataset and --data name."""
    from tinygrad_mnist import datasets

    if dataset == "mnist":
        return datasets.load_mnist(data, validation=validation)
    if data is not None:
        raise click.UsageError("--dataset digits are bundled: leave out --data, or the dataset")
    return datasets.load_digits(validation=min(validation, 200))


def load_images_of(settings: Any, data: Path | None, validation: int) -> Any:
    """Load the images that a run was trained on, or those in the folder `data`.

    Raises
    ------
    DataError
        If they are gone, or of another kind.
    """
    from tinygrad_mnist import datasets
    from tinygrad_mnist.datasets.bundled import BUNDLED

    folder = settings.data_directory
    try:
        place = data or folder or BUNDLED.get(settings.data_name)
        images = datasets.load_mnist(place, validation=validation)
    except DataError as error:
        if data is None and folder is not None and not folder.exists():
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
            help="Sizes of all layers.  [default: 784-30-10, or 64-30-10 for --dataset digits]",
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
