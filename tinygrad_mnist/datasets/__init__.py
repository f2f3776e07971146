"""Bundled data sets (MNIST, 8 x 8 digits, iris), any data set in MNIST's files, pictures, and batches."""

from typing import TYPE_CHECKING

from tinygrad_mnist.datasets import augment
from tinygrad_mnist.datasets.framing import Framing
from tinygrad_mnist.datasets.idx import map_idx, read_idx, write_idx
from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split
from tinygrad_mnist.datasets.iris import Iris, load_iris
from tinygrad_mnist.datasets.loader import Loader
from tinygrad_mnist.datasets.mnist import load_digits, load_mnist
from tinygrad_mnist.datasets.rows import Concatenated
from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.hints import rooms as _rooms

__all__ = [
    "Concatenated",
    "Framing",
    "ImageDataset",
    "Iris",
    "Loader",
    "Split",
    "augment",
    "load_digits",
    "load_iris",
    "load_mnist",
    "map_idx",
    "read_idx",
    "write_idx",
]

if not TYPE_CHECKING:
    __dir__, __getattr__ = _lookups("datasets", _rooms.DATASETS, __all__)
