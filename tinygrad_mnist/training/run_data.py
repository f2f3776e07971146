"""Loading the data of a run: those that it was trained on, or others of the same kind."""

from __future__ import annotations

from pathlib import Path

from tinygrad_mnist.datasets import ImageDataset, load_mnist
from tinygrad_mnist.datasets.bundled import BUNDLED
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training.run_config import RunConfig


def load_run_data(settings: RunConfig, directory: Path | None = None, validation: int = 0) -> ImageDataset:
    """Load the images that a run was trained on, or those in another folder.

    Parameters
    ----------
    settings
        The settings of the run.
    directory
        Folder with the four files; by default the folder in the config of the run.
    validation
        Training images to hold out.

    Raises
    ------
    DataError
        If the images are gone, or of another kind than the run's.
    """
    own = settings.data_directory
    try:
        place = directory or own or BUNDLED.get(settings.data_name)
        images = load_mnist(place, validation=validation)
    except DataError as error:
        if directory is None and own is not None and not own.exists():
            error.add_note(f"{settings.folder} was trained on the files in {own}, which are gone")
        raise
    if (directory is None and images.name != settings.data_name) or not _alike(settings, images):
        height, width = settings.image_shape
        raise DataError(
            f"{settings.folder} was trained on {settings.data_name}, {height} x {width} in "
            f"{settings.classes} classes, and this is another data set: {images!r}; name the right folder "
            "with --data DIR"
        )
    return images.with_classes(settings.class_names)


def _alike(settings: RunConfig, images: ImageDataset) -> bool:
    """Return True if the images have the run's shape, and only classes that the run has."""
    known = set(images.class_names) <= set(settings.class_names)
    return known and images.image_shape == settings.image_shape
