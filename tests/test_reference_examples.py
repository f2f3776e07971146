"""Rooms of the reference in which every name has an example; the doctests run it."""

import inspect
from operator import attrgetter

import pytest

import tinygrad_mnist

ROOMS = ("nn", "nn.functional", "nn.utils", "optim", "autograd", "ops")


@pytest.mark.parametrize("room", ROOMS)
def test_every_function_and_class_has_an_example(room):
    module = attrgetter(room)(tinygrad_mnist)
    values = {name: getattr(module, name) for name in module.__all__}
    without = [
        name
        for name, value in values.items()
        if callable(value) and not inspect.ismodule(value) and ">>>" not in (inspect.getdoc(value) or "")
    ]
    assert values
    assert without == []
