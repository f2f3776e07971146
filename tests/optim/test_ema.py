"""A moving average of the weights: its formula, evaluation with it, saved and loaded."""

import numpy as np
import pytest

from tests.program.networks import batch, quadratic
from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import CaptureError, CheckpointError
from tinygrad_mnist.program import compile


def trained(steps=5):
    training = quadratic()
    ema, step = optim.EMA(training.model.parameters(), decay=0.9), compile(training.step)
    expected = [p.data.astype(np.float64) for p in training.model.parameters()]
    rng = np.random.default_rng(0)
    for _ in range(steps):
        step(*batch(rng, training))
        ema.update()
        expected = [0.9 * e + 0.1 * p.data for e, p in zip(expected, training.model.parameters())]
    return training, ema, expected


def test_averages_are_those_of_the_formula_and_evaluate():
    training, ema, expected = trained()
    before = training.state()
    with ema.swapped_in():
        for parameter, average in zip(training.model.parameters(), expected):
            np.testing.assert_allclose(parameter.data, average, rtol=1e-5)
        assert training.state() != before
    assert training.state() == before


def test_a_saved_average_is_taken_over():
    _, ema, _ = trained()
    other = optim.EMA(quadratic(seed=3).model.parameters())
    other.load_state_dict(ema.state_dict())
    assert str(other.state_dict()) == str(ema.state_dict())
    with pytest.raises(CheckpointError, match="averages have shapes"):
        optim.EMA(nn.Linear(2, 2).parameters()).load_state_dict(ema.state_dict())


def test_an_update_inside_a_compiled_step_is_refused():
    _, ema, _ = trained()
    with pytest.raises(CaptureError, match="call it after the step"):
        compile(lambda x: (ema.update(), x * 1.0)[1])(np.ones(2))
