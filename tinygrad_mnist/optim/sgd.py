"""Stochastic gradient descent, with PyTorch's options and update formulas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.hints import hinted
from tinygrad_mnist.optim.optimizer import Optimizer


class SGD(Optimizer):
    """Stochastic gradient descent.

    For each parameter p with the gradient g, at step t (the formulas of ``torch.optim.SGD``)::

        g = g + weight_decay * p
        v = g                               at the first step
        v = momentum * v + (1 - dampening) * g   at later ones
        g = g + momentum * v                with nesterov, else g = v
        p = p - lr * g

    Parameters
    ----------
    params
        The leaf tensors to update, such as ``model.parameters()``; one that is listed twice is updated once.
    lr
        The learning rate.
    momentum, dampening, weight_decay, nesterov
        As in the formulas.

    Raises
    ------
    ValueError
        For negative or infinite numbers, no parameters, or nesterov without momentum or with dampening.
    TypeError
        If a parameter is not a leaf tensor.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> weight = Tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([0.8, 1.6])
    """

    STATES: ClassVar = {"velocity": "v"}

    @hinted
    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        settings = {"momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, lr=lr, **settings, nesterov=nesterov)

    def _require(self, settings: Mapping[str, Any]) -> None:
        super()._require(settings)
        if settings["nesterov"] and (settings["momentum"] == 0 or settings["dampening"] != 0):
            raise ValueError("SGD with nesterov needs a momentum above 0 and no dampening")

    def update(self, p: Any, g: Any, state: Any, s: Any) -> None:
        """The formulas on the arrays of one parameter."""
        if s.weight_decay:
            g = g + s.weight_decay * p
        if s.momentum:
            v = state.velocity
            if v is None:
                v = state.velocity = g.copy()
            else:
                v *= s.momentum
                v += (1 - s.dampening) * g if s.dampening else g
            g = g + s.momentum * v if s.nesterov else v
        np.subtract(p, np.multiply(g, s.lr, state.scratch), p)
