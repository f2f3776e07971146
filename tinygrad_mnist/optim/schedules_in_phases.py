"""Schedules that warm up, follow one another, go through one cycle, or wait for a plateau."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from tinygrad_mnist.arguments import require_bool, require_choice, require_number, require_whole, shown
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.optim.optimizer import Optimizer
from tinygrad_mnist.optim.schedules import LRScheduler

_CURVES: dict[str, Callable[[float], float]] = {  # from 1 to 0
    "cos": lambda share: (1 + math.cos(math.pi * share)) / 2,
    "linear": lambda share: 1 - share,
}


class LinearLR(LRScheduler):
    """Warm-up: raises the learning rate in a line from `start_factor` to `end_factor` of it.

    The rate at step t is ``initial * (start_factor + (end_factor - start_factor) * min(1, t / total_iters))``
    as in ``torch.optim.lr_scheduler.LinearLR``.

    Parameters
    ----------
    optimizer : Optimizer
        Its learning rate is set at once.
    start_factor, end_factor : float
        Shares of the initial learning rate.
    total_iters : int
        Steps until the end.
    per_step : bool, default False
        Count steps of the training, not epochs.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.Adam([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> warm_up = LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> rates = [optimizer.lr]
    >>> for _ in range(3):
    ...     warm_up.step()
    ...     rates.append(optimizer.lr)
    >>> [round(rate, 3) for rate in rates]
    [0.05, 0.075, 0.1, 0.1]
    """

    @hinted
    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        *,
        per_step: bool = False,
    ) -> None:
        super().__init__(optimizer)
        self.start_factor = require_number("start_factor", start_factor, low=0)
        self.end_factor = require_number("end_factor", end_factor, low=0)
        self.total_iters = require_whole("total_iters", total_iters)
        self.per_step = require_bool("per_step", per_step)
        self.begin()

    def rate(self, epoch: int) -> float:
        """initial * (start_factor + (end_factor - start_factor) * min(epoch / total_iters, 1))"""
        share = min(epoch / self.total_iters, 1)
        return self.initial * (self.start_factor + (self.end_factor - self.start_factor) * share)

    def _peak(self) -> float:
        return self.initial * max(self.start_factor, self.end_factor)


class OneCycleLR(LRScheduler):
    """Raises the learning rate to `max_lr` and lowers it to almost 0, along half cosines or lines.

    The rate goes from ``max_lr / div_factor`` to `max_lr` in the first `pct_start` of the steps, and from
    there to ``max_lr / div_factor / final_div_factor``; counted in steps of the training.  L. Smith and
    N. Topin, Super-convergence, 2018; as ``torch.optim.lr_scheduler.OneCycleLR`` with no ``cycle_momentum``:
    the momentum stays.

    Parameters
    ----------
    optimizer : Optimizer
        Its learning rate is set at once.
    max_lr : float
        Highest learning rate, of all groups.
    total_steps : int
        Steps of the whole training, at least 2; the last rate holds after it.
    pct_start : float
        Share of the steps in which the rate rises.
    div_factor, final_div_factor : float
        As above.
    anneal_strategy : {"cos", "linear"}, default "cos"
        Curve of the rise and of the fall.
    per_step : bool, default True
        Count steps of the training, not epochs.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = optim.OneCycleLR(optimizer, max_lr=1.0, total_steps=4, pct_start=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 4))
    ...     schedule.step()
    >>> rates
    [0.04, 1.0, 0.5, 0.0]
    """

    @hinted
    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        *,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        per_step: bool = True,
    ) -> None:
        super().__init__(optimizer)
        self.per_step = require_bool("per_step", per_step)
        self.anneal_strategy = require_choice("anneal_strategy", anneal_strategy, _CURVES)
        self.max_lr = require_number("max_lr", max_lr, low=0)
        self.total_steps = require_whole("total_steps", total_steps, low=2)
        self.pct_start = require_number("pct_start", pct_start, low=0, high=1)
        self.div_factor = require_number("div_factor", div_factor, low=1)
        self.final_div_factor = require_number("final_div_factor", final_div_factor, low=1)
        self.begin()

    def rate(self, epoch: int) -> float:
        """The learning rate at a step, counted from 0."""
        first, last = self.max_lr / self.div_factor, self.total_steps - 1
        top = self.pct_start * self.total_steps - 1
        if epoch <= top and top > 0:
            return self._between(first, self.max_lr, epoch / top)
        share = min((epoch - top) / (last - top), 1.0) if last > top else 1.0
        return self._between(self.max_lr, first / self.final_div_factor, share)

    def _peak(self) -> float:
        return self.max_lr

    def _between(self, start: float, end: float, share: float) -> float:
        return end + (start - end) * _CURVES[self.anneal_strategy](share)


class SequentialLR(LRScheduler):
    """One schedule after another: at each milestone the next one begins at its own epoch 0.

    As ``torch.optim.lr_scheduler.SequentialLR``; all follow the learning rate from before the first.

    Parameters
    ----------
    optimizer : Optimizer
        The one of all schedules.
    schedulers : list of LRScheduler
        In their order, all per epoch or all per step; a plateau cannot be among them.
    milestones : list of int
        Where the second, third ... begins, ascending.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> warm_up = LinearLR(optimizer, 0.5, total_iters=2)
    >>> schedule = SequentialLR(optimizer, [warm_up, optim.CosineAnnealingLR(optimizer, 8)], [2])
    """

    @hinted
    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        super().__init__(optimizer)
        if not schedulers or len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"milestones are {shown(list(milestones))}: expected one less than the "
                f"{len(schedulers)} schedulers; write SequentialLR(optimizer, [first, second], [5])"
            )
        for schedule in schedulers:
            if not isinstance(schedule, LRScheduler) or isinstance(schedule, ReduceLROnPlateau):
                raise TypeError(f"schedulers has {shown(schedule)}: expected schedules with a rate(epoch)")
            if schedule.optimizer is not optimizer or schedule.per_step != schedulers[0].per_step:
                raise ValueError(
                    "schedulers are of several optimizers, or some per step and some per epoch: expected one "
                    "kind; build them with this optimizer"
                )
        for milestone in milestones:
            require_whole("a milestone", milestone)
        if list(milestones) != sorted(set(milestones)):
            raise ValueError(f"milestones are {shown(list(milestones))}: expected ascending numbers")
        self.schedulers, self.milestones = tuple(schedulers), tuple(milestones)
        self.per_step = schedulers[0].per_step
        self.begin()

    def rate(self, epoch: int) -> float:
        """The rate of the schedule whose turn it is."""
        turn = bisect_right(self.milestones, epoch)
        schedule = self.schedulers[turn]
        schedule.initial = self.initial
        return schedule.rate(epoch - (self.milestones[turn - 1] if turn else 0))

    def _peak(self) -> float:
        self.schedulers[0].initial = self.initial
        return self.schedulers[0]._peak()


class ReduceLROnPlateau(LRScheduler):
    """Multiplies the learning rate by `factor` when the loss has not fallen for more than `patience` epochs.

    As ``torch.optim.lr_scheduler.ReduceLROnPlateau``.  `training.fit` gives it the loss on held-out data, or
    that of the training.

    Parameters
    ----------
    optimizer : Optimizer
    factor : float
        Below 1.
    patience : int
        Epochs without a lower loss before the rate is lowered.
    threshold : float
        A loss counts as lower below ``best * (1 - threshold)``.
    cooldown : int
        Epochs after a reduction in which none is counted.
    min_lr : float
        Lowest learning rate.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, optim
    >>> optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    >>> schedule = optim.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    >>> for loss in 2.0, 1.0, 1.5, 1.2:  # twice not lower than 1.0
    ...     schedule.step(loss)
    >>> optimizer.lr
    0.05
    """

    @hinted
    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(optimizer)
        self.factor = require_number("factor", factor, low=0, below=1)
        self.patience = require_whole("patience", patience, low=0)
        self.threshold = require_number("threshold", threshold, low=0)
        self.cooldown = require_whole("cooldown", cooldown, low=0)
        self.min_lr = require_number("min_lr", min_lr, low=0)
        self._best: float | None = None
        self._waited = self._cooling = 0

    def step(self, metrics: float | None = None) -> None:
        """Look at an epoch's loss, and lower the learning rate after too many that are not lower."""
        if metrics is None:
            raise TypeError("step() is missing the loss: expected a number; write schedule.step(loss.item())")
        loss = float(metrics)
        self.epoch += 1
        if self._best is None or loss < self._best * (1 - self.threshold):
            self._best, self._waited = loss, 0
        else:
            self._waited += 1
        if self._cooling:
            self._cooling, self._waited = self._cooling - 1, 0
        if self._waited > self.patience:
            for group in self.optimizer.param_groups:
                group.lr = max(group.lr * self.factor, self.min_lr)
            self._cooling, self._waited = self.cooldown, 0

    def after_epoch(self, loss: float) -> None:
        """Look at the loss."""
        self.step(loss)

    def state_dict(self) -> dict[str, Any]:
        """The epoch, the initial rate, the lowest loss and what is counted."""
        counted = {"best": self._best, "waited": self._waited, "cooling": self._cooling}
        return {**super().state_dict(), **counted}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where another one was.

        Raises
        ------
        CheckpointError
            When the state is not of that kind.
        """
        counts = [state.get(name) for name in ("waited", "cooling")]
        best = state.get("best")
        if not all(type(count) is int and count >= 0 for count in counts) or (
            best is not None and (type(best) not in (int, float) or not math.isfinite(best))
        ):
            raise CheckpointError(
                f"the state of a plateau is {shown(state)}: expected best, waited and cooling"
            )
        super().load_state_dict({name: state[name] for name in state if name in ("epoch", "initial")})
        self._best, self._waited, self._cooling = best, state["waited"], state["cooling"]
