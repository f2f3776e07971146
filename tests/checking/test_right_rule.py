"""The right rule beside the wrong one, by formula and by numbers."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, Primitive
from tinygrad_mnist.checking import check_gradients, diagnose, wrong_rules
from tinygrad_mnist.graph import Graph

RULES = {name: mistake for name, mistake in wrong_rules.WRONG_RULES.items() if mistake.kind == "rule"}
SUMS = {name: mistake for name, mistake in wrong_rules.WRONG_RULES.items() if mistake.kind != "rule"}


def example(mistake):
    function, arrays = mistake.example()
    names = function.__code__.co_varnames
    return function(*(Tensor(x, requires_grad=True, name=name) for name, x in zip(names, arrays)))


def op(forward, rule):
    """An op of one input, not left in the registry."""
    made = Primitive(forward)
    del REGISTRY[made.name]
    made.vjps(rule)
    return made


def right_of(forward, rule, x=(0.3, 0.7)):
    made = op(forward, rule)
    (finding,) = diagnose(ops.sum(made(Tensor(np.array(x), requires_grad=True)) * 2.0)).findings
    return finding.right


@pytest.mark.parametrize("name", RULES)
def test_right_rule_of_a_planted_mistake_is_the_replaced_one(name):
    mistake = RULES[name]
    loss = example(mistake)
    right = {(n.name, rule.input): rule for n in Graph(loss, backward=True).nodes for rule in n.rules}
    with mistake:
        findings = diagnose(loss).findings
    assert findings
    for finding in findings:
        rule = right[finding.op, finding.input]
        assert finding.right.formula == rule.formula != finding.formula
        np.testing.assert_allclose(finding.right.expected.values, rule.contribution.values, rtol=1e-12)
        sent, expected = (np.array(side.values) for side in (finding.right.sent, finding.right.expected))
        worst = np.unravel_index(np.abs(sent - expected).argmax(), sent.shape)
        assert finding.right.entry == worst
        assert (finding.right.sent_there, finding.right.expected_there) == (sent[worst], expected[worst])


@pytest.mark.parametrize("name", SUMS)
def test_right_numbers_of_a_wrong_sum_are_the_gradient(name):
    mistake = SUMS[name]
    right = {node.name: node.gradient.values for node in Graph(example(mistake), backward=True).nodes}
    with mistake:
        (finding,) = diagnose(example(mistake)).findings
    np.testing.assert_allclose(finding.right.expected.values, right[finding.operand], rtol=1e-12)


def of_arrays_only(x):
    return np.square(np.asarray(x, np.float64))


def one_by_one(x):
    return np.array([v**2 for v in x])


def shifted_in_rows(x):
    return np.cumsum(x * x)


SLOPES = {
    "complex step": (one_by_one, "the complex step", [1.2, 2.8]),
    "central differences": (of_arrays_only, "central differences", [1.2, 2.8]),
    "outputs that share inputs": (shifted_in_rows, "the complex step", [2.4, 2.8]),
}


@pytest.mark.parametrize("name", SLOPES)
def test_numbers_of_an_op_of_ones_own_are_slopes(name):
    forward, source, expected = SLOPES[name]
    right = right_of(forward, lambda g, y, x: g * x)
    assert (right.formula, right.source, right.given) == ("", source, "")
    np.testing.assert_allclose(right.expected.values, expected, rtol=1e-7)
    np.testing.assert_allclose(right.sent.values, [0.6, 1.4], rtol=1e-12)


def my_tanh(x):
    return np.tanh(x)


def my_sum(x):
    return ops.sum(x, axis=0)


def my_flat(x):
    return np.sin(np.cos(x))


@pytest.mark.parametrize(
    ("forward", "formula"),
    [
        (my_tanh, "g * (1 - y * y)"),
        (my_sum, "broadcast_to(reshape(g, shape=(1,)), shape=(2,))"),
        (my_flat, ""),
    ],
)
def test_right_rule_is_that_of_the_one_op_in_the_forward(forward, formula):
    assert right_of(forward, lambda g, y, x: g * x).formula == formula


def test_call_of_an_op_of_any_number_of_inputs_brings_no_formula():
    def joined(a, b):
        return ops.concatenate(a, b)

    made = Primitive(joined)
    del REGISTRY["joined"]
    made.vjps(lambda g, y, a, b: g[: len(a)], lambda g, y, a, b: g[: len(b)])
    a, b = (Tensor(x, requires_grad=True) for x in ([1.0, 2.0], [3.0]))
    (finding,) = diagnose(ops.sum(made(a, b) * np.array([1.0, 2.0, 4.0]))).findings
    assert (finding.input, finding.right.formula) == ("b", "")
    np.testing.assert_allclose([finding.right.sent_there, finding.right.expected_there], [1.0, 4.0])


def test_forward_that_refuses_other_values_has_no_numbers():
    def share(x):
        if abs(x.real.sum() - 1) > 1e-9:
            raise ValueError("shares do not add up")
        return x * x

    right = right_of(share, lambda g, y, x: 1 / 0)
    assert (right.sent, right.expected, right.expected_there) == (None, None, None)


def test_right_rule_is_the_one_declared_first_if_it_passes():
    for first, formula in ((lambda g, y, x: g * 3.0 * x**2, "g * 3.0 * x ** 2"), (lambda g, y, x: g, "")):
        made = op(lambda x: x**3, first)
        made.vjps(lambda g, y, x: g * x**2)
        (finding,) = diagnose(made(Tensor([0.3, 0.7], requires_grad=True))).findings
        assert finding.right.formula == formula


def test_forward_of_an_existing_op_brings_its_rule():
    sigmoid = REGISTRY["sigmoid"]
    try:
        again = Primitive(sigmoid.forward)
        again.vjps(lambda g, y, x: g * y)
        (finding,) = diagnose(again(Tensor([0.3, 0.7], requires_grad=True))).findings
    finally:
        REGISTRY["sigmoid"] = sigmoid
    assert finding.right.formula == "g * (y * (1 - y))"


def test_numbers_are_for_another_g_where_the_true_one_hides_the_error():
    right = right_of(one_by_one, lambda g, y, x: 2.0 * x * abs(g))
    assert right.given == "-g"
    np.testing.assert_allclose(right.sent.values, [1.2, 2.8])
    np.testing.assert_allclose(right.expected.values, [-1.2, -2.8])


@pytest.mark.parametrize("rule", [lambda g, y, x: 1 / 0, lambda g, y, x: np.ones(5)])
def test_rule_that_sends_nothing_has_the_right_numbers_beside_it(rule):
    right = right_of(one_by_one, rule)
    assert (right.sent, right.sent_there, right.entry) == (None, None, (1,))
    np.testing.assert_allclose(right.expected.values, [1.2, 2.8])


def test_no_number_is_shown_at_a_kink_without_a_known_rule():
    right = right_of(lambda x: np.maximum(x, -x), lambda g, y, x: g * 2.0, (0.0, 0.5))
    assert right.expected is None
    assert right.entry == (1,)
    np.testing.assert_allclose([right.sent_there, right.expected_there], [4.0, 2.0])


def test_shares_of_a_tie_without_a_known_rule_are_compared_in_sum():
    def larger(a, b):
        return np.where(a >= b, a, b)

    made = Primitive(larger, elementwise=True)
    del REGISTRY["larger"]
    made.vjps(lambda g, y, a, b: g * (a >= b), lambda g, y, a, b: g * (b >= a))
    a, b = (Tensor([1.0, 2.0], requires_grad=True, name=name) for name in "ab")
    (finding,) = diagnose(made(a, b)).findings
    assert "the shares of a tie do not add up" in finding.what
    right = finding.right
    assert (right.entry, right.given) == (None, "a random g")
    np.testing.assert_allclose(right.sent_there, 2 * right.expected_there)
    assert "right in sum: " in str(diagnose(made(a, b)))


def test_large_array_is_compared_at_a_part_of_its_entries():
    x = np.linspace(0.1, 1.0, 4000)
    right = right_of(lambda x: np.cumsum(x * x), lambda g, y, x: g * x, x)
    assert right.expected is None
    assert right.entry is not None
    (entry,) = right.entry
    np.testing.assert_allclose(right.expected_there, 4 * x[entry] * (4000 - entry), rtol=1e-7)
    np.testing.assert_allclose(right.sent_there, 2 * x[entry], rtol=1e-12)


def test_graph_has_the_right_rule_at_the_wrong_one_only():
    x, y = (Tensor([0.5, 2.0], requires_grad=True, name=name) for name in "xy")
    loss = ops.sum(ops.sigmoid(x) * y)
    with wrong_rules.sigmoid_of_the_output:
        diagnosis = diagnose(loss)
        graph = Graph(loss, backward=True, diagnosis=diagnosis)
    rights = {(node.name, rule.input): rule.right for node in graph.nodes for rule in node.rules}
    (finding,) = diagnosis.findings
    assert {key: right for key, right in rights.items() if right} == {("sigmoid_1", "x"): finding.right}
    assert graph.by_name["sigmoid_1"].rules[0].contribution == finding.right.sent


def test_text_has_the_right_rule_and_numbers_below_the_wrong_ones():
    with wrong_rules.wrong_sign:
        text = str(diagnose(example(wrong_rules.wrong_sign)))
    lines = [line.strip() for line in text.splitlines()]
    assert lines[3:] == [
        "affects: b",
        "wrong rule: g",
        "right rule: -g",
        "wrong at [0, 1]: 2.387",
        "right at [0, 1]: -2.387",
        "wrong in full: [[0.7028, 2.387, -0.2783], [-2.025, -0.5855, 0.3719]]",
        "right in full: [[-0.7028, -2.387, 0.2783], [2.025, 0.5855, -0.3719]]",
    ]


def test_report_names_ops_as_the_graph_does_and_shows_the_right_rule():
    x, y = (Tensor([0.5, 2.0], requires_grad=True, name=name) for name in "xy")

    def loss(x, y):
        return ops.sum(ops.exp(ops.sin(x)) * y)

    with wrong_rules.exp_as_a_power:
        report = check_gradients(loss, x, y)
        (finding,) = diagnose(loss(x, y)).findings
    assert [f.what for f in report.findings] == [finding.what]
    node = Graph(loss(x, y)).by_name[finding.op]
    assert (node.op, node.name) == ("exp", "exp_2")
    assert "exp_2: the rule of exp for its input x is wrong" in str(report)
    assert "right rule" in str(report)
    for words in (str(report), report._repr_html_()):
        assert "g * x * exp(x - 1)" in words
        assert "g * y" in words


def test_report_shows_three_wrong_rules_and_the_number_of_the_others(monkeypatch):
    for name in ("sin", "cos", "exp", "tanh"):
        monkeypatch.setattr(REGISTRY[name], "rules", (lambda g, y, x: 3.0 * g,))
    report = check_gradients(
        lambda x: ops.sum(ops.sin(x) + ops.cos(x) + ops.exp(x) + ops.tanh(x)), np.array([0.3])
    )
    assert [finding.primitive for finding in report.findings] == ["sin", "cos", "exp", "tanh"]
    for words in (str(report), report._repr_html_()):
        assert [name for name in ("sin", "cos", "exp", "tanh") if f"the rule of {name} for" in words] == [
            "sin",
            "cos",
            "exp",
        ]
        assert "and 1 more, in report.findings" in words
