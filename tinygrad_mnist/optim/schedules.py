"""Learning-rate schedules, under PyTorch's names: call ``step()`` after each epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tinygrad_mnist.arguments import require_number, require_whole, shown
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints.networks import NotInSchedule
from tinygrad_mnist.optim.optimizer import Optimizer


class LRScheduler(NotInSchedule):
    """Sets the optimizer's learning rate to ``rate(epoch)``, as subclasses define it."""

    @hinted
    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {shown(optimizer)}: expected an optimizer; write SGD(..., lr=0.1)")
        self.optimizer = optimizer
        self.initial = optimizer.lr
        self.epoch = 0

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0: here the initial one."""
        return self.initial

    def get_last_lr(self) -> list[float]:
        """Return the learning rate of the current epoch, in a list of one, as PyTorch does."""
        return [self.optimizer.lr]

    def step(self) -> None:
        """Go on to the next epoch's learning rate."""
        self.epoch += 1
        self.optimizer.lr = self.rate(self.epoch)

    def state_dict(self) -> dict[str, Any]:
        """The epoch it is in, and the learning rate it began with."""
        return {"epoch": self.epoch, "initial": self.initial}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another one was; the optimizer's learning rate is in its own state.

        Raises
        ------
        CheckpointError
            When the state is not of that kind.
        """
        fits = set(state) == {"epoch", "initial"} and type(state["epoch"]) is int and state["epoch"] >= 0
        if not fits or type(state["initial"]) not in (int, float) or not math.isfinite(state["initial"]):
            raise CheckpointError(
                f"the state of a schedule has epoch and initial, and this one is {shown(state)}"
            )
        self.epoch, self.initial = state["epoch"], state["initial"]


class StepLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every `step_size` epochs."""

    @hinted
    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        require_whole("step_size", step_size)
        require_number("gamma", gamma, low=0)
        self.step_size, self.gamma = step_size, gamma

    def rate(self, epoch: int) -> float:
        """initial * gamma ** (epoch // step_size)"""
        return float(self.initial * self.gamma ** (epoch // self.step_size))


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every epoch."""

    @hinted
    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer)
        require_number("gamma", gamma, low=0)
        self.gamma = gamma

    def rate(self, epoch: int) -> float:
        """initial * gamma ** epoch"""
        return float(self.initial * self.gamma**epoch)


class CosineAnnealingLR(LRScheduler):
    """Lowers the learning rate along half a cosine to `eta_min` at epoch `T_max`.

    I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, without the
    restarts.
    """

    @hinted
    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  PyTorch's
        super().__init__(optimizer)
        require_whole("T_max", T_max)
        require_number("eta_min", eta_min, low=0)
        self.T_max, self.eta_min = T_max, eta_min

    def rate(self, epoch: int) -> float:
        """eta_min + (initial - eta_min) * (1 + cos(pi * epoch / T_max)) / 2"""
        return self.eta_min + (self.initial - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2
