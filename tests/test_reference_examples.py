"""Every name of the reference has an example that runs."""

import doctest
import inspect
from typing import get_origin

import pytest

from examples.site.reference import ROOMS, public_names, room
from tinygrad_mnist.autodiff.primitive import Primitive


def described(name):
    """Return by name what has a docstring in a room: no alias of types, and no constant."""
    values = {each: getattr(room(name), each) for each in public_names(name)}
    return {each: value for each, value in values.items() if get_origin(value) is None and has_own(value)}


def has_own(value):
    return inspect.getdoc(value) != inspect.getdoc(type(value))


def runs(value):
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(value) or "")
    return any(not example.options.get(doctest.SKIP) for example in examples)


@pytest.mark.parametrize("name", ROOMS)
def test_every_name_has_an_example(name):
    assert [each for each, value in described(name).items() if not runs(value)] == []


# Pytest runs the examples of functions and classes, tests/autodiff those of ops.
OTHERS = [
    (name, each)
    for name in ROOMS
    for each, value in described(name).items()
    if not (inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, Primitive))
]


@pytest.mark.parametrize(("name", "each"), OTHERS)
def test_example_of_another_object_runs(name, each):
    found = doctest.DocTestFinder().find(getattr(room(name), each), each, globs=vars(room(name)))
    assert sum(doctest.DocTestRunner().run(test).failed for test in found) == 0
    assert found
