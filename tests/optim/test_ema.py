"""A moving average of the weights: its formula, evaluation with it, saved, loaded and captured."""

import numpy as np
import pytest

from tests.program.networks import batch, classifier, quadratic
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.errors import CheckpointError, StaleGradientError
from tinygrad_mnist.program import compile


def averages(ema):
    return [state.average for state in ema.states]


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


def test_average_of_two_updates_with_usual_decay_is_the_formula():
    tensors = [Tensor(value, requires_grad=True) for value in (np.ones((2, 3), np.float32), 3.0)]
    ema = optim.EMA(tensors)
    for tensor in tensors:
        tensor.data[...] = 5.0
    ema.update(), ema.update()
    first, second = ema.state_dict()["arrays"].values()
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
        ({"more": 1}, "the state of an EMA has decay and arrays"),
        (
            {"arrays": {"0": np.ones(2), "1": np.ones((1, 1))}},
            r"averages have shapes .*: expected {'0': \(2,\), '1': \(1,\)}",
        ),
        ({"arrays": {"0": np.ones(2)}}, "averages have shapes"),
        ({"decay": 1.0}, "decay is 1.0: expected"),
        ({"decay": -0.5}, "decay is -0.5: expected"),
        ({"decay": -1}, "decay is -1: expected"),
    ],
)
def test_state_that_does_not_fit_is_refused_and_changes_nothing(change, message):
    tensors = [Tensor(np.zeros(2), requires_grad=True), Tensor(np.zeros(1), requires_grad=True)]
    ema = optim.EMA(tensors, 0.5)
    state = {**ema.state_dict(), "arrays": {"0": np.ones(2), "1": np.ones(1)}}
    with pytest.raises((CheckpointError, ValueError), match=message):
        ema.load_state_dict({**state, **change})
    assert str(ema.state_dict()) == str({"decay": 0.5, "arrays": {"0": np.zeros(2), "1": np.zeros(1)}})
    ema.load_state_dict({**state, "decay": 0})
    state["arrays"]["0"][:] = 9  # copies both ways
    ema.state_dict()["arrays"]["1"][:] = 9
    assert str(ema.state_dict()) == str({"decay": 0.0, "arrays": {"0": np.ones(2), "1": np.ones(1)}})


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan")])
def test_decay_out_of_range_is_refused_when_it_is_set(decay):
    ema = optim.EMA(nn.Linear(2, 2).parameters())
    with pytest.raises(ValueError, match="decay is"):
        ema.decay = decay
    assert ema.decay == 0.999


def taken(network, backend, dtype, **options):
    """Take steps whose updates of averages are inside, in the middle with another decay."""
    training = network(dtype=dtype, momentum=0.9, **options)
    ema = optim.EMA(training.model.parameters(), decay=0.9)

    def step(x, y):
        loss = training.step(x, y)
        ema.update()
        return loss

    run, rng = (step if backend == "eager" else compile(step, backend=backend)), np.random.default_rng(0)
    for i in range(6):
        if i == 3:
            ema.decay = np.float64(0.5)
        run(*batch(rng, training))
    return training.state(), averages(ema), run


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("network", [quadratic, classifier])
def test_averages_in_a_compiled_step_have_the_bits_of_eager(network, dtype):
    states, expected, _ = taken(network, "eager", dtype)
    replayed, found, run = taken(network, "numpy", dtype)
    assert replayed == states
    assert [a.tobytes() for a in found] == [a.tobytes() for a in expected]
    assert len(run._programs) == 1  # another decay needs no other program


def test_averages_in_native_code_are_those_of_eager():
    pytest.importorskip("numba")
    _, expected, _ = taken(quadratic, "eager", np.float64, sizes=(6, 3))
    _, found, _ = taken(quadratic, "native", np.float64, sizes=(6, 3))
    assert len(found) == 2
    for average, other in zip(found, expected):
        np.testing.assert_allclose(average, other, rtol=1e-12, atol=1e-14)


def test_capture_alone_changes_no_average():
    training = quadratic()
    ema = optim.EMA(training.model.parameters(), decay=0.5)
    before = [average.copy() for average in averages(ema)]
    compile(lambda x: (training.model(x), ema.update())[0]).trace(np.ones((2, 6), np.float32))
    assert all(map(np.array_equal, averages(ema), before))


@pytest.mark.parametrize("params", [0.99, nn.Linear(2, 2), Tensor([1.0], requires_grad=True), None])
def test_params_that_are_none_say_what_to_write(params):
    with pytest.raises(
        TypeError, match=r"params is .*: expected the model's parameters; write EMA\(model.par"
    ):
        optim.EMA(params)
