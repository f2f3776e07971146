"""MNIST and the 8 x 8 digits, which are bundled with this package, and any data set in the same files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.datasets.bundled import BUNDLED, is_mnist
from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split, cut_validation
from tinygrad_mnist.datasets.image_files import ImageFiles
from tinygrad_mnist.datasets.labels import count_classes, require_labels
from tinygrad_mnist.datasets.orientation import exchange_axes, looks_transposed
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.hints import hinted, missing, rooms

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENVIRONMENT_VARIABLE = "TINYGRAD_MNIST_DATA"
_DIGITS_INK = 16  # their pixels count the ink in blocks of 4 x 4


@hinted
def load_mnist(directory: str | Path | None = None, *, validation: int = 10_000) -> ImageDataset:
    """Load MNIST, which is bundled with this package, or another data set in the same files.

    Parameters
    ----------
    directory : str or Path, optional
        A folder of four IDX files with MNIST's names, plain or ``.gz``, ``-idx3-ubyte`` or ``.idx3-ubyte``
        (Fashion-MNIST), or with EMNIST's names (``emnist-letters-train-images-idx3-ubyte``); or a ``.npz``
        file in Keras's form, or its folder. A folder with the name of a file may hold its parts, read one
        behind the other in the order of their names, part-2 before part-10. Uncompressed images of more than
        64 MiB stay in their files: memory does not grow with their number. Digits that are stored transposed,
        as in EMNIST, are turned upright, as `origin` states. If omitted, the environment variable
        ``TINYGRAD_MNIST_DATA`` names the folder; if that is not set, the bundled MNIST is loaded.
    validation : int, default 10,000
        Number of images cut off the end of the training files; 0 trains on all of them.

    Returns
    -------
    ImageDataset
        For MNIST 50,000 + 10,000 + 10,000 images of uint8, 28 x 28, pixels from 0 (paper) to 255 (ink).

    Raises
    ------
    DataError
        If a file is missing, damaged or not of this form, or `validation` leaves nothing to train on.

    Notes
    -----
    Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", CC BY-SA 3.0;
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
    Proceedings of the IEEE 86 (1998), 2278-2324. ``mnist/SOURCE.md`` has the checksums.

    Examples
    --------
    >>> load_mnist()
    ImageDataset(MNIST: 50,000 train + 10,000 validation + 10,000 test, 28 x 28, 10 classes)
    """
    if directory is not None:
        return _load(Path(directory).expanduser(), validation)
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if not named:
        return _load(BUNDLED["MNIST"], validation)
    try:
        return _load(Path(named).expanduser(), validation)
    except DataError as error:
        error.add_note(f"{ENVIRONMENT_VARIABLE} names {named}: unset it to load the bundled MNIST")
        raise


@hinted
def load_digits(*, validation: int = 200) -> ImageDataset:
    """Load the bundled digits: 1,437 training and 360 test images of uint8, 8 x 8, pixels from 0 to 16.

    Parameters
    ----------
    validation : int, default 200
        Number of images cut off the end of the training files.

    Raises
    ------
    DataError
        If `validation` is negative or leaves nothing to train on.

    Notes
    -----
    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository (1998), DOI 10.24432/C50P49, CC BY 4.0. ``digits/SOURCE.md`` says what was changed.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> data = load_digits()
    >>> data.train.images.shape, data.validation.images.shape, data.test.images.shape
    ((1237, 8, 8), (200, 8, 8), (360, 8, 8))
    """
    return _load(BUNDLED["digits"], validation)


def _load(source: Path, validation: int) -> ImageDataset:
    files = ImageFiles.find(source)
    train_images, train_labels, test_images, test_labels = files.read()
    require_labels(dict(zip(files.paths[1::2], (train_labels, test_labels))))
    name, origin, bundled = _named(source, files)
    if files.emnist or (not bundled and looks_transposed(train_images, train_labels)):
        train_images, test_images = exchange_axes(train_images), exchange_axes(test_images)
        origin = f"{origin}, rows and columns exchanged: the files hold them transposed, as EMNIST's do"
    train_labels, test_labels, classes = count_classes(train_labels, test_labels)
    ink = _DIGITS_INK if bundled and name == "digits" else 255
    training = _split(files.paths[:2], train_images, train_labels, ink)
    test = _split(files.paths[2:], test_images, test_labels, ink)
    train, held_out = cut_validation(training, validation)
    directory = None if bundled else source.resolve()
    return ImageDataset(name, origin, train, held_out, test, len(classes), directory, classes)


def _named(source: Path, files: ImageFiles) -> tuple[str, str, bool]:
    """Return name and origin of a data set, and True if the package has the same files."""
    for name, folder in BUNDLED.items():
        if source.resolve() == folder:
            return name, "the files bundled with this package", True
    if files.npz:
        return files.npz.stem, f"the arrays in {files.npz}", False
    origin = f"the IDX files in {source}"
    if files.emnist:
        return f"EMNIST {files.emnist}", origin, False
    if is_mnist(files.paths):
        return "MNIST", origin, True
    return source.resolve().name, origin, False


def _split(paths: tuple[Path, ...], images: Any, labels: NDArray[np.uint8], ink: int) -> Split:
    try:
        return Split(images, labels, ink)
    except DataError as error:
        raise DataError(f"{paths[0]} with {paths[1].name}: {error}") from error


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise missing("datasets.mnist", name, rooms.DATASETS, lambda: ["load_digits", "load_mnist"])
