"""A network that comes with the package, as a reader of pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.datasets import Framing
from tinygrad_mnist.formats import load_pretrained
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class Pretrained:
    """A trained network of MNIST's digits, with what `Run` tells of its data."""

    name: str
    model: nn.Sequential
    image_shape: tuple[int, int] = (28, 28)
    pixel_max: int = 255
    framing: Framing = field(default_factory=lambda: Framing.of_mnist((28, 28)))
    class_names: tuple[str, ...] = tuple("0123456789")

    @classmethod
    def load(cls, name: str) -> Pretrained:
        """Load the network of this name."""
        return cls(name, load_pretrained(name))

    def __str__(self) -> str:
        return f"the network {self.name!r} of the package, of {self.model.num_parameters():,} parameters,"

    def probabilities(self, images: Array) -> Array:
        """Return the probability of each digit for images (n, height, width): (n, 10)."""
        with no_grad():
            return np.asarray(ops.softmax(self.model(images).data))
