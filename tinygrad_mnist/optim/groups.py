"""Parameters in groups, with their settings and what is kept for them between updates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_bool, require_number, shown
from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.typing import Array

FLAGS = ("nesterov", "amsgrad", "centered", "maximize")
_SIGNED = ("dampening",)


class Entries(Observed):
    """Attributes that are read and set by name in brackets too: ``group["lr"] = 0.01``, as in PyTorch."""

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


class ParameterGroup(Entries):
    """Parameters that share their settings.

    Attributes
    ----------
    params : tuple of Tensor
        The parameters.
    states : tuple of ParameterState
        What is kept for each of them.
    OPEN : tuple of str
        The names of the settings, each an attribute.
    """

    params: tuple[Tensor, ...]
    states: tuple[ParameterState, ...]
    lr: float

    def __init__(
        self, params: tuple[Tensor, ...], settings: Mapping[str, Any], arrays: Iterable[str]
    ) -> None:
        self.OPEN = tuple(settings)
        self.params = params
        self.states = tuple(ParameterState(arrays) for _ in params)
        for name, value in settings.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.OPEN:  # NumPy's own numbers would take the update of a float32 array to float64
            is_pair = isinstance(value, tuple | list)
            value = bool(value) if name in FLAGS else tuple(map(float, value)) if is_pair else float(value)
        super().__setattr__(name, value)

    # The rate before a schedule, the first one that it set, and the one that its beginning leads to.
    begun: tuple[float, float, float] | None = None

    def before_schedule(self) -> float:
        """The learning rate that a schedule begins with: not what another one has set at its beginning."""
        return self.begun[0] if self.begun is not None and self.begun[1] == self.lr else self.lr

    def after_warm_up(self) -> float:
        """The learning rate that a schedule leads to, if it has only begun; else the present one."""
        return self.begun[2] if self.begun is not None and self.begun[1] == self.lr else self.lr

    def settings(self) -> dict[str, Any]:
        """The settings by name."""
        return {name: getattr(self, name) for name in self.OPEN}


class ParameterState(Entries):
    """State of a parameter between updates: arrays of its shape, each None until it is made.

    Attributes
    ----------
    steps : int
        The updates so far, if the optimizer counts them.
    scratch : array
        Memory for results on the way, whose elements mean nothing between updates.
    """

    OPEN = ("scratch", "steps")

    def __init__(self, arrays: Iterable[str]) -> None:
        self._arrays = tuple(arrays)
        self.scratch: Array | None = None
        self.forget()

    def forget(self) -> None:
        """Begin anew, as before the first update."""
        self.steps = 0
        for name in self._arrays:
            setattr(self, name, None)

    def arrays(self) -> dict[str, Array]:
        """The arrays that were made, by name."""
        found = {name: getattr(self, name) for name in self._arrays}
        return {name: array for name, array in found.items() if array is not None}

    def __setattr__(self, name: str, value: Any) -> None:
        # NumPy gives a number, not an array, where a parameter has no axes.
        super().__setattr__(name, np.asarray(value) if isinstance(value, np.generic) else value)


def require_setting(name: str, value: Any) -> None:
    """Refuse a setting that is not of its kind.

    Raises
    ------
    TypeError, ValueError
        If a flag is not True or False, or a number is infinite or negative; a dampening may be negative, and
        betas are two numbers below 1.
    """
    if name in FLAGS:
        require_bool(name, value)
    elif name == "betas":
        if not isinstance(value, tuple | list) or len(value) != 2:
            raise TypeError(f"betas is {shown(value)}: expected two numbers; write betas=(0.9, 0.999)")
        for i, beta in enumerate(value):
            require_number(f"betas[{i}]", beta, low=0, below=1)
    else:
        require_number(name, value, low=-math.inf if name in _SIGNED else 0)


def leaves_once(params: list[Any]) -> tuple[Tensor, ...]:
    """Return the leaf tensors, each once; refuse everything else."""
    for parameter in params:
        if isinstance(parameter, tuple | dict | str):
            write = "write model.parameters() (named_parameters() gives pairs, state_dict() arrays)"
            raise TypeError(f"params has {shown(parameter)}: expected leaf tensors; {write}")
        if not isinstance(parameter, Tensor) or not parameter.is_leaf:
            raise TypeError(f"params has {shown(parameter)}: expected leaf tensors; write model.parameters()")
    return tuple({id(each): each for each in params}.values())
