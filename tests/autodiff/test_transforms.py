"""Derivatives of functions, in both languages, nested, with trees of parameters."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autodiff.expressions import programs
from tests.autodiff.oracles import assert_close, central_gradient
from tinygrad_mnist import (
    Tensor,
    autograd,
    enable_grad,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    ops,
    value_and_grad,
    vjp,
)
from tinygrad_mnist.errors import GradientError, ShapeError

X = np.array([0.3, -0.8, 1.4])


def vector_function(x):
    return np.sin(x[:2]) * x[1:]


def numeric_jacobian(function, x):
    rows = [central_gradient(lambda v, i=i: function(v)[i], [x], 0) for i in range(len(function(x)))]
    return np.stack(rows)


def test_derivatives_of_the_sine_nest():
    derivative = np.sin
    for expected in (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x), np.sin):
        derivative = grad(derivative)
        assert derivative(0.7) == pytest.approx(expected(0.7), rel=1e-12)


def test_arrays_in_arrays_out_and_tensors_in_tensors_out():
    f = lambda x: (x**3).sum()
    assert isinstance(grad(f)(X), np.ndarray)
    leaf = Tensor(X, requires_grad=True)
    g = grad(f)(leaf)
    assert isinstance(g, Tensor)
    g.sum().backward()  # d/dx of 3 x**2
    np.testing.assert_allclose(leaf.grad, 6 * X)


def test_nested_gradients_do_not_confuse_their_variables():
    """d/dx (x d/dy (x y) at y = x) is d/dx x**2; a framework that mixes the two x's says otherwise."""
    outer = grad(lambda x: x * grad(lambda y: x * y)(x))
    assert outer(3.0) == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("function", "at", "expected"),
    [
        (lambda x: x * grad(lambda y: x * y)(2.0), 3.0, 6.0),
        (lambda x: grad(lambda y, z: y * z)(2.0, x), 3.0, 1.0),
        (lambda v: jvp(lambda x: x * x, (1.0,), (v,))[1], 3.0, 2.0),
        (lambda a: jacobian(lambda x: a * x)(np.ones(1)).sum(), 3.0, 1.0),
        (lambda v: vjp(lambda x: x * x, 3.0)[1](v)[0], 1.0, 6.0),
    ],
    ids=["closure", "other argument", "tangent", "jacobian", "vector"],
)
def test_inner_transform_keeps_the_variables_of_the_outer(function, at, expected):
    assert float(grad(function)(at)) == expected


def test_argnums_count_from_either_end():
    product = lambda a, b: a * a * b
    assert grad(product, -1)(3.0, 2.0) == 9.0
    assert [float(g) for g in grad(product, [0, -1])(3.0, 2.0)] == [12.0, 9.0]
    for wrong in (2, -3, (0, 0), (0, -2)):
        with pytest.raises(GradientError, match="argnums"):
            grad(product, wrong)(3.0, 2.0)


def test_trees_are_matched_by_key_and_not_by_order():
    slope = hvp(lambda p: p["a"] ** 2 * 5 + p["b"] ** 2, ({"a": 1.0, "b": 1.0},), ({"b": 1.0, "a": 0.0},))
    assert {key: float(value) for key, value in slope[0].items()} == {"a": 0.0, "b": 2.0}
    with pytest.raises(ShapeError, match="a dict with the keys"):
        jvp(lambda p: p["a"], ({"a": 1.0},), ([1.0],))


@pytest.mark.parametrize("cut", [math.sin, lambda x: float(x) ** 2, lambda x: x.item() ** 2])
def test_leaving_the_graph_inside_a_transform_is_refused(cut):
    with pytest.raises(GradientError, match="would cut the graph silently"):
        grad(cut)(0.5)


@pytest.mark.parametrize("result", [None, "1.0", (1.0, 2.0)])
def test_non_numeric_result_is_refused(result):
    with pytest.raises(GradientError, match=r"result is|returns one scalar"):
        grad(lambda x: result)(X)


def test_complex_result_is_refused():
    with pytest.raises(GradientError, match="complex"):
        grad(lambda x: (x * 1j).sum())(X)


def test_results_own_their_memory():
    value, pull = vjp(lambda x: x, X)
    vector = np.ones(3)
    value[:], pull(vector)[0][:] = 7, 7
    assert X.tolist() == [0.3, -0.8, 1.4]
    assert vector.tolist() == [1, 1, 1]


def test_hessian_of_a_power_is_symmetric_at_exponent_0():
    matrix = hessian(lambda p: p[0] ** p[1])(np.array([2.0, 0.0]))
    np.testing.assert_allclose(matrix, [[0, 0.5], [0.5, np.log(2) ** 2]], atol=1e-15)


def test_argnums_keywords_and_trees():
    def loss(parameters, x, *, power=2):
        return ((parameters["w"] * x + parameters["rest"][0]) ** power).sum()

    parameters = {"w": np.array([1.0, 2.0]), "rest": [np.array(0.5)]}
    value, gradient = value_and_grad(loss)(parameters, np.array([3.0, 4.0]), power=3)
    inner = np.array([3.5, 8.5])
    assert value == pytest.approx((inner**3).sum())
    np.testing.assert_allclose(gradient["w"], 3 * inner**2 * [3, 4])
    np.testing.assert_allclose(gradient["rest"][0], (3 * inner**2).sum())
    both = grad(lambda a, b: a * a * b, argnums=(0, 1))(2.0, 5.0)
    assert [float(g) for g in both] == [20.0, 4.0]


def test_function_that_ignores_its_argument_has_gradient_zero():
    assert grad(lambda x: 3.0)(X).tolist() == [0, 0, 0]
    assert grad(lambda x: Tensor(1.0, requires_grad=True) * 2)(X).tolist() == [0, 0, 0]
    assert hessian(lambda x: x.sum())(X).tolist() == np.zeros((3, 3)).tolist()
    assert hvp(lambda x: (2 * x).sum(), (X,), (X,))[0].tolist() == [0, 0, 0]
    assert jvp(lambda x: np.array([1.0, 2.0]), (X,), (X,))[1].tolist() == [0, 0]


def test_jacobian_vjp_and_jvp_agree_with_differences():
    matrix = numeric_jacobian(vector_function, X)
    assert_close(jacobian(vector_function)(X), matrix, 1e-7, 1e-8, "jacobian")
    value, pull = vjp(vector_function, X)
    np.testing.assert_allclose(value, vector_function(X))
    v, u = np.array([2.0, -3.0]), np.array([1.0, 0.5, -2.0])
    assert_close(pull(v)[0], v @ matrix, 1e-7, 1e-8, "vjp")
    assert_close(jvp(vector_function, (X,), (u,))[1], matrix @ u, 1e-7, 1e-8, "jvp")


def test_jacobian_keeps_the_shapes_of_value_and_argument():
    a = np.random.default_rng(0).standard_normal((2, 3))
    assert jacobian(lambda x: x @ x.T)(a).shape == (2, 2, 2, 3)
    assert jacobian(lambda x: x.sum())(a).shape == (2, 3)


@given(programs(most_ops=8), st.integers(0, 2**32 - 1))
def test_forward_derivatives_are_the_transpose_of_backward_ones(program, seed):
    arrays = tuple(program.leaves())
    rng = np.random.default_rng(seed)
    tangents = tuple(rng.standard_normal(a.shape) for a in arrays)
    _, forward = jvp(program, arrays, tangents)
    _, pull = vjp(program, *arrays)
    backward = sum((g * t).sum() for g, t in zip(pull(np.array(1.0)), tangents))
    assert forward == pytest.approx(backward, rel=1e-10, abs=1e-12)


@given(programs(most_ops=8))
def test_hvp_is_the_symmetric_hessian_times_the_vector(program):
    first, *rest = program.leaves()
    function = lambda x: program(x, *rest)
    matrix = hessian(function)(first).reshape(first.size, first.size)
    assert_close(matrix, matrix.T, 1e-9, 1e-12, "symmetry")
    v = np.random.default_rng(0).standard_normal(first.shape)
    assert_close(hvp(function, (first,), (v,))[0].ravel(), matrix @ v.ravel(), 1e-9, 1e-12, "hvp")


def test_float32_stays_float32():
    x = X.astype(np.float32)
    assert grad(lambda v: (v * v).sum())(x).dtype == np.float32
    assert jacobian(vector_function)(x).dtype == np.float32
    assert jvp(vector_function, (x,), (x,))[1].dtype == np.float32


def test_transforms_work_under_no_grad_and_leave_it_on():
    with no_grad():
        assert grad(lambda x: x * x)(3.0) == 6.0
        assert not (Tensor(1.0, requires_grad=True) * 2).requires_grad


def test_misuse_is_explained():
    with pytest.raises(GradientError, match=r"scalar result, and this one has shape \(3,\)"):
        grad(np.sin)(X)
    with pytest.raises(ShapeError, match="does not fit"):
        vjp(np.sin, X)[1](np.ones(2))
    with pytest.raises(ShapeError, match="does not fit"):
        jvp(np.sin, (X,), (np.ones(2),))
    with pytest.raises(TypeError, match=r"write tm\.grad\(f\)\(x\)"):
        autograd.grad(ops.sin, X)


# The two gradients, and who takes what


def test_jacobian_of_trees_has_the_structure_of_result_and_argument():
    def function(p, s):
        return {"sum": p["a"] + p["b"][0], "scaled": (s * p["a"],)}

    p, s = {"a": X, "b": [2 * X]}, np.array([2.0, 3.0, 4.0])
    found = jacobian(function, argnums=(0, 1))(p, s)
    eye = np.eye(3)
    np.testing.assert_array_equal(found["sum"][0]["a"], eye)
    np.testing.assert_array_equal(found["sum"][0]["b"][0], eye)
    np.testing.assert_array_equal(found["sum"][1], 0 * eye)
    np.testing.assert_array_equal(found["scaled"][0][0]["a"], np.diag(s))
    np.testing.assert_array_equal(found["scaled"][0][1], np.diag(X))


@pytest.mark.parametrize("argnums", [(0, 1), [0, 1], (-2, -1)])
def test_hessian_by_several_arguments_is_a_tuple_of_tuples(argnums):
    v = np.array([2.0, 3.0, 4.0])
    (aa, ab), (ba, bb) = hessian(lambda a, b: np.sum(a**2 * b), argnums)(X, v)
    for found, right in ((aa, 2 * v), (ab, 2 * X), (ba, 2 * X), (bb, 0 * X)):
        np.testing.assert_array_equal(found, np.diag(right))


def test_autograd_grad_adds_the_gradients_of_several_outputs():
    x = Tensor(X, requires_grad=True)
    (g,) = autograd.grad([x.sum(), x * x], x, [None, np.array([1.0, 0.0, 2.0])])
    np.testing.assert_array_equal(g.data, 1 + 2 * X * [1, 0, 2])
    assert x.grad is None


def test_autograd_grad_takes_an_iterator_of_inputs():
    a, b = (Tensor(v, requires_grad=True) for v in (2.0, 3.0))
    assert [g.item() for g in autograd.grad(a * b, iter([a, b]))] == [3.0, 2.0]


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda x: grad(x * x, x), TypeError, r"for a computed Tensor y write tm\.autograd\.grad\(y, x\)"),
    (lambda x: grad(np.sum, create_graph=True), TypeError, r"it belongs to `tm\.autograd\.grad"),
    (lambda x: grad(np.sum, grad_outputs=1.0), TypeError, r"it belongs to `tm\.autograd\.grad"),
    (lambda x: autograd.grad(np.sum), TypeError, r"outputs is the function .*write tm\.grad\(f\)\(x\)"),
    (lambda x: autograd.grad(np.sum, 0), TypeError, r"write tm\.grad\(f\)\(x\)"),
    (lambda x: autograd.grad(outputs=np.sum, inputs=x), TypeError, r"write tm\.grad\(f\)\(x\)"),
    (lambda x: autograd.grad(x.sum(), x, gradient=1), TypeError, "takes grad_outputs=, not gradient="),
    (lambda x: autograd.grad(2.0, x), TypeError, r"outputs is 2\.0: expected a computed Tensor"),
    (lambda x: autograd.grad([], x), TypeError, "outputs is empty: expected a Tensor"),
    (lambda x: autograd.grad(x.sum(), [x, 1.0]), TypeError, r"inputs has 1\.0: expected Tensors"),
    (lambda x: autograd.grad([x, x], x, [1]), ShapeError, "grad_outputs is .*one entry per output"),
])  # fmt: skip
def test_each_gradient_names_the_other(call, error, words):
    with pytest.raises(error, match=words):
        call(Tensor(X, requires_grad=True))


def test_names_and_signatures_of_the_gradients_agree():
    assert (grad.__name__, autograd.grad.__name__) == ("grad", "grad")
    assert "create_graph: 'bool' = False" in str(inspect.signature(autograd.grad))
    assert list(inspect.signature(autograd.grad).parameters) == [
        "outputs", "inputs", "grad_outputs", "create_graph",
    ]  # fmt: skip


def test_enable_grad_records_inside_of_no_grad():
    x = Tensor(X, requires_grad=True)
    with no_grad():
        with enable_grad():
            y = x * 2
        assert y.requires_grad
        assert not (x * 2).requires_grad
