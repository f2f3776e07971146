"""Reverse-mode autodiff with a graph you can look into, and an MNIST perceptron trained by it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_mnist import errors, nn, optim
from tinygrad_mnist.autodiff import ops, transforms
from tinygrad_mnist.autodiff.modes import no_grad, scope
from tinygrad_mnist.autodiff.primitive import primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.autodiff.transforms import gradients as grad
from tinygrad_mnist.hints import missing as _missing
from tinygrad_mnist.hints import tensors as _tensors

__version__ = "0.1.0"

__all__ = ["Tensor", "errors", "grad", "nn", "no_grad", "ops", "optim", "primitive", "scope", "transforms"]

# Loaded at first use: `import tinygrad_mnist` brings NumPy alone.
_LATER = (
    "by_hand",
    "checking",
    "datasets",
    "estimator",
    "experiments",
    "files",
    "graph",
    "program",
    "report",
    "training",
)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _LATER:
            return import_module(f"tinygrad_mnist.{name}")
        raise _missing("tinygrad_mnist", name, _tensors.TOP_LEVEL, lambda: [*__all__, *_LATER])
