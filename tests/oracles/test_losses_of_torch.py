"""Every loss over (*B, classes) beside PyTorch: values and gradients, for 0 to 3 leading axes, also empty."""

import numpy as np
import pytest
import torch

from tinygrad_mnist import Tensor, nn, ops

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
