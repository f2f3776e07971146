"""Numbers reported by a training, an evaluation and a prediction, counted by hand."""

import itertools
import math
import time

import numpy as np
import pytest

from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.training import Callback, evaluate, fit, predict


class Same(nn.Module):
    """Return the input unchanged."""

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(np.ones(()))

    def forward(self, x):
        return x * self.factor


class Calls(Callback):
    """Calls functions after each step and each epoch."""

    def __init__(self, after_step=lambda training: None, after_epoch=lambda training, epoch: None):
        self._step, self._epoch = after_step, after_epoch

    def after_step(self, training):
        self._step(training)

    def after_epoch(self, training, epoch):
        self._epoch(training, epoch)


BATCHES = [(np.full((2, 1), float(i)), np.zeros((2, 1))) for i in range(1, 6)]


def trained(callbacks=(), epochs=2, lr=0.0, batches=BATCHES, loss=None, **more):
    model = Same()
    optimizer = optim.SGD(model.parameters(), lr=lr)
    history = fit(model, loss or nn.MSELoss(), optimizer, batches, epochs=epochs, callbacks=callbacks,
                  backend="eager", **more)  # fmt: skip
    return model, optimizer, history


def test_seconds_of_an_epoch_are_those_of_its_steps(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def wait(seconds):
        clock[0] += seconds

    def loss(output, target):
        wait(1)
        return ops.mean((output - target) ** 2)

    def batches():
        for batch in BATCHES:
            wait(10)
            yield batch

    slow = Calls(lambda training: wait(1000), lambda training, epoch: wait(1000))
    _, _, history = trained([slow], batches=batches, loss=loss, validation=BATCHES)
    asked = 2  # calls on the first batch, to find its reduction
    assert [epoch.seconds for epoch in history] == [5 * 10 + 5 + asked, 5 * 10 + 5]
    assert [epoch.examples_per_second for epoch in history] == [10 / 57, 10 / 55]


@pytest.mark.parametrize(
    ("examples", "most", "expected"),
    [(1, 16, 1), (2, 16, 1), (3, 16, 2), (4, 16, 2), (99, 16, 5), (99, 2, 2)],
)
def test_first_batches_have_enough_examples_together(examples, most, expected):
    found, steps = [], []

    class Look(Callback):
        def before_training(self, training):
            found.append(training.first_batches(examples, most))
            found.append(training.first_batches(examples, most))

        def after_step(self, training):
            found.append(training.first_batches(examples, most))
            steps.append(training.last_loss)

    trained([Look()], epochs=2)
    assert [[x[0, 0] for x, _ in batches] for batches in found] == [list(range(1, expected + 1))] * 12
    assert steps == [1, 4, 9, 16, 25] * 2  # trained on as usual


@pytest.mark.parametrize(
    ("stop_at", "epochs", "examples", "epochs_of_schedule"),
    [(1, 1, [2], 0), (3, 1, [6], 0), (5, 1, [10], 1), (6, 2, [10, 2], 1), (10, 2, [10, 10], 2)],
)
def test_stopped_training_measures_the_steps_done(stop_at, epochs, examples, epochs_of_schedule):
    def stop(training):
        if training.all_steps == stop_at:
            training.stop("enough")

    model = Same()
    optimizer = optim.SGD(model.parameters(), lr=1e-9)
    schedule = optim.ExponentialLR(optimizer, 0.5)
    history = fit(model, nn.MSELoss(), optimizer, BATCHES, epochs=3, schedule=schedule, backend="eager",
                  callbacks=[Calls(stop)])  # fmt: skip
    assert [epoch.examples for epoch in history] == examples
    assert (len(history), history.stopped, history.interrupted) == (epochs, "enough", False)
    assert schedule.epoch == epochs_of_schedule
    assert [epoch.learning_rate for epoch in history] == [1e-9, 5e-10][:epochs]


def test_training_stopped_after_an_epoch_ends_there():
    _, _, history = trained([Calls(after_epoch=lambda training, epoch: training.stop("done"))], epochs=3)
    assert (len(history), history.stopped, history.interrupted) == (1, "done", False)


def test_callbacks_can_read_the_position():
    seen = []

    def note(training):
        seen.append((training.epoch, training.step, training.steps, training.all_steps, training.epochs))
        assert (training.resumed, training.stopping) == (False, False)

    class First(Callback):
        def before_training(self, training):
            assert math.isnan(training.last_loss)
            assert (training.epoch, training.step, training.all_steps) == (1, 0, 0)

    trained([First(), Calls(note)])
    assert seen == [(1 + i // 5, 1 + i % 5, 5, 1 + i, 2) for i in range(10)]


OUTPUT = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])


@pytest.mark.parametrize(
    ("output", "targets", "accuracy"),
    [
        (OUTPUT, np.array([0, 1, 1]), 2 / 3),
        (OUTPUT, np.array([0, 1, 1], np.uint8), 2 / 3),
        (OUTPUT, np.array([0.0, 1.0, 1.0]), None),
        (OUTPUT, np.array([[1.0, 0], [0, 1], [0, 1]]), 2 / 3),
        (OUTPUT, np.array([[0.6, 0.4], [0, 1.0], [0.4, 0.6]]), 2 / 3),
        (OUTPUT, np.array([[0.6, 0.5], [0, 1.0], [0.4, 0.6]]), None),
        (OUTPUT, np.array([[1, 0], [0, 1], [0, 1]]), 2 / 3),
        (OUTPUT, np.array([[2, -1], [0, 1], [0, 1]]), None),
        (OUTPUT, np.array([[1, 1], [0, 1], [0, 1]]), None),
        (OUTPUT, np.array([[0, 0], [0, 1], [0, 1]]), None),
        (OUTPUT[:, :1], np.array([0, 1, 1]), None),
        (OUTPUT[..., None], np.array([0, 1, 1]), None),
    ],
)
def test_accuracy_is_the_share_of_rows_largest_at_their_class(output, targets, accuracy):
    found = evaluate(Same(), lambda y, t: ops.mean(y), [(output, targets)])
    assert found.accuracy == accuracy
    assert found.examples == 3


@pytest.mark.parametrize("sizes", [(6,), (1, 5), (2, 4), (5, 1), (1, 1, 1, 1, 1, 1)])
@pytest.mark.parametrize("reduce", [ops.sum, ops.mean])
def test_loss_is_reported_per_example(reduce, sizes):
    x = np.arange(1.0, 7.0)[:, None]
    edges = np.cumsum((0, *sizes))
    batches = [(x[a:b], np.zeros((b - a, 1))) for a, b in itertools.pairwise(edges)]
    found = evaluate(Same(), lambda y, t: reduce(y * y), batches)
    assert found.loss == pytest.approx(91 / 6)


def test_loss_that_is_neither_mean_nor_sum_causes_a_warning():
    batches = [(np.arange(1.0, 7.0)[:, None], np.zeros((6, 1)))]
    with pytest.warns(RuntimeWarning, match="neither the mean nor the sum"):
        evaluate(Same(), lambda y, t: ops.sum(y) ** 2, batches)


@pytest.mark.parametrize("rows", [1, 1000, 1001])
def test_outputs_are_those_of_every_row_in_order(rows):
    x = np.arange(float(rows))[:, None]
    np.testing.assert_array_equal(predict(Same(), x), x)
