"""Learning-rate schedules, under PyTorch's names: call ``step()`` after each epoch."""

from __future__ import annotations

import math

from tinygrad_mnist.optim.sgd import SGD


class Schedule:
    """Sets the optimizer's learning rate to ``initial * factor(epoch)``; subclasses give the factor."""

    def __init__(self, optimizer: SGD) -> None:
        self.optimizer = optimizer
        self.initial = optimizer.lr
        self.epoch = 0

    def factor(self, epoch: int) -> float:
        """What the initial rate is multiplied with in an epoch, counted from 0."""
        return 1.0

    def step(self) -> None:
        """Go on to the next epoch's learning rate."""
        self.epoch += 1
        self.optimizer.lr = self.initial * self.factor(self.epoch)


class StepLR(Schedule):
    """Multiplies the learning rate by `gamma` every `step_size` epochs."""

    def __init__(self, optimizer: SGD, step_size: int, gamma: float = 0.1) -> None:
        super().__init__(optimizer)
        self.step_size, self.gamma = step_size, gamma

    def factor(self, epoch: int) -> float:
        """gamma ** (epoch // step_size)"""
        return float(self.gamma ** (epoch // self.step_size))


class ExponentialLR(Schedule):
    """Multiplies the learning rate by `gamma` every epoch."""

    def __init__(self, optimizer: SGD, gamma: float) -> None:
        super().__init__(optimizer)
        self.gamma = gamma

    def factor(self, epoch: int) -> float:
        """gamma ** epoch"""
        return float(self.gamma**epoch)


class CosineAnnealingLR(Schedule):
    """Lowers the learning rate along half a cosine to `eta_min` at epoch `T_max`.

    I. Loshchilov and F. Hutter, SGDR: stochastic gradient descent with warm restarts, 2017, without the
    restarts.
    """

    def __init__(self, optimizer: SGD, T_max: int, eta_min: float = 0.0) -> None:  # noqa: N803  PyTorch's
        super().__init__(optimizer)
        self.T_max, self.eta_min = T_max, eta_min

    def factor(self, epoch: int) -> float:
        """From 1 down to eta_min / initial."""
        low = self.eta_min / self.initial
        return low + (1 - low) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2
