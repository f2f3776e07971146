"""Wrong calls of drawings and checks are refused in a sentence; an op knows its line."""

import numpy as np
import pytest

from tests.refusals.subjects import BATCH, loss, model, refuses, tensor
from tinygrad_mnist import nn
from tinygrad_mnist.checking import check_gradients, diagnose
from tinygrad_mnist.graph import Graph, draw, to_dot, to_html, to_mermaid, to_svg, to_text


@pytest.mark.parametrize("render", [to_dot, to_text, to_mermaid, to_html, to_svg])
def test_renderer_accepts_a_tensor(render):
    y = loss()
    assert render(y) == render(Graph(y))


CHECKS = [
    (lambda: to_dot(model()), TypeError, "draw its result, draw(model(x), path)"),
    (lambda: draw(model(), "never.txt"), TypeError, "draw its result, draw(model(x), path)"),
    (lambda: draw(3, "never.txt"), TypeError, "output is 3: expected a Tensor"),
    (lambda: check_gradients(loss(), tensor()), TypeError, "for a computed Tensor y write diagnose(y)"),
    (lambda: check_gradients(3), TypeError, "write check_gradients(lambda x: (x**2).sum(), x)"),
    (
        lambda: check_gradients(model(), nn.MSELoss(), BATCH, BATCH),
        TypeError,
        "expected one pair, inputs and targets",
    ),
    (lambda: check_gradients(model(), nn.MSELoss, (BATCH, BATCH)), TypeError, "did you mean MSELoss()?"),
    (lambda: check_gradients(model()), TypeError, "write check_gradients(model, loss, (inputs, targets))"),
    (lambda: diagnose(model()), TypeError, "write diagnose(loss(model(x), target))"),
]


@pytest.mark.parametrize(("call", "error", "message"), CHECKS, ids=[row[2][-40:] for row in CHECKS])
def test_wrong_call_of_a_drawing_or_check_is_refused(call, error, message):
    refuses(call, error, message)


# Where an op was recorded


class Own(nn.Module):
    """A module of a user, with layers of the package inside."""

    def __init__(self):
        self.layer = nn.Linear(3, 2, rng=0)

    def forward(self, x):
        return self.layer(x)  # the line of a user's forward


def test_origin_of_an_op_is_the_line_of_the_user():
    x = np.ones((2, 3), np.float32)
    y = Own()(x)
    z = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Sequential(nn.Tanh()))(x)  # the line of a user's call
    value = nn.CrossEntropyLoss(from_logits=False)(nn.Softmax()(y) * 1.0, [0, 1])  # the line of a loss
    found = [(y, "users forward"), (z, "users call"), (value, "of a loss"), (value.inputs[0], "of a loss")]
    for result, line in found:
        assert line.replace("users", "user's") in result._origin()
        assert "test_checks.py:" in result._origin()


def test_diagnose_numbers_ops_within_the_graph():
    first, second = (diagnose(loss()).verdicts for _ in range(2))
    assert first == second == {"multiply_1": "correct", "sum_2": "correct"}
