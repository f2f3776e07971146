"""Bundled data sets (MNIST, 8 x 8 digits, iris), any data set in MNIST's files, pictures, and batches."""

from typing import TYPE_CHECKING, Any

from tinygrad_mnist.datasets.framing import Framing
from tinygrad_mnist.datasets.idx import read_idx, write_idx
from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split
from tinygrad_mnist.datasets.iris import Iris, load_iris
from tinygrad_mnist.datasets.loader import Loader
from tinygrad_mnist.datasets.mnist import load_digits, load_mnist
from tinygrad_mnist.hints import missing as _missing
from tinygrad_mnist.hints import rooms as _rooms

__all__ = [
    "Framing",
    "ImageDataset",
    "Iris",
    "Loader",
    "Split",
    "load_digits",
    "load_iris",
    "load_mnist",
    "read_idx",
    "write_idx",
]


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise _missing("datasets", name, _rooms.DATASETS, lambda: __all__)
