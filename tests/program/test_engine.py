"""Native code runs a program only where it is asked for, gives the same but for rounding, and is faster."""

import importlib.util

import numpy as np
import pytest

from tests.program.networks import batch, classifier, quadratic
from tinygrad_mnist.program import compile, engine

pytest.importorskip("numba")


def train(training, step, count=40):
    rng = np.random.default_rng(3)
    return [step(*batch(rng, training)).item() for _ in range(count)]


@pytest.mark.parametrize("maker", [quadratic, lambda: classifier(momentum=0.9, dropout=0.2)])
def test_training_on_native_code_is_training_but_for_rounding(maker):
    eager, native = maker(), maker()
    compiled = compile(native.step, native=True)
    np.testing.assert_allclose(train(native, compiled), train(eager, eager.step), rtol=1e-5)
    assert compiled.program.engine == "native"
    for p, q in zip(native.model.parameters(), eager.model.parameters()):
        np.testing.assert_allclose(p.data, q.data, rtol=0, atol=1e-5 * np.abs(q.data).max())


def test_choosing_changes_nothing_but_the_speed():
    """The timing takes many steps; the third call still goes on from the second."""
    eager, native = quadratic(momentum=0.9), quadratic(momentum=0.9)

    @compile(native=True)
    def step(x, y):
        return native.step(x, y)

    np.testing.assert_allclose(train(native, step, 5), train(eager, eager.step, 5), rtol=1e-5)


def test_without_asking_it_is_numpy():
    training = quadratic()
    compiled = compile(training.step)
    train(training, compiled, 4)
    assert compiled.program.engine == "NumPy"
    assert "on NumPy" in repr(compiled.program)


def test_without_numba_it_is_numpy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    training = quadratic()
    compiled = compile(training.step, native=True)
    train(training, compiled, 4)
    assert compiled.program.engine == "NumPy"


@pytest.mark.parametrize("why", ["slower", "different"])
def test_native_code_that_is_slower_or_different_is_not_taken(monkeypatch, why):
    if why == "slower":
        monkeypatch.setattr(engine, "_quicker", lambda *arguments: False)
    else:
        monkeypatch.setattr(engine, "_alike", lambda a, b: False)
    eager, native = quadratic(), quadratic()
    compiled = compile(native.step, native=True)
    assert train(native, compiled, 6) == train(eager, eager.step, 6)
    assert compiled.program.engine == "NumPy"


def test_check_compares_the_program_itself():
    """Not its native form, whose last bits differ; and that goes on afterwards."""
    training = quadratic()
    compiled = compile(training.step, native=True)
    train(training, compiled, 5)
    compiled.check(*batch(np.random.default_rng(3), training))
    assert compiled.program.engine == "native"
    train(training, compiled, 3)


def test_exchanged_arrays_are_found_by_native_code_too():
    eager, native = quadratic(), quadratic()
    compiled = compile(native.step, native=True)
    train(native, compiled, 5), train(eager, eager.step, 5)
    for training in (eager, native):
        training.model.load_state_dict({k: v[::-1].copy() for k, v in training.model.state_dict().items()})
    np.testing.assert_allclose(train(native, compiled, 5), train(eager, eager.step, 5), rtol=1e-5)
    assert compiled.program.engine == "native"
