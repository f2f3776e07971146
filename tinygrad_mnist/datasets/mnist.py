"""MNIST, any data set in its four files, and the small digits that come with this package."""

from __future__ import annotations

import os
from pathlib import Path

from tinygrad_mnist.datasets.download import (
    CHECKSUMS,
    MIRRORS,
    MnistNotAtHandError,
    cache_directory,
    fetch_mnist,
    is_mnist,
    missing_from_cache,
)
from tinygrad_mnist.datasets.idx import read_idx, read_images
from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split, cut_validation
from tinygrad_mnist.errors import DataError

ENVIRONMENT_VARIABLE = "TINYGRAD_MNIST_DATA"
_DIGITS = Path(__file__).parent / "digits"
_STEMS = tuple(name.removesuffix(".gz") for name in CHECKSUMS)
_ADVICE = f"name a folder that has the files with --data DIR or {ENVIRONMENT_VARIABLE}"


def load_mnist(
    directory: str | Path | None = None, *, validation: int = 10_000, download: bool = True
) -> ImageDataset:
    """Load MNIST, or a data set in the same four files (Fashion-MNIST), from the first place that is set.

    The places are `directory`, the folder that the environment variable ``TINYGRAD_MNIST_DATA`` names, and
    the user's cache, which is filled from the mirrors (SHA-256 checked) when it is incomplete.

    Parameters
    ----------
    directory : str or Path, optional
        A folder of four IDX files with MNIST's names, plain or ``.gz``, ``-idx3-ubyte`` or ``.idx3-ubyte``.
        It may hold any images: checksums only decide whether the data set is called MNIST.
    validation : int
        How many images to cut off the end of the training files; 0 trains on all of them.
    download : bool
        Whether the network may be asked.

    Returns
    -------
    ImageDataset
        MNIST: 50,000 + 10,000 + 10,000 uint8 images of 28 x 28.

    Raises
    ------
    DataError
        A file is missing, damaged or foreign, or no place has the files: the message says why for each.

    Notes
    -----
    Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (1998), 2278-2324.
    """
    folder = _chosen(directory)
    if folder is not None:
        name = "MNIST" if is_mnist(_find_files(folder)) else folder.resolve().name
        return _load(folder, name, f"the IDX files in {folder}", validation)
    try:
        cache = fetch_mnist(download=download)
    except MnistNotAtHandError as error:
        raise MnistNotAtHandError(f"{error}\n  {ENVIRONMENT_VARIABLE}: not set\n{_ADVICE}") from error
    return _load(cache, "MNIST", f"MNIST, checked by SHA-256, in the cache {cache}", validation)


def load_digits(*, validation: int = 200) -> ImageDataset:
    """Load the embedded digits: 1,437 training and 360 test uint8 images of 8 x 8, pixels 0 to 16.

    `validation` images are cut off the end of the training files.

    Raises
    ------
    DataError
        `validation` is negative or leaves nothing to train on.

    Notes
    -----
    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository (1998), DOI 10.24432/C50P49, CC BY 4.0; ``digits/SOURCE.md`` says what was changed.
    """
    return _load(_DIGITS, "digits", "the 8 x 8 UCI digits embedded in this package", validation, pixel_max=16)


def load_default(
    directory: str | Path | None = None, *, validation: int = 10_000, download: bool = True
) -> ImageDataset:
    """Load MNIST, or the embedded digits when it is not at hand; `origin` then says why.

    The parameters are those of `load_mnist`; the digits keep at most 200 images for validation.

    Raises
    ------
    DataError
        The folder that was named is broken, or a file in the cache is damaged: only absence is made up for.
    """
    try:
        return load_mnist(directory, validation=validation, download=download)
    except MnistNotAtHandError as error:
        digits = load_digits(validation=min(validation, 200))
        origin = f"{digits.origin}, in the place of MNIST.\n{error}"
        return ImageDataset("digits", origin, digits.train, digits.validation, digits.test, digits.classes)


def survey(directory: str | Path | None = None) -> list[tuple[str, str, str]]:
    """Return rows of (place, path or URL, state), in the order of search, without asking the network."""
    named = [("--data", str(directory), _state(Path(directory)))] if directory is not None else []
    folder = _chosen(None)
    rows = [*named, (ENVIRONMENT_VARIABLE, str(folder or ""), _state(folder) if folder else "not set")]
    rows.append(("cache", str(cache_directory()), _cache_state()))
    rows += [("mirror", mirror, "asked when the cache is incomplete") for mirror in MIRRORS]
    return [*rows, ("embedded digits", str(_DIGITS), _state(_DIGITS))]


def _chosen(directory: str | Path | None) -> Path | None:
    """Return the folder that the caller or the environment names."""
    named = directory if directory is not None else os.environ.get(ENVIRONMENT_VARIABLE) or None
    return None if named is None else Path(named).expanduser()


def _state(folder: Path) -> str:
    try:
        _find_files(folder)
    except DataError as error:
        return str(error)
    return "all four files"


def _cache_state() -> str:
    try:
        missing = missing_from_cache()
    except DataError as error:
        return str(error)
    return f"lacks {', '.join(missing)}" if missing else "all four files, checksums right"


def _find_files(folder: Path) -> list[Path]:
    """Return the four files, whichever way they are spelled."""
    if not os.path.isdir(folder):  # unlike Path.is_dir, never an exception
        raise DataError(f"{folder}: expected a folder with MNIST's four files, found none; {_ADVICE}")
    found = {stem: _spelled(folder, stem) for stem in _STEMS}
    missing = [stem for stem, path in found.items() if path is None]
    if missing:
        raise DataError(f"{folder}: lacks {', '.join(missing)} (plain or .gz); {_ADVICE}")
    return [path for path in found.values() if path is not None]


def _spelled(folder: Path, stem: str) -> Path | None:
    # .gz first: in the cache that is the file whose checksum is right, whatever else lies there.
    names = (spelling + suffix for spelling in (stem, stem.replace("-idx", ".idx")) for suffix in (".gz", ""))
    return next((folder / name for name in names if os.path.exists(folder / name)), None)


def _load(folder: Path, name: str, origin: str, validation: int, pixel_max: int = 255) -> ImageDataset:
    train_images, train_labels, test_images, test_labels = _find_files(folder)
    training = _read_split(train_images, train_labels, pixel_max)
    test = _read_split(test_images, test_labels, pixel_max)
    classes = int(max(training.labels.max(initial=0), test.labels.max(initial=0))) + 1
    train, held_out = cut_validation(training, validation)
    return ImageDataset(name, origin, train, held_out, test, classes, folder.resolve())


def _read_split(images: Path, labels: Path, pixel_max: int) -> Split:
    pixels, classes = read_images(images), read_idx(labels)
    try:
        return Split(pixels, classes, pixel_max)
    except DataError as error:
        raise DataError(f"{images} with {labels.name}: {error}") from error
