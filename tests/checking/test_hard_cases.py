"""Functions and rules on which a careless checker is wrong."""

from collections import namedtuple

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.checking import assert_op, check_gradients, diagnose


@pytest.fixture
def op():
    """Make a primitive with given rules, forgotten after the test."""
    before = set(REGISTRY)

    def make(forward, *rules):
        made = primitive(forward)
        made.vjps(*rules)
        return made

    yield make
    for name in set(REGISTRY) - before:
        del REGISTRY[name]


def test_memory_order_does_not_matter():
    transposed = np.arange(1.0, 7.0).reshape(2, 3).T
    assert check_gradients(lambda x: (x**3).sum(), transposed).ok
    layer = nn.Linear(3, 2, dtype=np.float64)
    layer.weight.data = np.asfortranarray(layer.weight.data)
    assert check_gradients(layer, nn.MSELoss(), (np.ones((4, 3)), np.zeros((4, 2)))).ok


def test_variables_of_one_name_are_all_checked(op):
    def twice(x):
        return 2 * x

    bad = op(twice, lambda g, y, x: 5 * g)
    first, second = (Tensor([1.0, 2.0], name="w") for _ in range(2))
    report = check_gradients(lambda a, b: bad(a).sum() + b.sum(), first, second)
    assert [row.name for row in report.rows] == ["w", "w (2)"]
    assert report.wrong == ("w",)


def test_named_tuple_is_an_input():
    Pair = namedtuple("Pair", "w b")
    report = check_gradients(lambda p: (p.w * p.b).sum(), Pair(np.ones(2), np.ones(2)))
    assert [row.name for row in report.rows] == ["p.0", "p.1"]


def test_input_without_a_rule_is_accepted():
    condition, values = Tensor([1.0, 0.0], requires_grad=True), Tensor([1.0, 2.0], requires_grad=True)
    assert diagnose(ops.sum(ops.where(condition, values, 0.0))).ok


@pytest.mark.parametrize(
    "rule",
    [lambda g, y, x: ops.abs(g) * ops.cos(x), lambda g, y, x: ops.where(g > 0, g * ops.cos(x), 0.0)],
    ids=["absolute", "guided"],
)
def test_rule_not_linear_in_g_is_found(op, rule):
    def sine(x):
        return np.sin(x)

    wrong = op(sine, rule)
    x = np.array([0.3, 0.7, 1.1])
    found = diagnose(ops.sum(wrong(Tensor(x, requires_grad=True)))).findings
    assert [(f.primitive, f.input) for f in found] == [("sine", "x")]
    assert "not linear in g" in found[0].what
    with pytest.raises(AssertionError):
        assert_op(wrong, x)


@pytest.mark.parametrize("culprit", ["g", "y", "an input"])
def test_rule_that_writes_into_its_arguments_is_found(op, culprit):
    def sine(x):
        return np.sin(x)

    def rule(g, y, x):
        answer = g * np.cos(x)
        {"g": g, "y": y, "an input": x}[culprit][...] = 7.0
        return answer

    x = Tensor([0.3, 0.7], requires_grad=True)
    loss = ops.sum(ops.square(op(sine, rule)(x)))
    before = x.data.copy()
    (found,) = diagnose(loss).findings
    assert f"writes into {culprit}" in found.what
    np.testing.assert_array_equal(x.data, before)


def test_poles_and_fast_functions_are_not_wrong():
    assert diagnose((1.0 / Tensor([2e-9, 1.0], requires_grad=True)).sum()).ok
    assert not check_gradients(lambda x: ops.sum(ops.sin(1e8 * x)), np.array([0.3, 1.0])).wrong


def test_nan_gradient_of_a_smooth_function_is_wrong():
    assert check_gradients(lambda x: ops.sum(ops.sqrt(x**4)), np.array([0.0, 1.0])).wrong == ("x",)


def test_wrong_rule_of_a_tiny_function_is_found(op):
    def sine(x):
        return np.sin(x)

    wrong = op(sine, lambda g, y, x: 1.05 * g * ops.cos(x))
    assert check_gradients(lambda x: 1e-13 * ops.sum(wrong(x)), np.array([0.3, 0.7])).wrong == ("x",)


def test_rule_that_returns_a_number_is_wrong(op):
    def sine(x):
        return np.sin(x)

    assert not diagnose(op(sine, lambda g, y, x: float(g * np.cos(x)))(Tensor(0.5, requires_grad=True))).ok


def test_dropout_inside_a_dict_is_rewound():
    network = nn.Sequential(nn.Linear(2, 3, dtype=np.float64), nn.Dropout(0.5, rng=np.random.default_rng(0)))
    state = network[1].rng.bit_generator.state
    report = check_gradients(lambda p, x: ops.square(p["net"](x)).sum(), {"net": network}, np.ones((4, 2)))
    assert not report.wrong
    assert network[1].rng.bit_generator.state == state


def test_wrong_sign_by_hand_is_noted_next_to_large_entries():
    report = check_gradients(lambda x: ops.sum(x * x), np.array([1e-3, 2.0]), by_hand={"x": [-2e-3, 4.0]})
    assert any("derived by hand differs" in note for note in report.notes)


def test_existing_gradients_are_kept():
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.grad = np.array([5.0, 5.0])

    def careless(x):
        x.zero_grad()
        return ops.sum(x * x)

    check_gradients(careless, x)
    assert x.grad.tolist() == [5.0, 5.0]
