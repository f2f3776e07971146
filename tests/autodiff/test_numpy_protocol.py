"""NumPy functions on Tensors: recorded where they have a rule, plain where constant, else refused."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.autodiff.oracles import check_first_order
from tinygrad_mnist import Tensor
from tinygrad_mnist.autodiff.primitive import ANSWERS

CALLS = {
    np.add: lambda x: np.add(x, 1.5),
    np.subtract: lambda x: np.subtract(1.5, x),
    np.multiply: lambda x: np.arange(6.0).reshape(2, 3) * x,
    np.divide: lambda x: np.ones(3) / x,
    np.negative: np.negative,
    np.positive: np.positive,
    np.power: lambda x: np.power(x, 2.5),
    np.square: np.square,
    np.exp: np.exp,
    np.log: np.log,
    np.log1p: np.log1p,
    np.sqrt: np.sqrt,
    **{
        f: f
        for f in (
            np.expm1,
            np.exp2,
            np.log2,
            np.log10,
            np.reciprocal,
            np.tan,
            np.sinh,
            np.cosh,
            np.arctan,
            np.arcsinh,
        )
    },
    **{f: lambda x, f=f: f(x / 2) for f in (np.arcsin, np.arccos, np.arctanh)},
    **{f: lambda x, f=f: f(x) * x for f in (np.sign, np.floor)},
    np.arccosh: lambda x: np.arccosh(x + 1),
    np.logaddexp: lambda x: np.logaddexp(x, 0.75),
    np.arctan2: lambda x: np.arctan2(x, 0.75),
    np.sin: np.sin,
    np.cos: np.cos,
    np.tanh: np.tanh,
    np.absolute: np.abs,
    np.maximum: lambda x: np.maximum(x, 0.75),
    np.minimum: lambda x: np.minimum(0.75, x),
    np.matmul: lambda x: np.arange(4.0).reshape(2, 2) @ x,
    np.dot: lambda x: np.dot(x, np.ones(3)) + np.dot(2.0, x)[:, 0] + np.dot(x, np.ones((4, 3, 5)))[:, 0, 1],
    np.where: lambda x: (
        np.where([True, False, True], x, [1.0, 2.0, 3.0])
        + np.where(x.data > 0.75 if isinstance(x, Tensor) else x > 0.75, x, 2 * x)
    ),
    np.clip: lambda x: np.clip(x, 0.6, 1.2) + np.clip(x, max=0.9),
    np.sum: lambda x: np.sum(x, axis=1) + np.sum(x),
    np.prod: lambda x: np.prod(x, 1),
    np.var: lambda x: np.var(x, axis=0, ddof=1) + np.var(x),
    np.std: lambda x: np.std(x, axis=0, ddof=1, keepdims=True),
    np.cumsum: lambda x: np.cumsum(x, 0) * 2.0,
    np.cumprod: lambda x: np.cumprod(x),
    np.sort: lambda x: np.sort(x, axis=0),
    np.amax: lambda x: np.amax(x, axis=1),
    np.amin: np.amin,
    np.linalg.norm: lambda x: np.linalg.norm(x) + np.linalg.norm(x, 1, axis=1),
    np.einsum: lambda x: np.einsum("ij,kj->ik", x, x),
    np.tensordot: lambda x: np.tensordot(x, x, ([0, 1], [0, 1])),
    np.inner: lambda x: np.inner(x, np.ones(3)),
    np.outer: lambda x: np.outer(x, np.arange(2.0)),
    np.swapaxes: lambda x: np.swapaxes(x, 0, 1),
    np.moveaxis: lambda x: np.moveaxis(x, 0, -1),
    np.vstack: lambda x: np.vstack([x, x[0]]),
    np.hstack: lambda x: np.hstack((x, 2 * x)),
    np.split: lambda x: np.split(x, [1, 2], axis=1)[1],
    np.take: lambda x: np.take(x, [1, 1], axis=1),
    np.repeat: lambda x: np.repeat(x, 2),
    np.tile: lambda x: np.tile(x, (2, 2)),
    np.pad: lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=0.5),
    np.roll: lambda x: np.roll(x, 1, axis=1),
    np.flip: lambda x: np.flip(x, 0),
    np.tril: np.tril,
    np.triu: lambda x: np.triu(x, 1),
    np.diag: np.diag,
    np.diagonal: np.diagonal,
    np.trace: np.trace,
    np.mean: lambda x: np.mean(x, 0, keepdims=True),
    np.max: lambda x: np.max(x, axis=0),
    np.min: np.min,
    np.reshape: lambda x: np.reshape(x, (3, 2)) + np.reshape(x, -1)[0],
    np.ravel: np.ravel,
    np.transpose: lambda x: np.transpose(x, (1, 0)),
    np.matrix_transpose: np.matrix_transpose,
    np.astype: lambda x: np.astype(x, np.float64) * 2.0,
    np.broadcast_to: lambda x: np.broadcast_to(x, (2, 2, 3)),
    np.expand_dims: lambda x: np.expand_dims(x, 1),
    np.squeeze: lambda x: np.squeeze(x[:1]) + np.squeeze(x[:1, None], (0, 1)),
    np.concatenate: lambda x: np.concatenate([x, x * 2], axis=1) * np.concatenate([x, x], axis=None)[0],
    np.stack: lambda x: np.stack([x, x * 2], axis=-1),
}


def test_numpy_functions_all_have_a_call_here():
    assert set(CALLS) == set(ANSWERS)


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f.__name__)
def test_numpy_function_is_differentiable_with_numpys_value(function):
    x = np.random.default_rng(0).uniform(0.5, 1.5, (2, 3))
    call = CALLS[function]
    result = call(Tensor(x, requires_grad=True))
    assert isinstance(result, Tensor)
    np.testing.assert_allclose(result.data, call(x), rtol=1e-14)
    check_first_order(call, [x], complex_step=False)  # NumPy's own functions on complex arrays differ


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f.__name__)
def test_numpy_function_of_negative_numbers_gives_numpys_value(function):
    x = np.random.default_rng(1).uniform(-1.5, 0.5, (2, 3))
    call = CALLS[function]
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(call(Tensor(x, requires_grad=True)).data, call(x), rtol=1e-14)


def test_modulus_of_complex_numbers_is_refused():
    with pytest.raises(TypeError, match="of a complex Tensor has no gradient rule"):
        np.abs(Tensor([1j, 2.0]))


def test_plain_numpy_function_is_differentiated():
    def tanh_by_exp(x):
        y = np.exp(-2.0 * x)
        return (1.0 - y) / (1.0 + y)

    assert tm.grad(tanh_by_exp)(1.0) == pytest.approx(1 - np.tanh(1.0) ** 2, rel=1e-12)


def test_constant_functions_answer_with_arrays():
    x = Tensor([[1.0, -2.0]], requires_grad=True)
    assert np.argmax(x) == 0
    assert np.shape(x) == (1, 2)
    assert isinstance(np.isfinite(x), np.ndarray)
    assert (np.array([0.0]) < x).tolist() == [[True, False]]


def test_functions_without_a_rule_are_refused_by_name():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"np\.cbrt has no gradient rule here"):
        np.cbrt(x)
    with pytest.raises(TypeError, match=r"np\.add\.reduce has no gradient rule"):
        np.add.reduce(x)
    with pytest.raises(TypeError, match=r"np\.linalg\.det has no gradient rule"):
        np.linalg.det(x[:, None] * x)
    with pytest.raises(TypeError, match=r"on a Tensor np\.sum\(\) does not take where="):
        np.sum(x, where=np.array([True, False]))
    with pytest.raises(TypeError, match="the bounds of a clip are numbers"):
        np.clip(x, Tensor(0.0), 1)
