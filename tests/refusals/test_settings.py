"""Wrong data, seeds, settings and initial values are refused in a sentence."""

import inspect
import re

import numpy as np
import pytest

from tests.refusals.subjects import VECTOR, model, refuses, tensor
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.errors import DTypeError, ShapeError


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (None, "write Tensor([1.0, 2.0])"),
        ("a", "write Tensor([1.0, 2.0])"),
        (b"ab", "write Tensor([1.0, 2.0])"),
        (["1", "2"], "write Tensor([1.0, 2.0])"),
        ({1: 2}, "build one Tensor for each entry"),
        ({1, 2}, "write Tensor(list(data))"),
        ({1: 2}.values(), "write Tensor(list(data))"),
        ((i for i in range(3)), "write Tensor(list(data))"),
        ([None, 1.0], "write Tensor(np.asarray(data, float))"),
        (np.array([1, None]), "write Tensor(np.asarray(data, float))"),
        (np.datetime64("2020-01-01"), "write Tensor([1.0, 2.0])"),
        (len, "data is the function len"),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", str(value))[-40:],
)
def test_data_other_than_numbers_are_refused(data, advice):
    refuses(lambda: Tensor(data), DTypeError, "expected numbers")
    refuses(lambda: Tensor(data), DTypeError, advice)


def test_rows_of_different_lengths_are_refused():
    refuses(lambda: Tensor([[1.0], [1.0, 2.0]]), ShapeError, "rows of different lengths")


@pytest.mark.parametrize(
    "value", [np.float32, "float32", np.dtype(float), 1, 0, "yes", None, [True]], ids=str
)
def test_requires_grad_other_than_a_bool_is_refused(value):
    refuses(lambda: Tensor([1.0], requires_grad=value), TypeError, "requires_grad is")
    refuses(lambda: setattr(Tensor([1.0]), "requires_grad", value), TypeError, "expected True or False")


@pytest.mark.parametrize("setting", [np.float32, True, False, "w"], ids=str)
@pytest.mark.parametrize("kind", [Tensor, nn.Parameter])
def test_settings_of_a_tensor_are_given_by_name(kind, setting):
    expected = f"{kind.__name__}() got 2 positional arguments: expected data, then by name requires_grad="
    refuses(lambda: kind([1.0], setting), TypeError, expected)
    assert list(inspect.signature(kind).parameters) == ["data", "requires_grad", "dtype", "name"]


# Seeds, settings and initial values


def test_seed_is_accepted_instead_of_a_generator():
    for seed in (0, 5, np.int64(5), [1, 2]):
        first, second = (nn.Linear(3, 4, rng=rng) for rng in (seed, np.random.default_rng(seed)))
        np.testing.assert_array_equal(first.weight.data, second.weight.data)
    masks = [nn.Dropout(0.5, rng=rng)(np.ones(64, np.float32)) for rng in (0, np.random.default_rng(0))]
    np.testing.assert_array_equal(*masks)
    drawn = [nn.init.xavier_uniform()((2, 3), rng) for rng in (7, np.random.default_rng(7))]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("layer", [lambda rng: nn.Linear(3, 4, rng=rng), lambda rng: nn.Dropout(rng=rng)])
@pytest.mark.parametrize(("rng", "error"), [("a", TypeError), (1.5, TypeError), (-1, ValueError)])
def test_rng_other_than_a_seed_is_refused(layer, rng, error):
    refuses(lambda: layer(rng), error, f"rng is {rng!r}: expected a seed")


SETTINGS = [
    (lambda: nn.Linear("784", 10), TypeError, "in_features is '784': expected a whole number >= 1"),
    (lambda: nn.Linear(784, 10.0), TypeError, "out_features is 10.0: expected a whole number >= 1"),
    (lambda: nn.Linear(0, 10), ValueError, "in_features is 0: expected a whole number >= 1"),
    (lambda: nn.Linear(3), TypeError, "Linear() is missing out_features"),
    (lambda: nn.Linear(3, 4, "relu"), TypeError, "bias is 'relu': expected True or False"),
    (lambda: nn.Dropout("0.5"), TypeError, "p is '0.5': expected a finite number >= 0 and < 1"),
    (lambda: nn.Dropout(1), ValueError, "p is 1: expected a finite number >= 0 and < 1"),
    (lambda: nn.Softmax("1"), TypeError, "dim is '1': expected a whole number"),
    (lambda: nn.ReLU(VECTOR), TypeError, "build it, then apply it, ReLU()(...)"),
    (lambda: nn.CrossEntropyLoss(VECTOR, VECTOR), TypeError, "to apply it write CrossEntropyLoss()(...)"),
    (lambda: nn.CrossEntropyLoss(from_logits="no"), TypeError, "from_logits is 'no': expected True or False"),
    (lambda: nn.Sequential([nn.ReLU()]), TypeError, "write Sequential(*modules)"),
    (lambda: nn.Sequential(np.tanh), TypeError, "write a Module whose forward calls it"),
    (lambda: optim.SGD([tensor()], lr="0.1"), TypeError, "lr is '0.1': expected a finite number >= 0"),
    (lambda: optim.SGD([tensor()], lr=True), TypeError, "lr is True: expected a finite number >= 0"),
    (lambda: optim.SGD([tensor()], 0.1, momentum=None), TypeError, "momentum is None: expected a finite"),
    (lambda: optim.SGD([tensor()], 0.1, nesterov=1), TypeError, "nesterov is 1: expected True or False"),
    (lambda: optim.SGD(model(), lr=0.1), TypeError, "write SGD(model.parameters(), lr=0.1)"),
    (lambda: optim.SGD(model().parameters, lr=0.1), TypeError, "write SGD(model.parameters(), lr=0.1)"),
    (lambda: optim.SGD(0.1, model().parameters()), TypeError, "params is 0.1: expected the model's"),
    (lambda: optim.SGD(model().named_parameters(), lr=0.1), TypeError, "named_parameters() gives pairs"),
    (lambda: optim.SGD(model().state_dict(), lr=0.1), TypeError, "write model.parameters()"),
    (lambda: optim.SGD([tensor() * 2], lr=0.1), TypeError, "expected leaf tensors"),
    (lambda: optim.StepLR(optim.SGD([tensor()], 0.1), "5"), TypeError, "step_size is '5': expected a whole"),
    (lambda: optim.StepLR([tensor()], 5), TypeError, "expected an optimizer; write SGD(..., lr=0.1)"),
    (lambda: optim.ExponentialLR(optim.SGD([tensor()], 0.1), "a"), TypeError, "gamma is 'a': expected"),
    (lambda: optim.CosineAnnealingLR(optim.SGD([tensor()], 0.1), 2.5), TypeError, "T_max is 2.5: expected"),
]


@pytest.mark.parametrize(("call", "error", "message"), SETTINGS, ids=[row[2][:40] for row in SETTINGS])
def test_wrong_setting_is_refused(call, error, message):
    refuses(call, error, message)


@pytest.mark.parametrize(
    ("initializer", "message"),
    [
        (nn.init.xavier_uniform, "expected what it returns; write nn.init.xavier_uniform()"),
        (nn.init.uniform, "expected what it returns; write nn.init.uniform(0.1)"),
        ("xavier", "expected a function of nn.init; write `nn.init.xavier_uniform()`"),
        ("he_normal", "write `nn.init.kaiming_normal()`"),
        ("kaiming_normal", "write nn.init.kaiming_normal()"),
        (np.ones((4, 3)), "is an array of shape (4, 3): expected a function of nn.init"),
        (0.1, "is 0.1: expected a function of nn.init"),
        (lambda shape: np.ones(shape), "expected a function of (shape, rng)"),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", str(value))[-40:],
)
def test_wrong_initializer_is_refused(initializer, message):
    for argument in ("weight_init", "bias_init"):
        refuses(lambda name=argument: nn.Linear(3, 4, **{name: initializer}), TypeError, message)


def test_initial_values_of_another_shape_are_refused():
    turned = nn.Linear
    refuses(
        lambda: turned(3, 4, weight_init=lambda shape, rng: np.ones(shape[::-1])),
        ShapeError, "weight_init returned values of shape (3, 4): expected (4, 3)",
    )  # fmt: skip
    refuses(
        lambda: nn.init.xavier_uniform(turned(3, 4).weight), TypeError, "gain is a Parameter of shape (4, 3)"
    )


def test_zeros_initialize_with_and_without_a_call():
    for zeros in (nn.init.zeros, nn.init.zeros()):
        assert not nn.Linear(3, 4, bias_init=zeros).bias.data.any()
