"""Models trained at once in threads give the same bits as each model alone.

The long form: ``THREAD_ROUNDS=50 pytest tests/training/test_threads.py``
"""

import asyncio
import functools
import os
from itertools import combinations

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.concurrent import at_once
from tests.training.conftest import Training
from tinygrad_mnist import graph, nn, no_grad, optim, scope
from tinygrad_mnist.autodiff.modes import CALL, RECORDING, path_of
from tinygrad_mnist.doctor import Doctor
from tinygrad_mnist.training import fit

ROUNDS = int(os.environ.get("THREAD_ROUNDS", "1"))


def left(model, *more):
    """Return the results of a run, as bits."""
    return [p.data.tobytes() for p in model.parameters()], *more


def fitted(digits, **options):
    """With momentum, a schedule and validation."""
    training = Training(digits, epochs=2)
    history = training.fit(epochs=2, **options)
    findings = history.findings and [str(finding) for finding in history.findings]
    return left(training.model, [(e.train_loss, e.validation_loss) for e in history], findings)


def replayed(digits):
    return fitted(digits)


def eagerly(digits):
    return fitted(digits, backend="eager")


def with_a_doctor(digits):
    return fitted(digits, callbacks=[Doctor()])


def with_dropout(digits):
    rng = np.random.default_rng(2)
    layers = (
        nn.Flatten(),
        nn.Linear(64, 32, rng=rng),
        nn.ReLU(),
        nn.Dropout(0.3, rng=rng),
        nn.Linear(32, 10, rng=rng),
    )
    model = nn.Sequential(*layers)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    loader = digits.train.loader(16, shuffle=True, seed=2)
    schedule = optim.StepLR(optimizer, 1)
    history = fit(model, nn.CrossEntropyLoss(), optimizer, loader, epochs=2, schedule=schedule)
    return left(model, [e.train_loss for e in history])


def by_hand(digits):
    """A hand-written loop that changes modes, scopes and NumPy's error states, and draws graphs."""
    rng = np.random.default_rng(3)
    model = nn.Sequential(nn.Linear(64, 16, rng=rng), nn.Sigmoid(), nn.Linear(16, 10, rng=rng))
    seen = []
    for inputs, targets in digits.train.loader(50, shuffle=True, seed=3):
        flat = inputs.reshape(len(inputs), -1)
        with np.errstate(all="raise"), scope("mine"):
            loss = nn.CrossEntropyLoss()(model(flat), targets)
        loss.backward()
        assert loss.requires_grad
        seen.append((loss.item(), loss.scope, graph.to_text(graph.Graph(loss))))
        with no_grad(), np.errstate(divide="ignore"):
            assert not model(flat).requires_grad
            for parameter in model.parameters():
                parameter -= 0.1 * parameter.grad
                parameter.grad = None
            seen.append(float(np.float64(1.0) / np.zeros(1)[0]))
        with pytest.raises(FloatingPointError), np.errstate(all="raise"):
            np.float64(1.0) / np.zeros(1)[0]
    return left(model, seen)


def by_transforms(digits):
    """Gradients and curvature of a function of plain arrays."""
    images, labels = next(iter(digits.train.loader(40)))
    x = images.reshape(len(images), -1)

    def loss(weight):
        return nn.CrossEntropyLoss()(x @ weight, labels)

    weight = np.zeros((64, 10), x.dtype)
    curvature = []
    for _ in range(30):
        value, slope = tm.value_and_grad(loss)(weight)
        curvature.append(tm.hvp(loss, (weight,), (slope,))[0].tobytes())
        weight -= 0.1 * slope
    return weight.tobytes(), float(value), curvature


RUNS = [replayed, eagerly, with_a_doctor, with_dropout, by_hand, by_transforms]


@pytest.fixture(scope="module")
def alone(digits):
    return functools.cache(lambda run: run(digits))


@pytest.mark.parametrize(
    "pair", list(combinations(RUNS, 2)), ids=lambda pair: "-".join(run.__name__ for run in pair)
)
def test_two_concurrent_runs_equal_separate_ones(pair, alone, digits):
    for _ in range(ROUNDS):
        found = at_once(*(lambda run=run: run(digits) for run in pair))
        for run, result in zip(pair, found):
            assert result == alone(run), run.__name__


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.__name__)
def test_four_concurrent_runs_equal_a_single_one(run, alone, digits):
    for _ in range(ROUNDS):
        for result in at_once(*[lambda: run(digits)] * 4):
            assert result == alone(run)


def test_event_loop_tasks_have_separate_modes_and_scopes(digits):
    """One task waits inside of no_grad and a scope while others train."""
    inputs, targets = next(iter(digits.train.loader(20)))

    def small():
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=np.random.default_rng(0)))

    async def train(model):
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        for _ in range(10):
            optimizer.zero_grad()
            assert (RECORDING.get(), path_of(CALL.get())) == (True, "")
            output = model(inputs)
            await asyncio.sleep(0)
            nn.CrossEntropyLoss()(output, targets).backward()
            optimizer.step()
        return left(model)

    async def look(model):
        for i in range(10):
            with no_grad(), scope(f"task{i}"), np.errstate(all="raise"):
                await asyncio.sleep(0)
                assert not model(inputs).requires_grad
                assert path_of(CALL.get()) == f"task{i}"

    async def together():
        trained = await asyncio.gather(train(small()), look(small()), train(small()), look(small()))
        return [trained[0], trained[2]]

    expected = asyncio.run(train(small()))
    assert asyncio.run(together()) == [expected, expected]


def test_thread_starts_with_the_modes_of_a_new_program():
    with no_grad(), scope("outer"):
        assert at_once(lambda: (RECORDING.get(), path_of(CALL.get()))) == [(True, "")]
