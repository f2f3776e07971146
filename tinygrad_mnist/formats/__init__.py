"""Weights as safetensors; networks and whole training steps as ONNX."""

from tinygrad_mnist.formats.exporting import export
from tinygrad_mnist.formats.weights import load, save

__all__ = ["export", "load", "save"]


def __dir__() -> list[str]:
    return __all__
