"""The mutation test of the checkers: each classic mistake is caught, and named."""

from contextlib import suppress

import numpy as np
import pytest

from tests.checking import wrong_gradients
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff import backward as backward_pass
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking import check_gradients, diagnose, wrong_rules
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES

each = pytest.mark.parametrize("mistake", WRONG_RULES.values(), ids=list(WRONG_RULES))


def everything():
    """All that a mistake may replace."""
    rules = {name: primitive.rules for name, primitive in REGISTRY.items()}
    return rules, backward_pass._accumulate, backward_pass.unbroadcast


def recorded(mistake, dtype=np.float64):
    function, arrays = mistake.example()
    tensors = [Tensor(a.astype(dtype), requires_grad=True, name=f"leaf {i}") for i, a in enumerate(arrays)]
    return function(*tensors)


def test_there_are_enough_and_all_the_classics():
    assert len(WRONG_RULES) >= 24
    assert all(name == mistake.name and len(mistake.why) > 40 for name, mistake in WRONG_RULES.items())
    assert all(getattr(wrong_rules, name.replace("-", "_")) is m for name, m in WRONG_RULES.items())
    assert {m.kind for m in WRONG_RULES.values()} == {"rule", "fan-out", "broadcast"}


@each
def test_right_rules_pass_on_the_example(mistake):
    function, arrays = mistake.example()
    assert not check_gradients(function, *arrays).wrong
    assert diagnose(recorded(mistake)).ok


@pytest.mark.parametrize("name", wrong_gradients.kept())
def test_it_gives_the_wrong_gradient_that_is_meant(name):
    """A rule that raises is caught and named as well; this is the one that people write."""
    kept = [np.array(line.split(), float) for line in wrong_gradients.kept()[name]]
    given = [np.array(line.split(), float) for line in wrong_gradients.described(WRONG_RULES[name])]
    for right, found in zip(kept, given, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-5)


def test_mistakes_are_told_apart_by_identity_also_while_one_is_installed():
    first, second = wrong_rules.wrong_sign, wrong_rules.exp_as_a_power
    numbers = {first: 1, second: 2}
    with first:
        assert (numbers[first], numbers[second]) == (1, 2)
        assert first != second
        assert "_undo" not in repr(first)


@each
def test_it_is_caught(mistake):
    function, arrays = mistake.example()
    with mistake:
        report = check_gradients(function, *arrays)
    assert report.wrong
    assert not report.ok
    assert not any("failed" in note for note in report.notes)  # it runs, and is wrong


@each
def test_its_finding_shows_a_rule_that_runs(mistake):
    with mistake:
        findings = diagnose(recorded(mistake)).findings
    for finding in findings:
        assert "fails" not in finding.what
        assert not any(word in finding.formula for word in ("cannot", "array("))
        assert bool(finding.formula) == (mistake.kind == "rule")


@pytest.mark.parametrize(
    "mistake", [m for m in WRONG_RULES.values() if m.kind == "broadcast"], ids=lambda mistake: mistake.name
)
def test_a_mistake_of_broadcasting_takes_an_empty_batch(mistake):
    x = Tensor(np.ones((2, 0, 3)), requires_grad=True)
    b = Tensor(np.ones((0, 3)), requires_grad=True)
    with mistake:
        ops.sum(ops.square(x + b)).backward()
    assert b.grad.size == 0


@each
def test_it_has_a_name_with_dashes_and_one_with_underscores(mistake):
    for name in (mistake.name, mistake.name.replace("-", "_")):
        assert name in WRONG_RULES
        assert WRONG_RULES[name] is WRONG_RULES.get(name) is mistake


def test_an_unknown_mistake_is_refused():
    with pytest.raises(KeyError, match="expected one of each-tie-gets-all"):
        WRONG_RULES["no-such-mistake"]
    assert "no_such_mistake" not in WRONG_RULES
    assert WRONG_RULES.get("no_such_mistake", 3) == 3


@each
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_is_named(mistake, dtype):
    with mistake:
        diagnosis = diagnose(recorded(mistake, dtype))
    assert diagnosis.findings
    for finding in diagnosis.findings:
        assert finding.kind == mistake.kind
        assert mistake.primitive in (finding.primitive, None)
        assert mistake.position in (finding.position, None)
        assert finding.affects
        assert finding.where
    if mistake.kind != "rule":  # the tensor whose gradient is wrong
        assert {f.operand for f in diagnosis.findings} == {
            "leaf 0" if mistake.kind == "fan-out" else "leaf 1"
        }


@each
def test_everything_comes_back(mistake):
    before = everything()
    with suppress(RuntimeError), mistake:
        assert everything() != before
        raise RuntimeError
    assert everything() == before
    with mistake, mistake:
        pass
    assert everything() == before


def test_two_at_a_time_are_both_named():
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
def test_mistakes_in_a_network(name):
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


def test_a_fan_out_of_leaves_and_of_results_in_a_deep_graph():
    def function(x):
        y = x.tanh()
        return (y * y + y.exp()).sum()

    for mistake in (wrong_rules.fan_out_overwritten, wrong_rules.fan_out_first_only):
        with mistake:
            assert check_gradients(function, np.array([0.3, -0.7])).wrong
            found = diagnose(function(Tensor([0.3, -0.7], requires_grad=True))).findings
        assert {f.kind for f in found} == {"fan-out"}
        assert all(f.operand.startswith("tanh_") for f in found)


def test_both_sides_of_a_tie_that_take_all():
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


def test_a_saturated_op_is_no_mistake():
    diagnosis = diagnose(Tensor([18.5, 18.7, 17.9], requires_grad=True).tanh().sum())
    assert diagnosis.ok, diagnosis
