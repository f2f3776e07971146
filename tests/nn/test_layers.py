"""Layers compute their formulas and pass gradients on; bad settings and inputs are refused."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from tests.autodiff.oracles import check_first_order
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.errors import DTypeError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
FORMULAS = {
    "Sigmoid": (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    "Tanh": (nn.Tanh(), np.tanh),
    "ReLU": (nn.ReLU(), lambda x: np.where(x > 0, x, 0)),
    "Softmax": (nn.Softmax(), lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    "Softmax(0)": (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "LogSoftmax": (nn.LogSoftmax(), lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True))),
    "LeakyReLU": (nn.LeakyReLU(), lambda x: np.where(x > 0, x, 0.01 * x)),
    "LeakyReLU 0.2": (nn.LeakyReLU(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    "ELU": (nn.ELU(), lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "ELU 0.5": (nn.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
    "GELU": (nn.GELU(), lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2),
    "GELU tanh": (
        nn.GELU("tanh"),
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    "SiLU": (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
    "Softplus": (nn.Softplus(), lambda x: np.log(1 + np.exp(x))),
    "Flatten": (nn.Flatten(), lambda x: x.reshape(len(x), -1)),
    "Unflatten": (nn.Unflatten(0, (-1, 1)), lambda x: x[:, None]),
}


def away_from_kinks(seed, shape):
    rng = np.random.default_rng(seed)
    return rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)


@pytest.mark.parametrize("name", FORMULAS)
@given(seed=SEEDS, shape=array_shapes(min_dims=2, max_dims=3, max_side=4))
def test_layer_equals_its_formula_and_gradient_differences(name, seed, shape):
    layer, formula = FORMULAS[name]
    x = away_from_kinks(seed, shape)
    np.testing.assert_allclose(layer(Tensor(x)).data, formula(x), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(layer(x), layer(Tensor(x)).data, err_msg="arrays in, arrays out")
    check_first_order(layer, [x], complex_step=False)


@given(seed=SEEDS, lead=array_shapes(min_dims=0, max_dims=2, max_side=3), bias=st.booleans())
def test_linear_is_affine_with_weights_as_rows(seed, lead, bias):
    rng = np.random.default_rng(seed)
    layer = nn.Linear(3, 2, bias, rng=rng, dtype=np.float64)
    arrays = [rng.standard_normal((*lead, 3)), *(p.data.copy() for p in layer.parameters())]

    def affine(x, *parameters):
        vars(layer).update(zip(("weight", "bias"), parameters))
        return layer(x)

    expected = arrays[0] @ arrays[1].T + (arrays[2] if bias else 0)
    np.testing.assert_allclose(affine(*arrays), expected, rtol=1e-12, atol=1e-12)
    check_first_order(affine, arrays, complex_step=False)


def test_dropout_keeps_the_mean_and_repeats_with_its_seed():
    x = Tensor(np.ones((200, 500)), requires_grad=True)
    first, second = (nn.Dropout(0.3, rng=np.random.default_rng(1))(x) for _ in range(2))
    np.testing.assert_array_equal(first.data, second.data)
    assert set(np.unique(first.data)) == {0, 1 / 0.7}
    assert (first.data == 0).mean() == pytest.approx(0.3, abs=0.006)  # four standard deviations
    first.backward(np.ones(x.shape))
    np.testing.assert_array_equal(x.grad, first.data)


def test_dropout_draws_a_mask_per_call_and_none_in_evaluation():
    dropout, x = nn.Dropout(0.5, rng=np.random.default_rng(1)), np.ones((20, 20))
    assert (dropout(x) != dropout(x)).any()
    assert dropout.eval()(x) is x


def test_float32_network_stays_float32():
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(4, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 2), nn.Softmax()
    )
    output = model(np.ones((5, 2, 2), np.float32))
    assert output.dtype == np.float32
    output.sum().backward()
    assert {p.grad.dtype for p in model.parameters()} == {np.dtype(np.float32)}


def test_images_of_a_batch_get_no_gradient(monkeypatch):
    from tinygrad_mnist.autodiff.ops import linear

    called = []

    def spy(position, rule):
        return lambda *args, **attributes: called.append(position) or rule(*args, **attributes)

    monkeypatch.setattr(linear, "rules", tuple(spy(i, rule) for i, rule in enumerate(linear.rules)))
    model = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2))
    model(Tensor(np.ones((5, 4), np.float32))).sum().backward()
    assert sorted(called) == [0, 1, 1, 2, 2]  # the input's rule once: between the layers


def test_errors_name_op_layer_and_operands():
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 3))
    model(np.ones((2, 4), np.float32))
    with pytest.raises(
        ShapeError,
        match=r"^Sequential/Linear\[1\] expects 4 features .* of shape \(2, 5\): build it as Linear\(5, 3\)",
    ):
        model(np.ones((2, 5), np.float32))
    with pytest.raises(
        DTypeError, match=r"has float32 weights, the input is float64: pass x\.astype\(np\.float32\)"
    ):
        model(np.ones((2, 4)))


@pytest.mark.parametrize("shape", [(4,), (2, 4), (3, 2, 4)])
def test_correct_input_is_not_blamed_for_a_wrong_parameter(shape):
    layer = nn.Linear(4, 3, dtype=np.float64)
    layer.bias = nn.Parameter(np.ones(2), dtype=np.float64)
    with pytest.raises(ShapeError) as caught:
        layer(np.ones(shape))
    assert "features" not in str(caught.value)


def test_bad_settings_of_layers_are_refused():
    with pytest.raises(ValueError, match="in_features is 0: expected a whole number >= 1"):
        nn.Linear(0, 3)
    with pytest.raises(ValueError, match="p is 1: expected a finite number >= 0 and < 1"):
        nn.Dropout(1)
    with pytest.raises(TypeError, match=r"item 1 is .*: did you mean ReLU\(\)\?"):
        nn.Sequential(nn.Linear(2, 3), nn.ReLU)
    with pytest.raises(TypeError, match="Module does not define forward"):
        nn.Module()(1)


def test_dropout_accepts_0_and_shares_just_below_1():
    x = np.ones(3)
    assert nn.Dropout(0)(x) is x
    assert nn.Dropout(0.999).p == 0.999
    for p in (-0.1, 1.0, 1.5):
        with pytest.raises(ValueError, match=f"p is {p}"):
            nn.Dropout(p)


def test_sizes_of_1_are_accepted_and_smaller_ones_refused():
    assert nn.Linear(1, 1).weight.shape == (1, 1)
    for sizes in ((0, 1), (1, 0), (-1, 2)):
        with pytest.raises(ValueError, match="features is"):
            nn.Linear(*sizes)


def test_non_class_item_of_a_sequential_gets_no_hint():
    with pytest.raises(TypeError, match=r"takes modules, and item 0 is 3$"):
        nn.Sequential(3)


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (nn.Linear(3, 2), "Linear(3, 2)"),
        (nn.Linear(3, 2, False), "Linear(3, 2, bias=False)"),
        (nn.Softmax(), "Softmax(dim=-1)"),
        (nn.LogSoftmax(0), "LogSoftmax(dim=0)"),
        (nn.Dropout(), "Dropout(p=0.5)"),
        (nn.LeakyReLU(), "LeakyReLU(negative_slope=0.01)"),
        (nn.ELU(), "ELU(alpha=1.0)"),
        (nn.GELU(), "GELU(approximate='none')"),
        (nn.Embedding(9, 2), "Embedding(9, 2)"),
        (nn.LayerNorm(3), "LayerNorm((3,), eps=1e-05)"),
        (nn.BatchNorm1d(3), "BatchNorm1d(3, eps=1e-05, momentum=0.1)"),
        (nn.Conv2d(1, 2, 3), "Conv2d(1, 2, kernel_size=(3, 3))"),
        (nn.Conv2d(1, 2, (3, 1), (1, 2)), "Conv2d(1, 2, kernel_size=(3, 1), stride=(1, 2))"),
        (nn.Conv2d(1, 2, 3, padding=(0, 1)), "Conv2d(1, 2, kernel_size=(3, 3), padding=(0, 1))"),
        (nn.Conv2d(1, 2, 3, dilation=(2, 1)), "Conv2d(1, 2, kernel_size=(3, 3), dilation=(2, 1))"),
        (nn.Conv2d(1, 2, 3, bias=False), "Conv2d(1, 2, kernel_size=(3, 3), bias=False)"),
        (nn.MaxPool2d(2, 1), "MaxPool2d(kernel_size=(2, 2), stride=(1, 1))"),
        (nn.AvgPool2d(2, padding=(1, 0)), "AvgPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(1, 0))"),
        (nn.RNN(3, 2), "RNN(3, 2)"),
        (nn.LSTM(3, 2, 2), "LSTM(3, 2, num_layers=2)"),
        (nn.Flatten(), "Flatten()"),
        (nn.Unflatten(1, (2, -1)), "Unflatten(1, (2, -1))"),
        (nn.CrossEntropyLoss(), "CrossEntropyLoss()"),
        (nn.Sequential(), "Sequential()"),
    ],
)
def test_layer_repr_shows_its_settings(layer, text):
    assert repr(layer) == text


# A value other than the default, of each argument of a layer by its name
OTHER = {
    "affine": False, "alpha": 0.5, "approximate": "tanh", "batch_first": True, "bias": False, "delta": 0.5,
    "dilation": (2, 1), "dim": 0, "elementwise_affine": False, "eps": 0.001, "from_logits": False,
    "ignore_index": 3, "label_smoothing": 0.1, "momentum": None, "negative_slope": 0.2,
    "nonlinearity": "relu", "num_layers": 2, "p": 0.25, "padding": (1, 1), "padding_idx": 2,
    "pos_weight": 2.0, "reduction": "sum", "stride": (2, 1), "track_running_stats": False,
    "weight": [1.0, 2.0],
}  # fmt: skip
REQUIRED = {
    "num_embeddings": 4, "embedding_dim": 3, "in_features": 3, "out_features": 2, "in_channels": 1,
    "out_channels": 2, "kernel_size": (3, 3), "normalized_shape": (3,), "num_features": 3, "input_size": 3,
    "hidden_size": 2,
}  # fmt: skip
ABSENT = {"rng", "dtype", "weight_init", "bias_init", "groups"}  # of the first values; groups is always 1


def arguments_of_layers():
    """Yield (layer, argument) for each argument with a default."""
    layers = {name: getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)}
    for name, layer in layers.items():
        if issubclass(layer, nn.Module) and layer.forward is not nn.Module.forward:
            for argument in inspect.signature(layer).parameters.values():
                is_optional = argument.default is not argument.empty
                if is_optional and argument.name not in ABSENT:
                    yield name, argument.name


@pytest.mark.parametrize(("layer", "argument"), [*arguments_of_layers()])
def test_repr_of_a_layer_builds_it_again(layer, argument):
    layer = getattr(nn, layer)
    required = {k: v for k, v in REQUIRED.items() if k in inspect.signature(layer).parameters}
    text = repr(layer(**required, **{argument: OTHER[argument]}))
    assert f"{argument}={OTHER[argument]!r}" in text
    assert repr(eval(text, vars(nn))) == text
    usual = repr(layer(**required))
    assert repr(eval(usual, vars(nn))) == usual != text


def test_layer_without_rng_keeps_numpys_global_generator():
    before = str(np.random.get_state())  # noqa: NPY002
    drawn = [nn.Linear(3, 2).weight.data.tolist() for _ in range(2)]
    assert drawn[0] != drawn[1]
    nn.Dropout(0.5)(np.ones(4))
    assert str(np.random.get_state()) == before  # noqa: NPY002


@pytest.mark.parametrize(
    ("dim", "sizes", "message"),
    [
        (
            1,
            (2, 3),
            r"Unflatten\(1, \(2, 3\)\) got an input of shape \(2, 5\): 5 elements do not fill \(2, 3\)",
        ),
        (-1, (2, -1), "5 elements do not fill"),
        (2, (1, 1), "it has no axis 2"),
        (-3, (1, 1), "it has no axis -3"),
    ],
)
def test_unflatten_names_the_axis_that_does_not_fit(dim, sizes, message):
    with pytest.raises(ShapeError, match=message):
        nn.Unflatten(dim, sizes)(np.ones((2, 5)))


@pytest.mark.parametrize(
    ("dim", "sizes", "error", "message"),
    [
        (1.0, (2,), TypeError, "dim is 1.0: expected a whole number"),
        (1, 5, TypeError, "unflattened_size is 5: expected a tuple of lengths"),
        (1, (-2, 2), ValueError, "each length in unflattened_size is -2: expected a whole number >= -1"),
        (1, (-1, -1), ValueError, "expected at most one -1"),
    ],
)
def test_unflatten_refuses_sizes_that_fit_no_axis(dim, sizes, error, message):
    with pytest.raises(error, match=message):
        nn.Unflatten(dim, sizes)


@pytest.mark.parametrize("kind", [nn.Tanh, nn.ReLU, nn.Flatten, nn.Sigmoid])
def test_argument_of_a_layer_without_settings_is_explained(kind):
    with pytest.raises(TypeError, match=rf"{kind.__name__}\(\) takes no arguments"):
        kind(np.ones(2))


@pytest.mark.parametrize("seed", [0, 7, np.int64(3)])
def test_seed_is_accepted_as_a_generator(seed):
    first, again = (nn.Linear(3, 4, rng=rng) for rng in (seed, np.random.default_rng(seed)))
    np.testing.assert_array_equal(first.weight.data, again.weight.data)
    x = np.ones((4, 5))
    first, again = (nn.Dropout(0.5, rng=rng)(x) for rng in (seed, np.random.default_rng(seed)))
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("layer", [lambda rng: nn.Linear(2, 2, rng=rng), lambda rng: nn.Dropout(rng=rng)])
def test_non_generator_is_refused(layer):
    with pytest.raises((TypeError, ValueError)):
        layer("seed")


def test_slice_of_a_sequential_shares_its_layers():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    features = model[:2]
    assert type(features) is nn.Sequential
    assert list(features) == list(model)[:2]
    assert [name for name, _ in features.named_parameters()] == ["0.weight", "0.bias"]
    assert model[-1] is list(model)[2]


@pytest.mark.parametrize("position", [1, -1])
def test_layer_at_a_position_is_replaced_under_its_name(position):
    model = nn.Sequential({"body": nn.Linear(2, 3, rng=0), "head": nn.Linear(3, 2, rng=0)})
    model[position] = new = nn.Linear(3, 5, rng=0)
    assert model(np.ones((4, 2), np.float32)).shape == (4, 5)
    assert model[1] is model.head is new
    with pytest.raises(TypeError, match=r"item 1 is the class ReLU: did you mean ReLU\(\)\?"):
        model[position if position > 0 else 1] = nn.ReLU


def test_appended_layer_is_applied():
    model = nn.Sequential(nn.Identity()).append(nn.Softplus())
    np.testing.assert_allclose(model(np.array([0.0, 100.0])), [np.log(2), 100.0])


def test_modules_of_a_list_belong_to_their_owner():
    class Network(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    network = Network()
    names = ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert [name for name, _ in network.named_parameters()] == names
    assert network(np.ones((4, 2), np.float32)).shape == (4, 1)
    assert type(network.layers[1:]) is nn.ModuleList
    assert [name for name, _ in network.named_children()] == ["layers"]
    assert list(network.children()) == [network.layers]


@pytest.mark.parametrize("given", [nn.ReLU, nn.ReLU(), 3, [np.tanh], [[nn.ReLU()]]])
def test_list_of_non_modules_is_refused(given):
    with pytest.raises(TypeError, match=r"modules is|takes modules"):
        nn.ModuleList(given)
