"""Labelled images on disk, in four IDX files or one ``.npz`` file: found under any of their usual names."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.datasets.bundled import CHECKSUMS
from tinygrad_mnist.datasets.idx import SMALL, as_data_error, is_gzipped, map_idx, read_idx, require_images
from tinygrad_mnist.datasets.labels import read_labels
from tinygrad_mnist.datasets.npz import NAMES, read_npz
from tinygrad_mnist.datasets.rows import Concatenated
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from pathlib import Path


_STEMS = tuple(name.removesuffix(".gz") for name in CHECKSUMS)
_EMNIST = re.compile(r"(emnist-(\w+)-)train-images[-.]idx3-ubyte(\.gz)?")
_ADVICE = "name another, or none to load the bundled MNIST"


@dataclass(frozen=True)
class ImageFiles:
    """Paths of training images, training labels, test images and test labels.

    Parameters
    ----------
    paths : tuple of Path
        In that order. An array of a ``.npz`` file has its path followed by the array's name. A folder has
        the parts of a file, one behind the other.
    npz : Path, optional
        The file that holds all four.
    emnist : str
        The part of EMNIST, such as ``"letters"``, if the files have EMNIST's names.
    """

    paths: tuple[Path, ...]
    npz: Path | None = None
    emnist: str = ""

    @classmethod
    def find(cls, source: Path) -> ImageFiles:
        """Find the files in a folder, plain or gzipped, or take the ``.npz`` file that is named.

        Raises
        ------
        DataError
            If the folder or a file is missing, or it contains several parts of EMNIST.
        """
        npz = _npz(source)
        if npz:
            return cls(tuple(npz / name for name in NAMES), npz)
        if not os.path.isdir(source):  # unlike Path.is_dir, it never raises
            raise DataError(
                f"{source}: expected a folder with MNIST's four files or a .npz file, found none; {_ADVICE}"
            )
        prefix, part = ("", "") if _has_mnist_names(source) else _emnist_prefix(source)
        stems = [prefix + stem.replace("t10k", "test") for stem in _STEMS] if prefix else _STEMS
        found = {stem: _spelled(source, stem) for stem in stems}
        missing = [stem for stem, path in found.items() if path is None]
        if missing:
            raise DataError(f"{source}: lacks {', '.join(missing)} (plain or .gz); {_ADVICE}")
        return cls(tuple(path for path in found.values() if path is not None), emnist=part)

    def read(self) -> tuple[Array, ...]:
        """Read the arrays, in the order of `paths`; images that take more than 64 MiB are mapped if plain.

        Raises
        ------
        DataError
            If a file is damaged, or holds anything but images of uint8 or labels of integers.
        """
        if self.npz:
            return read_npz(self.npz)
        readers = (_images, _labels) * 2
        return tuple(read(_parts(path)) for read, path in zip(readers, self.paths, strict=True))


def _parts(path: Path) -> list[Path]:
    """Return the files in a folder that has the name of a file, in order; else the path itself."""
    if not os.path.isdir(path):
        return [path]
    with as_data_error(path):
        parts = sorted((part for part in path.iterdir() if not part.name.startswith(".")), key=_in_order)
    if not parts:
        raise DataError(f"{path} is an empty folder: expected a file, or the parts of one")
    return parts


def _in_order(part: Path) -> list[str | int]:
    """Return the words and numbers of a name: part-2 comes before part-10."""
    return [int(text) if i % 2 else text for i, text in enumerate(re.split("([0-9]+)", part.name))]


def _images(parts: list[Path]) -> Any:
    """Read images, and map uncompressed files that are larger than `SMALL` together."""
    plain = {path for path in parts if os.path.isfile(path) and not is_gzipped(path)}
    is_large = sum(os.path.getsize(path) for path in plain) > SMALL
    arrays: list[Array] = []
    for path in parts:
        shape = arrays[0].shape[1:] if arrays else None
        read = map_idx if is_large and path in plain else read_idx
        arrays.append(read(path, partial(require_images, path, shape)))
    if len(arrays) == 1:
        return arrays[0]
    whole = Concatenated(arrays)
    return whole if is_large else np.asarray(whole)


def _labels(parts: list[Path]) -> Array:
    arrays = [read_labels(path) for path in parts]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _has_mnist_names(folder: Path) -> bool:
    return any(_spelled(folder, stem) for stem in _STEMS)


def _npz(source: Path) -> Path | None:
    """Return the ``.npz`` file that is named, or the only one of a folder without IDX files."""
    if source.suffix == ".npz" and os.path.isfile(source):
        return source
    if not os.path.isdir(source) or _has_mnist_names(source):
        return None
    found = sorted(source.glob("*.npz"))
    return found[0] if len(found) == 1 else None


def _emnist_prefix(folder: Path) -> tuple[str, str]:
    """Return the beginning of EMNIST's names here, "emnist-letters-", and the part, "letters"."""
    found = {match[1]: match[2] for match in map(_EMNIST.fullmatch, os.listdir(folder)) if match}
    if len(found) > 1:
        raise DataError(
            f"{folder}: holds the parts {', '.join(sorted(found.values()))} of EMNIST: put the files of one "
            "into another folder"
        )
    return next(iter(found.items()), ("", ""))


def _spelled(folder: Path, stem: str) -> Path | None:
    """Return the path of a file, however it is spelled; a gzipped one comes first."""
    names = [spelling + suffix for spelling in (stem, stem.replace("-idx", ".idx")) for suffix in (".gz", "")]
    # An archive may unpack to a folder of the file's name, with the file in it.
    paths = [folder / name for name in names] + [folder / name / name for name in names]
    there = [path for path in paths if os.path.exists(path)]
    return next((path for path in there if os.path.isfile(path)), there[0] if there else None)
