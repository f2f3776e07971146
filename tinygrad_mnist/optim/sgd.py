"""Stochastic gradient descent, with PyTorch's options and update formulas."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.arguments import require_bool, require_number, shown
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.tensor import Tensor, next_serial
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints.networks import NotInOptimizer

SETTINGS = ("lr", "momentum", "dampening", "weight_decay", "nesterov")


class SGD(Observed, NotInOptimizer):
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

    OPEN = SETTINGS
    NUMBERS = ("lr", "momentum", "undampened", "weight_decay")  # what `update` takes from its `numbers`
    TERMS = ("weight_decay", "momentum", "dampening", "nesterov")  # each takes part unless it is 0 or False

    @hinted
    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        write = "write SGD(model.parameters(), lr=0.1)"
        if hasattr(params, "parameters") or not isinstance(params, Iterable):
            raise TypeError(f"params is {shown(params)}: expected the model's parameters; {write}")
        self.params = [params] if isinstance(params, Tensor) else list(params)
        if not self.params:
            raise ValueError("SGD was given no parameters: pass model.parameters()")
        for parameter in self.params:
            if isinstance(parameter, tuple | dict | str):
                write = "write model.parameters() (named_parameters() gives pairs, state_dict() arrays)"
                raise TypeError(f"params has {shown(parameter)}: expected leaf tensors; {write}")
            if not isinstance(parameter, Tensor) or not parameter.is_leaf:
                raise TypeError(
                    f"params has {shown(parameter)}: expected leaf tensors; write model.parameters()"
                )
        self.params = list({id(each): each for each in self.params}.values())  # each once
        for name, value in (("lr", lr), ("momentum", momentum), ("weight_decay", weight_decay)):
            require_number(name, value, low=0)
        require_number("dampening", dampening)
        require_bool("nesterov", nesterov)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("SGD with nesterov needs a momentum above 0 and no dampening")
        self.lr, self.momentum, self.dampening = lr, momentum, dampening
        self.weight_decay, self.nesterov = weight_decay, nesterov
        self.velocities: list[NDArray[Any] | None] = [None] * len(self.params)
        self._scratch: list[NDArray[Any] | None] = [None] * len(self.params)

    @property
    def undampened(self) -> float:
        """1 - dampening"""
        return 1 - self.dampening

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SETTINGS:
            # NumPy's own numbers would take the update of a float32 parameter to float64 and back.
            value = bool(value) if name == "nesterov" else float(value)
        super().__setattr__(name, value)

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.params:
            parameter.grad = None

    def step(self) -> None:
        """Update every parameter that has a gradient, in place; the gradients stay as they are."""
        capture = CAPTURE.get()
        if capture:
            capture.update(self)
            return
        for position, parameter in enumerate(self.params):
            gradient = parameter._grad
            if gradient is not None:
                scratch = self._scratch[position]
                if scratch is None:  # only now: a program has memory of its own
                    scratch = self._scratch[position] = np.empty_like(parameter._data)
                v = self.velocities[position]
                made = self.update(parameter._data, gradient, v, scratch, self)
                if v is None and made is not None:  # NumPy gives a number, not an array, without axes
                    self.velocities[position] = np.asarray(made)
                parameter.serial = next_serial()

    def update(self, p: Any, g: Any, v: Any, scratch: Any, numbers: Any) -> Any:
        """The formulas on one parameter's arrays, in place; returns the velocity.

        `numbers` has the attributes in `NUMBERS`: the optimizer, or what stands for it in a program.
        """
        if self.weight_decay:
            g = g + numbers.weight_decay * p
        if self.momentum:
            if v is None:
                v = g.copy()
            else:
                v *= numbers.momentum
                v += g if self.dampening == 0 else numbers.undampened * g
            g = g + numbers.momentum * v if self.nesterov else v
        np.subtract(p, np.multiply(g, numbers.lr, scratch), p)
        return v

    def state_dict(self) -> dict[str, Any]:
        """The settings by name, and copies of the velocities in the order of the parameters."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return {**settings, "velocities": [None if v is None else v.copy() for v in self.velocities]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what a ``state_dict`` holds; nothing is changed unless all of it fits.

        Raises
        ------
        CheckpointError
            When a setting is missing or unknown, or a velocity does not fit its parameter.
        """
        if set(state) != {*SETTINGS, "velocities"}:
            raise CheckpointError(
                f"the state of an SGD has {', '.join(SETTINGS)} and velocities, and this one {list(state)}"
            )
        for name in SETTINGS:
            kinds = (bool,) if name == "nesterov" else (int, float)
            if type(state[name]) not in kinds or not math.isfinite(state[name]):
                raise CheckpointError(f"the saved {name} is {shown(state[name])}")
        velocities = state["velocities"]
        if len(velocities) != len(self.params):
            raise CheckpointError(
                f"the saved optimizer has {len(velocities)} parameters, and this one {len(self.params)}"
            )
        for parameter, velocity in zip(self.params, velocities):
            if velocity is not None and velocity.shape != parameter.shape:
                raise CheckpointError(
                    f"a velocity has shape {velocity.shape} where it was saved, and its parameter "
                    f"{parameter._label()} {parameter.shape} here"
                )
        SGD(self.params, **{name: state[name] for name in SETTINGS})  # refuses what is no setting
        for name in SETTINGS:
            setattr(self, name, state[name])
        self.velocities[:] = [
            None if v is None else v.astype(p.dtype) for p, v in zip(self.params, velocities)
        ]

    def __repr__(self) -> str:
        return (
            f"SGD({len(self.params)} parameters, lr={self.lr}, momentum={self.momentum}, "
            f"dampening={self.dampening}, weight_decay={self.weight_decay}, nesterov={self.nesterov})"
        )
