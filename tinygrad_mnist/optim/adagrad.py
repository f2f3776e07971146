"""Adagrad, with PyTorch's options and update formulas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.hints import hinted
from tinygrad_mnist.optim.optimizer import Optimizer, followed, kept


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all their squares so far.

    For each parameter p with the gradient g, at its update number t from 1 on (the formulas of
    ``torch.optim.Adagrad``; J. Duchi, E. Hazan and Y. Singer, Adaptive subgradient methods, 2011)::

        g = -g                              with maximize
        g = g + weight_decay * p
        v = v + g**2                        from initial_accumulator_value on
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(v) + eps)

    Parameters
    ----------
    params
        The leaf tensors to update, such as ``model.parameters()``, or groups, as `Optimizer` takes them.
    lr
        The learning rate.
    lr_decay, weight_decay, initial_accumulator_value, eps, maximize
        As in the formulas.

    Raises
    ------
    ValueError, TypeError
        For settings out of their range, no parameters, or anything but leaf tensors.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> weight = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adagrad([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([ 0.9, -1.9])
    """

    STATES: ClassVar = {"sum": "v"}
    COUNTED: ClassVar = True

    @hinted
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        maximize: bool = False,
    ) -> None:
        settings = {"lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps, "maximize": maximize}
        super().__init__(params, lr=lr, initial_accumulator_value=initial_accumulator_value, **settings)

    def update(self, p: Any, g: Any, state: Any, s: Any) -> None:
        """The formulas on the arrays of one parameter."""
        is_first = state.sum is None
        g, v = followed(p, g, s), kept(state, "sum", p)
        if is_first:
            v += s.initial_accumulator_value
        v += np.multiply(g, g, state.scratch)
        d = np.sqrt(v, state.scratch)
        d += s.eps
        np.divide(g, d, d)
        np.subtract(p, np.multiply(d, s.lr / (1 + state.steps * s.lr_decay), d), p)
