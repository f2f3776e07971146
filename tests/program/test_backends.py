"""`backend=` says how a compiled function is run; what cannot be had is refused, and never replaced."""

import importlib.util

import numpy as np
import pytest

from tests.program.networks import batch, classifier, quadratic
from tinygrad_mnist import ops
from tinygrad_mnist.errors import CaptureError, MissingExtraError
from tinygrad_mnist.program import compile, compiled

pytest.importorskip("numba")


def train(training, step, count=40):
    rng = np.random.default_rng(3)
    return [step(*batch(rng, training)).item() for _ in range(count)]


@pytest.mark.parametrize("maker", [quadratic, lambda: classifier(momentum=0.9, dropout=0.2)])
def test_training_on_native_code_is_training_but_for_rounding(maker):
    eager, native = maker(), maker()
    compiled = compile(native.step, backend="native")
    np.testing.assert_allclose(train(native, compiled), train(eager, eager.step), rtol=1e-5)
    assert compiled._programs[-1].binding.backend == "native"
    for p, q in zip(native.model.parameters(), eager.model.parameters()):
        np.testing.assert_allclose(p.data, q.data, rtol=0, atol=1e-5 * np.abs(q.data).max())


def test_native_binding_runs_no_step():
    eager, native = quadratic(momentum=0.9), quadratic(momentum=0.9)

    @compile(backend="native")
    def step(x, y):
        return native.step(x, y)

    np.testing.assert_allclose(train(native, step, 5), train(eager, eager.step, 5), rtol=1e-5)


def test_without_asking_it_is_numpy():
    training = quadratic()
    compiled = compile(training.step)
    train(training, compiled, 4)
    assert compiled._programs[-1].binding.backend == "numpy"


def test_native_without_numba_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '\.\[native\]'"):
        compile(quadratic().step, backend="native")


def test_native_without_native_operations_is_refused():
    step = compile(lambda x: ops.matmul(x, x), backend="native")
    large = np.ones((200, 200))
    step(large)
    with pytest.raises(CaptureError, match="none of its operations has a native form; write backend='numpy'"):
        step(large)


def test_native_bits_do_not_depend_on_the_clock():
    def losses():
        training = quadratic(momentum=0.9)
        return train(training, compile(training.step, backend="native"), 10)

    assert losses() == losses()


def test_eager_runs_the_function_at_each_call():
    calls = []

    @compile(backend="eager")
    def double(x):
        calls.append(x)
        return float(x.sum()) * 2  # a number in between, which no program can take

    assert [double(np.ones(3)), double(np.ones(3))] == [6.0, 6.0]
    assert len(calls) == 2
    with pytest.raises(CaptureError, match="makes no program"):
        double.program  # noqa: B018
    with pytest.raises(CaptureError, match="makes no program"):
        double.check(np.ones(3))


@pytest.mark.parametrize("backend", ["replay", "Native", None, True])
def test_unknown_backends_are_refused(backend):
    with pytest.raises(ValueError, match=r"backend is .*: expected one of 'numpy', 'native', 'eager'"):
        compile(lambda x: x, backend=backend)


def test_check_refuses_native_results_that_differ(monkeypatch):
    training = quadratic()
    step = compile(training.step, backend="native")
    train(training, step, 4)
    before = training.state()
    monkeypatch.setattr(compiled, "alike", lambda a, b: False)
    with pytest.raises(CaptureError, match="up to rounding; different: output 0"):
        step.check(*batch(np.random.default_rng(3), training))
    assert training.state() == before


def test_check_compares_both_backends_and_leaves_native():
    training = quadratic()
    compiled = compile(training.step, backend="native")
    train(training, compiled, 5)
    compiled.check(*batch(np.random.default_rng(3), training))
    assert compiled._programs[-1].binding.backend == "native"
    train(training, compiled, 3)


def test_exchanged_arrays_are_found_by_native_code_too():
    eager, native = quadratic(), quadratic()
    compiled = compile(native.step, backend="native")
    train(native, compiled, 5), train(eager, eager.step, 5)
    for training in (eager, native):
        training.model.load_state_dict({k: v[::-1].copy() for k, v in training.model.state_dict().items()})
    np.testing.assert_allclose(train(native, compiled, 5), train(eager, eager.step, 5), rtol=1e-5)
    assert compiled._programs[-1].binding.backend == "native"
