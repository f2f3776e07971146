"""Transforms of what has no derivative, of what is no function, of functions over Tensors, and of nothing."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, autograd, nn, no_grad, ops
from tinygrad_mnist.errors import GradientError

X = np.array([1.5, 2.0])
OF_FUNCTIONS = {
    "grad": lambda f: tm.grad(f)(X),
    "value_and_grad": lambda f: tm.value_and_grad(f)(X),
    "vjp": lambda f: tm.vjp(f, X),
    "jvp": lambda f: tm.jvp(f, (X,), (X,)),
    "hvp": lambda f: tm.hvp(f, (X,), (X,)),
    "jacobian": lambda f: tm.jacobian(f)(X),
    "hessian": lambda f: tm.hessian(f)(X),
}
every_transform = pytest.mark.parametrize("transform", OF_FUNCTIONS.values(), ids=OF_FUNCTIONS)
WITHOUT_DERIVATIVE = {
    "allclose": lambda x: np.allclose(x, x),
    "argmax": lambda x: np.argmax(x),
    "a comparison": lambda x: x[0] > 1,
    "a mask": lambda x: x > 1,
    "a cast": lambda x: x.astype(int).sum(),
    "a length": lambda x: len(x),
    "text": lambda x: "loss",
    "nothing": lambda x: None,
}


@every_transform
@pytest.mark.parametrize("function", WITHOUT_DERIVATIVE.values(), ids=WITHOUT_DERIVATIVE)
def test_result_without_derivative_is_refused(transform, function):
    with pytest.raises(GradientError, match=r"result is .*: expected a floating-point number"):
        transform(function)


def test_constant_float_has_the_gradient_zero():
    assert tm.grad(lambda x: 3.0)(X).tolist() == [0.0, 0.0]
    assert tm.grad(lambda x: np.sum(np.floor(x)))(X).tolist() == [0.0, 0.0]


@every_transform
@pytest.mark.parametrize("given", [Tensor(1.0, requires_grad=True), X, None, "f"])
def test_non_function_is_refused(transform, given):
    with pytest.raises(TypeError, match="takes a function, and was given"):
        transform(given)


def test_grad_of_a_computed_tensor_raises_with_advice():
    x = Tensor(1.0, requires_grad=True)
    with pytest.raises(TypeError, match=r"write tm\.autograd\.grad\(y, x\)"):
        tm.grad(x * x, x)


@pytest.mark.parametrize("argnums", [X, Tensor(1.0), 1.5, (0, X), "x", True, None])
@pytest.mark.parametrize("transform", [tm.grad, tm.jacobian, tm.hessian])
def test_arguments_in_place_of_their_positions_are_refused(transform, argnums):
    with pytest.raises((TypeError, ValueError), match="argnums is"):
        transform(np.sum, argnums)(X)


# Functions that close over a Tensor


def squares(w):
    return lambda z: np.sum(z**2 * w)


def closed_over(w):
    """Scalars that depend on w, each by another transform of arrays."""
    f = squares(w)
    v = np.array([1.0, 10.0])
    return {
        "grad": lambda: tm.grad(f)(X).sum(),
        "value": lambda: tm.value_and_grad(f)(X)[0],
        "value_and_grad": lambda: tm.value_and_grad(f)(X)[1].sum(),
        "vjp": lambda: tm.vjp(f, X)[1](1.0)[0].sum(),
        "jvp": lambda: tm.jvp(f, (X,), (v,))[1],
        "hvp": lambda: tm.hvp(f, (X,), (v,))[0].sum(),
        "jacobian": lambda: tm.jacobian(lambda z: z**2 * w)(X).sum(),
        "hessian": lambda: tm.hessian(f)(X).sum(),
    }


EXPECTED = {  # of w, where f is w * sum(z**2)
    "grad": 7.0,
    "value": 6.25,
    "value_and_grad": 7.0,
    "vjp": 7.0,
    "jvp": 43.0,
    "hvp": 22.0,
    "jacobian": 7.0,
    "hessian": 4.0,
}


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("computed", [False, True], ids=["leaf", "computed"])
def test_closed_over_tensor_stays_in_the_graph(name, computed):
    leaf = Tensor(3.0, requires_grad=True)
    w = leaf * 1.0 if computed else leaf
    result = closed_over(w)[name]()
    assert isinstance(result, Tensor)
    result.backward()
    assert leaf.grad == pytest.approx(EXPECTED[name])


def test_gradient_penalty_includes_a_closed_over_weight():
    w = Tensor([3.0], requires_grad=True)
    slope = tm.grad(squares(w))(np.array([2.0]))
    (slope**2).sum().backward()
    assert w.grad.tolist() == [96.0]  # d (2 z w)**2 / dw = 8 z**2 w


@pytest.mark.parametrize("name", EXPECTED)
def test_arrays_come_back_where_nothing_is_recorded(name):
    with no_grad():
        result = closed_over(Tensor(3.0, requires_grad=True))[name]()
    assert not isinstance(result, Tensor)
    assert not isinstance(closed_over(Tensor(3.0))[name](), Tensor)


def test_tensor_made_inside_does_not_count_as_closed_over():
    def function(z):
        return np.sum(z * Tensor([1.0, 2.0], requires_grad=True))

    assert tm.grad(function)(X).tolist() == [1.0, 2.0]
    assert isinstance(tm.grad(function)(X), np.ndarray)


def test_model_closed_over_gets_gradients_of_input_gradients():
    model = nn.Sequential(nn.Linear(2, 1, dtype=float))
    slope = tm.grad(lambda x: ops.sum(model(x)))(X)
    (slope**2).sum().backward()
    np.testing.assert_allclose(model[0].weight.grad, 2 * model[0].weight.data)


# Nothing


@pytest.mark.parametrize("wrap", [np.array, Tensor], ids=["arrays", "Tensors"])
@pytest.mark.parametrize(
    ("transform", "function", "argument", "shape"),
    [
        (tm.grad, np.sum, np.zeros(0), (0,)),
        (tm.hessian, np.sum, np.zeros(0), (0, 0)),
        (tm.hessian, lambda x: np.sum(x**2), np.zeros((0, 2)), (0, 2, 0, 2)),
        (tm.jacobian, lambda x: x[:0], np.ones(3), (0, 3)),
        (tm.jacobian, lambda x: x[:, :0] * 2, np.ones((2, 3)), (2, 0, 2, 3)),
        (tm.jacobian, lambda x: np.sum(x) + np.ones(2), np.zeros(0), (2, 0)),
        (tm.jacobian, lambda x: x * 2, np.zeros(0), (0, 0)),
    ],
)
def test_derivatives_of_nothing_are_empty(transform, function, argument, shape, wrap):
    found = transform(function)(wrap(argument))
    assert found.shape == shape
    assert isinstance(found, Tensor) == (wrap is Tensor)


def test_products_with_derivatives_of_nothing_are_empty():
    empty = np.zeros(0)
    assert tm.hvp(np.sum, (empty,), (empty,))[0].shape == (0,)
    assert tm.jvp(lambda x: x * 2, (empty,), (empty,))[1].shape == (0,)
    x = Tensor(empty, requires_grad=True)
    assert autograd.grad(np.sum(x), x)[0].shape == (0,)
