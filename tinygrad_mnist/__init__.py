"""Backpropagation to watch, check and print: reverse-mode autodiff on NumPy, and an MNIST perceptron.

``nn`` and ``optim`` speak PyTorch (``dim``, ``state_dict``). ``ops`` and the methods of a `Tensor` speak
NumPy (``axis``, ``keepdims``). The transforms from `grad` to `hessian` speak JAX. PyTorch's gradient of a
computed tensor is `autograd.grad`.

Importing the package loads NumPy alone; its other parts load on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_mnist import autograd, errors, nn, optim
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import enable_grad, no_grad, scope
from tinygrad_mnist.autodiff.primitive import primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.autodiff.transforms import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from tinygrad_mnist.default_dtype import get_default_dtype, set_default_dtype
from tinygrad_mnist.denormals import set_flush_denormal
from tinygrad_mnist.hints import layers as _layers
from tinygrad_mnist.hints import missing as _missing
from tinygrad_mnist.hints import package as _package
from tinygrad_mnist.hints import tensors as _tensors
from tinygrad_mnist.seeding import manual_seed

if TYPE_CHECKING:
    from tinygrad_mnist import (
        by_hand,
        checking,
        datasets,
        doctor,
        estimator,
        formats,
        graph,
        learn,
        play,
        program,
        training,
    )
    from tinygrad_mnist.formats import export, load, load_pretrained, save
    from tinygrad_mnist.program import compile

__version__ = "0.1.0"

__all__ = [
    "Tensor",
    "autograd",
    "by_hand",
    "checking",
    "compile",
    "datasets",
    "doctor",
    "enable_grad",
    "errors",
    "estimator",
    "export",
    "formats",
    "get_default_dtype",
    "grad",
    "graph",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "learn",
    "load",
    "load_pretrained",
    "manual_seed",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "play",
    "primitive",
    "program",
    "save",
    "scope",
    "set_default_dtype",
    "set_flush_denormal",
    "training",
    "value_and_grad",
    "vjp",
]

_FUNCTIONS = {
    "compile": "program",
    **dict.fromkeys(("export", "load", "load_pretrained", "save"), "formats"),
}
# Rooms that the commands use: they load on first use too, and are not listed.
_INTERNAL = ("benchmark", "cli", "experiments", "files", "pages", "report")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _FUNCTIONS:
            globals()[name] = getattr(import_module(f"tinygrad_mnist.{_FUNCTIONS[name]}"), name)
            return globals()[name]
        if name in __all__ or name in _INTERNAL:
            return import_module(f"tinygrad_mnist.{name}")
        hints = {op: f"write `ops.{op}`" for op in ops.__all__} | _package.TOP_LEVEL
        if name not in hints and hasattr(import_module("numpy"), name):
            hints[name] = f"write `np.{name}`: arrays are made by NumPy"
        functions = {function: f"write `nn.functional.{function}`" for function in nn.functional.__all__}
        of_rooms = _tensors.TENSOR | _tensors.OPS | _layers.FUNCTIONAL | functions
        raise _missing("tinygrad_mnist", name, of_rooms | hints, lambda: __all__)
