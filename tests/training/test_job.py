"""The main job hands every option on, and the parts around it: figures, progress, settings as text."""

import json
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tests.training.jobs import Job
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import ImageDataset, Loader, Split
from tinygrad_mnist.datasets.augment import Distortions
from tinygrad_mnist.doctor import Doctor, TrainingFinding
from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files.tensors import MOST_HEADER_BYTES
from tinygrad_mnist.training import (
    Checkpoints,
    EarlyStopping,
    Epoch,
    History,
    Progress,
    Recipe,
    fit,
    job,
    run_folder,
)
from tinygrad_mnist.training.fresh import default_batch_size
from tinygrad_mnist.training.run_config import RunConfig, RunOptions, read_settings, save_config
from tinygrad_mnist.training.run_folder import save_results
from tinygrad_mnist.training.run_state import Parts
from tinygrad_mnist.training.settings import settings_of, settings_of_data
from tinygrad_mnist.training.step import require_finite, shortened
from tinygrad_mnist.training.totals import Evaluation, Totals


class ReachedError(Exception):
    pass


@pytest.mark.parametrize("validation", [100, 0])
def test_job_passes_every_setting_to_fit(validation, tmp_path, monkeypatch, digits):
    seen = {}

    def noted(*parts, **settings):
        seen.update(settings, parts=parts)
        raise ReachedError

    monkeypatch.setattr(job, "fit", noted)
    options = RunOptions(
        doctor=True, detect_anomaly=True, checkpoint_steps=7, checkpoint_seconds=2.5, keep=4, backend="eager"
    )
    recipe = Recipe(
        hidden=(4,),
        batch_size=8,
        epochs=3,
        lr=0.3,
        seed=5,
        schedule="constant",
        loss="quadratic",
        augment="distortions",
    )
    if not validation:
        empty = Split(digits.validation.raw_images[:0], digits.validation.labels[:0], 16)
        digits = ImageDataset("digits", "a test", digits.train, empty, digits.test, 10)
    told, stopping = [], EarlyStopping()
    with pytest.raises(ReachedError):
        job.run_training(recipe, digits, tmp_path / "run", options, [stopping], told.append)
    model, loss, optimizer, train, held_out = seen["parts"]
    assert [repr(layer) for layer in model] == [
        "Flatten()",
        "Linear(64, 4)",
        "ReLU()",
        "Linear(4, 10)",
        "Sigmoid()",
    ]
    assert (type(loss), optimizer.lr) == (nn.QuadraticLoss, 0.3)
    assert (train.batch_size, train.shuffle, train.seed) == (8, True, 5)
    assert repr(train.transform) == repr(Distortions())
    assert held_out is None or held_out.transform is None
    assert (held_out is None) is (not validation)
    assert not validation or (held_out.batch_size, held_out.shuffle) == (1000, False)
    assert (seen["epochs"], seen["schedule"], seen["backend"], seen["detect_anomaly"]) == (
        3,
        None,
        "eager",
        True,
    )
    doctor, second, checkpoints = seen["callbacks"]
    assert isinstance(doctor, Doctor)
    assert second is stopping
    assert (checkpoints.every_steps, checkpoints.every_seconds, checkpoints.keep) == (7, 2.5, 4)
    assert checkpoints.folder == tmp_path / "run" / "checkpoints"
    with pytest.raises(ReachedError):
        job.run_training(recipe, digits, tmp_path / "plain")
    (checkpoints,) = seen["callbacks"]
    assert (checkpoints.every_steps, checkpoints.every_seconds, checkpoints.keep) == (None, 60.0, 3)
    assert (seen["backend"], seen["detect_anomaly"]) == ("numpy", False)


@pytest.mark.parametrize(
    ("accuracy", "chance", "near"),
    [(0.189, 0.1, True), (0.191, 0.1, False), (0.5, 0.5, True), (0.549, 0.5, True), (0.551, 0.5, False),
     (0.0, 0.1, True), (None, 0.1, False), (1.0, 0.9, False)],
)  # fmt: skip
def test_accuracy_of_many_is_near_chance_below_a_tenth(accuracy, chance, near):
    result = job.RunResult(History(), Evaluation(1.0, accuracy, 10**8), Path("report"), chance)
    assert result.near_chance is near


def test_chance_is_the_share_of_the_largest_class(tmp_path, digits):
    labels = np.where(np.arange(360) < 90, 3, digits.test.labels % 3).astype(np.uint8)
    dataset = ImageDataset(
        "digits", "a test", digits.train, digits.validation, Split(digits.test.raw_images, labels, 16), 10
    )
    result = job.run_training(Recipe(hidden=(), batch_size=64, epochs=1), dataset, tmp_path / "run")
    assert result.chance == np.bincount(labels).max() / 360
    assert (len(result.history), result.test.examples) == (1, 360)
    assert result.report == tmp_path / "run" / "report.html"


@pytest.mark.parametrize(("count", "size"), [(1, 16), (9_999, 16), (10_000, 128), (60_000, 128)])
def test_small_training_sets_get_small_batches(count, size):
    assert default_batch_size(SimpleNamespace(train=range(count))) == size


# Figures that are told


def test_progress_is_a_line_with_loss_accuracy_and_speed():
    lines = []
    progress, training = Progress(lines.append), SimpleNamespace(epochs=12)
    progress.after_epoch(training, Epoch(3, 0.1, 1.23456, 0.5, 2.0, 0.98765, 12345, 10.0))
    progress.after_epoch(training, Epoch(12, 0.1, 0.5, None, None, None, 100, 0.0))
    assert lines == [
        "epoch   3/12  loss 1.2346  validation accuracy  98.77%      1,234 examples/s",
        "epoch  12/12  loss 0.5000          0 examples/s",
    ]
    assert Progress().write is print


@pytest.mark.parametrize(
    ("losses", "options", "stops_after"),
    [
        ([3, 2, 1, 0.5, 0.4, 0.3], {"patience": 1}, None),
        ([3, 3, 3, 3], {"patience": 1}, 2),
        ([3, 3, 3, 3], {"patience": 3}, 4),
        ([3, 2, 2, 1, 1, 1], {"patience": 2}, 6),
        ([3, 2.75, 2.5], {"patience": 1, "min_delta": 0.25}, 2),
        ([3, 2.5, 2.0], {"patience": 1, "min_delta": 0.25}, None),
        ([float("inf")] * 6, {}, 5),
        ([1, float("nan"), 0.5], {"patience": 2}, None),
    ],
)
def test_early_stopping_counts_epochs_without_improvement(losses, options, stops_after):
    """By the loss on the validation data, or else on the training data; with or without a break."""
    for held_out in (True, False):
        for resumed_at in (None, 1, 2):
            options = {**options, "restore_best": False}
            stopping, reasons = EarlyStopping(**options), []
            training = SimpleNamespace(resumed=False, stop=reasons.append)
            stopping.before_training(training)
            count = None
            for number, loss in enumerate(losses, 1):
                if number == resumed_at:
                    state = json.loads(json.dumps(stopping.state_dict(), allow_nan=False))
                    stopping = EarlyStopping(**options)
                    stopping.load_state_dict(state)
                    stopping.before_training(SimpleNamespace(resumed=True, stop=reasons.append))
                values = (9.0, None, loss, None) if held_out else (loss, None, None, None)
                stopping.after_epoch(training, Epoch(number, 0.1, *values, 10))
                if reasons:
                    count = number
                    break
            assert count == stops_after
            assert not reasons or reasons[0].endswith(f" in {options.get('patience', 5)} epochs")


def test_totals_are_sums_over_examples():
    totals = Totals()
    assert (totals.loss, totals.correct, totals.examples) == (0.0, 0, 0)
    output = np.array([[1.0, 2.0], [3.0, 0.0], [0.0, 1.0]])
    totals.add(2.0, output, np.array([1, 1, 1]), 3)
    totals.add(5.0, output[:1], np.array([1]), 1)
    assert totals.evaluation() == Evaluation(11 / 4, 3 / 4, 4)
    totals.add(3.0, output, np.array([1, 1, 1]), 0.5)
    totals.add(float("nan"), output[:0], np.array([], int), 0)  # of examples none counts
    assert totals.evaluation() == Evaluation(12.5 / 4.5, 5 / 7, 7)


def test_first_ten_of_many_numbers_are_shown():
    assert shortened([]) == ""
    assert shortened(range(10)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert shortened(range(11)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ..."


def test_finite_inputs_of_any_shape_are_accepted():
    for shape in ((3,), (3, 2), (3, 2, 2), (0, 2)):
        require_finite(np.ones(shape), 1, 1)
        require_finite(nn.Parameter(np.ones(shape)), 1, 1)


# Settings


def test_settings_of_a_training_are_text_by_name():
    made = Job()
    settings = settings_of(Parts(made.model, made.loss, made.optimizer, made.schedule))
    sums = {name: settings.pop(name) for name in ("the weights", "the random numbers")}
    known = {
        "optimizer": "SGD",
        "optimizer.lr": "0.1",
        "optimizer.momentum": "0.9",
        "optimizer.dampening": "0.0",
        "optimizer.weight_decay": "0.001",
        "optimizer.nesterov": "False",
        "schedule": "CosineAnnealingLR",
        "schedule.epoch": "None",
        "schedule.T_max": "3",
        "schedule.eta_min": "0.0",
        "schedule.initial": "0.1",
        "loss": "CrossEntropyLoss",
        "loss.reduction": "mean",
        "loss.from_logits": "True",
        "loss.weight": "None",
        "loss.ignore_index": "None",
        "loss.label_smoothing": "0.0",
        "model": "Sequential",
        "model.0": "Linear",
        "model.0.in_features": "6",
        "model.0.out_features": "12",
        "model.1": "Tanh",
        "model.2": "Dropout",
        "model.2.p": "0.3",
        "model.3": "Linear",
        "model.3.in_features": "12",
        "model.3.out_features": "4",
    }
    assert known.items() <= settings.items()
    same, other = Job(), Job(seed=2)
    for job_, equal in ((same, True), (other, False)):
        found = settings_of(Parts(job_.model, job_.loss, job_.optimizer, job_.schedule))
        assert [found[name] == sums[name] for name in sums] == [equal, equal]


class Odd(nn.Module):
    def __init__(self, value):
        self.value = value
        self._hidden = 1

    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"), (True, "True"), (1, "1"), (1.0, "1.0"), ("a", "a"), (np.float32(0.5), "0.5"),
        ((1, (2.5, "b")), "(1, (2.5, b))"), ([1], "(1)"), (np.dtype("f4"), "float32"), (np.tanh, "tanh"),
        (nn.ReLU, "ReLU"), (np.random.default_rng(0), None), ([1, np.random.default_rng(0)], None),
        (nn.Parameter(np.ones(1)), None), ({"a": 1}, None), ({1}, None),
    ],
)  # fmt: skip
def test_plain_attributes_of_a_module_are_settings(value, text):
    model = Odd(value)
    optimizer = optim.SGD([nn.Parameter(np.ones(1))], lr=0.1)
    settings = settings_of(Parts(model, np.mean, optimizer))
    assert settings.get("model.value") == text
    assert "model._hidden" not in settings
    assert (settings["schedule"], settings["loss"]) == ("NoneType", "mean")


def test_arrays_among_settings_are_checksums_of_their_values():
    def text(value):
        optimizer = optim.SGD([nn.Parameter(np.ones(1))], lr=0.1)
        return settings_of(Parts(Odd(value), np.mean, optimizer))["model.value"]

    x = np.arange(6.0)
    assert text(x).startswith("an array with the checksum ")
    assert text(x) == text(x.copy()) == text(x.reshape(2, 3).T.copy().T.reshape(6))
    others = [text(a) for a in (x, x + 1, x.reshape(2, 3), x.astype(np.float32), x[::-1], x[:5])]
    assert len(set(others)) == 6


def test_data_that_can_be_read_twice_are_known_by_their_values():
    x, y = np.ones((4, 2), np.float32), np.arange(4)

    def of(**named):
        return settings_of_data(**named)

    loader = Loader(x, y, 2)
    assert of(train=None, validation=(b for b in [(x, y)])) == {
        "the values of train": "none",
        "the values of validation": "unknown",
    }
    same = [
        of(train=Loader(x.copy(), y, 2)),
        of(train=Loader(x, y, 3)),
        of(train=SimpleNamespace(batches=loader)),
    ]
    assert all(each == of(train=loader) for each in same)
    others = [
        Loader(x * 2, y, 2),
        Loader(x, y + 1, 2),
        Loader(x, y, 2, scale=0.5),
        [(x, y)],
        [(x, y), (x, y)],
        [(x, y + 1)],
    ]
    found = [of(train=other)["the values of train"] for other in (loader, *others)]
    assert len(set(found)) == 7
    assert of(train=[(x, y)]) == of(train=((x.copy(), y),))


# Run folders


def test_config_is_written_and_read_with_every_field(tmp_path, digits):
    recipe = Recipe(hidden=(4, 3), batch_size=16, epochs=1, seed=9)
    options = RunOptions(doctor=True, keep=2, threads=2, backend="native")
    finding = TrainingFinding("a", "b", "c", "d", "e")
    save_config(tmp_path, recipe, options, digits)
    begun = json.loads((tmp_path / "config.json").read_text())
    assert set(begun) == {"recipe", "options", "data", "versions", "finished"}
    assert begun["finished"] is False
    history = History([], False, [finding])
    save_config(tmp_path, recipe, options, digits, history, Evaluation(float("inf"), 0.5, 360))
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["test"] == {"loss": "inf", "accuracy": 0.5, "examples": 360}
    assert (config["interrupted"], config["findings"], config["finished"]) == (
        False,
        [finding.to_dict()],
        True,
    )
    assert config["data"]["class_names"] is None
    assert config["data"]["origin"] == digits.origin
    found = read_settings(tmp_path)
    assert found == RunConfig(
        folder=tmp_path,
        recipe=recipe,
        options=options,
        data_name="digits",
        data_directory=None,
        image_shape=(8, 8),
        pixel_max=16,
        framing=digits.framing(),
        classes=10,
        class_names=tuple("0123456789"),
        counts=(len(digits.train), len(digits.validation), len(digits.test)),
        data_sha256=digits.checksum(),
        finished=True,
    )
    interrupted = History([], True)
    save_config(tmp_path, recipe, options, digits, interrupted, Evaluation(1.0, None, 1))
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["interrupted"], config["finished"], "findings" in config) == (True, False, False)


def test_results_are_weights_history_and_seconds(tmp_path, digits):
    model = Recipe(hidden=(4,)).build_model(digits.image_shape, 10)
    epochs = [Epoch(i, 0.1, 1.0, None, None, None, 10, seconds) for i, seconds in ((1, 1.23456), (2, 0.0004))]
    save_results(tmp_path, model, History(epochs))
    assert json.loads((tmp_path / "times.json").read_text()) == {"seconds of training": [1.235, 0.0]}
    assert History.load(tmp_path / "history.jsonl").epochs == [
        replace(epoch, seconds=0.0) for epoch in epochs
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "history.jsonl",
        "times.json",
        "weights.safetensors",
    ]


def test_options_of_a_run_are_all_used():
    assert {field.name for field in fields(RunOptions)} == {
        *("doctor", "detect_anomaly", "checkpoint_steps", "checkpoint_seconds", "keep", "threads", "backend")
    }


def test_history_has_the_reason_of_an_early_end(tmp_path):
    made = Job()
    history = fit(
        made.model, made.loss, made.optimizer, made.train, epochs=1, callbacks=[Checkpoints(tmp_path)]
    )
    assert (history.interrupted, history.stopped, history.findings) == (False, None, None)


def test_run_with_early_stopping_resumes_to_the_same_files(digits, tmp_path):
    recipe = Recipe(hidden=(4,), batch_size=64, epochs=9, lr=2.0, schedule="constant", early_stopping=2)
    small = ImageDataset("digits", "a test", digits.train, digits.validation, digits.test, 10)
    whole = job.run_training(recipe, small, tmp_path / "whole")
    assert 3 <= len(whole.history) < 9

    class Killed(BaseException):
        pass

    class Kill:
        def after_epoch(self, training, epoch):
            if epoch.epoch == len(whole.history) - 1:
                raise Killed

    with pytest.raises(Killed):
        job.run_training(recipe, small, tmp_path / "resumed", callbacks=[Kill()])
    resumed = job.resume_training(tmp_path / "resumed", small)
    assert resumed.history.stopped == whole.history.stopped
    for name in ("weights.safetensors", "history.jsonl", "config.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "resumed" / name).read_bytes()
    assert "stopped early" in whole.report.read_text()
    with pytest.raises(CheckpointError, match="is finished: early stopping ended it, or"):
        job.resume_training(tmp_path / "whole", small)


def test_early_stopping_without_validation_images_is_refused(digits, tmp_path):
    empty = Split(digits.validation.raw_images[:0], digits.validation.labels[:0], 16)
    images = ImageDataset("digits", "a test", digits.train, empty, digits.test, 10)
    with pytest.raises(DataError, match="early_stopping is 2 and digits has no validation images: expected"):
        job.run_training(Recipe(early_stopping=2), images, tmp_path / "run")


@pytest.mark.parametrize(("hidden", "most"), [(4, 6 * 4 * 310), (8_000_000, 2 * 2**30)])
def test_weights_are_read_within_a_multiple_of_their_size(hidden, most, monkeypatch, tmp_path, digits):
    """Room for the optimizer, averages and the best weights, and two gibibytes at most."""
    recipe = Recipe(hidden=(4,))
    save_config(tmp_path, recipe, RunOptions(), digits, History([]), Evaluation(1.0, 0.5, 360))
    settings = replace(
        read_settings(tmp_path), recipe=SimpleNamespace(count_parameters=lambda *shape: hidden * 77.5)
    )
    seen = []

    def noted(path, *, max_bytes):
        seen.append(max_bytes)
        raise ReachedError

    monkeypatch.setattr(run_folder, "load_tensors", noted)
    with pytest.raises(ReachedError):
        run_folder._load_model(tmp_path / "weights.safetensors", settings)
    assert seen == [most + MOST_HEADER_BYTES]
