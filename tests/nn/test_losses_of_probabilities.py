"""Losses that work on the logits behind probabilities, whose own gradient is there when asked for."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, autograd, nn, no_grad, ops
from tinygrad_mnist.program import compile

LABELS = np.array([2, 0, 1, 1])
ROWS = np.random.default_rng(1).dirichlet(np.ones(3), 4)
CASES = {
    "BCE": (ops.sigmoid, nn.BCELoss(), ROWS),
    "cross-entropy of labels": (ops.softmax, nn.CrossEntropyLoss(from_logits=False), LABELS),
    "cross-entropy of rows": (ops.softmax, nn.CrossEntropyLoss(from_logits=False), ROWS),
}
every_case = pytest.mark.parametrize(("activation", "loss", "target"), CASES.values(), ids=CASES)


def logits():
    return Tensor(np.random.default_rng(0).normal(size=(4, 3)), requires_grad=True)


def expected(activation, loss, target):
    """The gradients of the probabilities and of the logits, on a graph where nothing is passed by."""
    z = logits()
    p = +activation(z)
    value = loss(p, target)
    return [g.data for g in autograd.grad(value, [p, z])]


@every_case
@pytest.mark.parametrize("when", ["before the loss", "after the loss"])
def test_retained_gradients_of_probabilities_arrive(activation, loss, target, when):
    z = logits()
    p = activation(z)
    if when == "before the loss":
        p.retain_grad()
    value = loss(p, target)
    p.retain_grad()
    value.backward()
    for found, right in zip((p.grad, z.grad), expected(activation, loss, target)):
        np.testing.assert_allclose(found, right, rtol=1e-10, atol=1e-15)


@every_case
@pytest.mark.parametrize("create_graph", [False, True])
def test_autograd_returns_gradients_of_probabilities(activation, loss, target, create_graph):
    z = logits()
    p = activation(z)
    value = loss(p, target)
    (alone,) = autograd.grad(value, p, create_graph=create_graph)
    both = autograd.grad(value, [z, p], create_graph=create_graph)
    right = expected(activation, loss, target)
    for found, other in zip((alone, both[1], both[0]), (right[0], *right)):
        np.testing.assert_allclose(found.data, other, rtol=1e-10, atol=1e-15)


@every_case
def test_probabilities_used_elsewhere_get_the_sum(activation, loss, target):
    z = logits()
    p = activation(z).retain_grad()
    (loss(p, target) + loss(p, target) + ops.sum(p * p)).backward()
    of_p, of_z = expected(activation, loss, target)
    np.testing.assert_allclose(p.grad, 2 * of_p + 2 * p.data, rtol=1e-10)
    (rest,) = autograd.grad(ops.sum(activation(z) ** 2), z)
    np.testing.assert_allclose(z.grad, 2 * of_z + rest.data, rtol=1e-8, atol=1e-14)


@every_case
def test_second_derivatives_by_probabilities_are_right(activation, loss, target):
    z = logits()
    p = activation(z)
    (first,) = autograd.grad(loss(p, target), p, create_graph=True)
    (second,) = autograd.grad(first, p, grad_outputs=np.ones(p.shape))
    q = +p
    (again,) = autograd.grad(loss(q, target), q, create_graph=True)
    np.testing.assert_allclose(
        second.data, autograd.grad(again, q, grad_outputs=np.ones(p.shape))[0].data, rtol=1e-9
    )


@every_case
def test_program_gives_the_gradient_of_probabilities(activation, loss, target):
    z = logits()

    def step():
        z.grad = None
        p = activation(z)
        value = loss(p, target)
        p.retain_grad()
        value.backward()
        return p.grad, z.grad

    eager = step()
    for found, right in zip(compile(step)(), eager):
        np.testing.assert_array_equal(found.data if isinstance(found, Tensor) else found, right)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@every_case
def test_certain_probabilities_have_finite_gradients(activation, loss, target, dtype):
    z = Tensor(np.array([[1000.0, 0, -1000]] * 4), requires_grad=True, dtype=dtype)
    p = activation(z).retain_grad()
    value = loss(p, np.eye(3)[[0] * 4] if target is not LABELS else np.zeros(4, int))
    value.backward()
    assert np.isfinite(p.grad).all()
    assert np.isfinite(z.grad).all()


@every_case
def test_logits_changed_in_between_are_not_used(activation, loss, target):
    z = logits()
    p = activation(z)
    right = loss(Tensor(p.data), target).item()
    with no_grad():
        z += 1
    assert loss(p, target).item() == pytest.approx(right)
