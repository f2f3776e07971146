"""Every name of the reference has an example that runs."""

import doctest
import inspect

import pytest

from examples.site.reference import ROOMS, docstring, is_wrong, public_names, room
from tinygrad_mnist.autodiff.primitive import Primitive

VALUES = {(name, each): getattr(room(name), each) for name in ROOMS for each in public_names(name)}
NAMES = [place for place, value in VALUES.items() if not is_wrong(value)]


def is_run_elsewhere(value):
    """Pytest runs the examples of functions and classes, tests/autodiff those of ops."""
    return inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, Primitive)


def examples(name, each):
    found = doctest.DocTestParser().get_examples(docstring(name, each))
    return [example for example in found if not example.options.get(doctest.SKIP)]


@pytest.mark.parametrize("room", ROOMS)
def test_every_name_has_an_example(room):
    assert [each for name, each in NAMES if name == room and not examples(name, each)] == []


@pytest.mark.parametrize(("name", "each"), [place for place in NAMES if not is_run_elsewhere(VALUES[place])])
def test_example_of_a_constant_runs(name, each):
    names = dict(vars(room(name)))
    test = doctest.DocTestParser().get_doctest(docstring(name, each), names, each, None, None)
    assert doctest.DocTestRunner().run(test).failed == 0
