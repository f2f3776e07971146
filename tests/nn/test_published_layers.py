"""Norms, embeddings and recurrent layers are the formulas that PyTorch's documentation publishes."""

import math

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn

RNG = np.random.default_rng(0)
F64 = np.float64


def random_parameters(layer):
    rng = np.random.default_rng(1)
    layer.load_state_dict(
        {
            name: rng.normal(size=array.shape) if name in dict(layer.named_parameters()) else array
            for name, array in layer.state_dict().items()
        }
    )
    return layer


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("reduced", [(2,), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("options", [{}, {"eps": 0.5}, {"bias": False}, {"elementwise_affine": False}])
def test_layer_norm_is_the_published_formula(reduced, options):
    x = RNG.normal(size=(4, 3, 2))
    lengths = tuple(x.shape[axis] for axis in reduced)
    layer = random_parameters(nn.LayerNorm(lengths, dtype=F64, **options))
    mean, var = x.mean(reduced, keepdims=True), x.var(reduced, keepdims=True)
    parameters = dict(layer.named_parameters())
    weight, bias = (
        parameters[name].data if name in parameters else 1 - i for i, name in enumerate(("weight", "bias"))
    )
    expected = (x - mean) / np.sqrt(var + options.get("eps", 1e-5)) * weight + bias
    np.testing.assert_allclose(layer(Tensor(x)).data, expected, rtol=1e-12, atol=1e-14)
    affine = options.get("elementwise_affine", True)
    assert list(parameters) == ["weight", "bias"][: affine * (1 + options.get("bias", True))]


BATCHES = {
    "of rows": (nn.BatchNorm1d, (5, 3), (0,)),
    "of sequences": (nn.BatchNorm1d, (5, 3, 4), (0, 2)),
    "of images": (nn.BatchNorm2d, (5, 3, 4, 2), (0, 2, 3)),
    "of two values": (nn.BatchNorm1d, (2, 3), (0,)),
    "of one image": (nn.BatchNorm2d, (1, 3, 1, 2), (0, 2, 3)),
}


BATCH_OPTIONS = [
    {},
    {"momentum": 0.4},
    {"momentum": None},
    {"eps": 0.5},
    {"affine": False},
    {"track_running_stats": False},
]


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.4},
        {"momentum": None},
        {"eps": 0.5},
        {"affine": False},
        {"track_running_stats": False},
    ],
    ids=str,
)
def test_batch_norm_is_the_published_formula_in_training_and_evaluation(batch, options):
    kind, shape, axes = BATCHES[batch]
    layer = random_parameters(kind(3, dtype=F64, **options))
    along = (1, 3, *[1] * (len(shape) - 2))
    affine, tracked = options.get("affine", True), options.get("track_running_stats", True)
    weight, bias = (layer.weight.data, layer.bias.data) if affine else (np.ones(3), np.zeros(3))

    def published(x, mean, var):
        scaled = (x - mean.reshape(along)) / np.sqrt(var.reshape(along) + options.get("eps", 1e-5))
        return scaled * weight.reshape(along) + bias.reshape(along)

    running_mean, running_var, count = np.zeros(3), np.ones(3), math.prod(shape) // 3
    for number in range(1, 4):
        x = RNG.normal(size=shape)
        mean, var = x.mean(axes), x.var(axes)
        np.testing.assert_allclose(layer.train()(Tensor(x)).data, published(x, mean, var), rtol=1e-9)
        rate = options.get("momentum", 0.1)
        rate = 1 / number if rate is None else rate
        running_mean = (1 - rate) * running_mean + rate * mean
        running_var = (1 - rate) * running_var + rate * var * count / (count - 1)
        if tracked:
            mean, var = running_mean, running_var
            assert layer.num_batches_tracked.item() == number
        np.testing.assert_allclose(layer.eval()(Tensor(x)).data, published(x, mean, var), rtol=1e-9)
    state = layer.state_dict()
    assert ("running_mean" in state) == tracked
    if tracked:
        np.testing.assert_allclose(state["running_mean"], running_mean, rtol=1e-12)
        np.testing.assert_allclose(state["running_var"], running_var, rtol=1e-12)


def published_recurrence(layer, x, states, cell):
    """The recurrence of torch.nn.RNN or LSTM element by element of the sequence."""
    last = []
    for number in range(layer.num_layers):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_ih, w_hh, b_ih, b_hh = (layer.state_dict().get(f"{name}_l{number}", 0) for name in names)
        state, outputs = tuple(given[number] for given in states), []
        for row in x:
            state = cell(row @ w_ih.T + b_ih + state[0] @ w_hh.T + b_hh, *state)
            outputs.append(state[0])
        x = np.stack(outputs)
        last.append(state)
    return [x, *(np.stack(each) for each in zip(*last))]


def lstm_cell(total, _, c):
    i, f, g, o = np.split(total, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


CELLS = {
    "RNN": (nn.RNN, {}, lambda total, _: (np.tanh(total),)),
    "RNN relu": (nn.RNN, {"nonlinearity": "relu"}, lambda total, _: (np.maximum(total, 0),)),
    "LSTM": (nn.LSTM, {}, lstm_cell),
}


def flat(outputs):
    return [part for each in outputs for part in flat(each)] if isinstance(outputs, tuple) else [outputs]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("options", [{}, {"bias": False}, {"batch_first": True}, {"num_layers": 3}], ids=str)
@pytest.mark.parametrize("is_given", [False, True], ids=["zeros", "given"])
def test_recurrent_layer_is_the_published_recurrence(cell, options, is_given):
    kind, own, step = CELLS[cell]
    layer = random_parameters(kind(3, 2, dtype=F64, **own, **options))
    x, shape = RNG.normal(size=(4, 5, 3)), (layer.num_layers, 5, 2)
    states = [RNG.normal(size=shape) if is_given else np.zeros(shape) for _ in range(1 + (kind is nn.LSTM))]
    outputs, *last = published_recurrence(layer, x, states, step)
    swapped = (lambda x: x.swapaxes(0, 1)) if layer.batch_first else (lambda x: x)
    given = [tuple(map(Tensor, states)) if kind is nn.LSTM else Tensor(states[0])] if is_given else []
    for called in (layer, tm.compile(layer)):
        for _ in range(2):
            found = flat(called(Tensor(swapped(x)), *given))
            for one, expected in zip(found, [swapped(outputs), *last], strict=True):
                np.testing.assert_allclose(one.data, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM])
def test_recurrent_layer_starts_uniform_within_the_root_of_its_size(kind):
    layer = kind(30, 25, num_layers=2, rng=0)
    for parameter in layer.parameters():
        assert 0.18 < np.abs(parameter.data).max() <= 0.2
        assert parameter.data.min() < -0.1
        assert parameter.dtype == np.float32
    blocks = 4 if kind is nn.LSTM else 1
    shapes = {name: parameter.shape for name, parameter in layer.named_parameters()}
    assert shapes == {
        f"{name}_l{number}": (25 * blocks, *columns)
        for number in range(2)
        for name, columns in {
            "weight_ih": (25 if number else 30,), "weight_hh": (25,), "bias_ih": (), "bias_hh": (),
        }.items()
    }  # fmt: skip


@pytest.mark.parametrize("padding", [None, 0, 2, 4, -1, -5])
def test_embedding_gives_rows_and_their_gradients_but_for_the_padding(padding):
    layer = nn.Embedding(5, 3, padding_idx=padding, rng=0, dtype=F64)
    row = None if padding is None else padding % 5
    assert [number for number, values in enumerate(layer.weight.data) if not values.any()] == (
        [] if row is None else [row]
    )
    numbers, factors = np.array([[0, 1, 2], [3, 4, 4]]), RNG.normal(size=(2, 3, 3))
    found = layer(numbers)
    np.testing.assert_array_equal(found.data, layer.weight.data[numbers])
    (found * factors).sum().backward()
    expected = np.zeros((5, 3))
    np.add.at(expected, numbers, factors)
    if row is not None:
        expected[row] = 0
    np.testing.assert_allclose(layer.weight.grad, expected, rtol=1e-12)


@pytest.mark.parametrize("padding", [5, -6])
def test_padding_outside_the_rows_is_refused(padding):
    with pytest.raises(ValueError, match=f"padding_idx is {padding}: expected"):
        nn.Embedding(5, 3, padding_idx=padding)


def test_embedding_starts_with_the_standard_deviation_1():
    table = nn.Embedding(200, 50, rng=0).weight.data
    assert table.dtype == np.float32
    assert table.std() == pytest.approx(1, abs=0.03)
    assert table.mean() == pytest.approx(0, abs=0.03)
