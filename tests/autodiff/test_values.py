"""What the ops compute, against formulas in NumPy, over every axis and at special values."""

import numpy as np
import pytest

from tests.autodiff.oracles import check_first_order
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.checking.assert_op import assert_op

X = np.random.default_rng(0).uniform(-2, 2, (2, 3, 4))
REDUCTIONS = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "logsumexp": lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
}
AXES = [None, 0, 1, 2, -1, -3, (0, 1), (0, 2), (-1, 1), (0, 1, 2)]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_equals_numpys_over_every_axis(name, axis, keepdims):
    op, expected = getattr(ops, name), REDUCTIONS[name](X, axis=axis, keepdims=keepdims)
    found = op(Tensor(X), axis=axis, keepdims=keepdims).data
    np.testing.assert_allclose(found, expected, rtol=1e-14, strict=True)
    np.testing.assert_array_equal(op(X, axis=axis, keepdims=keepdims), found, strict=True)
    check_first_order(lambda x: op(x, axis=axis, keepdims=keepdims), [X], complex_step=False)
    if name != "logsumexp":
        method = getattr(Tensor(X), name)(axis, keepdims).data
        np.testing.assert_array_equal(method, found, strict=True)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction_without_an_axis_is_a_number(name):
    assert getattr(ops, name)(Tensor(X)).shape == ()
    if name != "logsumexp":
        assert getattr(Tensor(X), name)().shape == ()
        assert getattr(np, name)(Tensor(X)).shape == ()


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_is_its_formula_along_every_axis(name, axis):
    p = np.exp(X) / np.exp(X).sum(axis=axis, keepdims=True)
    expected = p if name == "softmax" else np.log(p)
    np.testing.assert_allclose(getattr(ops, name)(Tensor(X), axis=axis).data, expected, rtol=1e-13)
    np.testing.assert_allclose(getattr(ops, name)(Tensor(X)).data.sum(), getattr(ops, name)(X).sum())


@pytest.mark.parametrize(("base", "exponent", "slopes"), [
    (0.0, 0.0, (0.0, None)), (1.0, 0.0, (0.0, 0.0)), (0.0, 1.0, (1.0, 0.0)), (0.0, 2.0, (0.0, 0.0)),
    (2.0, 0.0, (0.0, np.log(2.0))), (2.0, 3.0, (12.0, 8 * np.log(2.0))),
])  # fmt: skip
def test_power_has_its_slopes_at_0_and_1_too(base, exponent, slopes):
    a, b = Tensor(base, requires_grad=True), Tensor(exponent, requires_grad=True)
    with np.errstate(divide="ignore"):
        (a**b).backward()
    assert a.grad == pytest.approx(slopes[0])
    if slopes[1] is not None:
        assert b.grad == pytest.approx(slopes[1])
    number = Tensor(base, requires_grad=True)
    (number**exponent).backward()
    assert number.grad == pytest.approx(slopes[0])


@pytest.mark.parametrize(("a", "b"), [((2, 2, 2), (2,)), ((2,), (2, 2, 2)), ((2, 2), (2, 2, 2))])
def test_dot_products_of_more_than_two_axes_are_those_of_numpy(a, b):
    rng = np.random.default_rng(0)
    left, right = rng.normal(size=a), rng.normal(size=b)
    np.testing.assert_allclose(np.dot(Tensor(left), right).data, np.dot(left, right), rtol=1e-14)


@pytest.mark.parametrize(("start", "shape"), [(0, (24,)), (1, (2, 12)), (2, (2, 3, 4)), (-2, (2, 12))])
def test_flatten_joins_the_axes_from_its_start_on(start, shape):
    assert ops.flatten(Tensor(X), start).shape == Tensor(X).flatten(start).shape == shape
    np.testing.assert_array_equal(ops.flatten(X, start), X.reshape(shape))
    assert Tensor(X).flatten().shape == (24,)


@pytest.mark.parametrize(("low", "high"), [(-1, 1), (None, 1), (-1, None)])
def test_clip_passes_the_gradient_inside_and_on_its_bounds(low, high):
    x = Tensor([-2.0, -1.0, 0.0, 1.0, 2.0], requires_grad=True)
    result = x.clip(low, high)
    np.testing.assert_array_equal(result.data, np.clip(x.data, low, high))
    result.backward(np.ones(5))
    inside = (x.data >= (low or -np.inf)) & (x.data <= (high or np.inf))
    np.testing.assert_array_equal(x.grad, inside.astype(float))


@pytest.mark.parametrize("axis", [0, 1, 2, -1])
def test_pieces_are_joined_along_every_axis(axis):
    parts = [X, 2 * X, X + 1]
    np.testing.assert_array_equal(
        np.concatenate([Tensor(p) for p in parts], axis).data, np.concatenate(parts, axis)
    )
    np.testing.assert_array_equal(ops.concatenate(*parts, axis=axis), np.concatenate(parts, axis))
    np.testing.assert_array_equal(ops.stack([Tensor(p) for p in parts], axis).data, np.stack(parts, axis))


@pytest.mark.parametrize("leading", [(), (3,), (2, 3), (2, 1, 3)], ids=str)
def test_cross_entropy_is_its_formula_for_any_leading_axes(leading):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(*leading, 4))
    labels, rows = rng.integers(0, 4, leading), rng.dirichlet(np.ones(4), leading)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    of_labels = -np.take_along_axis(log_p, np.asarray(labels)[..., None], -1)[..., 0]
    for targets, expected in ((np.asarray(labels), of_labels), (rows, -(rows * log_p).sum(axis=-1))):
        found = ops.softmax_cross_entropy(Tensor(logits), targets)
        np.testing.assert_allclose(found.data, expected, rtol=1e-12, strict=True)
        check_first_order(lambda x, t=targets: ops.softmax_cross_entropy(x, t), [logits])
    signs = rng.integers(0, 2, logits.shape).astype(float)
    p = 1 / (1 + np.exp(-logits))
    expected = -signs * np.log(p) - (1 - signs) * np.log(1 - p)
    np.testing.assert_allclose(ops.sigmoid_cross_entropy(logits, signs), expected, rtol=1e-12)


@pytest.mark.parametrize("keepdims", [1, 0, None, "no"])
@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_keepdims_that_is_not_boolean_is_refused(name, keepdims):
    for call in (getattr(Tensor(X), name), lambda *a, **k: getattr(ops, name)(Tensor(X), *a, **k)):
        with pytest.raises(TypeError, match=r"keepdims is .*: expected True or False"):
            call(0, keepdims=keepdims)


@pytest.mark.parametrize("join", [np.concatenate, np.stack, ops.concatenate, ops.stack])
def test_pieces_are_joined_along_the_first_axis_where_none_is_named(join):
    found = join([Tensor(X), Tensor(2 * X)])
    expected = {"concatenate": np.concatenate, "stack": np.stack}[
        getattr(join, "name", None) or join.__name__
    ]
    np.testing.assert_array_equal(found.data, expected([X, 2 * X]))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2)])
@pytest.mark.parametrize("name", ["var", "std"])
def test_spread_over_axes_is_numpys_in_value_and_derivatives(name, axis, keepdims):
    values = np.random.default_rng(0).normal(size=(3, 4, 2))
    found = getattr(Tensor(values), name)(axis, keepdims)
    np.testing.assert_allclose(found.data, getattr(np, name)(values, axis, keepdims=keepdims), rtol=1e-14)
    assert_op(lambda x: getattr(Tensor(x) if type(x) is np.ndarray else x, name)(axis, keepdims), values)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_sine_and_cosine_are_methods(name):
    assert getattr(Tensor(0.5), name)().item() == getattr(np, name)(0.5)
