"""Reverse-mode autodiff with a graph you can look into, and an MNIST perceptron trained by it."""

from tinygrad_mnist import errors, nn, optim
from tinygrad_mnist.autodiff import ops, transforms
from tinygrad_mnist.autodiff.modes import no_grad, scope
from tinygrad_mnist.autodiff.primitive import primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.autodiff.transforms import gradients as grad

__version__ = "0.1.0"

__all__ = ["Tensor", "errors", "grad", "nn", "no_grad", "ops", "optim", "primitive", "scope", "transforms"]
