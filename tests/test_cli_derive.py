"""The derivation in the terminal: what the graph gives stands beside what was derived by hand."""

import re

import numpy as np
import pytest
from click.testing import CliRunner

from tinygrad_mnist import by_hand
from tinygrad_mnist.cli import main
from tinygrad_mnist.training import Recipe
from tinygrad_mnist.training.derivation import side_by_side


def test_backward_lines_are_the_same_on_both_sides():
    result = CliRunner().invoke(main, ["derive"], env={"COLUMNS": "150"})
    assert result.exit_code == 0, result.output
    rows = [
        tuple(part.strip() for part in line.split("│")[1:3])
        for line in result.output.splitlines()
        if "│" in line
    ]
    for code in ("z1 = x @ W1.T + b1", "dW2 = dz2.T @ a1", "W1 -= lr * dW1"):
        assert (code, code) in rows
    assert ("db1 = ones @ dz1", "db1 = dz1.sum(axis=0)") in rows
    assert ("dz2 = da2 * (a2 * (1 - a2))", "dz2 = t1 / 10 * (a2 * (1 - a2))") in rows


@pytest.mark.parametrize("loss", ["quadratic", "cross-entropy"])
@pytest.mark.parametrize("sizes", [(64, 10), (64, 12, 10), (64, 12, 9, 10)])
def test_columns_run_as_printed_and_take_the_same_step(digits, loss, sizes):
    recipe = Recipe(activation="sigmoid", loss=loss, batch_size=8, lr=0.5)
    derived = side_by_side(digits, sizes, recipe)
    assert derived.distance < 4
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) for shape in zip(sizes[1:], sizes)]
    biases = [rng.standard_normal(size) for size in sizes[1:]]
    x, y = rng.random((8, 64)), np.eye(10)[rng.integers(0, 10, 8)]
    expected = [w.copy() for w in weights], [b.copy() for b in biases]
    cost = by_hand.sgd_step(*expected, x, y, 0.5, loss)
    for column in zip(*derived.rows):
        names = {"np": np, "x": x, "y": y, "lr": 0.5}
        names |= {f"W{i + 1}": w.copy() for i, w in enumerate(weights)}
        names |= {f"b{i + 1}": b.copy() for i, b in enumerate(biases)}
        exec("\n".join(filter(None, column)), names)
        assert names["loss"] == pytest.approx(cost)
        for i, (w, b) in enumerate(zip(*expected)):
            np.testing.assert_allclose(names[f"W{i + 1}"], w)
            np.testing.assert_allclose(names[f"b{i + 1}"], b)


def test_lines_derived_by_hand_have_partners(digits):
    derived = side_by_side(digits, None, Recipe(activation="sigmoid", loss="quadratic", batch_size=8))
    alone = [left or right for left, right in derived.rows if not (left and right)]
    assert all(re.match(r"t\d|da\d|ones", code) for code in alone), alone
