"""Mutation test of the checkers: each classic wrong rule is caught and named."""

from contextlib import suppress

import numpy as np
import pytest

from tests.checking import wrong_gradients
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff import backward as backward_pass
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking import check_gradients, diagnose, wrong_rules
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES

each = pytest.mark.parametrize("wrong_rule", WRONG_RULES.values(), ids=list(WRONG_RULES))


def everything():
    """Return all that a wrong rule may replace."""
    rules = {name: primitive.rules for name, primitive in REGISTRY.items()}
    return rules, backward_pass._accumulate, backward_pass.unbroadcast


def recorded(wrong_rule, dtype=np.float64):
    function, arrays = wrong_rule.example()
    tensors = [Tensor(a.astype(dtype), requires_grad=True, name=f"leaf {i}") for i, a in enumerate(arrays)]
    return function(*tensors)


def test_collection_has_at_least_24_explained_wrong_rules():
    assert len(WRONG_RULES) >= 24
    assert all(
        name == wrong_rule.name and len(wrong_rule.why) > 40 for name, wrong_rule in WRONG_RULES.items()
    )
    assert all(getattr(wrong_rules, name.replace("-", "_")) is m for name, m in WRONG_RULES.items())
    assert {m.kind for m in WRONG_RULES.values()} == {"rule", "fan-out", "broadcast"}


@each
def test_right_rules_pass_on_the_example(wrong_rule):
    function, arrays = wrong_rule.example()
    assert not check_gradients(function, *arrays).wrong
    assert diagnose(recorded(wrong_rule)).ok


@pytest.mark.parametrize("name", wrong_gradients.kept())
def test_wrong_rule_gives_the_kept_gradient(name):
    """A rule that raises is caught and named as well; this is the one that people write."""
    kept = [np.array(line.split(), float) for line in wrong_gradients.kept()[name]]
    given = [np.array(line.split(), float) for line in wrong_gradients.described(WRONG_RULES[name])]
    for right, found in zip(kept, given, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5)


def test_installed_wrong_rule_keeps_its_identity_and_hash():
    first, second = wrong_rules.wrong_sign, wrong_rules.exp_as_a_power
    numbers = {first: 1, second: 2}
    with first:
        assert (numbers[first], numbers[second]) == (1, 2)
        assert first != second
        assert "_undo" not in repr(first)


@each
def test_wrong_rule_is_caught(wrong_rule):
    function, arrays = wrong_rule.example()
    with wrong_rule:
        report = check_gradients(function, *arrays)
    assert report.wrong
    assert not report.ok
    assert not any("failed" in note for note in report.notes)  # it runs, and is wrong


@each
def test_finding_shows_a_formula_that_runs(wrong_rule):
    with wrong_rule:
        findings = diagnose(recorded(wrong_rule)).findings
    for finding in findings:
        assert "fails" not in finding.what
        assert not any(word in finding.formula for word in ("cannot", "array("))
        assert bool(finding.formula) == (wrong_rule.kind == "rule")


@pytest.mark.parametrize(
    "wrong_rule",
    [m for m in WRONG_RULES.values() if m.kind == "broadcast"],
    ids=lambda rule: rule.name,
)
def test_wrong_broadcast_takes_an_empty_batch(wrong_rule):
    x = Tensor(np.ones((2, 0, 3)), requires_grad=True)
    b = Tensor(np.ones((0, 3)), requires_grad=True)
    with wrong_rule:
        ops.sum(ops.square(x + b)).backward()
    assert b.grad.size == 0


@each
def test_wrong_rule_is_found_by_dashes_or_underscores(wrong_rule):
    for name in (wrong_rule.name, wrong_rule.name.replace("-", "_")):
        assert name in WRONG_RULES
        assert WRONG_RULES[name] is WRONG_RULES.get(name) is wrong_rule


def test_unknown_wrong_rule_is_refused():
    with pytest.raises(KeyError, match="expected one of each-tie-gets-all"):
        WRONG_RULES["no-such-wrong_rule"]
    assert "no_such_rule" not in WRONG_RULES
    assert WRONG_RULES.get("no_such_rule", 3) == 3


@each
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_wrong_rule_is_named(wrong_rule, dtype):
    with wrong_rule:
        diagnosis = diagnose(recorded(wrong_rule, dtype))
    assert diagnosis.findings
    for finding in diagnosis.findings:
        assert finding.kind == wrong_rule.kind
        assert wrong_rule.primitive in (finding.primitive, None)
        assert wrong_rule.position in (finding.position, None)
        assert finding.affects
        assert finding.where
    if wrong_rule.kind != "rule":  # the tensor whose gradient is wrong
        assert {f.operand for f in diagnosis.findings} == {
            "leaf 0" if wrong_rule.kind == "fan-out" else "leaf 1"
        }


@each
def test_left_wrong_rule_restores_everything(wrong_rule):
    before = everything()
    with suppress(RuntimeError), wrong_rule:
        assert everything() != before
        raise RuntimeError
    assert everything() == before
    with wrong_rule, wrong_rule:
        pass
    assert everything() == before


def test_two_wrong_rules_at_a_time_are_both_named():
    before = everything()
    x = Tensor([0.5, 1.5], requires_grad=True)
    with wrong_rules.exp_as_a_power, wrong_rules.log_without_reciprocal:
        found = {f.primitive for f in diagnose((x.exp() + x.log()).sum()).findings}
    assert found == {"exp", "log"}
    first, second = wrong_rules.missing_transpose, wrong_rules.bias_of_the_first_example
    first.__enter__()
    second.__enter__()
    first.__exit__()  # not in the order in which they came
    second.__exit__()
    assert everything() == before


NETWORKS = {
    "missing-transpose": {"linear"},
    "bias-of-the-first-example": {"linear"},
    "sigmoid-of-the-output": {"sigmoid"},
    "stale-activation": {"sigmoid"},
    "batch-size-forgotten": {"squared_error"},
    "broadcast-averaged": {"linear"},
}


@pytest.mark.parametrize("name", NETWORKS)
def test_wrong_rule_in_a_network_is_named_with_its_module(name):
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(6, 5, rng=rng), nn.Sigmoid(), nn.Linear(5, 3, rng=rng), nn.Sigmoid())
    x, y = rng.uniform(0, 1, (4, 6)).astype(np.float32), np.array([0, 2, 1, 1])
    loss = nn.QuadraticLoss()
    with WRONG_RULES[name]:
        report = check_gradients(model, loss, (x, y))
        diagnosis = diagnose(loss(model(x), y))
    assert report.wrong
    assert {f.primitive for f in diagnosis.findings} == NETWORKS[name]
    assert all("Sequential/" in f.scope for f in diagnosis.findings if f.primitive != "squared_error")


def test_wrong_fan_out_in_a_deep_graph_is_found():
    def function(x):
        y = x.tanh()
        return (y * y + y.exp()).sum()

    for wrong_rule in (wrong_rules.fan_out_overwritten, wrong_rules.fan_out_first_only):
        with wrong_rule:
            assert check_gradients(function, np.array([0.3, -0.7])).wrong
            found = diagnose(function(Tensor([0.3, -0.7], requires_grad=True))).findings
        assert {f.kind for f in found} == {"fan-out"}
        assert all(f.operand.startswith("tanh_") for f in found)


def test_tie_with_both_shares_1_is_wrong():
    def take_all(g, y, a, b):
        return ops.where(a >= b, g, 0.0)

    maximum = REGISTRY["maximum"]
    before = maximum.rules
    maximum.rules = (take_all, lambda g, y, a, b: take_all(g, y, b, a))
    try:
        a, b = (Tensor([1.0, 2.0], requires_grad=True, name=name) for name in "ab")
        (finding,) = diagnose(ops.maximum(a, b).sum()).findings
        assert "do not add up" in finding.what
        report = check_gradients(lambda a, b: ops.maximum(a, b).sum(), np.ones(2), np.ones(2))
        assert "b" in report.wrong
    finally:
        maximum.rules = before


def test_saturated_op_is_not_wrong():
    diagnosis = diagnose(Tensor([18.5, 18.7, 17.9], requires_grad=True).tanh().sum())
    assert diagnosis.ok, diagnosis
