"""Arguments of a training are checked before its first step."""

import numpy as np
import pytest

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.doctor import diagnose_training
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training import evaluate, fit

X, Y = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32), np.arange(40) % 2


def model_of(seed=0):
    rng = np.random.default_rng(seed)
    return nn.Sequential(nn.Linear(3, 4, rng=rng), nn.ReLU(), nn.Linear(4, 2, rng=rng))


def arguments(**changes):
    model = model_of()
    given = {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
        "train": Loader(X, Y, 8),
        "epochs": 1,
    }
    return given | changes


def swapped(first, second):
    given = arguments()
    given[first], given[second] = given[second], given[first]
    return given


WRONG = {
    "loss as a class": (
        arguments(loss=nn.CrossEntropyLoss),
        "loss is the class CrossEntropyLoss",
    ),
    "model as a class": (arguments(model=nn.Linear), "model is the class Linear"),
    "optimizer as a class": (arguments(optimizer=optim.SGD), "optimizer is the class SGD"),
    "schedule as a class": (arguments(schedule=optim.StepLR), "schedule is the class StepLR"),
    "schedule by name": (
        arguments(schedule="cosine"),
        "schedule is 'cosine': expected an optim.LRScheduler",
    ),
    "loss by name": (arguments(loss="mse"), "loss is 'mse': expected a loss"),
    "loss and optimizer swapped": (swapped("loss", "optimizer"), "loss is SGD.*: expected a loss"),
    "model and loss swapped": (swapped("model", "loss"), "model is the loss CrossEntropyLoss"),
    "model and optimizer swapped": (swapped("model", "optimizer"), "model is SGD.*: expected an nn.Module"),
    "optimizer and data swapped": (swapped("optimizer", "train"), "optimizer is .*: expected an optimizer"),
    "another model's optimizer": (
        arguments(optimizer=optim.SGD(model_of().parameters(), lr=0.1)),
        "optimizer holds none of the model's parameters",
    ),
    "another optimizer's schedule": (
        arguments(schedule=optim.StepLR(optim.SGD(model_of().parameters(), lr=0.1), 1)),
        "schedule belongs to another optimizer",
    ),
    **{
        f"epochs {epochs}": (arguments(epochs=epochs), f"epochs is {epochs!r}: expected a whole number >= 1")
        for epochs in (0, -1, 1.5, True, "3", None)
    },
}


@pytest.mark.parametrize(("given", "message"), WRONG.values(), ids=WRONG)
def test_wrong_argument_raises_one_sentence_before_step_1(given, message):
    with pytest.raises((TypeError, ValueError), match=message) as caught:
        fit(**given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("call", [evaluate, diagnose_training])
def test_other_calls_check_their_arguments_too(call):
    with pytest.raises(TypeError, match="loss is the class MSELoss"):
        call(model_of(), nn.MSELoss, (X, Y))
    with pytest.raises(TypeError, match="model is the loss MSELoss"):
        call(nn.MSELoss(), model_of(), (X, Y))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_weights_are_named_before_the_first_step(value):
    given = arguments()
    given["model"][2].bias.data = np.full(2, value, np.float32)
    what = "NaN" if np.isnan(value) else "infinity"
    with pytest.raises(DataError, match=f"2.bias holds {what} before the first step: build the model again"):
        fit(**given)


def test_part_of_the_model_may_stay_untrained():
    given = arguments()
    frozen, trained = (given["model"][i].weight.data.copy() for i in (0, 2))
    given["optimizer"] = optim.SGD(given["model"][2].parameters(), lr=0.1)
    fit(**given)
    np.testing.assert_array_equal(given["model"][0].weight.data, frozen)
    assert (given["model"][2].weight.data != trained).any()


def test_loss_may_be_a_plain_function():
    given = arguments(loss=lambda output, target: nn.CrossEntropyLoss()(output, target))
    plain = arguments()
    assert fit(**given)[0].train_loss == fit(**plain)[0].train_loss
