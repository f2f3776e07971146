"""Long formulas on several lines."""

import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.typography import formula_lines


@pytest.mark.parametrize(
    ("formula", "lines"),
    [
        ("g * (1 - y * y)", ["g * (1 - y * y)"]),
        ("fails: division by zero, which is no formula", ["fails: division by zero, which is no formula"]),
        ("y * (g - sum(g * y, axis=-1, keepdims=True))", ["y · (g - Σ₋₁ (g · y))"]),
        ("broadcast_to(reshape(g, shape=(1, 4)) / 3, shape=(3, 4))", ["g / 3"]),
        ("where((x >= 0.2) & (x <= 0.7), g, 0.0) + g + g", ["[x ≥ 0.2 ∧ x ≤ 0.7] · g + g + g"]),
        ("where(a < b, 0.0, where(a == b, 0.5 * g, g))", ["[a ≥ b] · (0.5 · g if a = b else g)"]),
        ("g * (1.1283791670955126 * exp(-(x * x)))", ["g · (1.128 · exp(-x · x))"]),
        ("(a - b) - (c - d) + reshape(x, shape=(3,)) * (e + f)", ["a - b - (c - d) + x · (e + f)"]),
        ("reshape(x, shape=(3,)) ** -2 + (a + b) ** 2 + c ** n", ["x⁻² + (a + b)² + c^n"]),
        ("transpose(g) @ reshape(x, shape=(3, 4)).T @ (a + b).T", ["transpose(g) @ xᵀ @ (a + b)ᵀ"]),
        (
            "reshape(g, shape=(3, 1)) / sum((x - 1) ** 2, axis=(0, 2), keepdims=True)",
            ["      g", "──────────────", " Σ₀₂ (x - 1)²"],
        ),
        (
            "2 * (g / where(b == 0, 1.0, b)) / (a + c) * reshape(x, shape=(3, 1))",
            [" 2 · (g / b)", "───────────── · x", "    a + c"],
        ),
    ],
)
def test_a_long_formula_is_written_as_mathematics(formula, lines):
    assert formula_lines(formula) == lines


def test_the_rule_of_a_maximum_can_be_read():
    x = Tensor([[1.0, 3.0], [2.0, 2.0]], requires_grad=True, name="x")
    (rule,) = Graph(ops.max(x, axis=1)).by_name["max_1"].rules
    assert formula_lines(rule.formula) == [
        "               g",
        "[x = y] · ────────────",
        "           Σ₁ [x = y]",
    ]


def test_a_formula_that_nobody_can_read_is_counted():
    x = Tensor([[1.0, 3.0], [2.0, 2.0]], requires_grad=True, name="x")
    (rule,) = Graph(ops.cumprod(x, axis=1)).by_name["cumprod_1"].rules
    (line,) = formula_lines(rule.formula)
    assert line.endswith("calls, too long to print")
