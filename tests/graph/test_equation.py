"""Formulas with numbers in them."""

import pytest

from tests.graph.graphs import leaf, number
from tinygrad_mnist.graph import Node, Rule
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.equation import Operand, equation, plain, rule_equation


@pytest.mark.parametrize(
    ("formula", "values", "expected"),
    [
        ("g * b", {"g": 1.0, "b": -3.0}, "g * b = 1 * -3 = 9"),
        ("1 - y", {"y": -2.0}, "1 - y = 1 - (-2) = 9"),
        ("x ** 2", {"x": -2.0}, "x ** 2 = (-2) ** 2 = 9"),
        ("max(x, axis=0) * axis", {"x": 1.0, "axis": 2.0}, "max(x, axis=0) * axis = max(1, axis=0) * 2 = 9"),
        ("x.sum() * sum", {"x": 1.0, "sum": 2.0}, "x.sum() * sum = 1.sum() * 2 = 9"),
        ("g", {"g": 9.0}, "g = 9"),
        ("a.b + axb", {"a.b": 1.0}, "a.b + axb = 1 + axb = 9"),
        ("2 * 3", {"x": 1.0}, "2 * 3 = 9"),
        ("w.b + w", {"w": 1.0, "w.b": 2.0}, "w.b + w = 2 + 1 = 9"),
        ("-a - b", {"a": -1.0, "b": -2.0}, "-a - b = -(-1) - (-2) = 9"),
        ("a + b", {"a": -1.0, "b": -2.0}, "a + b = -1 + -2 = 9"),
        ("2 ** a", {"a": -1.0}, "2 ** a = 2 ** (-1) = 9"),
    ],
)
def test_numbers_replace_names_in_a_formula(formula, values, expected):
    operands = {name: Operand("local", name, (), number(value)) for name, value in values.items()}
    assert plain(equation(formula, operands, Operand("result", "", (), number(9.0)))) == expected


def test_unregistered_op_is_shown_by_its_rules():
    op = Node(
        "cube_1", "op", "never_registered", (), "float64", "", ("a",), "never_registered(a)",
        (Rule("x", "a", "g * 3 * x * x", number(12.0)),), number(8.0), number(1.0),
    )  # fmt: skip
    graph = GraphData((leaf("a", 2.0, 12.0), op), ("cube_1",))
    assert plain(rule_equation(op, op.rules[0], graph)) == "g * 3 * x * x = 1 * 3 * 2 * 2 = 12"
    assert op.rule_positions == (0,)
