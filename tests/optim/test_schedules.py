"""The schedules are the closed forms that PyTorch's documentation gives."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, optim
from tinygrad_mnist.errors import CheckpointError

INITIAL = 0.3
CLOSED_FORMS = {
    optim.LRScheduler: ((), lambda t: INITIAL),
    optim.StepLR: ((3, 0.5), lambda t: INITIAL * 0.5 ** (t // 3)),
    optim.ExponentialLR: ((0.9,), lambda t: INITIAL * 0.9**t),
    optim.CosineAnnealingLR: (
        (10, 0.01),
        lambda t: 0.01 + (INITIAL - 0.01) * (1 + math.cos(math.pi * t / 10)) / 2,
    ),
}


def optimizer(lr=INITIAL):
    return optim.SGD([Tensor(1.0, requires_grad=True)], lr=lr)


@pytest.mark.parametrize("kind", CLOSED_FORMS)
@given(epochs=st.integers(0, 40))
def test_schedule_is_its_closed_form(kind, epochs):
    arguments, closed_form = CLOSED_FORMS[kind]
    sgd = optimizer()
    schedule = kind(sgd, *arguments)
    for _ in range(epochs):
        schedule.step()
    assert sgd.lr == pytest.approx(closed_form(epochs), rel=1e-12)


def test_cosine_ends_at_its_minimum_from_any_start():
    for lr in (0, INITIAL):
        sgd = optimizer(lr)
        schedule = optim.CosineAnnealingLR(sgd, 5)
        for _ in range(5):
            schedule.step()
        assert sgd.lr == pytest.approx(0, abs=1e-16)


def test_schedule_without_epochs_is_refused():
    with pytest.raises(ValueError, match="step_size is 0: expected a whole number >= 1"):
        optim.StepLR(optimizer(), 0)
    with pytest.raises(ValueError, match="T_max is 0: expected a whole number >= 1"):
        optim.CosineAnnealingLR(optimizer(), 0)


@pytest.mark.parametrize("kind", CLOSED_FORMS)
def test_saved_schedule_continues(kind):
    arguments, closed_form = CLOSED_FORMS[kind]
    schedule = kind(optimizer(), *arguments)
    for _ in range(4):
        schedule.step()
    assert schedule.state_dict() == {"epoch": 4, "initial": INITIAL}
    other = kind(optimizer(7.0), *arguments)
    other.load_state_dict(schedule.state_dict())
    assert other.optimizer.lr == 7.0  # the rate itself is in the optimizer's own state
    other.step()
    assert other.optimizer.lr == pytest.approx(closed_form(5), rel=1e-12)


@pytest.mark.parametrize(
    "state",
    [
        {"epoch": 1},
        {"epoch": 1, "initial": 0.1, "more": 0},
        {"epoch": -1, "initial": 0.1},
        {"epoch": 1.0, "initial": 0.1},
        {"epoch": True, "initial": 0.1},
        {"epoch": 1, "initial": "0.1"},
        {"epoch": 1, "initial": math.nan},
    ],
)
def test_foreign_schedule_state_is_refused_without_change(state):
    schedule = optim.ExponentialLR(optimizer(), 0.9)
    with pytest.raises(CheckpointError, match="the state of a schedule has epoch and initial"):
        schedule.load_state_dict(state)
    assert schedule.state_dict() == {"epoch": 0, "initial": INITIAL}


def test_integer_rate_and_epoch_0_are_states_too():
    schedule = optim.StepLR(optimizer(), 1)
    schedule.load_state_dict({"epoch": 0, "initial": 1})
    schedule.step()
    assert schedule.optimizer.lr == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("gamma", lambda value: optim.StepLR(optimizer(), 1, value)),
        ("gamma", lambda value: optim.ExponentialLR(optimizer(), value)),
        ("eta_min", lambda value: optim.CosineAnnealingLR(optimizer(), 1, value)),
    ],
)
def test_factor_or_rate_below_0_is_refused_and_0_accepted(name, make):
    schedule = make(0)
    schedule.step()
    assert schedule.optimizer.lr == 0
    for value in (-0.1, -1):
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            make(value)


@pytest.mark.parametrize("gamma", [0, 1, 2, np.float32(0.5)])
def test_rate_is_a_float_for_whole_settings(gamma):
    whole = optimizer(lr=1)
    for schedule in (optim.StepLR(whole, 2, gamma), optim.ExponentialLR(whole, gamma)):
        assert {type(schedule.rate(epoch)) for epoch in range(4)} == {float}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: optim.LinearLR(o, -1), ValueError, "start_factor is -1: expected"),
        (lambda o: optim.OneCycleLR(o, 0.1, 1), ValueError, "total_steps is 1: expected a whole number >= 2"),
        (
            lambda o: optim.SequentialLR(o, [optim.LinearLR(o)], [3]),
            ValueError,
            "expected one less than the 1",
        ),
        (lambda o: optim.SequentialLR(o, [], []), ValueError, "one less than the 0"),
        (lambda o: optim.SequentialLR(o, [3], []), TypeError, "schedulers has 3: expected schedules"),
        (
            lambda o: optim.SequentialLR(o, [optim.LinearLR(o), optim.OneCycleLR(o, 1, 9)], [3]),
            ValueError,
            "some per step and some per epoch",
        ),
        (lambda o: optim.ReduceLROnPlateau(o, factor=1), ValueError, "factor is 1: expected .* < 1"),
        (lambda o: optim.ReduceLROnPlateau(o).step(), TypeError, "missing the loss"),
    ],
)
def test_wrong_phases_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(optimizer())
