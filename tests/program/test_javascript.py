"""A program as JavaScript gives in Node what NumPy gives."""

import shutil

import numpy as np
import pytest

from tests.program.javascript_in_node import Node, as_json
from tests.program.networks import batch, classifier, quadratic
from tinygrad_mnist.program import compile

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
CLOSE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}


@pytest.fixture(scope="session")
def node():
    with Node() as running:
        yield running


def assert_agrees(node, step, *arguments, times=100):
    """The program of a step gives in Node what the step gives, and changes the states as the step does."""
    compiled = compile(step)
    for _ in range(2):
        compiled(*arguments)
    program = compiled.program
    numbers = [number.get() for number in program.numbers]
    generators = [as_json(generator) for generator in program.recording.generators]
    states = [state.get() for state in program.states]
    found, changed = node.run(program.javascript, states, generators, [(times, arguments, numbers)])
    for _ in range(times):
        expected = compiled(*arguments)
    assert_close(found[0], expected)
    assert_close(changed, states)


def assert_close(found, expected):
    if isinstance(expected, list | tuple):
        assert len(found) == len(expected)
        for one, other in zip(found, expected):
            assert_close(one, other)
        return
    expected = np.asarray(getattr(expected, "data", expected))
    assert np.shape(found) == ((expected.size,) if expected.ndim else ())
    error = CLOSE.get(expected.dtype, 0)
    distance = np.abs(found - expected.ravel()) <= error * np.maximum(1, np.abs(expected.ravel()))
    assert np.all(distance | (np.isnan(found) & np.isnan(expected.ravel())))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("maker", [quadratic, classifier])
def test_training_is_that_of_numpy(node, maker, dtype):
    training = maker(dtype=dtype)
    assert_agrees(node, training.step, *batch(np.random.default_rng(0), training))
