"""Data: MNIST or any set in its files, the embedded digits and flowers, the IDX format, batches."""

from tinygrad_mnist.datasets.framing import Framing
from tinygrad_mnist.datasets.idx import read_idx, write_idx
from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split
from tinygrad_mnist.datasets.iris import Iris, load_iris
from tinygrad_mnist.datasets.loader import Loader
from tinygrad_mnist.datasets.mnist import load_default, load_digits, load_mnist, survey

__all__ = [
    "Framing",
    "ImageDataset",
    "Iris",
    "Loader",
    "Split",
    "load_default",
    "load_digits",
    "load_iris",
    "load_mnist",
    "read_idx",
    "survey",
    "write_idx",
]
