"""Optimizers by the names of the command line and of the estimator."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable

from tinygrad_mnist import optim
from tinygrad_mnist.autodiff.tensor import Tensor

OPTIMIZERS: dict[str, type[optim.Optimizer]] = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}


def takes_momentum(maker: Callable[..., optim.Optimizer]) -> bool:
    """Return True if an optimizer class or factory has a parameter `momentum`."""
    return "momentum" in inspect.signature(maker).parameters


def usual_rate(name: str) -> float:
    """Return the learning rate with which an optimizer usually learns."""
    given = inspect.signature(OPTIMIZERS[name]).parameters["lr"].default
    return 0.1 if given is inspect.Parameter.empty else float(given)


def build_optimizer(
    maker: Callable[..., optim.Optimizer],
    params: Iterable[Tensor],
    *,
    lr: float,
    momentum: float,
    weight_decay: float,
) -> optim.Optimizer:
    """Build an optimizer; one that takes no momentum is given none."""
    settings = {"momentum": momentum} if takes_momentum(maker) else {}
    return maker(params, lr=lr, weight_decay=weight_decay, **settings)
