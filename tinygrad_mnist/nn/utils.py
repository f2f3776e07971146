"""Clipping of gradients between ``backward()`` and ``optimizer.step()``, as ``torch.nn.utils`` does it.

Both work inside a compiled step too, with the same bits.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.hints import hinted, lookups, networks

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


@hinted
def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> Any:
    """Scale all gradients so that their common norm is at most `max_norm`.

    With the norm n of the gradients as one vector, each is multiplied by ``min(1, max_norm / (n + 1e-6))``
    (R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural networks, 2013; as
    in ``torch.nn.utils.clip_grad_norm_``).

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    max_norm : float
        Largest norm, above 0.
    norm_type : float, default 2.0
        p of the p-norm; ``float("inf")`` for the largest element.

    Returns
    -------
    scalar
        The norm before; 0.0 if there is no gradient.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a Tensor, or a number is not above 0.

    Examples
    --------
    >>> weight = Tensor([3.0, 4.0], requires_grad=True)
    >>> weight.grad = np.array([3.0, 4.0])
    >>> float(clip_grad_norm_([weight], max_norm=1.0))
    5.0
    >>> weight.grad.round(4)
    array([0.6, 0.8])
    """
    _require_positive("max_norm", max_norm)
    _require_positive("norm_type", norm_type)
    clipped = _with_gradients(parameters)
    if not clipped:
        return 0.0
    norms = [_norm(tensor.grad, norm_type) for tensor in clipped]
    norm = norms[0] if len(norms) == 1 else _joined(norms, norm_type)
    factor = np.minimum(max_norm / (norm + 1e-6), 1.0)
    for tensor in clipped:
        gradient: Any = tensor.grad
        tensor.grad = gradient * factor.astype(gradient.dtype)
    return norm


@hinted
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Clip each element of all gradients to the interval from ``-clip_value`` to ``clip_value``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Those without a gradient are left out.
    clip_value : float
        Largest absolute value, above 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a Tensor, or the value is not above 0.

    Examples
    --------
    >>> weight = Tensor([1.0, 2.0], requires_grad=True)
    >>> weight.grad = np.array([3.0, -0.5])
    >>> clip_grad_value_([weight], 1.0)
    >>> weight.grad
    array([ 1. , -0.5])
    """
    _require_positive("clip_value", clip_value)
    for tensor in _with_gradients(parameters):
        gradient: Any = tensor.grad
        tensor.grad = np.clip(gradient, -float(clip_value), float(clip_value))


def clip(parameters: Iterable[Tensor], clip_norm: float | None, clip_value: float | None) -> None:
    """Clip gradients as `fit` does, by value and then by norm; None for no bound."""
    if clip_value is not None:
        clip_grad_value_(parameters, clip_value)
    if clip_norm is not None:
        clip_grad_norm_(parameters, clip_norm)


def _norm(gradient: Any, p: float) -> Any:
    """Return the p-norm of all elements."""
    if p == 2:
        return np.sqrt(np.sum(gradient * gradient))
    sizes = np.abs(gradient)
    return np.max(sizes, initial=0.0) if np.isinf(p) else np.power(np.sum(np.power(sizes, p)), 1 / p)


def _joined(norms: list[Any], p: float) -> Any:
    """Return the p-norm of several arrays together, from that of each."""
    if np.isinf(p):
        return functools.reduce(np.maximum, norms)
    if p == 2:
        return np.sqrt(functools.reduce(np.add, [norm * norm for norm in norms]))
    return np.power(functools.reduce(np.add, [np.power(norm, p) for norm in norms]), 1 / p)


def _with_gradients(parameters: Any) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    if hasattr(listed, "parameters") or not isinstance(listed, Iterable):
        write = "write model.parameters()"
        raise TypeError(f"parameters is {shown(parameters)}: expected the model's parameters; {write}")
    found = list({id(tensor): tensor for tensor in listed}.values())
    for tensor in found:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"parameters has {shown(tensor)}: expected Tensors; write model.parameters()")
    return [tensor for tensor in found if tensor.grad is not None]


def _require_positive(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{name} is {shown(value)}: expected a number > 0")
    if not value > 0:
        raise ValueError(f"{name} is {value}: expected a number > 0")


if not TYPE_CHECKING:
    __dir__, __getattr__ = lookups("nn.utils", networks.UTILS, __all__)
