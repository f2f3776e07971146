"""At a slope of 0 on a bend, differences show only their own error: no rule is wrong there."""

import numpy as np
import pytest

from tinygrad_mnist import nn, ops
from tinygrad_mnist.checking import check_gradients
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES

FUNCTIONS = {
    "x**3": (lambda x: np.sum(x**3), 0.0),
    "x**5": (lambda x: np.sum(x**5), 0.0),
    "x**7": (lambda x: np.sum(x**7), 0.0),
    "x*x*x": (lambda x: np.sum(x * x * x), 0.0),
    "x**3 among others": (lambda x: np.sum(x**3), [0.0, 1.0, -2.0]),
    "x - sin x": (lambda x: np.sum(x - np.sin(x)), 0.0),
    "x - tanh x": (lambda x: np.sum(x - np.tanh(x)), 0.0),
    "tanh(x)**3": (lambda x: np.sum(np.tanh(x) ** 3), 0.0),
    "sin(x)**3 at pi": (lambda x: np.sum(np.sin(x) ** 3), np.pi),
    "(x - 1)**3": (lambda x: np.sum((x - 1) ** 3), 1.0),
    "expanded": (lambda x: np.sum(x**3 - 3 * x**2 + 3 * x), 1.0),
    "large": (lambda x: np.sum(1e6 * x**3), 0.0),
    "small": (lambda x: np.sum(1e-6 * x**3), 0.0),
    "on a constant": (lambda x: np.sum(x**3) + 1.0, 0.0),
    "x**3 e**x": (lambda x: np.sum(x**3 * np.exp(x)), 0.0),
    "the largest": (lambda x: np.max(x) ** 3, [0.0, -1.0]),
    "clipped": (lambda x: np.sum(np.clip(x, -1, 1) ** 3), 0.0),
    "x |x|": (lambda x: np.sum(x * np.abs(x)), 0.0),
    "relu(x)**2": (lambda x: np.sum(ops.relu(x) ** 2), 0.0),
    "no complex step": (lambda x: np.sum(x.astype(np.float64) ** 3), 0.0),
}


class CubicLoss(nn.Module):
    def forward(self, output, target):
        return ops.sum((output - target) ** 3)


@pytest.mark.parametrize(("function", "x"), FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("order", [1, 2])
def test_stationary_point_is_not_wrong(function, x, order):
    report = check_gradients(function, np.atleast_1d(x), order=order)
    assert not report.wrong, report


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 2), (60, 50)], ids=["each entry", "in bulk"])
def test_layer_of_zeros_under_a_cubic_loss_is_right(inputs, outputs):
    layer = nn.Linear(inputs, outputs, weight_init=nn.init.zeros, bias_init=nn.init.zeros, dtype=float)
    x = np.random.default_rng(0).normal(size=(4, inputs))
    assert check_gradients(layer, CubicLoss(), (x, np.zeros((4, outputs)))).ok


@pytest.mark.parametrize(
    ("wrong_rule", "function", "x"),
    [
        ("tanh-of-the-input", lambda x: np.sum(np.tanh(x) ** 3), [1e-3, 0.5]),
        ("power-without-exponent", lambda x: np.sum((x + 1) ** 3), [0.0]),
        ("relu-passes-negatives", lambda x: np.sum(ops.relu(x) + x**3), [-1e-3]),
        ("cos-without-minus", lambda x: np.sum(np.cos(x)), [1e-3]),
    ],
)
def test_wrong_rule_near_a_stationary_point_is_found(wrong_rule, function, x):
    with WRONG_RULES[wrong_rule]:
        assert check_gradients(function, np.array(x)).wrong
