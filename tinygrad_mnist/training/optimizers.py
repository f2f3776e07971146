"""Optimizers by name, for the command line, recipes and the estimator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_mnist import optim
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.training.named import read_call

OPTIMIZERS: dict[str, type[optim.Optimizer]] = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}
SGD_RATE = 0.2  # usual for a perceptron of MNIST
_OUTSIDE = ("params", "lr", "momentum", "weight_decay")  # the parentheses after the name


def named_optimizer(text: str) -> Callable[..., optim.Optimizer]:
    """Return the maker of an optimizer, given its name and settings: "adam(betas=(0.9, 0.99))".

    Raises
    ------
    ValueError
        If the text cannot be read, or names an optimizer or a setting that does not exist.
    """
    call = read_call("optimizer", text, OPTIMIZERS)
    maker = OPTIMIZERS[call.name]
    call.require_fit(maker, _OUTSIDE)
    return functools.partial(maker, **call.settings)


def takes_momentum(maker: Callable[..., optim.Optimizer]) -> bool:
    """Return True if an optimizer class or factory has a parameter `momentum`."""
    return "momentum" in inspect.signature(maker).parameters


def usual_rate(maker: Callable[..., optim.Optimizer]) -> float:
    """Return the usual learning rate of an optimizer."""
    given = inspect.signature(maker).parameters["lr"].default
    return SGD_RATE if given is inspect.Parameter.empty else float(given)


def build_optimizer(
    maker: Callable[..., optim.Optimizer],
    params: Iterable[Tensor],
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
    decay_biases: bool,
) -> optim.Optimizer:
    """Build an optimizer; one that takes no momentum is given none.

    Without `decay_biases`, parameters with fewer than two axes form a group without weight decay.
    """
    settings = {"momentum": momentum} if takes_momentum(maker) else {}
    given: Any = params
    if not decay_biases:
        listed = list(params)
        biases = [parameter for parameter in listed if parameter.ndim < 2]
        weights = [parameter for parameter in listed if parameter.ndim >= 2]
        given = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    return maker(given, lr=lr, weight_decay=weight_decay, **settings)
