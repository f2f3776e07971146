"""The V-curve: slopes, the foot, the reference, and refusals."""

import json

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.checking.slopes import rounding_side, truncation_side
from tinygrad_mnist.checking.v_curve import METHODS, v_curve
from tinygrad_mnist.errors import GradientError

ORDERS = {"forward": 1, "central": 2, "richardson": 4, "complex": 2}
SMOOTH = {
    "exp": (np.exp, 1.0),
    "sin": (np.sin, 1.0),
    "log close to its pole": (np.log, 0.1),
    "far from 0": (np.sin, 100.0),
    "a small scale": (lambda x: np.exp(1e6 * x), 1e-6),
    "a large slope": (lambda x: 1e9 * np.exp(x), 0.5),
    "Squire and Trapp's function": (lambda x: np.exp(x) / (np.sin(x) ** 3 + np.cos(x) ** 3), 1.5),
}


def sigmoid_network(mnist):
    rng = np.random.default_rng(0)
    images, labels = next(iter(mnist.train.loader(3, dtype=np.float64)))
    float64 = {"rng": rng, "dtype": np.float64}
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 30, **float64), nn.Sigmoid(), nn.Linear(30, 10, **float64)
    )
    return model, nn.CrossEntropyLoss(), (images, labels)


def assert_slopes(curve):
    assert [c.method for c in curve.curves] == list(METHODS)
    for method, order in ORDERS.items():
        assert curve[method].truncation.slope == pytest.approx(order, abs=0.05), method
        if method == "complex":
            assert curve[method].rounding is None
            assert curve[method].best_error < 1e-14
            assert curve[method].stays_down
        else:
            assert curve[method].rounding.slope == pytest.approx(-1, abs=0.15), method
            assert not curve[method].stays_down


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_function_has_the_slopes_of_the_theory(name):
    assert_slopes(v_curve(*SMOOTH[name]))


def test_network_on_real_images_has_the_slopes_of_the_theory(mnist):
    curve = v_curve(*sigmoid_network(mnist))
    assert_slopes(curve)
    assert "agree" in curve.source
    assert curve.name == "3.bias"


def test_foot_of_each_v_is_where_theory_has_it():
    curve = v_curve(np.exp, 1.0)
    for method, step, error in (
        ("forward", 2e-8, 2e-8),
        ("central", 6e-6, 2e-11),
        ("richardson", 1e-3, 3e-13),
    ):
        assert step / 10 < curve[method].best_step < step * 10
        assert error / 10 < curve[method].best_error < error * 10


def test_exact_method_has_no_truncation_side():
    curve = v_curve(lambda x: x * x, 1.5)
    assert curve["forward"].truncation.slope == pytest.approx(1, abs=0.01)
    for method in ("central", "richardson"):
        assert curve[method].truncation is None
        assert curve[method].rounding.slope == pytest.approx(-1, abs=0.1)
        assert curve[method].best_step > 0.1
    assert curve["complex"].truncation is curve["complex"].rounding is None


def test_level_foot_is_not_a_side_of_a_v():
    steps = 10.0 ** -np.arange(12.0)
    errors = np.where(np.arange(12) < 8, 4e-16, 2e-16)
    best = 9
    assert truncation_side(steps, errors, errors, best) is None
    assert rounding_side(steps, errors, errors, best) is None


def a_v():
    """Steps from 1 down, errors on lines of the slopes 2 and -1, and the place of the foot, at 1e-4."""
    steps = 10.0 ** (-0.4 * np.arange(30))
    return steps, np.maximum(steps**2, 1e-12 / steps), 10


def test_both_sides_of_a_v_reach_from_their_ends_to_the_foot():
    steps, errors, foot = a_v()
    right, left = truncation_side(steps, errors, errors, foot), rounding_side(steps, errors, errors, foot)
    assert (right.slope, left.slope) == (pytest.approx(2), pytest.approx(-1))
    assert (right.intercept, left.intercept) == (pytest.approx(0, abs=1e-9), pytest.approx(-12))
    assert (right.high, right.low) == (pytest.approx(1.0), pytest.approx(10**-3.2))
    assert (left.high, left.low) == (pytest.approx(10**-5.2), pytest.approx(10**-11.2))


@pytest.mark.parametrize(("points", "slope"), [(3, None), (4, 2)])
def test_side_has_at_least_four_points(points, slope):
    steps, errors, foot = (part[9 - points :] if np.ndim(part) else part - 9 + points for part in a_v())
    side = truncation_side(steps, errors, errors, foot)
    assert (side and side.slope) == (slope and pytest.approx(slope))


def test_side_is_one_unbroken_run():
    steps, errors, foot = a_v()
    typical = errors.copy()
    errors[4] = 1e-16  # a lucky digit on the way down, with as many points before it as after it
    side = truncation_side(steps, errors, typical, foot)
    assert (side.high, side.low) == (pytest.approx(1.0), pytest.approx(10**-1.2))


def test_longest_straight_piece_is_the_side_then_shortest_steps():
    steps = 10.0 ** -np.arange(0, 10.0)
    bent = np.array([1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-16])
    assert truncation_side(steps, bent, bent, 9).slope == pytest.approx(2)
    longer = np.array([1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-7, 1e-9, 1e-11, 1e-16])
    assert truncation_side(steps, longer, longer, 9).slope == pytest.approx(1)


def test_rounding_side_ends_where_all_digits_are_lost():
    steps = 10.0 ** -np.arange(0, 20.0)
    errors = np.minimum(np.maximum(1e-16 / steps, 1e-15), 1.0)
    errors[steps < 1e-15] = 1.0
    left = rounding_side(steps, errors, errors, 0)
    assert (left.slope, left.low) == (pytest.approx(-1), pytest.approx(1e-15))


@pytest.mark.parametrize(("times", "first"), [(29.9, 10**-2.8), (30.1, 10**-3.2)])
def test_truncation_side_begins_at_thirty_times_the_foot(times, first):
    steps, errors, foot = a_v()
    errors[8], typical = times * errors[foot], errors.copy()
    errors[:8] = errors[8] * (steps[:8] / steps[8]) ** 2
    assert truncation_side(steps, errors, typical, foot).low == pytest.approx(first)


@pytest.mark.parametrize(("times", "first"), [(9.9, 10**-5.2), (10.1, 10**-4.8)])
def test_rounding_side_begins_at_ten_times_the_foot(times, first):
    steps, errors, foot = a_v()
    typical = errors.copy()
    typical[12] = times * typical[foot]
    assert rounding_side(steps, errors, typical, foot).high == pytest.approx(first)


@pytest.mark.parametrize(("error", "last"), [(0.19, 10**-11.2), (0.21, 10**-10.8)])
def test_rounding_side_ends_where_a_fifth_is_lost(error, last):
    steps, errors, foot = a_v()
    errors[28] = error
    assert rounding_side(steps, errors, errors, foot).low == pytest.approx(last)


def test_default_steps_are_four_to_a_decade():
    steps = v_curve(np.exp, 1.0).steps
    assert (len(steps), steps[0], steps[-1]) == (81, 1.0, pytest.approx(1e-20))
    np.testing.assert_allclose(np.diff(np.log10(steps)), -0.25)


def test_missing_even_term_shows_in_the_slope():
    assert v_curve(np.tanh, 0.0)["forward"].truncation.slope == pytest.approx(2, abs=0.05)


def test_errors_are_absolute_where_the_derivative_is_0():
    curve = v_curve(np.cos, 0.0)
    assert curve.reference == 0
    assert not curve.relative
    assert "absolute" in str(curve)
    assert curve["forward"].truncation.slope == pytest.approx(1, abs=0.05)  # (cos h - 1) / h = -h / 2


def test_constant_has_no_errors_and_no_lines():
    curve = v_curve(lambda x: 0 * x + 1, 1.0)
    assert all(c.truncation is c.rounding is None and c.best_error == 0 for c in curve.curves)


def test_entry_is_the_largest_gradient_or_the_one_given():
    def f(a, b):
        return ops.sum(ops.exp(a)) + ops.sum(b**3)

    a, b = np.array([0.1, 0.2]), np.array([[1.0, -3.0], [2.0, 0.5]])
    assert (v_curve(f, a, b).name, v_curve(f, a, b).index) == ("b", (0, 1))
    assert v_curve(f, a, b, name="a").index == (1,)
    assert v_curve(f, a, b, name="a", index=0).reference == pytest.approx(np.exp(0.1))
    assert v_curve(f, a, b, name="b", index=(1, -2)).index == (1, 0)
    assert v_curve(f, a, b, name="b", index=(1, 0)).entry() == "b[1, 0]"


def test_entry_is_not_looked_for_in_an_empty_variable():
    curve = v_curve(lambda a, b: ops.sum(a) + ops.sum(b * b), np.zeros(0), np.zeros(2))
    assert (curve.name, curve.index) == ("b", (0,))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "z"}, "the variables are x"),
        ({"index": 2}, "no entry"),
        ({"index": (0, 0)}, "shape"),
        ({"steps": [0.1, 0.0]}, "positive"),
        ({"steps": [np.nan]}, "positive"),
        ({"steps": []}, "at least one"),
    ],
)
def test_bad_entries_and_steps_are_refused(options, said):
    with pytest.raises(GradientError, match=said):
        v_curve(lambda x: ops.sum(x), np.ones(2), **options)


def test_function_that_depends_on_nothing_is_refused():
    with pytest.raises(GradientError, match="does not depend on x"):
        v_curve(lambda x: 3.0, 1.0)


def test_wrong_rule_does_not_become_the_reference(monkeypatch):
    monkeypatch.setattr(REGISTRY["sin"], "rules", (lambda g, y, x: -g * ops.cos(x),))
    curve = v_curve(np.sin, 1.0)
    assert curve.reference == pytest.approx(np.cos(1.0), rel=1e-14)
    assert "reverse mode does not agree: -0.540302" in curve.source
    assert_slopes(curve)


@pytest.fixture
def ignoring_imaginary_parts():
    """An op that doubles real parts."""

    def doubled(x):
        return 2.0 * np.real(x)

    op = primitive(doubled)
    op.vjps(lambda g, y, x: 2.0 * g)
    yield op
    del REGISTRY["doubled"]


def test_complex_step_that_ignores_a_part_is_not_the_reference(ignoring_imaginary_parts):
    curve = v_curve(lambda x: x + ops.sin(ignoring_imaginary_parts(x)), 1.0)
    assert curve.reference == pytest.approx(1 + 2 * np.cos(2.0), rel=1e-14)
    said = "reverse mode, which extrapolated differences confirm; the complex step does not: 1"
    assert curve.source == said


def test_complex_step_is_the_reference_of_a_cut_graph():
    curve = v_curve(lambda x: ops.sin(Tensor(x._data)), 1.0, name="x")
    assert curve.reference == pytest.approx(np.cos(1.0), rel=1e-14)
    assert curve.source == "the complex step; reverse mode does not agree: nothing"


def test_reverse_mode_is_the_reference_without_complex_numbers():
    def f(x):
        return ops.sin(ops.astype(x, np.float64))

    curve = v_curve(f, 1.0)
    assert [c.method for c in curve.curves] == ["forward", "central", "richardson"]
    assert "reverse mode, which extrapolated differences confirm" in curve.source
    assert "no complex step" in str(curve)


def test_central_difference_at_a_kink_is_off_by_half():
    curve = v_curve(ops.relu, 0.0)
    assert set(curve["central"].errors) == {0.5}


def test_steps_out_of_the_domain_have_error_nan():
    curve = v_curve(np.log, 0.1)
    assert np.isnan(curve["central"].errors[0])
    plain = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert plain["curves"][1]["errors"][0] is None


@pytest.mark.parametrize("error", [ValueError, ArithmeticError])
def test_refused_steps_have_error_nan_by_each_method(error):
    def f(x):
        if x._data.dtype.kind == "c" or x._data <= 0:
            raise error("positive numbers only")
        return ops.log(x)

    curve = v_curve(f, 0.1, steps=[0.2, 1e-2, 1e-3])
    errors = {c.method: [bool(np.isnan(e)) for e in c.errors] for c in curve.curves}
    two_sided = [True, False, False]
    assert errors == {"forward": [False] * 3, "central": two_sided, "richardson": two_sided}


def test_own_steps_are_sorted_and_counted_once():
    curve = v_curve(np.exp, 1.0, steps=[1e-3, 1e-1, 1e-2, 1e-3])
    assert curve.steps == (1e-1, 1e-2, 1e-3)
    assert curve["forward"].rounding is None


def test_v_curve_prints_as_a_table():
    text = str(v_curve(np.exp, 1.0))
    assert "d/d x = 2.718281828 at x = 1" in text
    assert "+4.00" in text
    assert "agree to the last digit" in " ".join(text.split())


def test_names_are_escaped_in_html():
    html = v_curve(np.exp, Tensor(1.0, name="<b>"))._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>[" not in html


def test_v_curve_changes_nothing():
    x = Tensor([1.0, 2.0], requires_grad=True)
    before = x.data.tobytes(), x.serial, x.grad
    v_curve(lambda x: ops.sum(ops.exp(x)), x)
    assert (x.data.tobytes(), x.serial, x.grad) == before
