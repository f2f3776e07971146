"""A moving average of the weights: its formula, evaluation with it, saved and loaded."""

import numpy as np
import pytest

from tests.program.networks import batch, quadratic
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.errors import CaptureError, CheckpointError, StaleGradientError
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


def test_saved_average_is_taken_over():
    _, ema, _ = trained()
    other = optim.EMA(quadratic(seed=3).model.parameters())
    other.load_state_dict(ema.state_dict())
    assert str(other.state_dict()) == str(ema.state_dict())
    with pytest.raises(CheckpointError, match="averages have shapes"):
        optim.EMA(nn.Linear(2, 2).parameters()).load_state_dict(ema.state_dict())


def test_update_inside_a_compiled_step_is_refused():
    _, ema, _ = trained()
    with pytest.raises(CaptureError, match="call it after the step"):
        compile(lambda x: (ema.update(), x * 1.0)[1])(np.ones(2))


def test_average_of_two_updates_and_the_usual_decay_is_the_formula():
    tensors = [Tensor(value, requires_grad=True) for value in (np.ones((2, 3), np.float32), 3.0)]
    ema = optim.EMA(tensors)
    for tensor in tensors:
        tensor.data[...] = 5.0
    ema.update(), ema.update()
    first, second = ema.state_dict()["averages"]
    np.testing.assert_allclose(first, 5 + 0.999**2 * (1 - 5), rtol=1e-6)
    np.testing.assert_allclose(second, 5 + 0.999**2 * (3 - 5), rtol=1e-12)
    assert (first.dtype, second.shape) == (np.float32, ())


def test_parameters_are_put_back_after_an_error():
    x = Tensor([1.0], requires_grad=True)
    ema = optim.EMA([x], decay=0)
    x.data[...] = 2.0
    output = x * x
    with pytest.raises(KeyError, match=r"1\.0"), ema.swapped_in():
        raise KeyError(x.data.item())
    assert x.data.tolist() == [2.0]
    with pytest.raises(StaleGradientError):
        output.backward()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"more": 1}, "the state of an EMA has decay and averages"),
        (
            {"averages": [np.ones(2), np.ones((1, 1))]},
            r"averages have shapes .*: expected \[\(2,\), \(1,\)\]",
        ),
        ({"averages": [np.ones(2)]}, "averages have shapes"),
        ({"decay": 1.0}, "decay is 1.0: expected"),
        ({"decay": -0.5}, "decay is -0.5: expected"),
        ({"decay": -1}, "decay is -1: expected"),
    ],
)
def test_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    tensors = [Tensor(np.zeros(2), requires_grad=True), Tensor(np.zeros(1), requires_grad=True)]
    ema = optim.EMA(tensors, 0.5)
    state = {**ema.state_dict(), "averages": [np.ones(2), np.ones(1)]}
    with pytest.raises((CheckpointError, ValueError), match=message):
        ema.load_state_dict({**state, **change})
    assert str(ema.state_dict()) == str({"decay": 0.5, "averages": [np.zeros(2), np.zeros(1)]})
    ema.load_state_dict({**state, "decay": 0})
    state["averages"][0][:] = 9  # copies both ways
    ema.state_dict()["averages"][1][:] = 9
    assert str(ema.state_dict()) == str({"decay": 0.0, "averages": [np.ones(2), np.ones(1)]})
