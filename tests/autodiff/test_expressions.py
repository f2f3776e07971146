"""Streams of random expression graphs, and the proof that these tests can fail."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from tests.autodiff.cases import CASES, arrays_for
from tests.autodiff.expressions import programs
from tests.autodiff.oracles import (
    check_first_order,
    check_second_order,
)
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY


def check_program(program):
    check_first_order(program, program.leaves())


@given(programs())
def test_random_expressions_agree_with_both_oracles(program):
    check_program(program)


@given(programs(most_ops=12))
def test_second_derivatives_of_random_expressions(program):
    check_second_order(program, program.leaves())


@given(programs())
def test_second_backward_adds_the_same_gradient_again(program):
    tensors = [Tensor(a, requires_grad=True) for a in program.leaves()]
    output = program(*tensors)
    output.backward()
    once = [t.grad.copy() for t in tensors]
    output.backward()
    for tensor, first in zip(tensors, once):
        np.testing.assert_array_equal(tensor.grad, first + first)


WRONG = {
    "sign of subtract": ("subtract", 1, lambda g, y, a, b: g),
    "factor missing in multiply": ("multiply", 0, lambda g, y, a, b: g),
    "sigmoid of the output taken again": ("sigmoid", 0, lambda g, y, x: g * ops.sigmoid(y) * (1 - y)),
    "log without the reciprocal": ("log", 0, lambda g, y, x: g * x),
    "softmax without its off-diagonal": ("softmax", 0, lambda g, y, x, *, axis: g * y * (1 - y)),
    "mean that forgets to divide": ("mean", 0, REGISTRY["sum"].rules[0]),
    "missing transpose": ("matmul", 1, lambda g, y, a, b: a.reshape(a.shape[::-1]) @ g),
    "relu open at negative input": ("relu", 0, lambda g, y, x: g),
    "gather that overwrites": ("getitem", 0, lambda g, y, x, *, index: _overwrite(g, x, index)),
}


def _overwrite(g, x, index):
    result = np.zeros(x.shape)
    result[index] = g
    return result


@pytest.mark.parametrize("mistake", WRONG)
def test_planted_wrong_rule_fails_the_case_of_its_primitive(mistake, monkeypatch):
    name, position, rule = WRONG[mistake]
    rules = list(REGISTRY[name].rules)
    rules[position] = rule
    monkeypatch.setattr(REGISTRY[name], "rules", tuple(rules))
    failures = 0
    for case in (case for case in CASES if case.primitive == name):
        shapes = case.shapes or ((2, 3), (1, 3))[: case.broadcast]
        try:
            check_first_order(case.call, arrays_for(case, shapes, np.random.default_rng(0)))
        except (AssertionError, ValueError):  # a gradient of the wrong value, or of an impossible shape
            failures += 1
    assert failures > 0


@pytest.mark.parametrize("name", ["tanh", "sin", "multiply"])
def test_planted_wrong_rule_fails_the_stream_of_expressions(name, monkeypatch):
    rules = REGISTRY[name].rules
    wrong = tuple(lambda *args, rule=rule: 1.01 * rule(*args) for rule in rules)
    monkeypatch.setattr(REGISTRY[name], "rules", wrong)
    stream = settings(phases=[Phase.generate], derandomize=True)(given(programs())(check_program))
    with pytest.raises((AssertionError, BaseExceptionGroup)):
        stream()
