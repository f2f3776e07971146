"""Checks of a model and a loss before they are used."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.nn import class_losses, losses
from tinygrad_mnist.nn.module import Module

LOSSES = tuple(
    kind
    for module in (losses, class_losses)
    for kind in vars(module).values()
    if isinstance(kind, type) and kind.__module__ == module.__name__
)


def require_model(model: Any, order: str) -> None:
    """Refuse a model that is not a network.

    Parameters
    ----------
    model : object
        Value that the caller took for a network.
    order : str
        Correct call with its arguments in order, for the message.

    Raises
    ------
    TypeError
        If `model` is a class, a loss, or not a module.
    """
    refuse_class("model", model)
    if not isinstance(model, Module):
        raise TypeError(f"model is {shown(model)}: expected an nn.Module; write {order}")
    if isinstance(model, LOSSES):
        raise TypeError(f"model is the loss {shown(model)}: expected the network; write {order}")


def require_loss(loss: Any, order: str) -> None:
    """Refuse a loss that cannot be called as ``loss(output, target)``.

    Raises
    ------
    TypeError
        If `loss` is a class or cannot be called.
    """
    refuse_class("loss", loss)
    if not callable(loss):
        expected = "expected a loss such as nn.CrossEntropyLoss()"
        raise TypeError(f"loss is {shown(loss)}: {expected}; write {order}")


def refuse_class(name: str, value: Any) -> None:
    """Refuse a class where one of its objects is expected.

    Raises
    ------
    TypeError
        If `value` is a class.
    """
    if isinstance(value, type):
        raise TypeError(
            f"{name} is the class {value.__name__}: expected an object; did you mean {value.__name__}(...)?"
        )
