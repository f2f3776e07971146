"""MNIST, any data set in its four files, and the small digits that come with this package."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.datasets.download import (
    CHECKSUMS,
    MIRRORS,
    MnistNotAtHandError,
    cache_directory,
    fetch_mnist,
    is_mnist,
    missing_from_cache,
)
from tinygrad_mnist.datasets.idx import read_images
from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split, cut_validation
from tinygrad_mnist.datasets.labels import count_classes, read_labels, require_labels
from tinygrad_mnist.datasets.npz import NAMES, read_npz
from tinygrad_mnist.datasets.orientation import exchange_axes, looks_transposed
from tinygrad_mnist.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENVIRONMENT_VARIABLE = "TINYGRAD_MNIST_DATA"
_DIGITS = Path(__file__).parent / "digits"
_STEMS = tuple(name.removesuffix(".gz") for name in CHECKSUMS)
_ADVICE = f"pass directory=..., or set {ENVIRONMENT_VARIABLE} to a folder that has the files"
_EMNIST = re.compile(r"(emnist-(\w+)-)train-images[-.]idx3-ubyte(\.gz)?")
_EXCHANGED = "rows and columns exchanged: the files hold them transposed, as EMNIST's do"


def load_mnist(
    directory: str | Path | None = None, *, validation: int = 10_000, download: bool = True
) -> ImageDataset:
    """Load MNIST, or a data set in the same four files (Fashion-MNIST), from the first place that is set.

    The places are `directory`, the folder that the environment variable ``TINYGRAD_MNIST_DATA`` names, and
    the user's cache, which is filled from the mirrors (SHA-256 checked) when it is incomplete.

    Parameters
    ----------
    directory : str or Path, optional
        A folder of four IDX files with MNIST's names, plain or ``.gz``, ``-idx3-ubyte`` or ``.idx3-ubyte``,
        or with EMNIST's names (``emnist-letters-train-images-idx3-ubyte``); or a ``.npz`` file as Keras
        keeps it, or its folder.  It may hold any images: checksums only decide whether the data set is
        called MNIST.  Digits that are stored transposed, as EMNIST's are, are put right; `origin` says so.
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
        return _load(folder, validation)
    try:
        cache = fetch_mnist(download=download)
    except MnistNotAtHandError as error:
        raise MnistNotAtHandError(f"{error}\n  {ENVIRONMENT_VARIABLE}: not set\n{_ADVICE}") from error
    return _load(cache, validation, "MNIST", f"MNIST, checked by SHA-256, in the cache {cache}")


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
    origin = "the 8 x 8 UCI digits embedded in this package"
    return _load(_DIGITS, validation, "digits", origin, pixel_max=16)


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
        return "a .npz file" if _npz(folder) else f"all four files{_find_files(folder).note}"
    except DataError as error:
        return str(error)


def _cache_state() -> str:
    try:
        missing = missing_from_cache()
    except DataError as error:
        return str(error)
    return f"lacks {', '.join(missing)}" if missing else "all four files, checksums right"


@dataclass(frozen=True)
class _Files:
    """Four paths in the order of `CHECKSUMS`, and the part of EMNIST that they are, if any."""

    paths: list[Path]
    part: str = ""

    @property
    def note(self) -> str:
        return f" of EMNIST {self.part}" if self.part else ""


def _npz(place: Path) -> Path | None:
    """The ``.npz`` file that is named, or that a folder without IDX files holds by itself."""
    if place.suffix == ".npz" and os.path.isfile(place):
        return place
    if not os.path.isdir(place) or any(_spelled(place, stem) for stem in _STEMS):
        return None
    found = sorted(place.glob("*.npz"))
    return found[0] if len(found) == 1 else None


def _find_files(folder: Path) -> _Files:
    """Return the four files, whichever way they are spelled."""
    if not os.path.isdir(folder):  # unlike Path.is_dir, never an exception
        raise DataError(f"{folder}: expected a folder with MNIST's four files, found none; {_ADVICE}")
    prefix, part = "", ""
    if not any(_spelled(folder, stem) for stem in _STEMS):
        prefix, part = _emnist_prefix(folder)
    stems = [prefix + stem.replace("t10k", "test") for stem in _STEMS] if prefix else _STEMS
    found = {stem: _spelled(folder, stem) for stem in stems}
    missing = [stem for stem, path in found.items() if path is None]
    if missing:
        raise DataError(f"{folder}: lacks {', '.join(missing)} (plain or .gz); {_ADVICE}")
    return _Files([path for path in found.values() if path is not None], part)


def _emnist_prefix(folder: Path) -> tuple[str, str]:
    """Return the beginning of EMNIST's names here, "emnist-letters-", and the part, "letters"."""
    found = {match[1]: match[2] for match in map(_EMNIST.fullmatch, os.listdir(folder)) if match}
    if len(found) > 1:
        raise DataError(
            f"{folder}: holds the parts {', '.join(sorted(found.values()))} of EMNIST: put the files of one "
            "into a folder of their own"
        )
    return next(iter(found.items()), ("", ""))


def _spelled(folder: Path, stem: str) -> Path | None:
    # .gz first: in the cache that is the file whose checksum is right, whatever else lies there.
    names = [spelling + suffix for spelling in (stem, stem.replace("-idx", ".idx")) for suffix in (".gz", "")]
    # An archive may unpack to a folder of the file's name, with the file in it.
    places = [folder / name for name in names] + [folder / name / name for name in names]
    there = [place for place in places if os.path.exists(place)]
    return next((place for place in there if os.path.isfile(place)), there[0] if there else None)


def _load(
    place: Path, validation: int, name: str = "", origin: str = "", pixel_max: int = 255
) -> ImageDataset:
    """Read a place; by default its files decide what the data set is called."""
    npz = _npz(place)
    if npz:
        arrays = read_npz(npz)
        paths, part, usual = [npz / name for name in NAMES], "", (npz.stem, f"the arrays in {npz}")
    else:
        files = _find_files(place)
        paths, part = files.paths, files.part
        called = f"EMNIST {part}" if part else "MNIST" if not name and is_mnist(paths) else ""
        usual = (called or place.resolve().name, f"the IDX files in {place}")
        arrays = _read_arrays(place, paths)
    train_images, train_labels, test_images, test_labels = arrays
    require_labels(dict(zip(paths[1::2], (train_labels, test_labels))))
    name, origin = name or usual[0], origin or usual[1]
    if part or (name not in ("MNIST", "digits") and looks_transposed(train_images, train_labels)):
        train_images, test_images = exchange_axes(train_images), exchange_axes(test_images)
        origin = f"{origin}, {_EXCHANGED}"
    train_labels, test_labels, names = count_classes(train_labels, test_labels)
    training = _split(paths[:2], train_images, train_labels, pixel_max)
    test = _split(paths[2:], test_images, test_labels, pixel_max)
    train, held_out = cut_validation(training, validation)
    return ImageDataset(name, origin, train, held_out, test, len(names), place.resolve(), names)


def _read_arrays(folder: Path, paths: list[Path]) -> tuple[NDArray[Any], ...]:
    for path in paths:
        if not os.path.exists(path):  # gone since it was found
            raise DataError(f"{folder}: lacks {path.name.removesuffix('.gz')} (plain or .gz); {_ADVICE}")
    images, labels = paths[::2], paths[1::2]
    return tuple(
        read(path) for pair in zip(images, labels) for read, path in zip((read_images, read_labels), pair)
    )


def _split(paths: list[Path], images: NDArray[Any], labels: NDArray[np.uint8], pixel_max: int) -> Split:
    try:
        return Split(images, labels, pixel_max)
    except DataError as error:
        raise DataError(f"{paths[0]} with {paths[1].name}: {error}") from error
