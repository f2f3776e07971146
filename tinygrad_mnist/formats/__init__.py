"""Weights as safetensors, some of them trained and in the package; networks and training steps as ONNX."""

from tinygrad_mnist.formats.exporting import export
from tinygrad_mnist.formats.pretrained import load_pretrained
from tinygrad_mnist.formats.weights import load, save

__all__ = ["export", "load", "load_pretrained", "save"]


def __dir__() -> list[str]:
    return __all__
