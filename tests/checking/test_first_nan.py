"""The first number that is not finite: each finding by its function, word by word."""

from pathlib import Path

import numpy as np
import pytest

from tests.snapshots import assert_as_kept
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.checking.first_nan import first_nan

SNAPSHOT = Path(__file__).parent / "snapshots" / "first-nan.txt"
LARGEST = float(np.finfo(np.float64).max)


class Rooted(nn.Module):
    def forward(self, x):
        return ops.sqrt(x)


def first(x):
    """Two ops read x; only the rule of the first is at fault."""
    return ops.sum(ops.sqrt(x)) + ops.sum(x * 2.0)


def second(x):
    """The same, and the rule of the second is at fault."""
    return ops.sum(x * 2.0) + ops.sum(ops.sqrt(x))


# The elements of x, and the function; several ops before and behind the one at fault.
FUNCTIONS = {
    "logarithm of 0": ([0.0, 1.0, 2.0], lambda x: ops.sum(ops.tanh(ops.log(x * 1.0)))),
    "logarithm of a negative number": ([-1.0, 0.0, 2.0], lambda x: ops.sum(ops.log(x))),
    "root of a negative number": ([-1.0, 4.0], lambda x: ops.sum(ops.exp(ops.sqrt(x)))),
    "large exponent": ([1.0, 800.0], lambda x: ops.sum(ops.exp(x) * 0.0)),
    "over 0": ([0.0, -2.0], lambda x: ops.sum(1.0 / x)),
    "over integers": ([1.0, 2.0], lambda x: ops.sum(x / np.array([0, 3]))),
    "broken power": ([-8.0, 1.0], lambda x: ops.sum(x ** (1 / 3))),
    "overflow": ([LARGEST, 1.0], lambda x: ops.sum((x * 4.0) * 0.5)),
    "comes in": ([np.nan, np.inf, 1.0], lambda x: ops.sum(ops.tanh(x))),
    "comes in by an array": ([1.0, 2.0], lambda x: ops.sum(x * np.array([np.inf, 1.0]))),
    "two at once": ([0.0, 1.0], lambda x: ops.sum(ops.log(x) + 1.0 / x)),
    "in a layer": ([-1.0, 4.0], lambda x: ops.sum(nn.Sequential(Rooted())(x * 1.0))),
    "slope of a root": ([0.0, 4.0], lambda x: ops.sum(ops.sqrt(ops.square(x)))),
    "slope at a leaf": ([0.0, 4.0], lambda x: ops.sum(ops.sqrt(x))),
    "slope of the first reader": ([0.0, 4.0], first),
    "slope of the second reader": ([0.0, 4.0], second),
    "slope of the first reader of an op": ([0.0, 4.0], lambda x: first(x * 1.0)),
    "slopes whose sum overflows": ([1e-10, 0.0], lambda x: ops.sum(x * LARGEST) + ops.sum(x * LARGEST)),
    "slope that overflows": ([1e-200, 1.0], lambda x: ops.sum(1e150 * ops.log(x * 1.0))),
    "slope at a leaf without a name": (
        [1.0, 2.0],
        lambda x: ops.sum(x) + ops.sum(ops.sqrt(Tensor([0.0, 4.0], requires_grad=True))),
    ),
    "slope of a product": ([1e-300, 0.0], lambda x: ops.sum(x * 1.0 * 1e200 * 1e200)),
    "slope beside a condition": ([0.0, 4.0], lambda x: ops.sum(ops.where(x * 2.0, x, ops.sqrt(x)))),
    "condition without a slope": ([0.0, 4.0], lambda x: ops.sum(ops.where(x * 2.0, x, 0.0))),
    "finite": ([1.0, 2.0], lambda x: ops.sum(ops.log(x))),
    "one op": ([1.0, 2.0], lambda x: ops.sum(x)),
}


def found(name, when=""):
    values, function = FUNCTIONS[name]
    with np.errstate(all="ignore"):
        return list(first_nan(function(Tensor(values, requires_grad=True, name="x")), when))


def told(name, findings):
    lines = [f"{name}:"]
    for finding in findings:
        place = finding.where.partition("recorded at")[0] + "recorded at its line"
        lines += [finding.what, finding.evidence, finding.why, finding.remedy, place, str(finding.numbers)]
    return "\n    ".join(lines)


def test_first_op_that_is_not_finite_is_as_kept():
    assert_as_kept(SNAPSHOT, "\n".join(told(name, found(name)) for name in FUNCTIONS) + "\n")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_finding_of_a_nan_is_one_error_at_its_line(name):
    findings = found(name, " in epoch 3, step 7")
    assert len(findings) == (name not in ("condition without a slope", "finite", "one op"))
    for finding in findings:
        assert isinstance(finding, TrainingFinding)
        assert (finding.name, finding.severity) == ("first-nan", "error")
        assert finding.what.endswith(" in epoch 3, step 7.")
        assert "test_first_nan.py" in finding.where
