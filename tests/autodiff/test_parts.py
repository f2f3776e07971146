"""Gradients of parts of an array: added where they belong, at the cost of the parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, no_grad, ops
from tinygrad_mnist.autodiff.ops import indexing
from tinygrad_mnist.autograd import grad
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES
from tinygrad_mnist.program import compile

INDICES = (
    0,
    -1,
    slice(1, None, 2),
    slice(None, None, -1),
    (slice(3, 0, -2), slice(None, None, -2)),
    (slice(None), 2),
    (Ellipsis, None, 1),
    Ellipsis,
    slice(None),
    np.array([2, 2, 0]),
    [3, 0, 3],
    np.array([True, False, True, True]),
    (np.array([0, 0]), np.array([1, 1])),
)
parts = st.lists(st.sampled_from(range(len(INDICES))), min_size=1, max_size=6)


def of_parts(chosen, x):
    """A sum over parts of x, each with another weight; and x itself between them."""
    total = ops.sum(x * x) if len(chosen) % 2 else 0.0
    for weight, part in enumerate(chosen, start=2):
        total = total + weight * ops.sum(x[INDICES[part]] ** 2)
    return total


def expected(chosen, x):
    """The gradient by np.add.at."""
    found = 2 * x if len(chosen) % 2 else np.zeros_like(x)
    for weight, part in enumerate(chosen, start=2):
        np.add.at(found, INDICES[part], weight * 2 * x[INDICES[part]])
    return found


@given(parts)
def test_gradient_of_parts_is_the_sum_of_the_parts(chosen):
    x = np.arange(12.0).reshape(4, 3)
    leaf = Tensor(x, requires_grad=True)
    of_parts(chosen, leaf).backward()
    np.testing.assert_allclose(leaf.grad, expected(chosen, x))
    inner = leaf * 1.0
    (found,) = grad(of_parts(chosen, inner), inner)
    np.testing.assert_allclose(found, expected(chosen, x))


@given(parts)
def test_program_of_parts_repeats_the_bits_of_eager(chosen):
    def step(x):
        leaf = Tensor(x, requires_grad=True)
        of_parts(chosen, leaf * 1.0).backward()
        return leaf.grad

    compiled, rng = compile(step), np.random.default_rng(0)
    for x in rng.standard_normal((3, 4, 3)):
        assert compiled(x).tobytes() == step(x).tobytes()


def test_second_derivative_of_parts_is_recorded():
    x = Tensor(np.arange(1.0, 5.0), requires_grad=True)
    (first,) = grad(ops.sum(x[:2] ** 3) + ops.sum(x[1:] ** 3) + ops.sum(x[1] ** 3), x, create_graph=True)
    (second,) = grad(ops.sum(first), x)
    np.testing.assert_allclose(second.data, 6 * x.data * [1, 3, 1, 1])


def test_gradient_that_another_op_sent_is_not_written_into():
    y = Tensor(np.ones(4), requires_grad=True) * 1.0
    parts = ops.sum(y[:2]) + ops.sum(y[1:])
    z = y + 0.0  # its rule hands on the gradient of z itself, before those of the parts arrive
    z.retain_grad()
    y.retain_grad()
    (ops.sum(z * 7.0) + parts).backward()
    np.testing.assert_array_equal(z.grad, np.full(4, 7.0))
    np.testing.assert_array_equal(y.grad, [8, 9, 8, 8])


@pytest.mark.parametrize("index", [(), Ellipsis, None, (Ellipsis, None), np.array(True)])
@pytest.mark.parametrize("run", [lambda f: f, compile])
def test_parts_of_a_number_and_another_reader_add_up(run, index):
    def with_three_readers(x):
        first, between, last = x[index], x * 2.0, x[index]
        return ops.sum(first) + between + ops.sum(last)

    assert run(tm.grad(with_three_readers))(np.array(0.3)) == 4.0


def test_whole_array_is_made_once_for_all_parts(monkeypatch):
    made = []
    forward = indexing.scatter_add.forward
    monkeypatch.setattr(
        indexing.scatter_add, "forward", lambda x, **how: made.append(how["index"]) or forward(x, **how)
    )
    x = Tensor(np.ones((50, 3)), requires_grad=True)
    with no_grad():
        weights = np.arange(50.0)
    sum(w * ops.sum(row) for w, row in zip(weights, x)).backward()
    np.testing.assert_array_equal(x.grad, np.repeat(weights[:, None], 3, axis=1))
    assert len(made) == 1


@pytest.mark.parametrize("name", ["fan-out-overwritten", "repeated-index-overwritten"])
def test_wrong_rule_is_not_avoided(name):
    assert name in WRONG_RULES
    x = Tensor(np.ones(3), requires_grad=True)
    repeated = np.array([1, 1])
    with WRONG_RULES[name]:
        (ops.sum(x[:2]) + ops.sum(x[repeated]) + ops.sum(x[repeated])).backward()
    wrong, x.grad = x.grad, None
    (ops.sum(x[:2]) + ops.sum(x[repeated]) + ops.sum(x[repeated])).backward()
    assert wrong.tolist() != x.grad.tolist() == [1, 5, 0]


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_repeated_parts_in_half_precision_are_summed_in_single(backend):
    """5,000 times 0.1 is 500; one by one, half precision stops at 256, where 0.1 is less than half a step."""
    index = np.zeros(5000, int)

    def step(x):
        leaf = Tensor(x, requires_grad=True)
        inner = leaf * np.float16(1)
        sum(ops.sum(inner[index] * np.float16(0.1)) for _ in range(3)).backward()
        return leaf.grad

    compiled = compile(step, backend=backend)
    for _ in range(3):
        np.testing.assert_allclose(compiled(np.ones(2, np.float16)), [1500, 0], rtol=1e-3)
