"""Formulas as text: evaluated as Python they give what the ops and the rules give, bit for bit."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given

from tests.autodiff.cases import CASES, arrays_for
from tests.program.printed_expressions import expressions, inputs
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.backward import unbroadcast
from tinygrad_mnist.autodiff.formula import Symbol, forward_formula, input_names, rule_formula
from tinygrad_mnist.autodiff.primitive import REGISTRY

NAMES = {"np": np, **{name: getattr(ops, name) for name in ops.__all__}}


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def evaluated(text, **names):
    return np.asarray(eval(text, {**NAMES, **names}))


def assert_same_bits(found, expected, what):
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    np.testing.assert_array_equal(found, expected, err_msg=what)
    if found.dtype.kind == "f":
        np.testing.assert_array_equal(np.signbit(found[found == 0]), np.signbit(expected[expected == 0]))


@given(text=expressions())
def test_the_text_of_nested_ops_gives_their_value(text):
    x, y = inputs(np.float64)
    try:
        symbol = eval(text, {"np": np, "ops": ops, "x": Symbol("x", x), "y": Symbol("y", y)})
    except (ValueError, TypeError, IndexError, OverflowError):
        assume(False)
    written = symbol.expression.text
    assume("array(3" not in written)  # an array too long to be written out
    assert_same_bits(evaluated(written, x=x, y=y), symbol._data, written)


def nodes(tensor):
    stack = [tensor]
    while stack:
        node = stack.pop()
        if node.primitive is not None:
            yield node
            stack += [x for x in node.inputs if isinstance(x, Tensor)]


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.primitive}" for i, c in enumerate(CASES)])
def test_the_formula_of_a_rule_gives_its_gradient(case):
    """And that of the op its value: for each node of each case, with its own settings."""
    shapes = case.shapes or ((2, 3), (1, 3))[: case.broadcast]
    arrays = arrays_for(case, shapes, np.random.default_rng(0))
    for node in nodes(case.call(*[Tensor(a, requires_grad=True) for a in arrays])):
        plain = tuple(x.data if isinstance(x, Tensor) else x for x in node.inputs)
        names = dict(zip(input_names(node.primitive, len(plain)), plain))
        if node.primitive.name != "dropout_mask":  # its generator has no text
            text = forward_formula(node.primitive, tuple(names), node.attributes)
            assert_same_bits(evaluated(text, **names), node.data, text)
        g = np.random.default_rng(1).uniform(0.5, 1.5, node.shape)
        for position, x in enumerate(node.inputs):
            rule = node.primitive.rule(position)
            if rule is None or not isinstance(x, Tensor):
                continue
            text = rule_formula(node.primitive, position, plain, node.attributes)
            expected = unbroadcast(rule(g, node.data, *plain, **node.attributes), x.shape)
            assert_same_bits(evaluated(text, g=g, y=node.data, **names), np.asarray(expected), text)


@pytest.mark.parametrize(
    ("operands", "text"),
    [
        (((2, 3), (1, 3)), "(g * a).sum(axis=0, keepdims=True)"),
        (((2, 3), (3,)), "(g * a).sum(axis=0)"),
        (((4, 2, 3), (2, 1)), "(g * a).sum(axis=0).sum(axis=1, keepdims=True)"),
        (((4, 2, 3), (1, 1)), "(g * a).sum(axis=0).sum(axis=(0, 1), keepdims=True)"),
    ],
)
def test_the_sum_over_broadcast_axes_is_written_out(operands, text):
    arrays = tuple(np.ones(shape) for shape in operands)
    assert rule_formula(REGISTRY["multiply"], 1, arrays, {}) == text


def test_long_index_arrays_are_called_indices():
    x, index = np.ones((20, 2)), np.arange(10)
    assert forward_formula(REGISTRY["getitem"], ("x",), {"index": (index, 0)}) == "x[indices, 0]"
    text = rule_formula(REGISTRY["getitem"], 0, (x,), {"index": index})
    assert text == "scatter_add(g, index=np.s_[indices], shape=(20, 2))"
