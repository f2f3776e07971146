"""A history: its contents, its printed form, and its file."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from tests.training.callbacks import Calls
from tinygrad_mnist import nn, optim
from tinygrad_mnist.doctor import TrainingFinding
from tinygrad_mnist.training import Epoch, History, fit

FIRST = Epoch(1, 0.1, 2.30259, 0.125, None, None, 100)
SECOND = Epoch(2, 0.05, 1.5, None, 1.25, 0.98765, 200, 4.0)


def test_missing_measurements_are_left_out_of_the_table():
    console = Console(width=100, file=io.StringIO())
    console.print(History([FIRST, SECOND]))
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in console.file.getvalue().splitlines()
        if "│" in line
    ]
    assert rows == [
        ["1", "2.3026", "12.50%", "", "", "0.00"],
        ["2", "1.5000", "", "1.2500", "98.77%", "4.00"],
    ]


def test_history_shows_its_end():
    assert repr(History()) == "History(no epoch)"
    assert repr(History([FIRST])) == "History(1 epochs, last: training loss 2.3026)"
    assert repr(History([FIRST, SECOND])) == "History(2 epochs, last: training loss 1.5000, accuracy 98.77%)"


def test_history_is_a_sequence_of_its_epochs():
    history = History([FIRST, SECOND])
    assert (list(history), len(history), history[0], history[-1]) == ([FIRST, SECOND], 2, FIRST, SECOND)
    assert (History().interrupted, History().findings) == (False, None)


def test_examples_per_second_are_0_where_no_time_was_measured():
    assert (FIRST.seconds, FIRST.examples_per_second) == (0.0, 0.0)
    assert SECOND.examples_per_second == 50


def test_history_round_trips_through_data():
    finding = TrainingFinding("a", "b", "c", "d", "e", numbers={"loss": float("inf"), "rate": 0.1})
    for history in (
        History(),
        History([FIRST, SECOND], True, []),
        History([SECOND], False, [finding, finding]),
    ):
        plain = json.loads(json.dumps(history.to_dict(), allow_nan=False))
        assert History.from_dict(plain) == replace(history, findings=None)  # for the doctor to restore
        assert plain["interrupted"] is history.interrupted


def test_history_file_has_a_line_per_epoch_and_no_seconds(tmp_path):
    path = tmp_path / "history.jsonl"
    History([FIRST, Epoch(2, 0.1, float("nan"), 0.5, float("inf"), 0.5, 10, 3.0)]).save(path)
    first, second = map(json.loads, path.read_text().splitlines())
    assert first == {
        "epoch": 1, "learning_rate": 0.1, "train_loss": 2.30259, "train_accuracy": 0.125,
        "validation_loss": None, "validation_accuracy": None, "examples": 100,
    }  # fmt: skip
    assert (second["train_loss"], second["validation_loss"]) == ("nan", "inf")
    assert History.load(path)[0] == FIRST


def small_job(epochs=2, **options):
    model = nn.Sequential(nn.Linear(3, 4, rng=np.random.default_rng(0)), nn.Dropout(0.5), nn.Linear(4, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    rng = np.random.default_rng(0)
    batches = [(rng.random((n, 3), np.float32), np.arange(n) % 2) for n in (4, 4, 2)]
    schedule = optim.ExponentialLR(optimizer, 0.5)
    parts = model, nn.CrossEntropyLoss(), optimizer, batches
    return model, fit(*parts, epochs=epochs, schedule=schedule, **options)


def test_training_measures_seconds_examples_and_rates():
    _, history = small_job()
    assert all(epoch.seconds > 0 for epoch in history)
    assert [epoch.examples for epoch in history] == [10, 10]
    assert [epoch.learning_rate for epoch in history] == [0.5, 0.25]
    assert (history.interrupted, history.findings) == (False, None)


@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_callbacks_get_number_and_loss_of_each_step_and_epoch(backend):
    steps, epochs = [], []
    calls = Calls(
        after_step=lambda t: steps.append((t.epoch, t.step, t.steps, t.last_loss)),
        after_epoch=lambda training, epoch: epochs.append(epoch),
    )
    _, history = small_job(backend=backend, callbacks=[calls])
    assert [step[:3] for step in steps] == [(e, s, 3) for e in (1, 2) for s in (1, 2, 3)]
    assert epochs == list(history)
    for epoch in epochs:
        losses = [step[3] for step in steps if step[0] == epoch.epoch]
        assert np.average(losses, weights=[4, 4, 2]) == pytest.approx(epoch.train_loss)


def test_modules_train_in_steps_and_keep_modes_in_evaluation():
    seen = []

    class Watch(nn.Module):
        def forward(self, x):
            seen.append(self.training)
            return x

    watch = Watch()
    model = nn.Sequential(nn.Linear(3, 2), watch)
    batch = np.ones((2, 3), np.float32), np.array([0, 1])
    model.eval()
    fit(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=0.1),
        [batch],
        [batch],
        epochs=2,
        backend="eager",
    )
    assert seen == [True, False, True, False]


def test_stream_has_no_known_number_of_steps():
    model = nn.Linear(3, 2)
    batch = np.ones((2, 3), np.float32), np.array([0, 1])
    told = []
    fit(
        model,
        nn.CrossEntropyLoss(),
        optim.SGD(model.parameters(), lr=0.1),
        iter([batch]),
        epochs=1,
        callbacks=[Calls(after_step=lambda training: told.append((training.step, training.steps)))],
    )
    assert told == [(1, None)]
