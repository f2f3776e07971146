"""Each verdict on a function made for it."""

from contextlib import contextmanager

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, Primitive
from tinygrad_mnist.checking import check_gradients, diagnose


def op(forward, rule):
    """An op of its own, not left in the registry."""
    made = Primitive(forward)
    del REGISTRY[made.name]
    made.vjps(rule)
    return made


@contextmanager
def rule(name, wrong):
    primitive = REGISTRY[name]
    before = primitive.rules
    primitive.rules = (wrong, *before[1:])
    try:
        yield
    finally:
        primitive.rules = before


def verdicts(function, *inputs, **options):
    report = check_gradients(function, *(np.array(x) for x in inputs), **options)
    return report.rows[0].counts


def scaled(factors, signs):
    return op(lambda x: x * factors, lambda g, y, x: g * factors * signs)


@pytest.mark.parametrize("small", [5e-6, 1e-9, 1e-11])
def test_wrong_sign_in_a_small_entry_is_found(small):
    factors, signs = np.array([1.0, small, -2.0]), np.array([1.0, -1.0, 1.0])
    right = scaled(factors, np.ones(3))
    assert verdicts(lambda x: right(ops.sin(x)).sum(), [0.1, 0.2, 0.3]) == {"correct": 3}
    wrong = scaled(factors, signs)
    report = check_gradients(lambda x: wrong(ops.sin(x)).sum(), np.array([0.1, 0.2, 0.3]))
    assert report.rows[0].counts == {"correct": 2, "wrong": 1}
    assert report.rows[0].worst == (1,)
    assert report.rows[0].error == pytest.approx(2)


def real_tanh(wrong=1.0):
    """Ignores imaginary parts: the complex step says 0."""
    return op(lambda x: np.tanh(x.real), lambda g, y, x: wrong * g * (1 - y * y))


def test_ignored_imaginary_parts_leave_differences_to_decide():
    report = check_gradients(lambda x: real_tanh()(x).sum(), np.array([0.1, 0.2]))
    assert report.rows[0].counts == {"correct": 2}
    assert "complex step is not used" in report.notes[0]
    assert verdicts(lambda x: real_tanh(1.001)(x).sum(), [0.1, 0.2]) == {"wrong": 2}


def test_tiny_entries_without_imaginary_parts_are_untested():
    tiny = scaled(np.array([1.0, 1e-13]), np.ones(2))
    report = check_gradients(lambda x: tiny(real_tanh()(x)).sum(), np.array([0.1, 0.2]))
    assert report.rows[0].counts == {"correct": 1, "untested": 1}
    assert "1 too small to test" in report.summary()
    assert report.rows[0].tested == 1


def test_tiny_entries_stay_untested_next_to_complex_variable():
    """The complex step of one variable tells nothing of another, whose imaginary parts are ignored."""
    tiny = scaled(np.array([1.0, 1e-13]), np.ones(2))
    report = check_gradients(
        lambda a, x: ops.sin(a).sum() + tiny(real_tanh()(x)).sum(), np.array([0.3, 0.4]), np.array([0.1, 0.2])
    )
    assert [row.counts for row in report.rows] == [{"correct": 2}, {"correct": 1, "untested": 1}]


def test_row_without_a_tested_entry_is_not_ok():
    report = check_gradients(lambda x: ops.softmax(x).sum(), np.array([0.1, 0.2, 0.9]))  # the constant 1
    assert not report.wrong
    assert not report.ok
    assert "nothing could be tested in x" in report.summary()


def test_float32_inside_is_precision():
    def function(x):
        return ops.astype(ops.sin(ops.astype(x, np.float32)), np.float64).sum()

    counts = verdicts(function, [0.1, 0.2, 0.3])
    assert set(counts) <= {"correct", "precision"}
    assert "precision" in counts
    with rule("sin", lambda g, y, x: g * 1.1):
        assert verdicts(function, [0.1, 0.2, 0.3])["wrong"] == 3


def test_kink_next_to_x_and_at_x_is_kink():
    assert verdicts(lambda x: ops.relu(x).sum(), [1e-7, -1e-7, 0.5]) == {"correct": 1, "kink": 2}
    assert verdicts(lambda x: (ops.relu(x) + 2 * abs(x)).sum(), [0.0, 0.5]) == {"correct": 1, "kink": 1}
    assert verdicts(lambda x: ops.max(x), [1.0, 1.0, 0.5]) == {"correct": 1, "kink": 2}
    assert verdicts(lambda x, y: ops.maximum(x, y).sum(), [1.0, 2.0], [1.0, 3.0])["kink"] == 1


@pytest.mark.parametrize("weight", [1e-5, -1e-5])
def test_kink_that_only_a_large_h_shows_is_not_wrong(weight):
    def function(x):
        y = ops.maximum(x, 0.3 - 1e-7) + x * x
        return (y.astype(np.float64) * np.array([1.0, weight])).sum()  # 300**2 drowns narrow steps in noise

    assert verdicts(function, [300.0, 0.3]) == {"correct": 1, "kink": 1}
    with rule("maximum", lambda g, y, a, b: -0.5 * g):
        assert verdicts(function, [300.0, 0.3]) == {"wrong": 2}


def test_kinks_that_cancel_are_not_wrong():
    assert verdicts(lambda x: (ops.relu(x) - ops.relu(-x)).sum(), [0.0, 0.5]) == {"correct": 1, "kink": 1}


@pytest.mark.parametrize("dead", [nn.ReLU, nn.Tanh])
def test_network_of_zeros_is_not_wrong(dead):
    model = nn.Sequential(nn.Linear(2, 2), dead(), nn.Linear(2, 2))
    for parameter in model.parameters():
        parameter.data = 0 * parameter.data
    assert not check_gradients(model, nn.CrossEntropyLoss(), (np.ones((3, 2)), np.array([0, 1, 1]))).wrong


def test_wrong_rule_at_a_kink_is_wrong():
    def at_zero(g, y, x):
        return ops.where(x > 0, g, ops.where(x < 0, 0.0, 5.0))

    def near_zero(g, y, x):
        return ops.where(x > 1e-6, g, ops.where(x <= 0, 0.0, 0.5))

    for wrong, x in ((at_zero, 0.0), (near_zero, 1e-7)):
        with rule("relu", wrong):
            assert verdicts(lambda x: ops.relu(x).sum(), [x, 0.5]) == {"correct": 1, "wrong": 1}


@pytest.mark.parametrize("scale", [1e8, 1e-8, 1e100, 1e-100])
def test_large_and_small_inputs_are_correct(scale):
    x = scale * np.array([1.0, 2.0, 3.0])
    assert verdicts(lambda x: ops.log(x).sum(), x) == {"correct": 3}
    with rule("log", lambda g, y, x: 1.01 * g / x):
        assert verdicts(lambda x: ops.log(x).sum(), x) == {"wrong": 3}
        assert not diagnose(ops.log(Tensor(x, requires_grad=True)).sum()).ok


def test_strong_curvature_is_correct():
    for function in (lambda x: ops.sin(1e4 * x).sum(), lambda x: (1e6 * x * x).sum()):
        assert verdicts(function, [0.0, 1e-3, 0.2]) == {"correct": 3}
    assert verdicts(lambda x: ops.sin(x).sum(), [1e8, 2e8]) == {"correct": 2}
    with rule("multiply", lambda g, y, a, b: g * b * 1.0001):
        assert verdicts(lambda x: (1e6 * x * x).sum(), [1e-3, 0.2]) == {"wrong": 2}


def test_small_slope_on_a_large_value_is_correct():
    assert verdicts(lambda x: (1e-3 * ops.sin(x)).sum() + 1e6, [0.1, 0.9]) == {"correct": 2}


def test_infinite_slope_is_untested():
    report = check_gradients(lambda x: ops.sqrt(x).sum(), np.array([0.0, 1.0]))
    assert report.rows[0].counts == {"correct": 1, "untested": 1}
    assert "NaN or infinity at 1 entries" in report.notes[0]


def test_second_order_finds_a_rule_right_in_first_only():
    def function(x):
        return (ops.tanh(x) * ops.exp(x)).sum()

    assert verdicts(function, [0.1, -0.5], order=2) == {"correct": 2}
    assert verdicts(lambda x: (ops.relu(x) * x).sum(), [0.0, 0.5], order=2)["kink"] == 1

    def first_order_only(g, y, x):  # y as a constant: the gradient is right, its derivative is not
        y = Tensor(y.data) if isinstance(y, Tensor) else y
        return g * (1 - y * y)

    with rule("tanh", first_order_only):
        assert verdicts(function, [0.1, -0.5]) == {"correct": 2}
        assert verdicts(function, [0.1, -0.5], order=2) == {"wrong": 2}


def test_smooth_networks_agree_to_the_last_digits(digits):
    x, y = next(iter(digits.train.loader(3, dtype=np.float64)))
    rng = np.random.default_rng(0)
    layers = [nn.Linear(64, 30, rng=rng, dtype=float), nn.Sigmoid(), nn.Linear(30, 10, rng=rng, dtype=float)]
    model = nn.Sequential(nn.Flatten(), *layers, nn.Sigmoid())
    report = check_gradients(model, nn.QuadraticLoss(), (x, y))
    assert report.ok
    assert report.summary() == "2,260 of 2,260 gradient entries tested; none is wrong"
    for row in report.rows:
        assert row.counts == {"correct": row.entries}
        assert row.complex_difference <= 1e-13
        assert row.central_difference <= 2e-9  # of each parameter's largest entry
    largest = [abs(row.reverse) * row.central_difference for row in report.rows]
    assert max(largest) <= 1e-9 * max(abs(row.reverse) for row in report.rows)  # of the whole gradient's


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: (ops.relu(x) + 2 * abs(x)).sum(), [0.0, 1e-7, 0.5]),
        (lambda x: (3 * ops.relu(x)).sum(), [0.0, -1e-7, 0.5]),
        (lambda x: ops.max(x), [1.0, 1.0, 0.5]),
        (lambda x: ops.tanh(1e4 * x).sum(), [0.0, 1e-5, 2e-4]),
        (lambda x: ops.sqrt(x).sum(), [1e-9, 1e-4, 1.0]),
        (lambda x: (x**3).sum(), [0.0, 1e-3, 1.0]),
        (lambda x: real_tanh(1.001)(x).sum(), [0.1, 0.2, 0.3]),
        (lambda x: (real_tanh()(x) + abs(x)).sum(), [0.0, 0.2, 1e-7]),
    ],
    ids=["kink", "relu", "tie", "bend", "root", "flat", "wrong", "real"],
)
def test_mirrored_function_has_the_same_verdicts(function, x):
    x = np.array(x)
    expected = verdicts(function, x)
    assert verdicts(lambda x: -function(x), x) == expected
    assert verdicts(lambda x: function(-x), -x) == expected
    assert verdicts(lambda x: -function(-x), -x) == expected


def test_failing_rule_hides_no_other_finding():
    def fails(g, y, x):
        raise ArithmeticError("no rule")

    failing, doubled = (
        op(lambda x: np.sin(x), fails),
        op(lambda x: np.tanh(x), lambda g, y, x: 2 * g * (1 - y * y)),
    )
    x = Tensor([0.3, 0.4], requires_grad=True)
    findings = diagnose((ops.exp(doubled(x)) + failing(ops.exp(x))).sum()).findings
    assert len(findings) == 2
    assert sorted("fails: no rule" in finding.what for finding in findings) == [False, True]
