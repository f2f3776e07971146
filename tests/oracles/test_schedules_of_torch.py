"""Schedules with phases beside PyTorch's, for one group and for several."""

import warnings

import numpy as np
import pytest

from tinygrad_mnist import Tensor, optim

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
lr_scheduler = torch.optim.lr_scheduler

MAKERS = {
    "linear": lambda m, o: m.LinearLR(o, 0.25, total_iters=4),
    "linear down": lambda m, o: m.LinearLR(o, 1.0, 0.5, 3),
    "one cycle": lambda m, o: m.OneCycleLR(o, 0.4, 20, **no_momentum(m)),
    "one cycle early": lambda m, o: m.OneCycleLR(o, 0.4, 20, pct_start=0.1, div_factor=10, **no_momentum(m)),
    "sequence": lambda m, o: m.SequentialLR(
        o, [m.LinearLR(o, 0.1, total_iters=3), m.CosineAnnealingLR(o, 12), m.ExponentialLR(o, 0.9)], [3, 15]
    ),
    "sequence of steps": lambda m, o: m.SequentialLR(o, [m.StepLR(o, 2), m.StepLR(o, 3, 0.5)], [7]),
}


def no_momentum(module):
    return {} if module is optim else {"cycle_momentum": False}


def pair(groups):
    ours = optim.SGD([{"params": [Tensor(1.0, requires_grad=True)], **own} for own in groups], lr=0.2)
    theirs = torch.optim.SGD(
        [{"params": [torch.tensor(1.0, requires_grad=True)], **own} for own in groups], lr=0.2
    )
    return ours, theirs


@pytest.mark.parametrize("groups", [[{}], [{}, {"lr": 0.05}]], ids=["one group", "two groups"])
@pytest.mark.parametrize("name", MAKERS)
def test_rates_are_torchs(name, groups):
    ours, theirs = pair(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        schedule, expected = MAKERS[name](optim, ours), MAKERS[name](lr_scheduler, theirs)
        for _ in range(20):
            assert schedule.get_last_lr() == pytest.approx(expected.get_last_lr(), rel=1e-12, abs=1e-15)
            schedule.step()
            if expected.last_epoch < 19:
                expected.step()
            else:
                break


@pytest.mark.parametrize("cooldown", [0, 3])
@pytest.mark.parametrize("threshold", [1e-4, 0.1])
def test_a_plateau_is_torchs(cooldown, threshold):
    ours, theirs = pair([{}, {"lr": 0.05}])
    options = {"factor": 0.5, "patience": 2, "cooldown": cooldown, "threshold": threshold, "min_lr": 1e-3}
    schedule, expected = (
        optim.ReduceLROnPlateau(ours, **options), lr_scheduler.ReduceLROnPlateau(theirs, **options)
    )  # fmt: skip
    rng = np.random.default_rng(0)
    for loss in 1 / np.arange(1, 41) + 0.1 * rng.random(40):
        schedule.step(loss), expected.step(loss)
        assert schedule.get_last_lr() == pytest.approx(expected.get_last_lr(), rel=1e-12)
