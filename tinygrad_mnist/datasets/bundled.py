"""Image data sets that are bundled with this package, each in a folder with its SOURCE.md.

`CHECKSUMS` holds the SHA-256 of MNIST's files: training images, training labels, test images, test labels.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_BYTES = 2**24  # of one of MNIST's files, gzipped
_HERE = Path(__file__).resolve().parent
BUNDLED = {"MNIST": _HERE / "mnist", "digits": _HERE / "digits"}
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def is_mnist(files: Sequence[Path]) -> bool:
    """Return True if the four files, in the order of `CHECKSUMS`, are MNIST's own.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    if not all(path.is_file() and path.stat().st_size <= _MOST_BYTES for path in files):
        return False  # the parts of a data set, or one beyond memory
    return all(_sha256(path) == expected for path, expected in zip(files, CHECKSUMS.values(), strict=True))


def _sha256(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; check its permissions") from error
