"""Learning-rate schedules, under PyTorch's names: call ``step()`` after each epoch, or after each step."""

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
    """Sets the optimizer's learning rate to ``rate(epoch)``, as subclasses define it.

    Each group of parameters follows its own initial rate.

    Attributes
    ----------
    initial
        The learning rate that the group in question began with.
    epoch
        How often ``step()`` was called.
    per_step
        True if `training.fit` calls ``step()`` after each step, in place of after each epoch.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> class Halve(optim.LRScheduler):
    ...     def rate(self, epoch):
    ...         return self.initial / 2**epoch
    >>> schedule = Halve(optimizer)
    >>> schedule.step()
    >>> optimizer.lr
    0.05
    """

    per_step = False

    @hinted
    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"optimizer is {shown(optimizer)}: expected an optimizer; write SGD(..., lr=0.1)")
        self.optimizer = optimizer
        self.initials = [group.before_schedule() for group in optimizer.param_groups]
        self.initial = self.initials[0]
        self.epoch = 0

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0: here the initial one."""
        return self.initial

    def begin(self) -> None:
        """Set the first learning rate, where it is not the initial one."""
        self._set_rates()
        for group, initial in zip(self.optimizer.param_groups, self.initials):
            self.initial = initial
            group.begun = initial, group.lr, self._peak()
        self.initial = self.initials[0]

    def _peak(self) -> float:
        """The learning rate that the beginning leads to, of the group of `initial`."""
        return self.initial

    def _set_rates(self) -> None:
        for group, initial in zip(self.optimizer.param_groups, self.initials):
            self.initial = initial
            group.lr = self.rate(self.epoch)
        self.initial = self.initials[0]

    def get_last_lr(self) -> list[float]:
        """Return the present learning rate of each group, in a list, as PyTorch does."""
        return [group.lr for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Go on to the next epoch's learning rate."""
        self.epoch += 1
        self._set_rates()

    def after_epoch(self, loss: float) -> None:
        """Go on after an epoch with this loss, on held-out data if there are any."""
        if not self.per_step:
            self.step()

    def state_dict(self) -> dict[str, Any]:
        """The epoch it is in, and the learning rate it began with: a list of them for several groups."""
        return {"epoch": self.epoch, "initial": self.initial if len(self.initials) == 1 else self.initials}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another one was; the optimizer's learning rate is in its own state.

        Raises
        ------
        CheckpointError
            When the state is not of that kind.
        """
        fits = set(state) == {"epoch", "initial"} and type(state["epoch"]) is int and state["epoch"] >= 0
        initials = state.get("initial")
        initials = initials if isinstance(initials, list) else [initials]
        numbers = all(type(rate) in (int, float) and math.isfinite(rate) for rate in initials)
        if not fits or not numbers or len(initials) != len(self.initials):
            raise CheckpointError(
                f"the state of a schedule has epoch and initial, and this one is {shown(state)}"
            )
        self.epoch, self.initials, self.initial = state["epoch"], list(initials), initials[0]


class StepLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every `step_size` epochs.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = optim.StepLR(optimizer, step_size=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> rates
    [0.1, 0.1, 0.01, 0.01]
    """

    @hinted
    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size = require_whole("step_size", step_size)
        self.gamma = require_number("gamma", gamma, low=0)

    def rate(self, epoch: int) -> float:
        """initial * gamma ** (epoch // step_size)"""
        return float(self.initial * self.gamma ** (epoch // self.step_size))


class ExponentialLR(LRScheduler):
    """Multiplies the learning rate by `gamma` every epoch.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = optim.ExponentialLR(optimizer, gamma=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> rates
    [0.1, 0.05, 0.025, 0.0125]
    """

    @hinted
    def __init__(self, optimizer: Optimizer, gamma: float) -> None:
        super().__init__(optimizer)
        self.gamma = require_number("gamma", gamma, low=0)

    def rate(self, epoch: int) -> float:
        """initial * gamma ** epoch"""
        return float(self.initial * self.gamma**epoch)


class CosineAnnealingLR(LRScheduler):
    """Lowers the learning rate along half a cosine to `eta_min` at epoch `T_max`.

    I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, without the
    restarts.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = optim.CosineAnnealingLR(optimizer, T_max=3)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> rates
    [0.1, 0.075, 0.025, 0.0]
    """

    @hinted
    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  PyTorch's
        super().__init__(optimizer)
        self.T_max = require_whole("T_max", T_max)
        self.eta_min = require_number("eta_min", eta_min, low=0)

    def rate(self, epoch: int) -> float:
        """eta_min + (initial - eta_min) * (1 + cos(pi * epoch / T_max)) / 2"""
        return self.eta_min + (self.initial - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2
