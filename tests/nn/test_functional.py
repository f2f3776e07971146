"""nn.functional: the functions give what the layers and losses of their names give."""

import re

import numpy as np
import pytest

import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.errors import LabelError

RNG = np.random.default_rng(0)
X, ROWS, LABELS = RNG.normal(size=(4, 3)), RNG.dirichlet(np.ones(3), 4), np.array([2, 0, 1, 1])
WEIGHT, BIAS = RNG.normal(size=(5, 3)), RNG.normal(size=5)
P = RNG.uniform(0.1, 0.9, (4, 3))
KERNEL = RNG.normal(size=(2, 1, 2, 2))


def with_parameters(layer, **arrays):
    layer.load_state_dict(arrays)
    return layer


CASES = {
    "relu": (lambda x: F.relu(x), nn.ReLU()),
    "sigmoid": (lambda x: F.sigmoid(x), nn.Sigmoid()),
    "tanh": (lambda x: F.tanh(x), nn.Tanh()),
    "softplus": (lambda x: F.softplus(x), nn.Softplus()),
    "flatten": (lambda x: F.flatten(x, 1), nn.Flatten()),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.2), nn.LeakyReLU(0.2)),
    "elu": (lambda x: F.elu(x, 0.5), nn.ELU(0.5)),
    "gelu": (lambda x: F.gelu(x), nn.GELU()),
    "gelu of tanh": (lambda x: F.gelu(x, approximate="tanh"), nn.GELU("tanh")),
    "silu": (lambda x: F.silu(x), nn.SiLU()),
    "softmax": (lambda x: F.softmax(x, dim=0), nn.Softmax(0)),
    "log_softmax": (lambda x: F.log_softmax(x, 0), nn.LogSoftmax(0)),
    "conv2d": (
        lambda x: F.conv2d(x[None, None], KERNEL),
        lambda x: with_parameters(nn.Conv2d(1, 2, 2, bias=False, dtype=float), weight=KERNEL)(x[None, None]),
    ),
    "max_pool2d": (lambda x: F.max_pool2d(x[None, None], 2), lambda x: nn.MaxPool2d(2)(x[None, None])),
    "avg_pool2d": (lambda x: F.avg_pool2d(x[None, None], 2), lambda x: nn.AvgPool2d(2)(x[None, None])),
    "linear": (
        lambda x: F.linear(x, WEIGHT, BIAS),
        with_parameters(nn.Linear(3, 5, dtype=float), weight=WEIGHT, bias=BIAS),
    ),
    "dropout": (lambda x: F.dropout(x, 0.4, rng=7), nn.Dropout(0.4, rng=7)),
    "dropout in evaluation": (lambda x: F.dropout(x, 0.4, training=False), nn.Identity()),
    "layer_norm": (
        lambda x: F.layer_norm(x, (3,), WEIGHT[0], BIAS[:3], eps=1e-3),
        with_parameters(nn.LayerNorm(3, eps=1e-3, dtype=float), weight=WEIGHT[0], bias=BIAS[:3]),
    ),
    "cross_entropy": (
        lambda x: F.cross_entropy(x, LABELS, label_smoothing=0.1),
        lambda x: nn.CrossEntropyLoss(label_smoothing=0.1)(x, LABELS),
    ),
    "nll_loss": (lambda x: F.nll_loss(x, LABELS), lambda x: nn.NLLLoss()(x, LABELS)),
    "mse_loss": (lambda x: F.mse_loss(x, P, reduction="sum"), lambda x: nn.MSELoss(reduction="sum")(x, P)),
    "l1_loss": (lambda x: F.l1_loss(x, P), lambda x: nn.L1Loss()(x, P)),
    "huber_loss": (lambda x: F.huber_loss(x, P, delta=0.3), lambda x: nn.HuberLoss(delta=0.3)(x, P)),
    "binary_cross_entropy_with_logits": (
        lambda x: F.binary_cross_entropy_with_logits(x, P),
        lambda x: nn.BCEWithLogitsLoss()(x, P),
    ),
    "binary_cross_entropy": (
        lambda x: F.binary_cross_entropy(F.sigmoid(x), P),
        lambda x: nn.BCELoss()(F.sigmoid(x), P),
    ),
}


def test_every_function_has_a_case():
    assert set(F.__all__) - {name.split()[0] for name in CASES} == {"embedding", "one_hot"}


@pytest.mark.parametrize("name", CASES)
def test_a_function_gives_what_its_layer_gives(name):
    function, layer = CASES[name]
    x, y = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
    found, expected = function(x), layer(y)
    np.testing.assert_array_equal(found.data, expected.data)
    (found * 2).sum().backward()
    (expected * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, y.grad)


def test_rows_and_one_hot_take_numbers():
    weight = Tensor(WEIGHT, requires_grad=True)
    found = F.embedding(LABELS, weight, padding_idx=1)
    np.testing.assert_array_equal(found.data, WEIGHT[LABELS])
    found.sum().backward()
    np.testing.assert_array_equal(weight.grad, [[1] * 3, [0] * 3, [1] * 3, [0] * 3, [0] * 3])
    np.testing.assert_array_equal(F.one_hot(LABELS, 3), np.eye(3, dtype=int)[LABELS])


@pytest.mark.parametrize("name", F.__all__)
def test_every_function_answers_an_unknown_keyword_with_advice(name):
    with pytest.raises(TypeError, match=r"\w+\(\) does not take device=: leave it out"):
        getattr(F, name)(X, X, device="cpu")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: F.softmax(X, axis=1), "softmax() takes dim=, not axis="),
        (lambda: F.cross_entropy(input=X, target=LABELS), "cross_entropy() takes output=, not input="),
        (lambda: F.cross_entropy(X, reduction="sum"), "cross_entropy() is missing target"),
        (lambda: F.cross_entropy(X, LABELS, None), "got 3 positional arguments: expected output, target"),
        (lambda: F.layer_norm(X, 4), "LayerNorm normalizes the last axes (4,), got inputs of shape (4, 3)"),
        (lambda: nn.Conv2d(1, 2, 3, padding="same"), "a window of 3 keeps the size with padding=1"),
    ],
)
def test_calls_in_pytorchs_words_are_answered(call, said):
    with pytest.raises((TypeError, ValueError), match=re.escape(said)):
        call()


def test_last_axis_to_normalize_is_given_by_its_length():
    np.testing.assert_array_equal(F.layer_norm(X, 3), F.layer_norm(X, (3,)))


@pytest.mark.parametrize("numbers", [[-1], [3], [[0, 5]]])
def test_rows_of_a_table_are_refused_outside_of_it(numbers):
    with pytest.raises(LabelError, match="is out of range: the table has the rows 0 to 2"):
        F.embedding(np.array(numbers), np.ones((3, 2)))
