"""What a check measures before it judges: noise, step sizes, the largest gradient, names, plain results."""

from functools import partial

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking import check_gradients, diagnose
from tinygrad_mnist.checking.check import _Check
from tinygrad_mnist.checking.inputs import open_problem
from tinygrad_mnist.checking.judge import relative_error
from tinygrad_mnist.checking.network import NetworkCheck
from tinygrad_mnist.checking.numeric import BEST_H, central_entries, complex_entries, noise_of
from tinygrad_mnist.checking.rule_check import COARSE, _bounds, summed_to
from tinygrad_mnist.checking.v_curve import _off


def single(x):
    return x.astype(np.float32).astype(np.float64)


FUNCTIONS = {
    "smooth": lambda x: ops.sum(ops.sin(x)),
    "large": lambda x: ops.sum(ops.sin(x)) + 1e6,
    "constant": lambda x: ops.sum(x * 0.0) + 3.0,
    "single precision": lambda x: ops.sum(single(ops.sin(x) + 2.0)),
    "constant in single precision": lambda x: ops.sum(single(x * 0.0 + 3.0)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_noise_of_a_function_is_that_of_its_opposite(name):
    x = np.array([0.3, 0.7])
    with open_problem(FUNCTIONS[name], x) as problem:
        noise, value = noise_of(problem, 0), abs(problem.value())
    with open_problem(lambda x: -FUNCTIONS[name](x), x) as problem:
        assert noise_of(problem, 0) == noise > 0
    if name in ("smooth", "large"):
        assert value * 2**-54 <= noise <= value * 2**-50


@pytest.mark.parametrize(
    ("value", "slope", "noise", "expected"),
    [
        (1.0, 1.0, 1e-16, BEST_H["central"]),
        (1.0, 0.0, 1e-16, BEST_H["central"]),
        (0.0, 0.0, 1e-16, BEST_H["central"]),
        (1.0, 1e-9, 1e-16, 1e-4),
        (1.0, 1.0, 1e-14, np.cbrt(1e-14)),
        (1.0, 1e-2, 1e-16, np.cbrt(1e-14)),
        (1.0, 1.0, 1e-8, np.cbrt(1e-8)),
        (1.0, 1e-9, 1e-8, np.cbrt(1e-8)),
        (1.0, 1.0, 1e-3, 1e-2),
        (1.0, 1e3, 1e-16, BEST_H["central"]),
    ],
)
def test_h_balances_noise_and_slope_within_bounds(value, slope, noise, expected):
    with open_problem(lambda x: x * 0.0 + value, np.array(1.0)) as problem:
        check = _Check(problem, {}, None, 0)
        check.noise = noise
        assert check._base_h(np.array([slope, -slope, np.nan])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("function", "largest"),
    [
        (lambda x: ops.sum(x) * 1e-3, 1e-3),
        (lambda x: ops.sum(x * 1e-3) * 1e-3, 1e-3),
        (lambda x: ops.sum(x * -7.0), 7.0),
        (lambda x: ops.sum(x.detach()), 0.0),
        (lambda x: ops.sum(x[:0]) * 0.25, 0.25),
        (lambda x: 3.0, 0.0),
    ],
)
def test_largest_gradient_is_of_any_tensor_but_the_result(function, largest):
    with open_problem(function, np.array([1.0, 2.0])) as problem:
        assert problem.largest_gradient() == largest


def test_variables_of_one_name_are_numbered():
    x = [Tensor([1.0 + i], name="x") for i in range(3)]
    report = check_gradients(lambda a, b, c: ops.sum(a * b * c), *x)
    assert [row.name for row in report.rows] == ["x", "x (2)", "x (3)"]
    twice = check_gradients(lambda a, b: ops.sum(a * b), x[0], x[0])
    assert [row.name for row in twice.rows] == ["x"]


def plain_leaves(data):
    if isinstance(data, dict):
        return [leaf for value in data.values() for leaf in plain_leaves(value)]
    if isinstance(data, list | tuple):
        return [leaf for value in data for leaf in plain_leaves(value)]
    return [data]


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_results_consist_of_plain_python(factor, monkeypatch):
    monkeypatch.setattr(REGISTRY["sin"], "rules", (lambda g, y, x: factor * g * ops.cos(x),))
    x = np.array([[0.3, 0.7]])
    report = check_gradients(lambda x: ops.sum(ops.sin(x)), x, by_hand={"x": np.cos(x)})
    diagnosis = diagnose(ops.sum(ops.sin(Tensor(x, requires_grad=True))))
    for result in (report, diagnosis):
        types = {type(leaf) for leaf in plain_leaves(result.to_dict())}
        assert types <= {str, int, float, bool, type(None)}
        assert result.ok == (factor == 1.0)


def test_a_network_is_right_only_if_both_checks_are():
    x = Tensor([0.3], requires_grad=True)
    report, diagnosis = check_gradients(lambda x: ops.sum(ops.sin(x)), x), diagnose(ops.sum(ops.sin(x)))
    wrong = check_gradients(lambda x: ops.sum(x.detach()), x)
    assert NetworkCheck(report, diagnosis).ok
    assert not NetworkCheck(wrong, diagnosis).ok
    assert not NetworkCheck(report, diagnosis.__class__((1,), 1, (), (), {})).ok


@pytest.mark.parametrize("before", [lambda x: x, lambda x: ops.astype(x, dtype=np.float64)])
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_infinite_gradient_of_a_finite_slope_is_wrong(wrong, before, monkeypatch):
    """Also where there is no complex step, as behind a cast."""
    monkeypatch.setattr(REGISTRY["sin"], "rules", (lambda g, y, x: g * wrong,))
    report = check_gradients(lambda x: ops.sum(ops.sin(before(x))), np.array([0.3, 0.7]))
    assert report.rows[0].counts == {"wrong": 2}


@pytest.mark.parametrize(
    ("of_entries", "steps"),
    [(partial(central_entries, base=1e-3), [1e-3, 1e-3, 4e-3]), (complex_entries, [1e-30, 5e-31, 1e-30])],
)
def test_step_of_an_entry_is_scaled_by_its_size(of_entries, steps):
    x, seen = np.array([0.0, -0.5, 4.0]), []

    def noted(x):
        seen.append(x._data.copy())
        return ops.sum(x)

    with open_problem(noted, x) as problem:
        (variable,) = problem.variables.values()
        of_entries(problem, variable, np.arange(3))
    given = np.array(seen)
    moved = abs(given - x).max(axis=0) if given.dtype.kind == "c" else np.ptp(given, axis=0) / 2
    np.testing.assert_allclose(moved, steps, rtol=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "error"),
    [(0.0, 0.0, 0.0), (1.0, 1.0, 0.0), (1.0, -1.0, 2.0), (0.0, 3.0, 1.0), (-4.0, -1.0, 0.75)],
)
def test_a_relative_error_is_over_the_larger_and_0_between_zeros(a, b, error):
    assert relative_error(np.array([a]), np.array([b])).tolist() == [error]
    assert relative_error(np.array([b]), np.array([a])).tolist() == [error]


def test_a_gradient_of_zeros_has_the_error_0():
    (row,) = check_gradients(lambda x: ops.sum(x * np.array([0.0, 0.0])), np.array([0.3, 0.7])).rows
    assert (row.verdict, row.error, row.reverse) == ("correct", 0.0, 0.0)
    assert (row.central_difference, row.complex_difference) == (0.0, 0.0)


def test_variables_of_another_dtype_are_noted_by_name():
    x, y, z = np.ones(2, np.float32), np.ones(2), np.ones(2, np.float16)
    report = check_gradients(lambda x, y, z: ops.sum(x * y * z), x, y, z)
    assert report.notes == ("not float64, so checked in float64 copies: x, z",)


@pytest.mark.parametrize(
    ("a", "b", "off"),
    [
        (3.0, 3.0, 0.0),
        (0.0, 0.0, 0.0),
        (4.0, 3.0, 0.25),
        (-3.0, -4.0, 0.25),
        (2.0, -2.0, 2.0),
        (0.0, 1e-9, 1.0),
        (np.nan, 1.0, np.inf),
        (1.0, np.inf, np.inf),
    ],
)
def test_relative_difference_of_nan_is_infinite_else_by_larger(a, b, off):
    with np.errstate(invalid="ignore"):
        assert _off(a, b) == _off(b, a) == off


@pytest.mark.parametrize(("slacks", "steady"), [(0.0, True), (1.9, True), (2.1, False), (40.0, False)])
@pytest.mark.parametrize("sign", [1, -1])
def test_slope_of_an_output_is_known_if_two_steps_agree(slacks, steady, sign):
    slope_of_the_second = sign * (1 + slacks * COARSE)

    def moved(h):
        return np.array([h * (sign if abs(h) > 1e-7 else slope_of_the_second)])

    low, high, slack, kink = _bounds(moved, np.zeros(1), None, 0.0)
    expected = sign if steady else np.nan
    np.testing.assert_allclose([low, high], [[expected], [expected]], rtol=1e-12)
    assert slack == pytest.approx([COARSE])
    assert not kink


@pytest.mark.parametrize(("dtype", "step"), [(np.float64, 1e-6), (np.float32, 1e-2)])
@pytest.mark.parametrize(("value", "largest"), [(0.0, 0.0), (64.0, 0.0), (-64.0, 0.0), (0.0, 64.0)])
def test_slack_of_a_slope_has_the_roundings_of_value_and_input(value, largest, dtype, step):
    y = np.full(1, value, dtype)
    *_, slack, _ = _bounds(lambda h: value + 2.0 * h, y, None, largest)
    roundings = 30 * abs(value) + 4 * largest * 2.0
    assert slack == pytest.approx(2.0 * COARSE + roundings * np.finfo(dtype).eps / step, rel=1e-6)


@pytest.mark.parametrize(
    ("wide", "narrow", "kink"), [(9.9, 10.1, False), (10.1, 9.9, False), (10.1, 10.1, True)]
)
def test_kink_of_a_rule_is_ten_times_the_slack_at_both_steps(wide, narrow, kink):
    def moved(h):
        slacks = wide if abs(h) > 1e-7 else narrow
        return np.array([h * (1 + slacks * COARSE if h > 0 else 1.0)])

    assert _bounds(moved, np.zeros(1), None, 0.0)[3] == kink


@pytest.mark.parametrize(("share", "kink"), [(0.01, False), (0.29, False), (0.31, True), (1.0, True)])
def test_gap_that_stays_with_a_smaller_step_is_a_kink(share, kink):
    def moved(h):
        return np.array([h + (0.4 if abs(h) > 1e-7 else 0.4 * share) * abs(h)])

    *_, found = _bounds(moved, np.zeros(1), None, 0.0)
    assert found == kink


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((2, 3, 4), ()), ((3, 1), (0, 2)), ((1, 4), (0, 1)), ((3, 4), (0,)), ((2, 1, 4), (1,)), ((), (0, 1, 2))],
)
def test_gradient_of_a_broadcast_is_summed_over_its_axes(shape, axes):
    contribution = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(summed_to(contribution, shape), contribution.sum(axis=axes).reshape(shape))
