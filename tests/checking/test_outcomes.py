"""Reports and diagnoses of functions of every kind: verdicts, notes, the entry that is shown."""

from pathlib import Path

import numpy as np
import pytest

from tests.snapshots import assert_as_kept
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.checking import check_gradients, diagnose, wrong_rules
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES

SNAPSHOTS = Path(__file__).parent / "snapshots"
X = np.array([[0.5, -1.5, 2.0], [0.25, 1.0, -0.75]])
ZEROS, TIES = np.zeros((2, 3)), np.array([[1.0, 1.0, 2.0], [3.0, 3.0, 3.0]])


def float32_inside(x):
    return ops.sum(ops.tanh(x.astype(np.float32) * np.float32(1.5)).astype(np.float64))


def cut(x):
    return ops.sum(x.detach() * 2.0)


def dropped_imaginary_parts(x):
    return ops.sum(ops.sin(ops.astype(x, np.float64)))


FUNCTIONS = {
    "smooth": (lambda x: ops.sum(ops.tanh(x) * ops.exp(x)), X),
    "of two variables": (lambda x, y: ops.sum(x**3), X, X + 1),
    "relu at 0": (lambda x: ops.sum(ops.relu(x)), ZEROS),
    "relu beside 0": (lambda x: ops.sum(ops.relu(x)), X * 1e-9),
    "kinks that cancel": (lambda x: ops.sum(ops.relu(x) - ops.relu(-x)), ZEROS),
    "abs at some zeros": (lambda x: ops.sum(ops.abs(x) * 2.0), np.where(X > 0.4, X, 0.0)),
    "ties": (lambda x: ops.sum(ops.max(x, axis=1)), TIES),
    "ties of a minimum": (lambda x: ops.sum(ops.minimum(x, 2.0) + ops.min(x, axis=1, keepdims=True)), TIES),
    "minus a relu at 0": (lambda x: ops.sum(-ops.relu(x) - ops.abs(x)), ZEROS),
    "clip at its bound": (lambda x: ops.sum(ops.clip(x, -1.0, 1.0)), np.array([-2.0, -1.0, 0.0, 1.0, 2.0])),
    "infinite slope": (lambda x: ops.sum(ops.sqrt(x)), np.array([0.0, 1.0, 4.0])),
    "tiny entries": (lambda x: ops.sum(x * np.array([1.0, 1e-14, 1e-9])), np.array([1.0, 2.0, 3.0])),
    "a large constant": (lambda x: ops.sum(x * x) + 1e8, X),
    "near a pole": (lambda x: ops.sum(1.0 / (x - 0.5000001)), X),
    "float32 inside": (float32_inside, X),
    "dropped imaginary parts": (dropped_imaginary_parts, X),
    "cut from the graph": (cut, X),
    "an empty variable": (lambda x, y: ops.sum(x) + ops.sum(y), X, np.zeros((0, 3))),
}


def told(report):
    """Return all but the numbers; the entry that a correct row shows depends on rounding."""
    lines = [report.summary()]
    for row in report.rows:
        place = f" at {row.worst}" if row.verdict not in ("correct", "precision") else ""
        oracle = "central differences" if row.complex_step is None else "the complex step"
        lines.append(
            f"{row.name} {row.shape}: {row.verdict} {row.counts}{place}, "
            f"{row.tested} of {row.entries} tested by {oracle}"
        )
    findings = [finding.what for finding in report.findings[:3]]
    return [*lines, *report.notes, *findings, *report.legend(), f"ok: {report.ok}, wrong: {report.wrong}"]


def said(diagnosis):
    lines = [diagnosis.summary(), f"kinks: {len(diagnosis.kinks)}", *sorted(diagnosis.verdicts.values())]
    for f in diagnosis.findings:
        lines.append(f"{f.kind} {f.primitive} {f.input} {f.position} {f.formula} {f.affects}")
        lines.append(f.what.replace(f.op, "it"))
    return lines


def all_of(function, *inputs):
    tensors = [Tensor(x, requires_grad=True, name=f"x{i}") for i, x in enumerate(inputs)]
    lines = told(check_gradients(function, *inputs)) + told(
        check_gradients(function, *inputs, sample=2, seed=3)
    )
    result = function(*tensors)
    return lines + (said(diagnose(result)) if isinstance(result, Tensor) and result.requires_grad else [])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_outcome_of_a_check_is_as_kept(name):
    function, *inputs = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        text = "\n".join(all_of(function, *inputs)) + "\n"
    assert_as_kept(SNAPSHOTS / f"check-{name.replace(' ', '-')}.txt", text)


@pytest.mark.parametrize("order", [1, 2])
def test_outcome_of_a_wrong_rule_is_as_kept(order):
    lines = []
    for wrong_rule in (wrong_rules.wrong_sign, wrong_rules.sqrt_without_half, wrong_rules.unsummed_broadcast,
                    wrong_rules.fan_out_overwritten, wrong_rules.each_tie_gets_all):  # fmt: skip
        function, arrays = wrong_rule.example()
        with wrong_rule:
            lines += [wrong_rule.name, *told(check_gradients(function, *arrays, order=order)), ""]
    assert_as_kept(SNAPSHOTS / f"wrong-rules-of-order-{order}.txt", "\n".join(lines))


def test_each_wrong_rule_names_what_it_blames():
    places = [f"{name}: {wrong_rule.blames()}" for name, wrong_rule in WRONG_RULES.items()]
    assert_as_kept(SNAPSHOTS / "blamed-by-wrong-rules.txt", "\n".join(places) + "\n")
