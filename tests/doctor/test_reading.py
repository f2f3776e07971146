"""Weighted sums, activations and losses are read from the graph, however they are written."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.doctor.evidence import Evidence

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 3))
WEIGHT, BIAS = RNG.standard_normal((4, 3)), RNG.standard_normal(4)


class Written(nn.Module):
    """A layer written as a function of (x, weight, bias, weight of shape (features, units))."""

    def __init__(self, function):
        self.function = function
        self.weight, self.bias, self.turned = (
            nn.Parameter(value.copy(), dtype=np.float64) for value in (WEIGHT, BIAS, WEIGHT.T)
        )

    def forward(self, x):
        return self.function(x, self.weight, self.bias, self.turned)


def evidence(function, loss=None, targets=None):
    loss = loss or nn.CrossEntropyLoss()
    return Evidence(Written(function), loss, [(X, np.arange(6) % 4 if targets is None else targets)])


@pytest.mark.parametrize(
    ("function", "weight", "bias"),
    [
        (lambda x, w, b, t: ops.linear(x, w, b), "weight", "bias"),
        (lambda x, w, b, t: x @ w.T + b, "weight", "bias"),
        (lambda x, w, b, t: b + x @ w.T, "weight", "bias"),
        (lambda x, w, b, t: x @ t + b, "turned", "bias"),
        (lambda x, w, b, t: x @ t, "turned", None),
        (lambda x, w, b, t: x @ t + 1.0, "turned", None),
        (lambda x, w, b, t: x @ t + (b * 2.0), "turned", None),
        (lambda x, w, b, t: (x @ t) * b, "turned", None),
    ],
)
def test_weighted_sum_is_read_however_it_is_written(function, weight, bias):
    looked_at = evidence(function)
    (layer,) = looked_at.layers
    assert (layer.weight_name, layer.bias_name) == (weight, bias or "the bias")
    np.testing.assert_array_equal(layer.weight, WEIGHT)
    np.testing.assert_allclose(layer.z, X @ WEIGHT.T + (BIAS if bias else 0), rtol=1e-12)
    assert (layer.bias is None) == (bias is None)
    assert layer.first
    np.testing.assert_array_equal(layer.x, X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w, b, t: x * 2.0 + b[:3],
        lambda x, w, b, t: x @ (2.0 * t),
        lambda x, w, b, t: Tensor(X) @ np.ones((3, 4)) * b,
        lambda x, w, b, t: x @ t.detach() + b,
    ],
    ids=["no matrix", "computed weight", "array", "detached"],
)
def test_product_without_a_weight_is_no_layer(function):
    assert evidence(function, targets=np.zeros(6, int)).layers == []


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_activation_and_place_of_layers_are_read_in_order(activation):
    def two(x, w, b, t):
        hidden = getattr(ops, activation)(x @ t + b)
        return ops.linear(hidden[:, :3], w, b)

    first, second = evidence(two).layers
    assert (first.weight_name, first.activation, first.first) == ("turned", activation, True)
    assert (second.weight_name, second.activation, second.first) == ("weight", None, False)
    assert first.place == "Written"


def test_place_without_a_module_is_the_line_of_the_sums():
    model = Written(lambda x, w, b, t: x @ t + b)

    def bare(x):
        return x @ model.turned + model.bias

    looked_at = Evidence(model, nn.CrossEntropyLoss(), [(X, np.arange(6) % 4)])
    looked_at.model = bare
    assert looked_at.layers[0].place.startswith("recorded at test_reading.py:")


PROBABILITIES = np.full((6, 4), 0.25)


@pytest.mark.parametrize(
    ("loss", "targets", "kind", "flags", "classes"),
    [
        (nn.CrossEntropyLoss(), None, "softmax_cross_entropy", "cross-entropy logits", 4),
        (nn.BCEWithLogitsLoss(), PROBABILITIES, "sigmoid_cross_entropy", "cross-entropy binary logits", 2),
        (nn.MSELoss(), PROBABILITIES, "squared_error", "quadratic", 4),
        (lambda o, y: -ops.mean(ops.log_softmax(o)), None, "log_softmax", "logits", 4),
        (lambda o, y: -ops.mean(ops.log(ops.exp(o))), None, "log", "", 4),
    ],
    ids=["cross-entropy", "binary", "quadratic", "log-softmax", "log"],
)
def test_kind_of_the_loss_is_read(loss, targets, kind, flags, classes):
    read = evidence(lambda x, w, b, t: x @ t + b, loss, targets).read_loss
    found = {
        "cross-entropy": read.is_cross_entropy,
        "binary": read.is_binary,
        "logits": read.takes_logits,
        "quadratic": read.is_quadratic,
    }
    assert read.kind == kind
    assert " ".join(sorted(name for name, is_it in found.items() if is_it)) == " ".join(sorted(flags.split()))
    assert read.classes == classes
    assert (read.mean is not None) == read.is_cross_entropy
    assert (read.target is None) == (kind in ("log_softmax", "log"))


def test_loss_of_an_unknown_kind_is_not_read():
    assert evidence(lambda x, w, b, t: x @ t, lambda o, y: ops.mean(ops.abs(o))).read_loss is None
    assert evidence(lambda x, w, b, t: x @ t, lambda o, y: ops.mean(ops.abs(o))).path == []


@pytest.mark.parametrize(
    ("before", "path"),
    [
        (lambda o: o, []),
        (lambda o: ops.tanh(o), ["tanh"]),
        (lambda o: ops.tanh(ops.relu(o)), ["tanh", "relu"]),
        (lambda o: ops.reshape(ops.sigmoid(o), (6, 2, 2)), ["sigmoid"]),
        (lambda o: ops.clip(ops.sigmoid(o), 0.1, 0.9), ["sigmoid"]),
        (lambda o: ops.sigmoid(o) + 1e-8, ["sigmoid"]),
        (lambda o: ops.sigmoid(o) + np.full(4, 1e-8), []),
        (lambda o: ops.sigmoid(o) * 2.0, []),
        (lambda o: ops.exp(ops.sigmoid(o)), []),
    ],
)
def test_path_to_the_loss_has_only_what_squashes(before, path):
    def loss(output, targets):
        output = before(output)
        return ops.mean(ops.squared_error(output, Tensor(np.zeros(output.shape))))

    looked_at = evidence(lambda x, w, b, t: x @ t + b, loss)
    assert [op.primitive.name for op in looked_at.path] == path
