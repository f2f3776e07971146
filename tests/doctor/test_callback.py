"""The doctor in a run: it changes nothing; findings are in the history, the report and the terminal."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from tests.doctor import patients
from tests.training.callbacks import Calls
from tinygrad_mnist import nn, optim
from tinygrad_mnist.cli import main
from tinygrad_mnist.doctor import Doctor, TrainingDiagnosis, TrainingFinding
from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.training import Checkpoints, Recipe, fit
from tinygrad_mnist.training.job import run_training
from tinygrad_mnist.training.run_config import RunOptions


def weights(training):
    return b"".join(p.data.tobytes() for p in training.model.parameters())


@pytest.mark.parametrize("lr", [0.1, 10.0])
def test_the_training_is_the_same_to_the_last_bit(training, lr):
    alone, attended = training(lr=lr), training(lr=lr)
    first, second = alone.fit(), attended.fit(callbacks=[Doctor()])
    assert weights(alone) == weights(attended)
    assert [e.train_loss for e in first] == [e.train_loss for e in second]
    assert first.findings is None
    names = [finding.name for finding in second.findings]
    assert names[:1] == (["learning-rate-too-high"] if lr == 10 else [])


def test_long_plateau_gives_no_finding():
    """Iris stays on a plateau for some hundred steps, one per epoch."""
    patient = patients.iris()
    parts = patient.model, patient.loss, patient.optimizer
    history = fit(*parts, patient.batches, epochs=150, callbacks=[Doctor()])
    assert history[-1].train_loss > 0.98 * history[0].train_loss
    assert history.findings == []


def test_each_look_is_reported(training):
    told = []
    training().fit(callbacks=[Doctor(told.append)])
    assert [diagnosis.ok for diagnosis in told] == [True]
    assert "8 batches" in told[0].subject


def test_batches_of_a_generator_are_trained_on_once_each(mnist):
    patient, seen = patients.main_job(mnist), []

    def batches():
        for batch in patient.batches:
            seen.append(batch)
            yield batch

    parts = patient.model, patient.loss, patient.optimizer
    history = fit(*parts, batches(), epochs=1, callbacks=[Doctor()])
    assert (len(seen), history[0].examples) == (4, 512)


def test_a_divergence_says_where_the_first_nan_came_from(training):
    job = training(lr=1e12)
    with pytest.raises(DivergenceError) as caught:
        job.fit(callbacks=[Doctor()])
    names = [finding.name for finding in caught.value.findings]
    assert names == ["learning-rate-too-high", "first-nan"]
    origin = caught.value.findings[1]
    assert "in epoch 1, step" in origin.what
    assert "largest weight was" in origin.evidence
    assert "Linear" in origin.where
    assert any(origin.what in note for note in caught.value.__notes__)


class Root(nn.Module):
    """Fails in the backward pass when all outputs are equal, which they are after the first update."""

    def __init__(self):
        self.weight = nn.Parameter(np.array([2.0, -1.0]))

    def forward(self, x):
        return (x * self.weight).sum(axis=1)


class Distance(nn.Module):
    def forward(self, output, target):
        return ((output - target) ** 2).sum().sqrt()


def test_backward_pass_nan_is_found_a_step_later():
    model = Root()
    batch = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
    optimizer = optim.SGD(model.parameters(), lr=1.0)  # the first step lands on the target exactly
    with np.errstate(divide="ignore"), pytest.raises(DivergenceError, match="step 3") as caught:
        fit(model, Distance(), optimizer, [batch] * 3, epochs=1, callbacks=[Doctor()])
    origin = caught.value.findings[-1]
    assert "backward pass, by the rule of sqrt_" in origin.what
    assert "step 2" in origin.what


def test_loss_that_does_not_fall_is_diagnosed(mnist):
    """Healthy at first; then something pushes the relus below 0."""
    patient = patients.main_job(mnist)
    told = []

    def spoil(training):
        if training.step == 60:
            patient.model[0].bias.data -= 50

    parts = patient.model, patient.loss, patient.optimizer
    batches = patients.digits(mnist, 120, 32)
    patient.optimizer.lr = 1e-4
    history = fit(*parts, batches, epochs=2, callbacks=[Doctor(told.append), Calls(after_step=spoil)])
    assert [d.names for d in told] == [(), ("dead-relus",)]
    assert "after epoch 1" in history.findings[0].what


class OfOneSize(nn.Module):
    """Takes batches of 32 only."""

    def __init__(self):
        self.layer = nn.Linear(784, 10, rng=np.random.default_rng(0))

    def forward(self, x):
        return self.layer(x.reshape(32, 784))


def test_unexamined_training_resumes_from_a_checkpoint(mnist, tmp_path):
    lengths = []
    for epochs in (1, 3):
        model = OfOneSize()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        data = patients.digits(mnist, 8, 32), None
        saved = {"callbacks": [Doctor(), Checkpoints(tmp_path)]}
        if epochs == 1:
            with pytest.warns(RuntimeWarning, match="cannot examine"):
                history = fit(model, nn.CrossEntropyLoss(), optimizer, *data, epochs=1, **saved)
        else:
            history = fit(model, nn.CrossEntropyLoss(), optimizer, *data, epochs=3, **saved)
        lengths.append((len(history), history.findings))
    assert lengths == [(1, None), (3, None)]


def test_training_continues_if_it_cannot_be_examined(mnist):
    ends = []
    for doctor in (False, True):
        model = OfOneSize()
        parts = (
            model,
            nn.CrossEntropyLoss(),
            optim.SGD(model.parameters(), lr=0.1),
            patients.digits(mnist, 8, 32),
        )
        if doctor:
            with pytest.warns(RuntimeWarning, match="the doctor cannot examine this training"):
                history = fit(*parts, epochs=2, callbacks=[Doctor()])
            assert history.findings is None
        else:
            fit(*parts, epochs=2)
        ends.append(model.layer.weight.data.tobytes())
    assert ends[0] == ends[1]


def test_report_shows_findings_only_with_the_doctor(digits, tmp_path):
    recipe = Recipe(hidden=(32,), batch_size=16, epochs=1, lr=20, momentum=0.0)
    for doctor in (True, False):
        run_training(recipe, digits, tmp_path / str(doctor), RunOptions(doctor=doctor))
    pages = {d: (tmp_path / str(d) / "report.html").read_text() for d in (True, False)}
    configs = {d: json.loads((tmp_path / str(d) / "config.json").read_text()) for d in (True, False)}
    assert "What the doctor found" in pages[True]
    assert "The learning rate 20 is too high." in pages[True]
    assert "what\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}do" in pages[True]
    assert "doctor" not in pages[False]
    assert "findings" not in configs[False]
    assert configs[True]["findings"][0]["name"] == "learning-rate-too-high"


def test_a_healthy_run_says_so_in_the_terminal(tmp_path):
    arguments = [
        "train",
        "--dataset",
        "digits",
        "--epochs",
        "1",
        "--doctor",
        "--output",
        str(tmp_path / "run"),
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "The doctor found nothing that keeps this network from learning." in result.output


def test_a_run_that_diverges_is_explained_in_the_terminal(tmp_path):
    arguments = ["train", "--dataset", "digits", "--epochs", "1", "--doctor", "--lr", "1e12"]
    result = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "run")])
    assert result.exit_code == 2
    assert "The learning rate 1e+12 is too high." in result.output
    assert "The first" in result.output


FINDING = TrainingFinding("a-name", "It is so.", "measured", "why", "remedy", "here")


def at_step(steps, stopping=False):
    """Return a training after its first look, with N steps behind it."""
    history = SimpleNamespace(findings=None)
    return SimpleNamespace(all_steps=steps, stopping=stopping, history=history)


def looked_at_once(monkeypatch, *found, first_loss=1.0, told=None):
    """Return a doctor whose first look is over, and whose next look finds these."""
    doctor = Doctor(told)
    doctor.load_state_dict({"first_loss": first_loss, "looked_again": False, "findings": []})
    monkeypatch.setattr(doctor, "_diagnosis", lambda training: TrainingDiagnosis(found, "4 examples"))
    return doctor


@pytest.mark.parametrize(
    ("steps", "loss", "stopping", "looks"),
    [
        (100, 1.0, False, 1),
        (99, 1.0, False, 0),
        (100, 0.981, False, 1),
        (100, 0.979, False, 0),
        (100, np.nan, False, 1),
        (100, 1.0, True, 0),
    ],
)
def test_second_look_is_after_100_steps_without_a_fall(monkeypatch, steps, loss, stopping, looks):
    doctor, training = looked_at_once(monkeypatch, FINDING), at_step(steps, stopping)
    for epoch in (3, 4):
        doctor.after_epoch(training, SimpleNamespace(epoch=epoch, train_loss=loss))
    assert [finding.what for finding in training.history.findings or ()] == [
        "It is so, after epoch 3."
    ] * looks
    assert doctor.state_dict()["looked_again"] is bool(looks)


def test_second_look_reports_what_is_new(monkeypatch):
    elsewhere, told = replace(FINDING, where="there"), []
    doctor = looked_at_once(monkeypatch, FINDING, elsewhere, told=told.append)
    doctor.load_state_dict(doctor.state_dict() | {"findings": [FINDING.to_dict()]})
    doctor.after_epoch(at_step(100), SimpleNamespace(epoch=1, train_loss=1.0))
    (diagnosis,) = told
    assert [(each.what, each.where) for each in diagnosis] == [("It is so, after epoch 1.", "there")]
    assert diagnosis.subject == "4 examples"
    assert [each["where"] for each in doctor.state_dict()["findings"]] == ["here", "there"]


def test_second_look_without_anything_new_reports_nothing(monkeypatch):
    told = []
    doctor = looked_at_once(monkeypatch, told=told.append)
    doctor.after_epoch(at_step(100), SimpleNamespace(epoch=1, train_loss=1.0))
    assert told == []


@pytest.mark.parametrize("first_loss", [None, 0.25])
@pytest.mark.parametrize("looked_again", [True, False])
@pytest.mark.parametrize("findings", [None, [], [FINDING.to_dict()]])
def test_state_of_the_doctor_survives_a_checkpoint(first_loss, looked_again, findings):
    doctor = Doctor()
    state = {"first_loss": first_loss, "looked_again": looked_again, "findings": findings}
    doctor.load_state_dict(json.loads(json.dumps(state)))
    assert doctor.state_dict() == state
    assert Doctor().state_dict() == {"first_loss": None, "looked_again": False, "findings": None}


@pytest.mark.parametrize(("told", "notes"), [(None, 1), (print, 0)])
def test_divergence_has_earlier_findings_first_then_notes(told, notes):
    doctor, origin = Doctor(told), replace(FINDING, name="first-nan")
    doctor.load_state_dict({"first_loss": 1.0, "looked_again": False, "findings": [FINDING.to_dict()]})
    error = DivergenceError("diverged")
    error.findings = (origin,)
    doctor.on_error(None, error)
    assert error.findings == (FINDING, origin)
    assert getattr(error, "__notes__", []) == [str(FINDING)] * notes


def test_other_error_is_left_alone():
    doctor, error = Doctor(), ValueError("other")
    doctor.load_state_dict({"first_loss": 1.0, "looked_again": False, "findings": [FINDING.to_dict()]})
    doctor.on_error(None, error)
    assert not hasattr(error, "findings")
    assert not hasattr(error, "__notes__")


@pytest.mark.parametrize(("size", "batches"), [(100, 2), (64, 2), (63, 3), (8, 16), (4, 16)])
def test_first_look_is_at_128_examples_or_16_batches(mnist, size, batches):
    patient, told = patients.main_job(mnist), []
    parts = patient.model, patient.loss, patient.optimizer
    fit(*parts, patients.digits(mnist, 20, size), epochs=1, callbacks=[Doctor(told.append)])
    assert told[0].subject == f"{size * batches} examples of {batches} batches"


@pytest.mark.parametrize(
    ("bounds", "is_high"),
    [({}, True), ({"clip_norm": 0.015}, False), ({"clip_value": 5e-4}, False), ({"clip_norm": 30.0}, True)],
)
def test_rate_is_judged_by_steps_within_the_bounds_of_training(training, bounds, is_high):
    found = []
    training(lr=10.0, momentum=0.0).fit(epochs=1, callbacks=[Doctor(found.append)], progress=False, **bounds)
    assert ("learning-rate-too-high" in found[0].names) == is_high
