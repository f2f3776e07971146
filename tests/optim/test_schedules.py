"""The schedules are the closed forms that PyTorch's documentation gives."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, optim

INITIAL = 0.3
CLOSED_FORMS = {
    optim.Schedule: ((), lambda t: INITIAL),
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
def test_a_schedule_is_its_closed_form(kind, epochs):
    arguments, closed_form = CLOSED_FORMS[kind]
    sgd = optimizer()
    schedule = kind(sgd, *arguments)
    for _ in range(epochs):
        schedule.step()
    assert sgd.lr == pytest.approx(closed_form(epochs), rel=1e-12)


def test_the_cosine_ends_at_its_minimum_from_any_start():
    for lr in (0, INITIAL):
        sgd = optimizer(lr)
        schedule = optim.CosineAnnealingLR(sgd, 5)
        for _ in range(5):
            schedule.step()
        assert sgd.lr == pytest.approx(0, abs=1e-16)


def test_a_schedule_of_no_epoch_is_refused():
    with pytest.raises(ValueError, match="step_size is 0: expected a whole number >= 1"):
        optim.StepLR(optimizer(), 0)
    with pytest.raises(ValueError, match="T_max is 0: expected a whole number >= 1"):
        optim.CosineAnnealingLR(optimizer(), 0)
