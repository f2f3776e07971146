"""RMSprop, with PyTorch's options and update formulas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.hints import hinted
from tinygrad_mnist.optim.optimizer import Optimizer, followed, kept


class RMSprop(Optimizer):
    """Gradients divided by the root of a mean of their squares.

    For each parameter p with the gradient g (the formulas of ``torch.optim.RMSprop``; T. Tieleman and
    G. Hinton, Lecture 6.5: rmsprop, 2012; centered: A. Graves, Generating sequences with recurrent neural
    networks, 2013)::

        g = -g                              with maximize
        g = g + weight_decay * p
        v = alpha * v + (1 - alpha) * g**2  from 0 on
        m = alpha * m + (1 - alpha) * g     from 0 on, with centered
        d = sqrt(v) + eps                   with centered sqrt(max(v - m**2, 0)) + eps
        b = momentum * b + g / d            from 0 on
        p = p - lr * b

    Parameters
    ----------
    params
        The leaf tensors to update, such as ``model.parameters()``, or groups, as `Optimizer` takes them.
    lr
        The learning rate.
    alpha, eps, weight_decay, momentum, centered, maximize
        As in the formulas.

    Raises
    ------
    ValueError, TypeError
        For settings out of their range, no parameters, or anything but leaf tensors.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> weight = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = RMSprop([weight], lr=0.1, alpha=0.75)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([ 0.8, -1.8])
    """

    STATES: ClassVar = {"square_avg": "v", "momentum_buffer": "b", "grad_avg": "m"}

    @hinted
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        maximize: bool = False,
    ) -> None:
        settings = {"alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, lr=lr, **settings, centered=centered, maximize=maximize)

    def update(self, p: Any, g: Any, state: Any, s: Any) -> None:
        """The formulas on the arrays of one parameter."""
        g, v = followed(p, g, s), kept(state, "square_avg", p)
        v *= s.alpha
        v += np.multiply(np.multiply(g, g, state.scratch), 1 - s.alpha, state.scratch)
        if s.centered:
            m = kept(state, "grad_avg", p)
            m *= s.alpha
            m += np.multiply(g, 1 - s.alpha, state.scratch)
            v = np.subtract(v, np.multiply(m, m, state.scratch), state.scratch)
            v = np.maximum(v, 0, out=state.scratch)  # rounding makes the variance of equal gradients negative
        d = np.sqrt(v, state.scratch)
        d += s.eps
        step = np.divide(g, d, d)
        if s.momentum:
            b = kept(state, "momentum_buffer", p)
            b *= s.momentum
            b += step
            step = b
        np.subtract(p, np.multiply(step, s.lr, state.scratch), p)
