"""What random programs have found, each in its smallest form."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.program import compile

RNG = np.random.default_rng(0)
REVERSED = [RNG.random((30, 20))[::-1] for _ in range(3)]
REPEATED = [np.broadcast_to(RNG.random(20), (30, 20)) for _ in range(3)]


def of_sum(function):
    """A function, and the gradient of a sum of its results that are weighted in different ways."""

    def step(x):
        variable = Tensor(x, requires_grad=True)
        result = function(variable)
        result.backward(np.linspace(1, 2, result.size).reshape(result.shape))
        return result, variable.grad

    return step


def bits(results):
    return [np.asarray(getattr(r, "data", r)).tobytes() for r in results]


@pytest.mark.parametrize(
    "function",
    [lambda x: x[()], lambda x: 2 * x[...], lambda x: x.sum()[()]],
    ids=["all", "dots", "of-a-sum"],
)
@pytest.mark.parametrize("shape", [(), (3,)])
def test_empty_index_gives_the_eager_bits(function, shape):
    step = of_sum(function)
    compiled = compile(step)
    for x in (np.full(shape, 1.5), np.full(shape, 2.5), np.full(shape, 3.5)):
        assert bits(compiled(x)) == bits(step(x))
    namespace = {}
    exec(compiled.program.derivation, namespace)
    states = [state.get() for state in compiled.program.states]
    x = np.full(shape, 4.5)
    assert bits(namespace["step"](x, *states)) == bits(step(x))


def test_mask_with_a_one_in_its_corner_is_not_an_identity():
    step = of_sum(lambda x: x[np.array([[True], [False]])])
    compiled = compile(step)
    for x in (np.ones((2, 1)), np.full((2, 1), 2.0), np.full((2, 1), 3.0)):
        assert bits(compiled(x)) == bits(step(x))


def test_empty_list_picks_nothing():
    step = of_sum(lambda x: x[[]])
    compiled = compile(step)
    for x in (np.arange(3.0), np.arange(3.0) + 1, np.arange(3.0) + 2):
        assert bits(compiled(x)) == bits(step(x))


def test_derivation_that_returns_a_constant_is_right():
    def step(x):
        variable = Tensor(x, requires_grad=True)
        (2 * variable).backward()
        return variable.grad

    compiled = compile(step)
    compiled(np.array(1.0, np.float32))
    namespace = {}
    exec(compiled.program.derivation, namespace)
    assert bits([namespace["step"](np.array(1.0, np.float32))]) == bits([np.array(2.0, np.float32)])


def test_column_of_a_flattened_matrix_is_right():
    """The gradient of a stack is cut out of a matrix: made flat it is a view to reshape, a copy to ravel."""
    step = of_sum(lambda x: ops.stack([x, x], axis=1))
    compiled = compile(step)
    for scale in (1, 2, 3):
        x = scale * np.arange(3.0)
        assert bits(compiled(x)) == bits(step(x))


@pytest.mark.parametrize("matrices", [REVERSED, REPEATED], ids=["reversed", "repeated"])
def test_products_with_matrices_in_unusual_layouts(matrices):
    """np.matmul sums them in another order than np.dot, which copies them first."""

    def step(x, matrix):
        variable = Tensor(x, requires_grad=True)
        result = variable @ matrix
        result.backward(np.linspace(0, 1, result.size).reshape(result.shape))
        return result, variable.grad

    for shape in ((30,), (7, 30)):
        compiled = compile(step)
        x = RNG.random(shape)
        for matrix in matrices:
            assert bits(compiled(x, matrix)) == bits(step(x, matrix))


def test_nan_of_another_sign_is_equal():
    """The processor takes the sign from one operand or the other, as they happen to lie in memory."""

    def step(x):
        variable = Tensor(x, requires_grad=True)
        root = ops.sigmoid_cross_entropy(variable, variable) ** 0.5
        root.backward(np.ones(x.shape))
        return root, variable.grad

    compiled = compile(step)
    with np.errstate(invalid="ignore"):
        for x in (0.25, -0.9, -0.9):
            expected, found = step(np.array([x])), compiled(np.array([x]))
            np.testing.assert_array_equal(found[0].data, expected[0].data)
            np.testing.assert_array_equal(found[1].data, expected[1])


@pytest.mark.parametrize("shape", [(1,), (2,), (1, 1), (2, 1)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_gradient_of_zero_has_its_sign_in_a_program(shape, sign):
    x = Tensor(np.full(shape, sign), requires_grad=True)

    def step():
        x.grad = None
        ops.sum(np.where(np.array(False), ops.inner(x, x), 0.5)).backward()
        return x.grad

    compiled = compile(step)
    for _ in range(3):
        np.testing.assert_array_equal(np.signbit(compiled()), np.signbit(step()))
