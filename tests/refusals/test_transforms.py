"""Wrong calls of transforms, and wrong gradient rules, are refused in a sentence."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.refusals.subjects import VECTOR, loss, refuses, tensor
from tinygrad_mnist import Tensor, primitive
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.autograd import grad as slope
from tinygrad_mnist.errors import DTypeError, GradientError

TRANSFORMS = [
    (lambda: slope(np.sum), TypeError, "for the gradient of a function write tm.grad(f)(x)"),
    (lambda: slope(loss()), TypeError, "grad() is missing inputs"),
    *(
        (lambda kind=kind: kind(loss()), TypeError, f"{kind.__name__} takes a function, and was given")
        for kind in (
            tm.grad,
            tm.value_and_grad,
            tm.jacobian,
            tm.hessian,
            tm.vjp,
        )
    ),
    (
        lambda: tm.grad(loss(), tensor()),
        TypeError,
        "for a computed Tensor y write tm.autograd.grad(y, x)",
    ),
    (lambda: tm.jvp(np.exp, VECTOR, VECTOR), TypeError, "write jvp(f, (x,), (t,))"),
    (
        lambda: tm.hvp(np.sum, (VECTOR,), VECTOR),
        TypeError,
        "tangents is an array of shape (2,): expected a "
        "tuple with one entry per argument; write hvp(f, (x,), (t,))",
    ),
    (
        lambda: tm.grad(np.sum)(np.array([1, 2])),
        DTypeError,
        "argument 0 is int64: expected floats; pass x.astype(float)",
    ),
    (lambda: tm.grad(np.multiply, 1)(1.0, np.array(2)), DTypeError, "argument 1 is int64"),
    (
        lambda: tm.grad(len)({"w": 1.0, "kind": "relu"}),
        DTypeError,
        "argument 0 holds 'relu': expected floats; keep settings out of the differentiated argument",
    ),
    (lambda: tm.grad(len)(None), DTypeError, "argument 0 holds None"),
    (lambda: tm.grad(np.sum, "x")(VECTOR), TypeError, "argnums is 'x': expected a whole number"),
    (lambda: tm.grad(np.sum, argnum=0), TypeError, "grad() takes argnums=, not argnum="),
    (lambda: tm.jacobian(np.sum, argnum=0), TypeError, "jacobian() takes argnums=, not argnum="),
    (lambda: Tensor(2.0).backward(), GradientError, "build x as Tensor(x, requires_grad=True)"),
    (
        lambda: slope(slope(loss(), tensor())[0], tensor()),
        GradientError,
        "does not depend on input 0",
    ),
    (
        lambda: loss().backward(retain_graph=True),
        TypeError,
        "a graph can be run backward any number of times",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), TRANSFORMS, ids=[row[2][-40:] for row in TRANSFORMS])
def test_wrong_call_of_a_transform_is_refused(call, error, message):
    refuses(call, error, message)


def test_gradient_of_a_gradient_names_create_graph():
    x = tensor()
    (g,) = slope((x * x).sum(), x)
    refuses(lambda: slope(g.sum(), x), GradientError, "write grad(y, x, create_graph=True) there")


@pytest.fixture
def scaled():
    @primitive
    def scaled(v, w, *, power=1):
        return v * w**power

    yield scaled
    del REGISTRY["scaled"]


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda g, y: g, TypeError, "the rule of scaled for v: "),
        (lambda g, y, v, w: g, TypeError, "write lambda g, y, v, w, *, power: ..."),
        (lambda g, y, v, w, *, power: None, GradientError, "the rule of scaled for v returned None"),
        (lambda g, y, v, w, *, power: 3, GradientError, "return an array or Tensor of the input's shape"),
    ],
)
def test_rule_with_wrong_signature_or_result_is_refused(scaled, rule, error, message):
    scaled.vjps(rule, None)
    refuses(lambda: scaled(Tensor(2.0, requires_grad=True), 3.0).backward(), error, message)


def test_error_inside_a_rule_is_unchanged(scaled):
    scaled.vjps(lambda g, y, v, w, *, power: g + "text", None)
    with pytest.raises(TypeError) as caught:
        scaled(Tensor(2.0, requires_grad=True), 3.0).backward()
    assert "write lambda" not in str(caught.value)
