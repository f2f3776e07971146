"""A rule as text gives what the rule gives: parentheses stand where they are needed."""

import numpy as np
import pytest

from tests.autodiff.cases import CASES, arrays_for
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.backward import differentiated, upstream
from tinygrad_mnist.autodiff.formula import forward_formula, input_names, rule_formula
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.graph import Graph

RULES = {
    "(x ** 2) ** 3": lambda x: (x**2) ** 3,
    "x ** (x ** 2)": lambda x: x ** (x**2),
    "(-x) ** 2": lambda x: (-x) ** 2,
    "-x ** 2": lambda x: -(x**2),
    "x - (x - 1)": lambda x: x - (x - 1),
    "x - x - 1": lambda x: (x - x) - 1,
    "x / (x / 2)": lambda x: x / (x / 2),
    "x / x / 2": lambda x: (x / x) / 2,
    "x * (x + 1)": lambda x: x * (x + 1),
    "(x + 1) * x": lambda x: (x + 1) * x,
    "x + x * 2": lambda x: x + x * 2,
    "-(x + 1)": lambda x: -(x + 1),
    "(x + 1).T @ x": lambda x: (x + 1).T @ x,
    "(x @ x.T) @ x": lambda x: (x @ x.T) @ x,
    "(x + 1)[0]": lambda x: (x + 1)[0],
    "x[0] ** 2": lambda x: x[0] ** 2,
    "exp(x) ** 2": lambda x: ops.exp(x) ** 2,
    "exp(x + 1)": lambda x: ops.exp(x + 1),
    "sum(x, axis=0) / 2": lambda x: ops.sum(x, axis=0) / 2,
}
X = np.array([[0.5, 1.5], [2.0, 0.25]])


@pytest.mark.parametrize("name", RULES)
def test_rule_as_text_gives_the_result_of_the_rule(name):
    rule = RULES[name]

    @primitive
    def own(x):
        return x * 1.0

    own.vjps(lambda g, y, x: rule(x))
    try:
        text = Graph(own(Tensor(X, requires_grad=True))).nodes[-1].rules[0].formula
    finally:
        del REGISTRY["own"]
    names = {"np": np, "x": X, "exp": np.exp, "sum": np.sum}
    np.testing.assert_allclose(eval(text, names), rule(X), err_msg=text)
    assert text.replace(" ", "").count("(") <= name.replace(" ", "").count("(") + 1


BROADCAST = [((2, 3), (2, 3)), ((2, 3), (1, 3)), ((2, 1), (3,)), ((), (2, 1, 3)), ((1, 2, 1), (2, 2, 3))]
EVERY_CASE = [
    pytest.param(case, shapes, id=f"{i}-{case.primitive}-{shapes}")
    for i, case in enumerate(CASES)
    for shapes in ([case.shapes] if case.shapes else sorted({s[: case.broadcast] for s in BROADCAST}))
]


@pytest.mark.parametrize(("case", "shapes"), EVERY_CASE)
def test_text_of_each_op_and_rule_computes_the_same_values(case, shapes):
    rng = np.random.default_rng(0)
    result = case.call(*(Tensor(a, requires_grad=True) for a in arrays_for(case, shapes, rng)))
    for tensor in upstream([result]):
        if not tensor.inputs:
            continue
        primitive, settings = tensor.primitive, tensor.attributes
        inputs = tuple(x.data if isinstance(x, Tensor) else x for x in tensor.inputs)
        names = input_names(primitive, len(inputs))
        known = {"np": np, **REGISTRY, **dict(zip(names, inputs)), "y": tensor.data}
        known["g"] = g = rng.uniform(1, 2, tensor.shape)
        forward = forward_formula(primitive, tuple(names), settings)
        np.testing.assert_array_equal(eval(forward, known), tensor.data, err_msg=forward)
        for position in differentiated(tensor):
            text, summed = rule_formula(primitive, position, inputs, settings)
            right = primitive.rule(position)(g, tensor.data, *inputs, **settings)
            shape = inputs[position].shape
            assert summed == (right.shape != shape)
            found = eval(text, known)
            assert found.shape == shape, text
            np.testing.assert_allclose(found, sum_to.forward(right, shape=shape), rtol=1e-12, err_msg=text)


@pytest.mark.parametrize("op", [ops.maximum, ops.minimum])
def test_at_a_tie_each_gets_half_of_what_comes_in(op):
    a, b = Tensor([1.0, 2.0, 3.0], requires_grad=True), Tensor([1.0, 3.0, 2.0], requires_grad=True)
    (op(a, b) * np.array([3.0, 5.0, 7.0])).sum().backward()
    wins = [0.0, 7.0] if op is ops.maximum else [5.0, 0.0]
    assert a.grad.tolist() == [1.5, *wins]
    assert b.grad.tolist() == [1.5, *[total - won for total, won in zip((5.0, 7.0), wins)]]


@pytest.mark.parametrize(
    ("shapes", "lengths", "transposed"),
    [
        (((2, 3), (4, 5)), "3 and 4", False),
        (((2, 3), (4, 3)), "3 and 4", True),
        (((2, 3), (5,)), "3 and 5", False),
        (((3,), (4, 3)), "3 and 4", True),
        (((3,), (4, 2)), "3 and 4", False),
        (((3,), (3, 4, 3)), "3 and 4", False),
    ],
)
def test_product_whose_inner_lengths_differ_names_both(shapes, lengths, transposed):
    with pytest.raises(ShapeError) as caught:
        Tensor(np.ones(shapes[0])) @ Tensor(np.ones(shapes[1]))
    assert f"the inner lengths {lengths} differ" in str(caught.value)
    assert ("transpose the second" in str(caught.value)) == transposed


def formula_of(call, size):
    result = call(Tensor(np.ones(size), requires_grad=True, name="x"))
    node = Graph(result).nodes[-1]
    return node.formula, node.rules[0].formula


@pytest.mark.parametrize(("length", "shown"), [(8, str([0] * 8)), (9, "indices")])
def test_index_of_more_than_eight_numbers_is_not_written_out(length, shown):
    index = np.zeros(length, int)
    forward, rule = formula_of(lambda x: x[index], 3)
    assert (forward, rule) == (f"x[{shown}]", f"scatter_add(g, index=np.s_[{shown}], shape=(3,))")


@pytest.mark.parametrize(("length", "shown"), [(8, "np.full((8,), 2.0, np.float64)"), (9, "array(9,)")])
def test_array_of_more_than_eight_numbers_is_not_written_out(length, shown):
    @primitive
    def own(x):
        return x * 1.0

    own.vjps(lambda g, y, x: g * np.full(length, 2.0))
    try:
        assert formula_of(own, length)[1] == f"g * {shown}"
    finally:
        del REGISTRY["own"]


def test_gradient_with_too_few_axes_keeps_its_text():
    @primitive
    def own(x):
        return x * 1.0

    own.vjps(lambda g, y, x: ops.sum(g))
    try:
        assert rule_formula(own, 0, (np.ones((2, 3)),), {}) == ("sum(g)", True)
    finally:
        del REGISTRY["own"]
