"""Losses that are reported: means over the examples, for any batches."""

import warnings

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training import evaluate, fit
from tinygrad_mnist.training.totals import PerExample

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((61, 4)).astype(np.float32), RNG.integers(0, 3, 61)


class SummedLoss(nn.Module):
    def forward(self, output, target):
        return ops.sum(ops.softmax_cross_entropy(output, target))


LOSSES = {
    "mean": nn.CrossEntropyLoss(),
    "sum as a module": SummedLoss(),
    "sum as a function": lambda output, target: ops.sum(ops.softmax_cross_entropy(output, target)),
    "mean as a function": lambda output, target: ops.mean(ops.softmax_cross_entropy(output, target)),
}


def model_of():
    return nn.Sequential(nn.Linear(4, 3, rng=np.random.default_rng(1)))


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("size", [1, 2, 7, 60, 61])
def test_reported_loss_is_the_mean_for_any_batch_size(loss, size):
    model = model_of()
    expected = evaluate(model, nn.CrossEntropyLoss(), Loader(X, Y, 61)).loss
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert evaluate(model, loss, Loader(X, Y, size)).loss == pytest.approx(expected, rel=1e-5)
        still = optim.SGD(model.parameters(), lr=0.0)
        epoch = fit(model, loss, still, Loader(X, Y, size), Loader(X, Y, size), epochs=1)[0]
    assert epoch.train_loss == pytest.approx(expected, rel=1e-5)
    assert epoch.validation_loss == pytest.approx(expected, rel=1e-5)


def test_loss_of_zero_leaves_the_reduction_open():
    model = model_of()
    loss = LOSSES["sum as a function"]
    good = model(X).data.argmax(axis=1)
    model[0].weight.data, model[0].bias.data = model[0].weight.data * 1e4, model[0].bias.data * 1e4
    batches = [(X[:20], good[:20]), (X[20:40], (good[20:40] + 1) % 3)]
    expected = evaluate(model, nn.CrossEntropyLoss(), batches).loss
    assert evaluate(model, loss, batches).loss == pytest.approx(expected, rel=1e-5)


def test_unknown_reduction_causes_a_warning():
    def root(output, target):
        return ops.mean(ops.softmax_cross_entropy(output, target)) * len(target) ** 0.5

    with pytest.warns(RuntimeWarning, match="neither the mean nor the sum of the losses of its examples"):
        evaluate(model_of(), root, Loader(X, Y, 61))


def test_examining_a_loss_keeps_its_generator():
    class Noisy(nn.Module):
        def __init__(self):
            self.rng = np.random.default_rng(3)

        def forward(self, output, target):
            return nn.CrossEntropyLoss()(output, target) * (1 + 1e-9 * self.rng.random())

    loss = Noisy()
    evaluate(model_of(), loss, Loader(X, Y, 61))
    once = np.random.default_rng(3)
    once.random()
    assert loss.rng.bit_generator.state == once.bit_generator.state


UNEQUAL = {
    "weight": nn.CrossEntropyLoss(weight=[0.2, 1.0, 3.0]),
    "ignore_index": nn.CrossEntropyLoss(ignore_index=1),
    "all of it": nn.CrossEntropyLoss(weight=[0.2, 1.0, 3.0], ignore_index=1, label_smoothing=0.1),
}


@pytest.mark.parametrize("loss", UNEQUAL.values(), ids=UNEQUAL)
@pytest.mark.parametrize("size", [1, 7, 61])
def test_examples_that_count_differently_are_weighted_in_the_mean(loss, size):
    model = model_of()
    counted = loss.ignore_index != Y
    found = evaluate(model, loss, Loader(X, Y, size))
    right = model(X).data.argmax(axis=1) == Y
    assert found.loss == pytest.approx(loss(model(X), Y).item(), rel=1e-5)
    assert found.accuracy == pytest.approx(right[counted].mean())
    assert found.examples == counted.sum()


def test_batch_of_ignored_labels_is_an_error_of_the_data():
    model, loss = model_of(), nn.CrossEntropyLoss(ignore_index=-1)
    batches = [(X[:4], Y[:4]), (X[4:8], np.full(4, -1))]
    with pytest.raises(DataError, match="all labels of the batch in epoch 1, step 2 are -1, which the loss"):
        fit(model, loss, optim.SGD(model.parameters(), lr=0.1), batches, epochs=1)
    with pytest.raises(DataError, match="the loss ignores all its labels"):
        evaluate(model, loss, batches[1:])


@pytest.mark.parametrize(
    ("whole", "parts", "reported"),
    [
        (1.0, (1.0, 1.0), 1.0), (2.0, (1.0, 1.0), 2.0 / 6), (1.5, (0.5, 2.0), 1.5),
        (2.5, (0.5, 2.0), 2.5 / 6),
        (1.0019, (1.0, 1.0), 1.0019), (1.0021, (1.0, 1.0), None), (2.0019, (1.0, 1.0), 2.0019 / 6),
        (2.0021, (1.0, 1.0), None), (-1.0019, (-1.0, -1.0), -1.0019), (-2.0019, (-1.0, -1.0), -2.0019 / 6),
        (0.0, (0.0, 0.0), 0.0), (-1.0, (-3.0, 0.0), -1.0),
    ],
)  # fmt: skip
def test_loss_is_compared_with_those_of_a_third_and_the_rest(whole, parts, reported):
    """Two and four of six rows: a mean within a thousandth of both together, or a sum."""
    values = {6: whole, 2: parts[0], 4: parts[1]}
    output, targets = np.zeros((6, 1)), np.zeros((6, 1))
    per_example = PerExample(lambda y, t: Tensor(values[len(t)]))
    if reported is None:
        with pytest.warns(RuntimeWarning, match="neither the mean nor the sum"):
            assert per_example(whole, output, targets)[0] == whole
        return
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert per_example(whole, output, targets)[0] == reported


def test_loss_is_examined_once_on_the_first_batch_of_two_rows():
    calls = []

    def loss(output, target):
        calls.append(len(target))
        return ops.sum(output)

    per_example = PerExample(loss)
    for rows in (1, 1, 2, 3, 5):
        output = np.ones((rows, 1))
        assert per_example(float(rows), output, output)[0] == 1.0
    assert calls == [1, 1]


def test_loss_of_whole_batches_is_assumed_a_mean():
    def loss(output, target):
        if len(target) < 4:
            raise ValueError("too few")
        return ops.sum(output)

    assert PerExample(loss)(4.0, np.ones((4, 1)), np.ones((4, 1)))[0] == 4.0
