"""Schedules in phases are PyTorch's, as the documentation of torch.optim.lr_scheduler publishes them."""

import math

import numpy as np
import pytest

from tinygrad_mnist import Tensor, optim
from tinygrad_mnist.errors import CheckpointError

STEPS = 24


def grouped(*rates):
    return optim.SGD([{"params": [Tensor(1.0, requires_grad=True)], "lr": rate} for rate in rates], lr=1)


def line(start, end, steps):
    return lambda initial, t: initial * np.interp(t, [0, steps], [start, end])


def one_cycle(max_lr, steps, rising=0.3, divisor=25.0, last_divisor=1e4, is_linear=False):
    first = max_lr / divisor
    top, end = rising * steps - 1, steps - 1

    def rate(_, t):
        start, stop, share = first, max_lr, t / top if top else 1
        if t > top:
            start, stop, share = max_lr, first / last_divisor, min((t - top) / (end - top), 1)
        left = 1 - share if is_linear else (1 + math.cos(math.pi * share)) / 2
        return stop + (start - stop) * left

    return rate


def in_turn(*rates, begin):
    def rate(initial, t):
        turn = max(i for i, start in enumerate(begin) if start <= t)
        return rates[turn](initial, t - begin[turn])

    return rate


SEQUENCE = in_turn(
    line(0.1, 1, 3),
    lambda initial, t: initial * 0.9**t,
    lambda initial, t: initial * 0.5 ** (t // 2),
    begin=[0, 3, 11],
)


def sequence(optimizer):
    steps = optim.StepLR(optimizer, 2, 0.5)
    listed = [optim.LinearLR(optimizer, 0.1, total_iters=3), optim.ExponentialLR(optimizer, 0.9), steps]
    return optim.SequentialLR(optimizer, listed, [3, 11])


CASES = {
    "line": (optim.LinearLR, line(1 / 3, 1, 5)),
    "line down": (lambda o: optim.LinearLR(o, 1.0, 0.5, 3), line(1, 0.5, 3)),
    "line from 0 to 0": (lambda o: optim.LinearLR(o, 0, 0, 1), line(0, 0, 1)),
    "cycle": (lambda o: optim.OneCycleLR(o, 0.4, 20), one_cycle(0.4, 20)),
    "early cycle": (lambda o: optim.OneCycleLR(o, 0.4, 20, 0.1, 10, 7), one_cycle(0.4, 20, 0.1, 10, 7)),
    "cycle along lines": (
        lambda o: optim.OneCycleLR(o, 0.4, 20, anneal_strategy="linear"),
        one_cycle(0.4, 20, is_linear=True),
    ),
    "rising cycle": (lambda o: optim.OneCycleLR(o, 0.4, 20, 1, 1, 1), lambda *_: 0.4),
    "short cycle": (lambda o: optim.OneCycleLR(o, 0.4, 2, 0.75), one_cycle(0.4, 2, 0.75)),
    "falling cycle": (lambda o: optim.OneCycleLR(o, 0.4, 10, 0.05), one_cycle(0.4, 10, 0.05)),
    "sequence": (sequence, SEQUENCE),
    "sequence of one": (
        lambda o: optim.SequentialLR(o, [optim.StepLR(o, 2)], []),
        lambda initial, t: initial * 0.1 ** (t // 2),
    ),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("initials", [(0.2,), (0.2, 0.05)], ids=["one group", "two groups"])
def test_each_group_has_the_published_rate_and_a_saved_schedule_goes_on(name, initials):
    make, published = CASES[name]
    schedule = make(grouped(*initials))
    for t in range(STEPS):
        if t == 9:
            saved, schedule = schedule.state_dict(), make(grouped(*(7.0 for _ in initials)))
            assert saved == {"epoch": 9, "initial": initials[0] if len(initials) == 1 else list(initials)}
            schedule.load_state_dict(saved)
        else:
            expected = [published(initial, t) for initial in initials]
            assert schedule.get_last_lr() == pytest.approx(expected, rel=1e-12, abs=1e-15)
        schedule.step()


@pytest.mark.parametrize(
    ("make", "is_per_step"),
    [
        (lambda o: optim.StepLR(o, 1), False),
        (optim.LinearLR, False),
        (lambda o: optim.LinearLR(o, per_step=True), True),
        (lambda o: optim.OneCycleLR(o, 1, 5), True),
        (lambda o: optim.OneCycleLR(o, 1, 5, per_step=False), False),
        (lambda o: optim.SequentialLR(o, [optim.OneCycleLR(o, 1, 5)], []), True),
        (sequence, False),
    ],
)
def test_schedule_per_step_stays_after_an_epoch(make, is_per_step):
    schedule = make(grouped(0.2))
    assert schedule.per_step is is_per_step
    schedule.after_epoch(1.0)
    assert schedule.epoch == (0 if is_per_step else 1)


def published_plateau(initials, losses, factor=0.1, patience=10, threshold=1e-4, cooldown=0, min_lr=0.0):
    """The algorithm of torch.optim.lr_scheduler.ReduceLROnPlateau line by line: the rates after each loss."""
    best, bad_epochs, cooling, rates, found = math.inf, 0, 0, list(initials), []
    for loss in losses:
        if loss < best * (1 - threshold):
            best, bad_epochs = loss, 0
        else:
            bad_epochs += 1
        if cooling > 0:
            cooling -= 1
            bad_epochs = 0
        if bad_epochs > patience:
            rates = [max(rate * factor, min_lr) for rate in rates]
            cooling, bad_epochs = cooldown, 0
        found.append(list(rates))
    return found


PLATEAUS = [
    {},
    {"patience": 0},
    {"factor": 0, "patience": 1},
    {"factor": 0.5, "patience": 2, "threshold": 0, "min_lr": 0.02},
    {"factor": 0.5, "patience": 1, "threshold": 0.1, "cooldown": 3},
    {"factor": 0.9, "patience": 0, "threshold": 0.5, "cooldown": 1},
]
LOSSES = [*(1 / np.arange(1, 31) + 0.1 * np.random.default_rng(0).random(30)), *[0.05] * 15]


@pytest.mark.parametrize("options", PLATEAUS, ids=str)
@pytest.mark.parametrize("saved_at", [0, 13, 33, 34, 44])
def test_plateau_is_the_published_one_and_goes_on_when_saved(options, saved_at):
    schedule = optim.ReduceLROnPlateau(grouped(0.2, 0.05), **options)
    expected = published_plateau((0.2, 0.05), LOSSES, **options)
    for t, loss in enumerate(LOSSES):
        if t == saved_at:
            saved, rates = schedule.state_dict(), schedule.get_last_lr()
            schedule = optim.ReduceLROnPlateau(grouped(*rates), **options)
            schedule.load_state_dict(saved)
            assert schedule.state_dict() == saved
        schedule.step(loss) if t % 2 else schedule.after_epoch(loss)
        assert schedule.epoch == t + 1
        assert schedule.get_last_lr() == pytest.approx(expected[t], rel=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"waited": -1},
        {"waited": 1.0},
        {"waited": True},
        {"cooling": -1},
        {"cooling": None},
        {"best": "1"},
        {"best": math.nan},
        {"best": math.inf},
        {"epoch": -1},
        {"initial": None},
    ],
    ids=str,
)
def test_state_that_is_not_of_a_plateau_is_refused(change):
    schedule = optim.ReduceLROnPlateau(grouped(0.2))
    schedule.step(0.5)
    before = schedule.state_dict()
    with pytest.raises(CheckpointError, match=r"the state of a (plateau|schedule)"):
        schedule.load_state_dict({**before, **change})
    assert schedule.state_dict() == before
    schedule.load_state_dict({**before, "best": 1, "waited": 0, "cooling": 0})
    assert schedule.state_dict() == {**before, "best": 1}


LEAST = {  # of each setting: a call, and the least value that is taken
    "start_factor": (lambda o, v: optim.LinearLR(o, v), 0),
    "end_factor": (lambda o, v: optim.LinearLR(o, 1, v), 0),
    "total_iters": (lambda o, v: optim.LinearLR(o, total_iters=v), 1),
    "max_lr": (lambda o, v: optim.OneCycleLR(o, v, 5), 0),
    "total_steps": (lambda o, v: optim.OneCycleLR(o, 1, v), 2),
    "pct_start": (lambda o, v: optim.OneCycleLR(o, 1, 5, v), 0),
    "div_factor": (lambda o, v: optim.OneCycleLR(o, 1, 5, div_factor=v), 1),
    "final_div_factor": (lambda o, v: optim.OneCycleLR(o, 1, 5, final_div_factor=v), 1),
    "a milestone": (lambda o, v: optim.SequentialLR(o, [optim.StepLR(o, 1), optim.StepLR(o, 1)], [v]), 1),
    "factor": (lambda o, v: optim.ReduceLROnPlateau(o, factor=v), 0),
    "patience": (lambda o, v: optim.ReduceLROnPlateau(o, patience=v), 0),
    "threshold": (lambda o, v: optim.ReduceLROnPlateau(o, threshold=v), 0),
    "cooldown": (lambda o, v: optim.ReduceLROnPlateau(o, cooldown=v), 0),
    "min_lr": (lambda o, v: optim.ReduceLROnPlateau(o, min_lr=v), 0),
    "decay": (lambda o, v: optim.EMA(o.params, v), 0),
}


@pytest.mark.parametrize("name", LEAST)
def test_least_setting_is_taken_and_less_refused(name):
    make, least = LEAST[name]
    make(grouped(0.2), least)
    for less in {least - 1, least - 0.5}:
        with pytest.raises((ValueError, TypeError), match=f"{name} is {less}: expected"):
            make(grouped(0.2), less)


@pytest.mark.parametrize(
    ("name", "make", "wrong"),
    [
        ("pct_start", lambda o, v: optim.OneCycleLR(o, 1, 5, v), 1.01),
        ("factor", lambda o, v: optim.ReduceLROnPlateau(o, factor=v), 1.0),
        ("decay", lambda o, v: optim.EMA(o.params, v), 1.0),
        ("milestones", lambda o, v: optim.SequentialLR(o, [optim.StepLR(o, 1)] * 3, v), [3, 3]),
        ("milestones", lambda o, v: optim.SequentialLR(o, [optim.StepLR(o, 1)] * 3, v), [3, 2]),
        ("milestones", lambda o, v: optim.SequentialLR(o, [optim.StepLR(o, 1)] * 2, v), [3, 4]),
        ("per_step", lambda o, v: optim.OneCycleLR(o, 1, 5, per_step=v), 1),
        ("per_step", lambda o, v: optim.LinearLR(o, per_step=v), 1),
    ],
)
def test_setting_above_its_range_is_refused(name, make, wrong):
    with pytest.raises((ValueError, TypeError), match=f"{name} (is|are) .*: expected"):
        make(grouped(0.2), wrong)


def test_sequence_of_another_optimizer_or_with_a_plateau_is_refused():
    optimizer = grouped(0.2)
    with pytest.raises(ValueError, match="schedulers are of several optimizers"):
        optim.SequentialLR(optimizer, [optim.StepLR(grouped(0.2), 1)], [])
    with pytest.raises(TypeError, match=r"schedulers has .*: expected schedules with a rate\(epoch\)"):
        optim.SequentialLR(optimizer, [optim.ReduceLROnPlateau(optimizer)], [])


@pytest.mark.parametrize("kind", [np.float32, np.asarray, Tensor])
def test_loss_of_any_kind_is_kept_as_a_float(kind):
    schedule = optim.ReduceLROnPlateau(grouped(0.2))
    schedule.step(kind(0.5))
    assert type(schedule.state_dict()["best"]) is float
    schedule.load_state_dict(schedule.state_dict())


@pytest.mark.parametrize("count", [1, 500])
def test_long_milestones_are_refused_in_one_short_line(count):
    optimizer = grouped(0.2)
    with pytest.raises(ValueError, match="milestones are") as caught:
        optim.SequentialLR(optimizer, [optim.StepLR(optimizer, 1)] * count, [3] * 499)
    assert len(str(caught.value)) < 250
