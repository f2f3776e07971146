"""Stochastic gradient descent, with PyTorch's options and update formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff.tensor import Tensor


class SGD:
    """Stochastic gradient descent.

    For each parameter p with the gradient g, at step t (the formulas of ``torch.optim.SGD``)::

        g = g + weight_decay * p
        v = g                               at the first step
        v = momentum * v + (1 - dampening) * g   at later ones
        g = g + momentum * v                with nesterov, else g = v
        p = p - lr * g

    Parameters
    ----------
    parameters
        The tensors to update, such as ``model.parameters()``.
    lr
        The learning rate.
    momentum, dampening, weight_decay, nesterov
        As in the formulas.

    Raises
    ------
    ValueError
        For negative or infinite numbers, no parameters, or nesterov without momentum or with dampening.
    TypeError
        When something else than leaf tensors is to be updated.

    Examples
    --------
    >>> weight = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([0.8, 1.6])
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        self.parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        if not self.parameters:
            raise ValueError("SGD was given no parameters: pass model.parameters()")
        for parameter in self.parameters:
            if not isinstance(parameter, Tensor) or not parameter.is_leaf:
                raise TypeError(
                    f"SGD updates leaf tensors such as model.parameters(), and was given {parameter!r}"
                )
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            if not 0 <= value < math.inf:
                raise ValueError(f"SGD needs a finite {name} >= 0, and it is {value}")
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("SGD with nesterov needs a momentum above 0 and no dampening")
        self.lr, self.momentum, self.dampening = lr, momentum, dampening
        self.weight_decay, self.nesterov = weight_decay, nesterov
        self.velocities: list[NDArray[Any] | None] = [None] * len(self.parameters)
        self._scratch = [np.empty_like(parameter.data) for parameter in self.parameters]

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient, in place; the gradients stay as they are."""
        for position, parameter in enumerate(self.parameters):
            if parameter.grad is not None:
                direction = self._direction(position, parameter.grad, parameter.data)
                change = np.multiply(direction, self.lr, out=self._scratch[position])
                parameter.change_in_place(np.subtract, change)

    def _direction(self, position: int, g: NDArray[Any], p: NDArray[Any]) -> NDArray[Any]:
        if self.weight_decay:
            g = g + self.weight_decay * p
        if not self.momentum:
            return g
        v = self.velocities[position]
        if v is None:
            v = self.velocities[position] = g.copy()
        else:
            v *= self.momentum
            v += g if self.dampening == 0 else (1 - self.dampening) * g
        return g + self.momentum * v if self.nesterov else v

    def __repr__(self) -> str:
        return (
            f"SGD({len(self.parameters)} parameters, lr={self.lr}, momentum={self.momentum}, "
            f"dampening={self.dampening}, weight_decay={self.weight_decay}, nesterov={self.nesterov})"
        )
