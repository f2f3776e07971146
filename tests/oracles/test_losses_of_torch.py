"""Every loss over (*B, classes) beside PyTorch: values and gradients, for 0 to 3 leading axes, also empty."""

import numpy as np
import pytest
import torch

from tinygrad_mnist import Tensor, autograd, nn, ops

SHAPES = [(3,), (4, 3), (1, 3), (2, 4, 3), (2, 1, 4, 3), (0, 3), (2, 0, 3), (0, 2, 2, 3)]
PLAIN = {
    "MSELoss": (nn.MSELoss(), torch.nn.MSELoss()),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(), torch.nn.BCEWithLogitsLoss()),
    "BCELoss": (
        lambda x, t: nn.BCELoss()(ops.sigmoid(x), t),
        lambda x, t: torch.nn.BCELoss()(x.sigmoid(), t),
    ),
    "BCELoss, not behind Sigmoid": (
        lambda x, t: nn.BCELoss()(0.2 + 0.5 * ops.sigmoid(x), t),
        lambda x, t: torch.nn.BCELoss()(0.2 + 0.5 * x.sigmoid(), t),
    ),
    "QuadraticLoss": (
        nn.QuadraticLoss(),
        lambda x, t: (
            torch.nn.MSELoss(reduction="sum")(x, t) / (2 * torch.tensor(x.shape[:-1], dtype=float).prod())
        ),
    ),
}
OF_CLASSES = {
    "CrossEntropyLoss": nn.CrossEntropyLoss(),
    "CrossEntropyLoss behind Softmax": lambda x, t: nn.CrossEntropyLoss(from_logits=False)(ops.softmax(x), t),
    "CrossEntropyLoss of probabilities": lambda x, t: nn.CrossEntropyLoss(from_logits=False)(
        ops.exp(ops.log_softmax(x)), t
    ),
    "NLLLoss": lambda x, t: nn.NLLLoss()(ops.log_softmax(x), t),
}


def compared(ours, theirs, x, target, torch_x, torch_target):
    """Values and gradients of both; an empty batch has the mean NaN in both."""
    variable = Tensor(x, requires_grad=True)
    value = ours(variable, target)
    value.backward()
    other = torch.tensor(torch_x, requires_grad=True)
    expected = theirs(other, torch_target)
    expected.backward()
    np.testing.assert_allclose(value.item(), expected.item(), rtol=1e-13)
    assert np.isnan(value.item()) == (x.size == 0)
    return variable.grad, other.grad.numpy()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PLAIN)
def test_loss_by_element_equals_that_of_torch(name, shape):
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=shape), rng.random(shape)
    found, expected = compared(*PLAIN[name], x, target, x, torch.tensor(target))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("kind", ["labels", "rows"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", OF_CLASSES)
def test_loss_of_classes_equals_that_of_torch(name, shape, kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape)
    labels = rng.integers(0, 3, shape[:-1])
    rows = rng.dirichlet(np.ones(3), shape[:-1])
    # PyTorch keeps the classes along axis 1; with all examples along axis 0 both agree.
    flat = x.reshape(-1, 3)
    torch_target = torch.tensor(rows.reshape(-1, 3) if kind == "rows" else labels.reshape(-1))
    target = rows if kind == "rows" else labels
    found, expected = compared(OF_CLASSES[name], torch.nn.CrossEntropyLoss(), x, target, flat, torch_target)
    np.testing.assert_allclose(found.reshape(-1, 3), expected, rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize("name", ["MSELoss", "QuadraticLoss", "BCEWithLogitsLoss"])
def test_empty_batch_gives_zero_gradients_as_in_torch(name):
    layer = nn.Linear(4, 3, rng=np.random.default_rng(0), dtype=float)
    PLAIN[name][0](layer(np.zeros((0, 4))), np.zeros((0, 3))).backward()
    assert (layer.weight.grad == 0).all()
    assert layer.weight.grad.shape == (3, 4)


WEIGHT, FACTOR = np.array([0.5, 2.0, 1.5]), np.array([3.0, 0.5, 1.0])
IGNORED = 1
CLASS_OPTIONS = [
    {"weight": WEIGHT},
    {"ignore_index": IGNORED},
    {"ignore_index": -100},
    {"weight": WEIGHT, "ignore_index": IGNORED},
    {"label_smoothing": 0.1},
    {"label_smoothing": 1.0},
    {"label_smoothing": 0.3, "weight": WEIGHT},
    {"label_smoothing": 0.3, "ignore_index": -1},
    {"label_smoothing": 0.3, "weight": WEIGHT, "ignore_index": IGNORED},
]
WAYS = {
    "CrossEntropyLoss": (nn.CrossEntropyLoss, lambda x: x, {}),
    "behind Softmax": (nn.CrossEntropyLoss, ops.softmax, {"from_logits": False}),
    "of probabilities": (nn.CrossEntropyLoss, lambda x: 1.0 * ops.softmax(x), {"from_logits": False}),
    "NLLLoss": (nn.NLLLoss, ops.log_softmax, {}),
}
CALLS_OF_CLASSES = [
    (way, options, kind)
    for way in WAYS
    for options in CLASS_OPTIONS
    for kind in ("labels", "rows")
    if not (way == "NLLLoss" and "label_smoothing" in options)
    if not (kind == "rows" and "ignore_index" in options)
]
BY_ELEMENT = {
    "L1Loss": (nn.L1Loss, torch.nn.L1Loss, {}),
    "HuberLoss": (nn.HuberLoss, torch.nn.HuberLoss, {}),
    "HuberLoss, narrow": (nn.HuberLoss, torch.nn.HuberLoss, {"delta": 0.3}),
    "BCE with logits, weight": (nn.BCEWithLogitsLoss, torch.nn.BCEWithLogitsLoss, {"weight": WEIGHT}),
    "BCE with logits, pos_weight": (nn.BCEWithLogitsLoss, torch.nn.BCEWithLogitsLoss, {"pos_weight": FACTOR}),
    "BCE with logits, both": (
        nn.BCEWithLogitsLoss,
        torch.nn.BCEWithLogitsLoss,
        {"weight": WEIGHT, "pos_weight": FACTOR},
    ),
    "BCE, weight": (
        lambda **options: lambda x, t: nn.BCELoss(**options)(ops.sigmoid(x), t),
        torch.nn.BCEWithLogitsLoss,  # the second derivative of BCELoss is off by 1e-12 in a divisor
        {"weight": WEIGHT},
    ),
}
every_reduction = pytest.mark.parametrize("reduction", ["mean", "sum", "none"])


def as_torch(options):
    return {key: torch.tensor(v) if isinstance(v, np.ndarray) else v for key, v in options.items()}


def two_orders(value, x, directions, differentiate, total):
    """The value, its gradient, and the gradient of gradient times x, which has the second derivatives."""
    (first,) = differentiate(value, x, directions[0])
    (second,) = differentiate(total(first * x), x, None)
    return value, first, second


def assert_as_torch(ours, theirs, x, target, torch_x, torch_target):
    variable, other = Tensor(x, requires_grad=True), torch.tensor(torch_x, requires_grad=True)
    value, expected = ours(variable, target), theirs(other, torch_target)
    seed = np.random.default_rng(1).normal(size=value.shape)
    found = two_orders(
        value, variable, [seed], lambda y, x, g: autograd.grad(y, x, g, create_graph=True), np.sum
    )
    right = two_orders(
        expected,
        other,
        [torch.tensor(seed).reshape(expected.shape)],
        lambda y, x, g: torch.autograd.grad(y, x, g, create_graph=True),
        torch.sum,
    )
    for mine, right_ in zip(found, right):
        correct = right_.detach().numpy()
        np.testing.assert_allclose(mine.data.reshape(correct.shape), correct, rtol=1e-12, atol=1e-15)


@every_reduction
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 1, 4, 3)], ids=str)
@pytest.mark.parametrize("name", BY_ELEMENT)
def test_options_by_element_are_those_of_torch(name, shape, reduction):
    mine, theirs, options = BY_ELEMENT[name]
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=shape), rng.random(shape)
    loss = theirs(**as_torch(options), reduction=reduction)
    assert_as_torch(mine(**options, reduction=reduction), loss, x, target, x, torch.tensor(target))


@every_reduction
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 1, 4, 3)], ids=str)
@pytest.mark.parametrize(("way", "options", "kind"), CALLS_OF_CLASSES, ids=str)
def test_options_of_classes_are_those_of_torch(way, options, kind, shape, reduction):
    make, activation, settings = WAYS[way]
    mine = make(**options, **settings, reduction=reduction)
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=shape), rng.integers(0, 3, shape[:-1])
    if "ignore_index" in options and labels.size > 1:
        labels.flat[0] = options["ignore_index"]
        labels.flat[-1] = 2  # one at least counts
    target = rng.dirichlet(np.ones(3), shape[:-1]) if kind == "rows" else labels
    theirs = torch.nn.CrossEntropyLoss(**as_torch(options), reduction=reduction)
    flat = torch.tensor(target.reshape(-1, 3) if kind == "rows" else target.reshape(-1))
    assert_as_torch(lambda x, t: mine(activation(x), t), theirs, x, target, x.reshape(-1, 3), flat)


@pytest.mark.parametrize("options", [o for o in CLASS_OPTIONS if "ignore_index" in o], ids=str)
@pytest.mark.parametrize(("reduction", "value"), [("mean", np.nan), ("sum", 0.0)])
def test_batch_of_ignored_labels_has_no_gradient_as_in_torch(options, reduction, value):
    x, labels = np.random.default_rng(0).normal(size=(4, 3)), np.full(4, options["ignore_index"])
    mine = nn.CrossEntropyLoss(**options, reduction=reduction)
    theirs = torch.nn.CrossEntropyLoss(**as_torch(options), reduction=reduction)
    variable, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    found, expected = mine(variable, labels), theirs(other, torch.tensor(labels))
    found.backward()
    expected.backward()
    np.testing.assert_equal([found.item(), expected.item()], [value, value])
    if not options.get("label_smoothing"):  # there PyTorch's own gradient is NaN
        np.testing.assert_equal(other.grad.numpy(), np.zeros((4, 3)))
    np.testing.assert_equal(variable.grad, np.zeros((4, 3)))
