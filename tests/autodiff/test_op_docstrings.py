"""The docstring of each public op tells its parameters and its result, and its example runs."""

import doctest
import inspect
import sys

import numpy as np
import pytest

from tinygrad_mnist import ops


def function_of(name):
    op = getattr(ops, name)
    return getattr(op, "forward", op)


@pytest.mark.parametrize("name", ops.__all__)
def test_docstring_of_an_op_has_its_sections_and_an_example(name):
    function = function_of(name)
    text = inspect.getdoc(function)
    for section in ("Parameters", "Returns", "Examples"):
        assert f"\n{section}\n{'-' * len(section)}\n" in text
    described = text.partition("Returns\n")[0]
    assert [p for p in inspect.signature(function).parameters if p not in described] == []
    module = vars(sys.modules[function.__module__])
    examples = doctest.DocTestParser().get_doctest(text, {**module, "np": np}, name, None, None)
    assert examples.examples
    runner = doctest.DocTestRunner()
    runner.run(examples)
    assert runner.failures == 0
