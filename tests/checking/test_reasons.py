"""The reason that `diagnose` gives for each way in which a backward pass can be wrong."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from tinygrad_mnist import Tensor, no_grad, ops
from tinygrad_mnist.autodiff import backward as backward_pass
from tinygrad_mnist.autodiff.primitive import REGISTRY, Primitive
from tinygrad_mnist.checking import diagnose
from tinygrad_mnist.errors import StaleGradientError


def op(rule):
    """An op that doubles, not left in the registry."""

    def doubled(x):
        return 2.0 * x

    made = Primitive(doubled)
    del REGISTRY["doubled"]
    made.vjps(rule)
    return made


def writes(place):
    def rule(g, y, x):
        answer = g * 2.0
        {"g": g, "y": y, "x": x}[place][...] = 0.0
        return answer

    return rule


REASONS = {
    "raises": (lambda g, y, x: 1 / 0, "fails: division by zero"),
    "number": (lambda g, y, x: 2.0, "fails: it returned float instead of an array"),
    "list": (lambda g, y, x: [2.0, 2.0], "fails: it returned list instead of an array"),
    "complex": (lambda g, y, x: g * 2j, "fails: it returned ndarray instead of an array of real numbers"),
    "no array": (
        lambda g, y, x: SimpleNamespace(shape=x.shape, dtype=x.dtype),
        "fails: it returned SimpleNamespace instead of an array of real numbers",
    ),
    "long": (lambda g, y, x: np.ones(5), "returns a gradient of an impossible shape"),
    "constant": (lambda g, y, x: x * 0 + 2.0, "is not linear in g: for -g it does not return the opposite"),
    "writes into g": (writes("g"), "fails: it writes into g, which others read"),
    "writes into y": (writes("y"), "fails: it writes into y, which others read"),
    "writes into x": (writes("x"), "fails: it writes into an input, which others read"),
    "NaN": (lambda g, y, x: g * np.nan, "returns nan"),
    "half": (lambda g, y, x: g * 1.0, "is wrong (off by "),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_wrong_rule_is_named_with_its_reason(name):
    rule, reason = REASONS[name]
    x = Tensor([0.3, 0.7], requires_grad=True, name="x")
    diagnosis = diagnose(op(rule)(x))
    (finding,) = diagnosis.findings
    measured = "" if finding.error is None else f"{finding.error:.1e})"
    assert finding.what == f"doubled_1: the rule of doubled for its input x {reason}{measured}"
    assert (finding.input, finding.position, finding.operand, finding.affects) == ("x", 0, "x", ("x",))
    assert (finding.error is None) == (name != "half")
    assert diagnosis.verdicts == {"doubled_1": "wrong"}


@pytest.mark.parametrize("right", [lambda g, y, x: g * 2.0, lambda g, y, x: np.stack([g * 2.0, g * 0.0])])
def test_a_right_rule_may_return_more_axes(right):
    assert diagnose(op(right)(Tensor([0.3, 0.7], requires_grad=True))).ok


@pytest.mark.parametrize(("complex_step", "verdict"), [(True, "correct"), (False, "untested")])
def test_complex_step_decides_where_no_difference_exists(complex_step, verdict):
    def edge(x):
        return np.arcsin(x if complex_step else x.astype(np.float64))

    made = Primitive(edge)
    del REGISTRY["edge"]
    made.vjps(lambda g, y, x: g / ops.sqrt(1.0 - x * x))
    with np.errstate(invalid="ignore"):
        diagnosis = diagnose(made(Tensor([1 - 1e-9, 1e-9 - 1], requires_grad=True)))
    assert diagnosis.verdicts == {"edge_1": verdict}


def sin_and_cos(x):
    return ops.sum(ops.sin(x)) + ops.sum(ops.cos(x))


READERS = {
    "2 ops read it": (sin_and_cos, "sin"),
    "it is read 2 times": (lambda x: ops.sum(x * x), "multiply"),
    "it is read 3 times": (lambda x: ops.sum(x * x) + ops.sum(ops.sin(x)), "multiply"),
    "one op reads it": (lambda x: ops.sum(ops.sin(x)), "sin"),
}


@pytest.mark.parametrize("number", READERS)
def test_a_wrong_sum_tells_the_number_of_readers(number, monkeypatch):
    function, first = READERS[number]
    x = Tensor([0.3, 0.7], requires_grad=True, name="x")
    right = backward_pass._accumulate

    def wrong(gradients, serial, contribution):
        right(gradients, serial, contribution * (3.0 if serial == x.serial else 1.0))

    monkeypatch.setattr(backward_pass, "_accumulate", wrong)
    (finding,) = diagnose(function(x)).findings
    reason = f"is not the sum of the contributions of all its readers ({number})"
    assert finding.what.endswith(f": the gradient of x, which {first} reads, {reason}")
    assert (finding.kind, finding.primitive, finding.formula) == ("fan-out", first, "")


def test_a_wrong_rule_affects_the_leaves_behind_it_alone(monkeypatch):
    monkeypatch.setattr(REGISTRY["sin"], "rules", (lambda g, y, x: -g,))
    a, b, c = (Tensor([0.3, 0.7], requires_grad=True, name=name) for name in "abc")
    (finding,) = diagnose(ops.sum(ops.sin(a * b + a) * c)).findings
    assert finding.affects == ("a", "b")


def test_a_changed_value_is_refused_with_the_line_of_its_op():
    x = Tensor([0.3, 0.7], requires_grad=True, name="x")
    y = ops.sin(x).sum()
    with no_grad():
        x += 1.0
    said = r"x was changed in place after sin_1 had read it \(recorded at test_reasons.py:\d+: y = ops.sin"
    with pytest.raises(StaleGradientError, match=said):
        diagnose(y)


@pytest.mark.parametrize("infinite", [np.inf, np.nan])
def test_infinite_terms_of_a_sum_are_no_finding(infinite):
    x = Tensor([0.0, 4.0], requires_grad=True)
    y = x * 1.0
    diagnosis = diagnose(ops.sum(ops.sqrt(y)) + ops.sum(y * np.array([1.0, infinite])))
    assert not diagnosis.findings
    assert any(re.match(r"sqrt_\d", op) for op in diagnosis.untested)
