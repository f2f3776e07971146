"""The fuzzer of operations: a short form of it, what it covers, and that it can fail."""

import re

import numpy as np
import pytest
from hypothesis import given

from tests.fuzz import operations
from tests.fuzz.operation_lines import LINES
from tests.fuzz.operation_programs import programs
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff import numpy_protocol
from tinygrad_mnist.autodiff.operators import Operators
from tinygrad_mnist.autodiff.primitive import ANSWERS, REGISTRY
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import memory

OURS = "\n".join(line.ours for line in LINES)


@given(programs())
def test_random_programs_agree_with_numpy_and_replay(program):
    operations.check(program)


@given(programs(wild=False))
def test_gradients_of_random_programs_equal_differences(program):
    operations.check(program)


def test_every_line_and_every_primitive_is_drawn():
    """Some programs of each line alone: the long form, which draws from all of them, meets what they meet."""
    drawn = set()

    def run(program):
        program.function()(*program.tensors(program.arrays()))
        drawn.update(step.line for step in program.steps)

    with operations.primitives_met() as met:
        for line in LINES:
            for count in (1, 5, 100):  # some fit few operands
                if line not in drawn:
                    operations.stream(0, count, run, drawn=programs(most_steps=2, wild=True, lines=(line,)))
        for line in LINES:
            if operations.own_primitives() - set(met):  # one that a line takes for some operands alone
                operations.stream(1, 5, run, drawn=programs(most_steps=2, wild=True, lines=(line,)))
    assert [line.ours for line in LINES if line not in drawn] == []
    assert operations.own_primitives() - set(met) == set()


def test_every_op_method_and_numpy_function_has_a_line():
    assert [name for name in ops.__all__ if f"ops.{name}(" not in OURS] == []
    methods = [name for name in vars(Operators) if not name.startswith("_") and name != "argmax"]
    assert [name for name in methods if not re.search(rf"\}}\.{name}\b", OURS)] == []
    spelled = {np.concatenate: "np.concatenate(", np.absolute: "np.absolute("}
    functions = {f: spelled.get(f, f"{numpy_protocol._name(f)}(") for f in ANSWERS}
    assert [text for text in functions.values() if text not in OURS] == []


def test_failure_is_printed_as_a_script_that_runs(monkeypatch):
    monkeypatch.setattr(REGISTRY["tanh"], "forward", lambda x: np.tanh(x) * 1.001)
    with pytest.raises(AssertionError) as failed:
        operations.stream(0, 300, operations.check)
    script = failed.value.__notes__[0]
    namespace = {}
    exec(script, namespace)
    assert all(isinstance(output, Tensor) for output in namespace["outputs"])
    assert script.count("\nv") <= 5  # three leaves and what goes wrong, with little else


MISTAKES = {
    "a factor": ("multiply", "{0} * {1}", 0, lambda g, y, a, b: 1.001 * g * b),
    "a sign": ("subtract", "{0} - {1}", 1, lambda g, y, a, b: g),
    "a gather that overwrites": (
        "getitem",
        "{0}[{index}]",
        0,
        lambda g, y, x, *, index: _overwritten(g, x, index),
    ),
    "a mean that does not divide": ("mean", "mean(", 0, REGISTRY["sum"].rules[0]),
    "a gradient that is the input": ("identity", "+{0}", 0, lambda g, y, x: x),
}


def _overwritten(g, x, index):
    result = np.zeros(x.shape, x.dtype)
    result[index] = g
    return result


@pytest.mark.parametrize("mistake", MISTAKES)
def test_wrong_rule_is_found(mistake, monkeypatch):
    name, text, position, rule = MISTAKES[mistake]
    rules = list(REGISTRY[name].rules)
    rules[position] = rule
    monkeypatch.setattr(REGISTRY[name], "rules", tuple(rules))
    lines = tuple(line for line in LINES if text in line.ours)
    with pytest.raises((AssertionError, CaptureError, TypeError, ValueError)):
        operations.stream(0, 100, operations.check, drawn=programs(wild=False, lines=lines), shrink=False)


def test_memory_reused_too_early_is_found(monkeypatch):
    dying = memory._dying_operand
    too_early = lambda instruction, i, last_read: dying(instruction, i, dict.fromkeys(last_read, i))
    monkeypatch.setattr(memory, "_dying_operand", too_early)
    with pytest.raises((AssertionError, CaptureError, KeyError)):
        operations.stream(0, 600, operations.check_replay, shrink=False)
