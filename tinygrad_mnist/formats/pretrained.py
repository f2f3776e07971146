"""Trained networks that come with this package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.files.tensors import load_tensors
from tinygrad_mnist.hints import hinted

_FOLDER = Path(__file__).with_name("pretrained")
_MOST_BYTES = 2**24


@hinted
def load_pretrained(name: str) -> nn.Sequential:
    """Return a trained network that comes with this package.

    Parameters
    ----------
    name : {"record"}
        "record": the perceptron of ``tinygrad-mnist reproduce record`` that has the fewest errors on images
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
    layers = sorted({int(key.split(".")[0]) for key in tensors})
    shapes = [tensors[f"{layer}.weight"].shape for layer in layers]
    sizes = [shapes[0][1], *(fan_out for fan_out, _ in shapes)]
    # Start from zeros: random numbers would be drawn in vain.
    perceptron = nn.perceptron(
        sizes, weight_init=lambda shape, rng: np.broadcast_to(0.0, shape), dtype=np.float32
    )
    model = nn.Sequential(nn.Flatten(), *perceptron)
    model.load_state_dict({key: array.astype(np.float32) for key, array in tensors.items()})
    return model.eval()
