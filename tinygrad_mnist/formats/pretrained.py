"""Trained networks that come with this package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.files.tensors import load_tensors
from tinygrad_mnist.hints import hinted

KERNELS, HIDDEN = (24, 48), 256
_WINDOW, _PLACES = 5, 4 * 4  # 28 pixels, 24 after a window of 5, 12 pooled, 8, 4
_FOLDER = Path(__file__).with_name("pretrained")
_MOST_BYTES = 2**24


def digit_network(
    kernels: tuple[int, int] = KERNELS,
    hidden: int = HIDDEN,
    dropout: float = 0.0,
    rng: np.random.Generator | int | None = None,
) -> nn.Sequential:
    """Build the network of the record, LeNet's kind: two convolutions, each pooled, and a perceptron.

    The results of its first three layers are normalized over the batch.

    Parameters
    ----------
    kernels : tuple of int
        Number of windows in the first and in the second convolution, 5 x 5 pixels each.
    hidden : int
        Units of the perceptron's hidden layer.
    dropout : float
        Probability that an input of a layer of the perceptron is set to 0 in training.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the first weights and of the dropout.

    Returns
    -------
    Sequential
        Float32 images (n, 28, 28) -> logits (n, 10).

    Examples
    --------
    >>> images = np.zeros((5, 28, 28), np.float32)
    >>> digit_network((2, 3), hidden=4, rng=0)(images).shape
    (5, 10)
    """
    rng = np.random.default_rng(rng)
    first, second = kernels
    common: dict[str, Any] = {"bias": False, "rng": rng, "dtype": np.float32}
    return nn.Sequential(
        nn.Unflatten(0, (-1, 1)),
        nn.Conv2d(1, first, _WINDOW, **common),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(first, dtype=np.float32),
        nn.ReLU(),
        nn.Conv2d(first, second, _WINDOW, **common),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(second, dtype=np.float32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout, rng=rng.spawn(1)[0]),
        nn.Linear(second * _PLACES, hidden, **common),
        nn.BatchNorm1d(hidden, dtype=np.float32),
        nn.ReLU(),
        nn.Dropout(dropout, rng=rng.spawn(1)[0]),
        nn.Linear(hidden, 10, rng=rng, dtype=np.float32),
    )


@hinted
def load_pretrained(name: str) -> nn.Sequential:
    """Return a trained network that comes with this package.

    Parameters
    ----------
    name : {"record"}
        "record": the network of ``tinygrad-mnist reproduce record`` that has the fewest errors on images
        held out from its training.

    Returns
    -------
    Sequential
        In evaluation mode, with float32 parameters that were saved as float16.  Inputs are MNIST's images
        (n, 28, 28), scaled to [0, 1] with ink as 1; outputs (n, 10) are logits of the digits.

    Raises
    ------
    ValueError
        If there is no network of this name.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_mnist
    >>> images, labels = load_mnist().test
    >>> load_pretrained("record")(images[:8]).data.argmax(axis=1).tolist(), labels[:8].tolist()
    ([7, 2, 1, 0, 4, 1, 4, 9], [7, 2, 1, 0, 4, 1, 4, 9])
    """
    require_choice("name", name, sorted(path.stem for path in _FOLDER.glob("*.safetensors")))
    tensors, _ = load_tensors(_FOLDER / f"{name}.safetensors", max_bytes=_MOST_BYTES)
    model = digit_network(rng=0)
    model.load_state_dict(tensors)
    return model.eval()
