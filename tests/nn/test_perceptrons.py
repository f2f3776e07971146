"""Perceptrons from the sizes of their layers."""

import numpy as np
import pytest

from tinygrad_mnist import manual_seed, nn
from tinygrad_mnist.nn.perceptrons import layer_sizes, sizes_as_text


@pytest.mark.parametrize(
    ("settings", "layers"),
    [
        ({}, ["Linear(6, 5)", "ReLU()", "Linear(5, 3)", "ReLU()", "Linear(3, 2)"]),
        (
            {"activation": nn.Tanh, "final_activation": nn.Sigmoid, "dropout": 0.5},
            ["Linear(6, 5)", "Tanh()", "Dropout(p=0.5)", "Linear(5, 3)", "Tanh()", "Dropout(p=0.5)",
             "Linear(3, 2)", "Sigmoid()"],
        ),
        (
            {"bias": [False, True, False]},
            ["Linear(6, 5, bias=False)", "ReLU()", "Linear(5, 3)", "ReLU()", "Linear(3, 2, bias=False)"],
        ),
    ],
)  # fmt: skip
def test_perceptron_has_the_layers_of_its_settings(settings, layers):
    assert [repr(layer) for layer in nn.perceptron((6, 5, 3, 2), **settings)] == layers


def test_weights_are_those_of_layers_drawn_one_after_the_other():
    rng = np.random.default_rng(3)
    by_hand = nn.Sequential(*(nn.Linear(*sizes, rng=rng, dtype=np.float64) for sizes in ((4, 3), (3, 2))))
    for source in (3, np.random.default_rng(3)):
        built = nn.perceptron((4, 3, 2), rng=source, dtype=np.float64).state_dict()
        for one, other in zip(built.values(), by_hand.state_dict().values(), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("source", [0, np.int64(0), None])
def test_each_dropout_draws_its_own_masks_and_repeats_them(source):
    def masks():
        manual_seed(1)
        model = nn.perceptron((2, 3, 3, 1), dropout=0.5, rng=source)
        return [layer(np.ones(64)).tolist() for layer in model if isinstance(layer, nn.Dropout)]

    first, second = masks()
    assert first != second
    assert masks() == [first, second]


@pytest.mark.parametrize("sizes", [(784, 30, 10), [784, 30, 10], np.array([784, 30, 10]), "784-30-10"])
def test_sizes_are_read_from_numbers_or_text(sizes):
    read = layer_sizes(sizes)
    assert read == (784, 30, 10)
    assert {type(size) for size in read} == {int}
    assert sizes_as_text(read) == "784-30-10"


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        (784, "sizes is 784: expected the sizes of all layers, such as 784-30-10"),
        ((784,), r"sizes is \(784,\): expected the sizes"),
        ("784", "sizes is '784': expected the sizes"),
        ("784--10", "sizes is '784--10': expected the sizes"),
        ("784-x-10", "sizes is '784-x-10': expected the sizes"),
        ("784-" + "9" * 5000, "sizes is '784-999+...: expected the sizes"),
        ("784-0-10", r"sizes\[1\] is 0: expected a whole number >= 1"),
        ((784, 2.5, 10), r"sizes\[1\] is 2.5: expected a whole number"),
        ((784, True), r"sizes\[1\] is True: expected a whole number"),
    ],
)
def test_impossible_sizes_are_refused_with_their_value(sizes, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}"):
        nn.perceptron(sizes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": nn.ReLU()}, r"activation is ReLU\(\): expected a class of modules"),
        ({"activation": "relu"}, "activation is 'relu': expected a class of modules"),
        ({"final_activation": nn.Sigmoid()}, r"final_activation is Sigmoid\(\): expected a class"),
        ({"bias": [True]}, "bias has 1 values: expected one for each of the 2 layers"),
        ({"bias": 1}, "bias is 1: expected True or False"),
        ({"hidden": 3}, "perceptron"),
    ],
)
def test_impossible_setting_is_named_by_the_perceptron(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        nn.perceptron((4, 3, 2), **settings)


@pytest.mark.parametrize(
    ("loss", "takes_logits"),
    [
        (nn.CrossEntropyLoss(), True),
        (nn.CrossEntropyLoss(from_logits=False), False),
        (nn.BCEWithLogitsLoss(), True),
        (nn.BCELoss(), False),
        (nn.NLLLoss(), False),
        (nn.MSELoss(), False),
        (nn.QuadraticLoss(), False),
    ],
)
def test_loss_says_if_it_takes_logits(loss, takes_logits):
    assert loss.takes_logits is takes_logits
