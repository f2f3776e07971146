"""Verdicts where one oracle is missing, misleading, or too coarse."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, Primitive
from tinygrad_mnist.checking import check_gradients, diagnose


def op(forward, rule):
    """An op of its own, not left in the registry."""
    made = Primitive(forward)
    del REGISTRY[made.name]
    made.vjps(rule)
    return made


def counts(function, *inputs):
    return check_gradients(function, *(np.array(x) for x in inputs)).rows[0].counts


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("power", [1.5, 1.6])
def test_bend_sharper_than_a_parabola_is_not_a_kink(power, sign):
    def bend(x):
        return sign * (ops.abs(ops.astype(x, np.float64)) ** power).sum()  # differences alone decide

    assert counts(bend, [0.0, 0.5]) == {"correct": 2}


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("slope", [-1.0, 0.5, 1.0])
def test_slope_of_either_side_of_a_kink_is_kink(slope, side):
    one_sided = op(lambda x: np.abs(x), lambda g, y, x: ops.where(x == 0, slope * g, g * ops.sign(x)))
    assert counts(lambda x: side * one_sided(x).sum(), [0.0, 0.5]) == {"correct": 1, "kink": 1}


@pytest.mark.parametrize("slope", [-1.01, 1.01, 5.0])
def test_slope_outside_of_both_sides_of_a_kink_is_wrong(slope):
    beyond = op(lambda x: np.abs(x), lambda g, y, x: ops.where(x == 0, slope * g, g * ops.sign(x)))
    assert counts(lambda x: beyond(x).sum(), [0.0, 0.5]) == {"correct": 1, "wrong": 1}


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.astype(x.detach(), np.float64).sum(),  # no complex step
        lambda x: 1.0 + 1e-30 * x.detach().sum(),  # the complex step alone sees it
    ],
    ids=["differences", "complex step"],
)
def test_cut_gradient_is_noted_if_an_oracle_finds_a_change(function):
    report = check_gradients(function, np.array([0.5, 0.7]))
    assert "no gradient arrives at x, and yet the function changes with it" in report.notes
    assert report.wrong == ("x",)


def test_variable_without_any_slope_is_untested():
    report = check_gradients(lambda x, y: x.sum(), np.array([0.5]), np.array([0.7]))
    assert "the function does not depend on y" in report.notes
    assert [(row.verdict, row.error) for row in report.rows] == [("correct", 0.0), ("untested", 0.0)]


@pytest.mark.parametrize("form", ["none", "half"])
def test_ignored_imaginary_parts_make_no_tiny_slope_wrong(form):
    real = op(lambda x: x.real * 1.0, lambda g, y, x: g * 1.0)
    weights = np.tile([1.0, -1e-5, 1e-9, 1e-13], 6)
    x = np.repeat([0.0, 1e-8, -1e-4, 0.3, -2.0, 300.0], 4)  # 300**2 drowns the others in noise

    def function(x):
        return (real(x) * (x if form == "half" else real(x)) * weights).sum()

    assert not check_gradients(function, x).wrong
    wrong = op(lambda x: x.real * 1.0, lambda g, y, x: g * 1.01)
    assert check_gradients(lambda x: (wrong(x) * wrong(x) * weights).sum(), x).wrong


@pytest.mark.parametrize("numbers", [[1, 2], [True, False]])
@pytest.mark.parametrize("wrap", [Tensor, np.array])
def test_whole_numbers_are_passed_on_and_not_checked(numbers, wrap):
    report = check_gradients(lambda x, k: (x * k).sum(), np.array([0.5, 0.7]), wrap(numbers))
    assert [row.name for row in report.rows] == ["x"]
    assert report.ok


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_the_rule_of_a_fast_op_without_complex_step_is_tested(factor):
    fast = op(lambda x: np.sin(1e3 * x.real), lambda g, y, x: factor * g * 1e3 * ops.cos(1e3 * x))
    diagnosis = diagnose(fast(Tensor([0.1, 0.7], requires_grad=True)).sum())
    assert diagnosis.ok == (factor == 1)
    assert set(diagnosis.verdicts.values()) <= {"correct", "wrong"}


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_the_rule_of_an_op_that_computes_in_float32_is_tested(factor):
    single = op(
        lambda x: np.sin(x.real.astype(np.float32)),
        lambda g, y, x: factor * g * ops.cos(x),
    )
    diagnosis = diagnose(single(Tensor(np.array([0.3, 0.7], np.float32), requires_grad=True)).sum())
    assert diagnosis.ok == (factor == 1)
    assert "untested" not in diagnosis.verdicts.values()


@pytest.mark.parametrize("steepness", [1e3, 1e5, 1e6])
@pytest.mark.parametrize("function", [ops.tanh, ops.sin, ops.softplus])
def test_steep_bend_that_differences_judge_is_not_wrong(function, steepness):
    def steep(x):
        return function(steepness * ops.astype(x, np.float64)).sum()  # differences alone decide

    assert not check_gradients(steep, np.array([0.0, 5e-7, 0.3])).wrong
