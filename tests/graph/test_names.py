"""Names of leaves: those of the arguments by which modules got them."""

import contextlib

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, scope
from tinygrad_mnist.graph import Graph


def leaf(*numbers):
    return Tensor(numbers, requires_grad=True)


class Masked(nn.Module):
    def forward(self, x, *, mask, bias=None):
        return x * mask + bias


class Summed(nn.Module):
    def forward(self, first, *others, scale=1.0):
        return sum((other * scale for other in others), start=first * 2.0)


class Gated(nn.Module):
    def forward(self, x, h, c):
        return x * h + c


class Second(nn.Module):
    def forward(self, first, x):
        return x * 2.0


class NoArray:
    def __array__(self, *_, **__):
        raise RuntimeError("not an array")


ZEROS = np.zeros(2)


@pytest.mark.parametrize(
    ("call", "names"),
    [
        (lambda: Masked()(leaf(1.0, 2.0), mask=np.ones(2), bias=leaf(3.0, 4.0)), ["x", "mask", "bias"]),
        (lambda: Masked()(leaf(1.0, 2.0), mask=ZEROS, bias=ZEROS.copy()), ["x", "mask", "bias"]),
        (lambda: Summed()(leaf(1.0), leaf(2.0), leaf(3.0)), ["first", "others[0]", "others[1]"]),
        (lambda: Gated()(leaf(1.0, 2.0), ZEROS, ZEROS.copy()), ["x", "h", "c"]),
        (lambda: nn.CrossEntropyLoss()(leaf([1.0, 2.0]), [1]), ["output", "target"]),
    ],
)
def test_a_leaf_is_named_after_its_argument(call, names):
    assert [node.name for node in Graph(call()).nodes if node.op is None] == names


@pytest.mark.parametrize(
    "argument", [[np.ones(2), np.ones(3)], [[1], [2, 3]], (1, (2, 3)), NoArray(), None, {"a": 1}, "text", 1j]
)
def test_an_argument_of_any_kind_is_passed_over(argument):
    assert Graph(Second()(argument, leaf(1.0, 2.0))).nodes[0].name == "x"


def test_scopes_nested_to_any_depth_have_paths():
    x = Tensor(1.0, requires_grad=True, name="x")
    with contextlib.ExitStack() as scopes:
        for depth in range(3000):
            scopes.enter_context(scope(f"s{depth}"))
        y = x * 2.0
    assert Graph(y).nodes[-1].scope.count("/") == 2999
