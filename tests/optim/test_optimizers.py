"""Adam, AdamW, RMSprop and Adagrad: captured, resumed, saved and refused alike."""

import copy
import json

import numpy as np
import pytest

from tests.optim.options import CASES, IDS, OPTIONS
from tests.program.networks import batch, classifier, quadratic
from tests.program.standalone import run_alone
from tinygrad_mnist import Tensor, optim
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.program import compile
from tinygrad_mnist.training.run_state import Parts, RunState

KINDS = list(OPTIONS)


def trained(kind, steps=4, maker=quadratic, **options):
    training = maker(optimizer=kind, **options)
    rng = np.random.default_rng(5)
    for _ in range(steps):
        training.step(*batch(rng, training))
    return training


@pytest.mark.parametrize(("kind", "options"), CASES, ids=IDS)
def test_replay_gives_the_eager_bits(kind, options):
    eager, replayed = (quadratic(optimizer=kind, **options) for _ in range(2))
    compiled = compile(replayed.step)
    rng = np.random.default_rng(5)
    for i in range(9):
        x, y = batch(rng, eager, (7, 7, 3)[i % 3])
        eager.optimizer.lr = replayed.optimizer.lr = 0.3 / (1 + i)
        assert compiled(x, y).data.tobytes() == eager.step(x, y).data.tobytes()
        assert replayed.state() == eager.state()
        assert replayed.optimizer.state_dict()["state"].keys() == eager.optimizer.state_dict()["state"].keys()
    assert counts(replayed) == counts(eager)
    assert len(compiled._programs) == 2


def counts(training):
    return [state.steps for group in training.optimizer.param_groups for state in group.states]


@pytest.mark.parametrize("kind", [optim.Adam, optim.Adagrad])
def test_counts_that_drift_apart_have_separate_programs(kind):
    eager, replayed = (quadratic(optimizer=kind, lr=0.1) for _ in range(2))
    compiled = compile(replayed.step)
    rng = np.random.default_rng(5)
    for i in range(9):
        x, y = batch(rng, eager)
        if i == 5:  # an update of one parameter by itself
            for training in (eager, replayed):
                training.optimizer.zero_grad()
                training.optimizer.params[0].grad = np.ones((5, 6), np.float32)
                training.optimizer.step()
        assert compiled(x, y).data.tobytes() == eager.step(x, y).data.tobytes()
        assert replayed.state() == eager.state()
    assert counts(replayed) == counts(eager) == [10, 9, 9, 9]
    assert "steps_2" in compiled.program.source


def test_two_updates_in_a_call_count_twice():
    def train(run):
        w = Tensor(np.ones(3), requires_grad=True)
        optimizer = optim.Adam([w], lr=0.1)

        @run
        def step(x):
            for _ in range(2):
                optimizer.zero_grad()
                (w * w * x).sum().backward()
                optimizer.step()
            return w * 1.0

        found = [step(np.arange(3.0)).data.tobytes() for _ in range(6)]
        return found, optimizer.param_groups[0].states[0].steps

    eager = train(lambda function: function)
    assert train(compile) == eager
    assert eager[1] == 12


def test_failed_check_counts_no_update():
    training = classifier(optimizer=optim.Adam)
    compiled = compile(training.step)
    x, y = batch(np.random.default_rng(0), training)
    for _ in range(3):
        compiled(x, y)
    with pytest.raises(ValueError, match="label"):
        compiled(x, y + 7)
    assert counts(training) == [3, 3, 3, 3]


@pytest.mark.parametrize(("kind", "options"), CASES, ids=IDS)
def test_restored_state_continues_identically(kind, options):
    one = trained(kind, **options)
    state = RunState.of(Parts(one.model, one.loss, one.optimizer))
    numbers = json.loads(json.dumps(state.numbers))
    other = quadratic(seed=3, optimizer=kind)
    RunState(state.arrays, numbers).put_back(Parts(other.model, other.loss, other.optimizer))
    x, y = batch(np.random.default_rng(1), one)
    for training in (one, other):
        for _ in range(3):
            training.step(x, y)
    assert other.state() == one.state()
    assert repr(other.optimizer) == repr(one.optimizer)


@pytest.mark.parametrize("kind", KINDS)
def test_copy_continues_independently(kind):
    one = trained(kind)
    other = copy.deepcopy(one)
    before = one.state()
    x, y = batch(np.random.default_rng(1), one)
    other.step(x, y)
    assert one.state() == before
    one.step(x, y)
    assert other.state() == one.state()


@pytest.mark.parametrize("kind", KINDS)
def test_printed_code_runs_alone_and_gives_the_same_bits(kind):
    training = quadratic(optimizer=kind, lr=0.1)
    compiled = compile(training.step)
    x, y = batch(np.random.default_rng(0), training)
    for _ in range(3):
        compiled(x, y)
    program = compiled.program
    arrays, numbers = [s.get().copy() for s in program.states], [n.get() for n in program.numbers]
    jobs = [
        (text, name, [x, y], [a.copy() for a in arrays], numbers)
        for name, text in (("source", program.source), ("derivation", program.derivation))
    ]
    expected = compiled(x, y).data.tobytes()
    for loss, changed in run_alone(jobs):
        assert np.asarray(loss).tobytes() == expected
        assert sorted(a.tobytes() for a in changed) == sorted(training.state())


def test_derivation_of_adam_is_as_kept():
    training = quadratic(optimizer=optim.Adam)
    compiled = compile(training.step)
    for _ in range(2):
        compiled(*batch(np.random.default_rng(0), training))
    lines = {line.split("#")[0].strip() for line in compiled.program.derivation.splitlines()}
    assert {
        "m_W1 *= beta1",
        "m_W1 += (1 - beta1) * dW1",
        "v_W1 *= beta2",
        "v_W1 += (1 - beta2) * (dW1 * dW1)",
    } <= lines
    assert any("lr / (1 - beta1 ** (steps + 1))" in line for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_native_code_gives_the_same_up_to_rounding(kind):
    pytest.importorskip("numba")
    eager, native = (quadratic(optimizer=kind, lr=0.01, sizes=(6, 3)) for _ in range(2))
    compiled = compile(native.step, backend="native")
    x, y = batch(np.random.default_rng(0), eager)
    for _ in range(6):
        found, expected = compiled(x, y), eager.step(x, y)
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-4)
    for p, q in zip(native.optimizer.params, eager.optimizer.params):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-3, atol=1e-4)
    assert counts(native) == counts(eager)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_in_its_place(kind):
    training = trained(kind, lr=np.float64(0.1))
    arrays = [array for s in training.optimizer.param_groups[0].states for array in s.arrays().values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("kind", "options", "error", "message"),
    [
        (optim.Adam, {"lr": -1}, ValueError, "lr is -1: expected a finite number >= 0"),
        (optim.Adam, {"eps": -1}, ValueError, "eps is -1: expected"),
        (optim.Adam, {"betas": (1.0, 0.9)}, ValueError, r"betas\[0\] is 1.0: expected .* < 1"),
        (optim.Adam, {"betas": (0.9, -0.1)}, ValueError, r"betas\[1\] is -0.1"),
        (optim.Adam, {"betas": 0.9}, TypeError, r"betas is 0.9: expected two numbers; write betas="),
        (optim.AdamW, {"weight_decay": -1}, ValueError, "weight_decay is -1"),
        (optim.AdamW, {"amsgrad": 1}, TypeError, "amsgrad is 1: expected True or False"),
        (optim.AdamW, {"momentum": 0.9}, TypeError, r"AdamW\(\) does not take momentum="),
        (optim.RMSprop, {"alpha": -0.1}, ValueError, "alpha is -0.1"),
        (optim.RMSprop, {"centered": None}, TypeError, "centered is None: expected True or False"),
        (optim.Adagrad, {"lr_decay": float("nan")}, ValueError, "lr_decay is nan"),
        (optim.Adagrad, {"initial_accumulator_value": -1}, ValueError, "initial_accumulator_value is -1"),
    ],
)
def test_bad_settings_are_refused(kind, options, error, message):
    with pytest.raises(error, match=message):
        kind([Tensor(1.0, requires_grad=True)], **options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["state"][0].update(steps=-1), "saved steps are -1"),
        (lambda s: s["state"][0].update(steps=1.5), "saved steps are 1.5"),
        (lambda s: s["state"][0].update(velocity=np.ones((5, 6))), "Adam keeps no 'velocity'"),
        (lambda s: s["param_groups"][0].update(betas=(0.9, "1")), "saved betas is"),
    ],
)
def test_state_that_does_not_fit_is_refused(change, message):
    training = trained(optim.Adam)
    before = str(training.optimizer.state_dict())
    state = training.optimizer.state_dict()
    change(state)
    with pytest.raises(CheckpointError, match=message):
        training.optimizer.load_state_dict(state)
    assert str(training.optimizer.state_dict()) == before


def test_centered_rmsprop_stays_finite_where_all_gradients_are_equal():
    weight = Tensor(np.zeros(50, np.float32), requires_grad=True)
    optimizer = optim.RMSprop([weight], lr=1e-3, alpha=0.9, centered=True)
    for _ in range(1000):
        weight.grad = np.linspace(0.1, 2, 50, dtype=np.float32)
        optimizer.step()
    assert np.isfinite(weight.data).all()


def test_closure_is_answered_with_the_lines_to_write():
    optimizer = optim.SGD([Tensor(1.0, requires_grad=True)], lr=0.1)
    with pytest.raises(TypeError, match=r"does not take closure=: compute the loss before: `loss\."):
        optimizer.step(closure=lambda: 1.0)
    with pytest.raises(TypeError, match=r"Optimizer.step\(\) got 1 positional argument: expected none"):
        optimizer.step(lambda: 1.0)
