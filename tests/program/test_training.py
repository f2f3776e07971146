"""Whole training steps: replay equals eager bit for bit, whatever the optimizer and the batches do."""

import tracemalloc

import numpy as np
import pytest

from tests.program.networks import batch, binary, classifier, quadratic
from tests.program.standalone import run_alone
from tinygrad_mnist import Tensor, nn, no_grad, optim
from tinygrad_mnist.errors import CaptureError, LabelError, StaleGradientError
from tinygrad_mnist.program import compile

OPTIONS = [
    {},
    {"weight_decay": 0.01},
    {"momentum": 0.9},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.9, "dampening": 0.5, "weight_decay": 0.1},
]
MAKERS = [
    quadratic,
    binary,
    classifier,
    lambda **options: classifier(activation=nn.Sigmoid, **options),
    lambda **options: classifier(dropout=0.3, **options),
    lambda **options: quadratic(dtype=np.float64, **options),
    lambda **options: classifier(dtype=np.float64, activation=nn.Tanh, **options),
]


def run_both(maker, options, steps=12, rows=(7, 7, 3)):
    """The same batches through an eager and a compiled training; both, and the compiled function."""
    eager, replayed = maker(**options), maker(**options)
    compiled = compile(replayed.step)
    rng = np.random.default_rng(5)
    for i in range(steps):
        x, y = batch(rng, eager, rows[i % len(rows)])
        eager.optimizer.lr = replayed.optimizer.lr = 0.5 / (1 + i)
        expected, found = eager.step(x, y), compiled(x, y)
        assert found.data.tobytes() == expected.data.tobytes()
        assert replayed.state() == eager.state()
    return eager, replayed, compiled


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("maker", range(len(MAKERS)))
def test_training_by_replay_is_training(maker, options):
    run_both(MAKERS[maker], options)


@pytest.mark.parametrize("maker", MAKERS[:4])
def test_step_of_one_example_multiplies_nothing_by_one(maker):
    """The mean of one example divides its gradient and its loss by 1; the bits are the same without."""
    *_, compiled = run_both(maker, {}, rows=(1,))
    lines = compiled.program.source.split("def step")[1].splitlines()
    assert not [line for line in lines if "multiply(one" in line or "divide(loss, one" in line]


def test_other_numbers_of_the_optimizer_are_read_at_every_call_too():
    eager, replayed, compiled = run_both(quadratic, {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1})
    count = len(compiled._programs)
    rng = np.random.default_rng(8)
    for momentum, dampening, decay in [(0.5, 0.2, 0.3), (0.8, 0.7, 0.2)]:
        for training in (eager, replayed):
            training.optimizer.momentum, training.optimizer.dampening = momentum, dampening
            training.optimizer.weight_decay = decay
        x, y = batch(rng, eager)
        eager.step(x, y), compiled(x, y)
        assert replayed.state() == eager.state()
    assert len(compiled._programs) == count
    for training in (eager, replayed):
        training.optimizer.weight_decay = 0.0  # a term less: another program
    x, y = batch(rng, eager)
    eager.step(x, y), compiled(x, y)
    assert replayed.state() == eager.state()
    assert len(compiled._programs) == count + 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"momentum": 0.5}),
        ({"momentum": 0.5}, {"momentum": 0.0}),
        ({"momentum": 0.5}, {"dampening": 0.5}),
        ({"momentum": 0.5, "dampening": 0.5}, {"dampening": 0.0}),
        ({"momentum": 0.5}, {"nesterov": True}),
        ({}, {"weight_decay": 0.1}),
        ({"weight_decay": 0.1}, {"weight_decay": 0.0}),
    ],
    ids=str,
)
def test_term_that_starts_or_stops_counting_is_a_new_program(before, after):
    eager, replayed, compiled = run_both(quadratic, before, steps=4, rows=(7,))
    for training in (eager, replayed):
        vars(training.optimizer.param_groups[0]).update(after)
    rng = np.random.default_rng(8)
    for _ in range(4):
        x, y = batch(rng, eager)
        assert compiled(x, y).data.tobytes() == eager.step(x, y).data.tobytes()
        assert replayed.state() == eager.state()


@pytest.mark.parametrize(
    ("setting", "values"),
    [
        ("lr", (0.1, 0.2)),
        ("momentum", (0.5, 0.7)),
        ("dampening", (0.1, 0.3)),
        ("weight_decay", (0.0, 0.2)),
        ("nesterov", (False, True)),
    ],
)
def test_function_that_reads_a_setting_follows_it(setting, values):
    optimizer = quadratic(momentum=0.5).optimizer
    compiled = compile(lambda x: x * getattr(optimizer, setting))
    for value in values * 2:
        setattr(optimizer, setting, value)
        for _ in range(3):
            np.testing.assert_array_equal(compiled(np.ones(2)).data, np.full(2, float(value)))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("lr", 0.2), ("momentum", 0.7), ("dampening", 0.3), ("weight_decay", 0.2), ("nesterov", True)],
)
def test_setting_changed_by_the_function_itself_is_refused(setting, value):
    optimizer = quadratic(momentum=0.5).optimizer
    before = optimizer.state_dict()

    def function(x):
        setattr(optimizer, setting, value)
        return x * 1.0

    with pytest.raises(
        CaptureError, match=f"ParameterGroup.{setting} is changed while a program is captured"
    ):
        compile(function)(np.ones(2))
    assert str(optimizer.state_dict()) == str(before)


@pytest.mark.parametrize("maker", [quadratic, binary, classifier])
def test_printed_code_runs_alone_and_gives_the_same_bits(maker):
    eager, _, compiled = run_both(maker, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01})
    program = compiled.program
    x, y = batch(np.random.default_rng(9), eager, 3)
    compiled(x, y)
    eager.step(x, y)
    program = compiled.program
    states = [state.get() for state in program.states]
    numbers = [number.get() for number in program.numbers]
    jobs = [
        (text, kind, [x, y], [array.copy() for array in states], numbers)
        for kind, text in (("source", program.source), ("derivation", program.derivation))
    ]
    expected = eager.step(x, y).data.tobytes()
    by_velocity = [s.velocity for s in eager.optimizer.param_groups[0].states]
    arrays = sorted(a.tobytes() for a in [*(p.data for p in eager.optimizer.params), *by_velocity])
    for loss, changed in run_alone(jobs):
        assert np.asarray(loss).tobytes() == expected
        assert sorted(a.tobytes() for a in changed) == arrays


def test_derivation_of_a_step_is_as_kept():
    training = quadratic()
    compiled = compile(training.step)
    compiled(*batch(np.random.default_rng(0), training, 10))
    lines = {line.split("#")[0].strip() for line in compiled.program.derivation.splitlines()}
    assert {
        "z1 = x @ W1.T + b1",
        "a1 = 1 / (1 + np.exp(-z1))",
        "dz2 = da2 * (a2 * (1 - a2))",
        "dW2 = dz2.T @ a1",
        "db2 = ones @ dz2",
        "dW1 = dz1.T @ x",
        "W1 -= lr * dW1",
    } <= lines


def test_memory_is_used_again():
    training = classifier()
    compiled = compile(training.step)
    compiled(*batch(np.random.default_rng(0), training, 64))
    assert 0 < compiled.program.bytes_after < 0.7 * compiled.program.bytes_before


def test_assigned_weights_are_found():
    eager, replayed, compiled = run_both(quadratic, {})
    state = {name: array[::-1].copy() for name, array in eager.model.state_dict().items()}
    for training in (eager, replayed):
        training.model.load_state_dict(state)
    rng = np.random.default_rng(2)
    for _ in range(3):
        x, y = batch(rng, eager)
        assert compiled(x, y).item() == eager.step(x, y).item()
        assert replayed.state() == eager.state()


@pytest.mark.parametrize("velocities", ["none", "new arrays", "one new array"])
def test_exchanged_velocities_are_found(velocities):
    eager, replayed, compiled = run_both(quadratic, {"momentum": 0.9})
    for training in (eager, replayed):
        for state in training.optimizer.param_groups[0].states:
            if velocities == "none":
                state.velocity = None
            elif velocities == "new arrays":
                state.velocity = 2 * state.velocity
            elif state.velocity.ndim == 2:
                state.velocity = np.ones_like(state.velocity)
    rng = np.random.default_rng(2)
    for _ in range(4):
        x, y = batch(rng, eager)
        assert compiled(x, y).item() == eager.step(x, y).item()
        assert replayed.state() == eager.state()


def test_mode_of_the_modules_is_part_of_the_signature():
    training = classifier(dropout=0.5)
    forward = compile(lambda x: training.model(x))
    x = batch(np.random.default_rng(0), training)[0]
    for _ in range(3):
        assert any(forward(x).data.tobytes() != forward(x).data.tobytes() for _ in range(20))
        training.model.eval()
        assert forward(x).data.tobytes() == forward(x).data.tobytes() == training.model(x).data.tobytes()
        training.model.train()


def test_graph_from_before_a_replay_is_stale():
    training = quadratic()
    compiled = compile(training.step)
    x, y = batch(np.random.default_rng(0), training)
    for _ in range(3):
        compiled(x, y)
    loss = training.loss(training.model(x), y)
    compiled(x, y)
    with pytest.raises(StaleGradientError):
        loss.backward()


def test_wrong_labels_are_refused_at_every_call():
    training = classifier()
    compiled = compile(training.step)
    rng = np.random.default_rng(0)
    for _ in range(3):
        compiled(*batch(rng, training))
    x, y = batch(rng, training)
    before = training.state()
    with pytest.raises(LabelError, match="label 3 of example 2"):
        compiled(x, np.where(np.arange(7) == 2, 3, y))
    assert training.state() == before


def test_gradients_without_an_update_belong_to_the_caller():
    eager, replayed = quadratic(), quadratic()

    def gradients(training):
        def run(x, y):
            training.model.zero_grad()
            training.loss(training.model(x), y).backward()

        return run

    compiled = compile(gradients(replayed))
    rng = np.random.default_rng(0)
    kept = []
    for _ in range(5):
        x, y = batch(rng, eager)
        gradients(eager)(x, y), compiled(x, y)
        kept.append([(p.grad, q.grad) for p, q in zip(eager.model.parameters(), replayed.model.parameters())])
    for pairs in kept:  # those of earlier calls too: none was written over
        for expected, found in pairs:
            np.testing.assert_array_equal(found, expected)


def test_gradient_used_by_the_update_is_not_kept():
    training = quadratic()
    compiled = compile(training.step)
    for _ in range(4):
        compiled(*batch(np.random.default_rng(0), training))
        assert all(p.grad is None for p in training.model.parameters())


def test_gradients_add_up_where_nobody_clears_them():
    eager, replayed = quadratic(), quadratic()

    def accumulate(training):
        return lambda x, y: training.loss(training.model(x), y).backward()

    compiled = compile(accumulate(replayed))
    rng = np.random.default_rng(0)
    for i in range(8):
        x, y = batch(rng, eager)
        accumulate(eager)(x, y), compiled(x, y)
        for p, q in zip(eager.model.parameters(), replayed.model.parameters()):
            np.testing.assert_array_equal(q.grad, p.grad)
        if i == 4:
            for training in (eager, replayed):
                training.optimizer.step()
                training.optimizer.zero_grad()


def test_missing_zero_grad_adds_up_as_in_eager():
    eager, replayed = quadratic(), quadratic()

    def step(training):
        def run(x, y):
            loss = training.loss(training.model(x), y)
            loss.backward()
            training.optimizer.step()
            return loss

        return run

    compiled = compile(step(replayed))
    rng = np.random.default_rng(0)
    for _ in range(6):
        x, y = batch(rng, eager)
        assert compiled(x, y).item() == step(eager)(x, y).item()
        assert replayed.state() == eager.state()


def test_update_written_by_hand_is_captured():
    eager, replayed = quadratic(), quadratic()

    def step(training):
        def run(x, y):
            for p in training.model.parameters():
                p.grad = None
            loss = training.loss(training.model(x), y)
            loss.backward()
            norm = np.sqrt(sum(np.sum(p.grad * p.grad) for p in training.model.parameters()))
            with no_grad():
                for p in training.model.parameters():
                    p -= 0.5 * p.grad / (1 + norm)
            return {"loss": loss.item(), "norm": norm}

        return run

    compiled = compile(step(replayed))
    rng = np.random.default_rng(0)
    for _ in range(4):
        x, y = batch(rng, eager)
        found, expected = compiled(x, y), step(eager)(x, y)
        assert (found["loss"], found["norm"].item()) == (expected["loss"], expected["norm"])
        assert replayed.state() == eager.state()


def test_two_optimizers_have_their_own_rates():
    def make():
        rng = np.random.default_rng(0)
        first, second = nn.Linear(6, 4, rng=rng), nn.Linear(4, 3, rng=rng)
        return first, second, optim.SGD(first.parameters(), lr=0.1), optim.SGD(second.parameters(), lr=0.2)

    def step(first, second, one, two):
        def run(x, y):
            one.zero_grad(), two.zero_grad()
            loss = nn.QuadraticLoss()(second(first(x).sigmoid()), y)
            loss.backward()
            one.step(), two.step()
            return loss

        return run

    ours, theirs = make(), make()
    compiled, eager = compile(step(*ours)), step(*theirs)
    rng = np.random.default_rng(0)
    for i in range(5):
        x, y = batch(rng, quadratic())
        ours[2].lr = theirs[2].lr = 0.1 * i
        ours[3].lr = theirs[3].lr = 0.3 / (1 + i)
        assert compiled(x, y).item() == eager(x, y).item()
    for p, q in zip(ours[1].parameters(), theirs[1].parameters()):
        assert p.data.tobytes() == q.data.tobytes()


def test_inference_under_no_grad():
    training = classifier()
    forward = compile(training.model.eval())
    rng = np.random.default_rng(0)
    for rows in (4, 4, 4, 2, 2, 2):
        x, _ = batch(rng, training, rows)
        with no_grad():
            found = forward(x)
        assert found.data.tobytes() == training.model(x).data.tobytes()
        assert not found.requires_grad
    assert isinstance(found, Tensor)


def test_step_allocates_only_its_result():
    """The arrays here are of 800 KB; NumPy's ufuncs take buffers of up to 8,192 elements as they run."""
    training = quadratic(sizes=(6, 400, 400, 3), momentum=0.9)
    compiled = compile(training.step)
    x, y = batch(np.random.default_rng(0), training, 500)
    for _ in range(5):
        compiled(x, y)
    tracemalloc.start()
    for _ in range(3):
        compiled(x, y)
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(10):
        compiled(x, y)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 300
    assert peak - before < 250_000


def test_check_leaves_everything_as_after_one_call():
    eager, replayed = classifier(dropout=0.4), classifier(dropout=0.4)
    compiled = compile(replayed.step)
    rng = np.random.default_rng(0)
    for _ in range(4):
        x, y = batch(rng, eager)
        assert compiled.check(x, y).item() == eager.step(x, y).item()
        assert replayed.state() == eager.state()
    assert compiled(x, y).item() == eager.step(x, y).item()


def test_program_is_missing_before_the_first_call():
    with pytest.raises(CaptureError, match="has not been called"):
        _ = compile(quadratic().step).program
