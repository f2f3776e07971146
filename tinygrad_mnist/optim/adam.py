"""Adam and AdamW, with PyTorch's options and update formulas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.hints import hinted
from tinygrad_mnist.optim.optimizer import Optimizer, followed, kept


class Adam(Optimizer):
    """Adaptive moments: steps along a mean of the gradients, divided by the root of a mean of their squares.

    For each parameter p with the gradient g, at its update number t from 1 on (the formulas of
    ``torch.optim.Adam``; D. Kingma and J. Ba, Adam: a method for stochastic optimization, 2014)::

        g = -g                              with maximize
        g = g + weight_decay * p
        m = beta1 * m + (1 - beta1) * g     from 0 on
        v = beta2 * v + (1 - beta2) * g**2  from 0 on
        d = sqrt(v)                         with amsgrad that of the largest v so far
        p = p - lr / (1 - beta1**t) * m / (d / sqrt(1 - beta2**t) + eps)

    Parameters
    ----------
    params
        The leaf tensors to update, such as ``model.parameters()``, or groups, as `Optimizer` takes them.
    lr
        The learning rate.
    betas, eps, weight_decay, amsgrad, maximize
        As in the formulas.

    Raises
    ------
    ValueError, TypeError
        For settings out of their range, no parameters, or anything but leaf tensors.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> weight = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Adam([weight], lr=0.1)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([ 0.9, -1.9])
    """

    STATES: ClassVar = {"exp_avg": "m", "exp_avg_sq": "v", "max_exp_avg_sq": "v_max"}
    COUNTED: ClassVar = True
    DECOUPLED: ClassVar = False  # the weight decay from the gradient

    @hinted
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        settings = {"betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad}
        super().__init__(params, lr=lr, **settings, maximize=maximize)

    def update(self, p: Any, g: Any, state: Any, s: Any) -> None:
        """The formulas on the arrays of one parameter."""
        (beta1, beta2), t = s.betas, state.steps + 1
        g = followed(p, g, s, self.DECOUPLED)
        m, v = kept(state, "exp_avg", p), kept(state, "exp_avg_sq", p)
        m *= beta1
        m += np.multiply(g, 1 - beta1, state.scratch)
        v *= beta2
        v += np.multiply(np.multiply(g, g, state.scratch), 1 - beta2, state.scratch)
        if s.amsgrad:
            largest = kept(state, "max_exp_avg_sq", p)
            v = np.maximum(largest, v, out=largest)
        d = np.divide(np.sqrt(v, state.scratch), (1 - beta2**t) ** 0.5, state.scratch)
        d += s.eps
        np.divide(m, d, d)
        np.subtract(p, np.multiply(d, s.lr / (1 - beta1**t), d), p)


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameter itself, in place of entering the gradient.

    The formulas are those of `Adam` but for weight_decay, which comes before (``torch.optim.AdamW``;
    I. Loshchilov and F. Hutter, Decoupled weight decay regularization, 2019)::

        p = p * (1 - lr * weight_decay)

    Parameters
    ----------
    params, lr, betas, eps, weight_decay, amsgrad, maximize
        As `Adam` takes them; weight_decay is 0.01 by default.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> weight = Tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = AdamW([weight], lr=0.1, weight_decay=0.5)
    >>> (weight * weight).sum().backward()
    >>> optimizer.step()
    >>> weight.data
    array([ 0.85, -1.8 ])
    """

    DECOUPLED: ClassVar = True

    @hinted
    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize)
