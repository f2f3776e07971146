"""What a run leaves behind is read again as it was, or refused by the name of the file."""

import json

import numpy as np
import pytest

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.training import Epoch, History, predict
from tinygrad_mnist.training.job import run_training
from tinygrad_mnist.training.run import CONFIG, HISTORY, WEIGHTS, load_run


@pytest.fixture
def run(training, digits, tmp_path):
    """A folder as `run_training` leaves it, but for the report, which takes the most time."""
    from tinygrad_mnist.training.loop import evaluate
    from tinygrad_mnist.training.run import save_run

    job = training()
    test = evaluate(job.model, job.loss, digits.test.loader(100))
    save_run(tmp_path, job.recipe, job.model, digits, job.fit(epochs=1), test)
    return tmp_path, job


def test_a_run_comes_back_whole(run, digits):
    folder, job = run
    trained = load_run(folder)
    assert trained.recipe == job.recipe
    assert (trained.image_shape, trained.pixel_max, trained.classes) == ((8, 8), 16, 10)
    for a, b in zip(*(predict(model, digits.test.loader(100)) for model in (trained.model, job.model))):
        np.testing.assert_array_equal(a, b)


def edit_config(folder, change):
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config))


DAMAGES = {
    "no config": (CONFIG, lambda path: path.unlink(), "holds no run: there is no config.json in it"),
    "not JSON": (CONFIG, lambda path: path.write_text("{"), "is damaged"),
    "not text": (CONFIG, lambda path: path.write_bytes(b"\xff\xfe"), "is damaged"),
    "a list": (CONFIG, lambda path: path.write_text("[]"), "is damaged"),
    "no weights": (WEIGHTS, lambda path: path.unlink(), "is damaged: No such file"),
    "truncated weights": (WEIGHTS, lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
    "foreign weights": (WEIGHTS, lambda path: path.write_bytes(b"GIF89a" * 9), "is damaged"),
}


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_named(run, name, damage, message):
    damage(run[0] / name)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_run(run[0])
    assert name in str(caught.value)
    assert str(run[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("activation", "swish", "'swish', and there is only relu, sigmoid, tanh"),
        ("hidden", "many", "hidden sizes are unreadable"),
        ("hidden", [-3], "is damaged"),
        ("hidden", [16], r"weights.safetensors: 1.weight has shape \(32, 64\) .* \(16, 64\) here"),
        ("hidden", [], "weights.safetensors: the saved state is of another model"),
        ("unknown", 1, "a recipe has the settings"),
    ],
)
def test_a_recipe_that_does_not_fit_is_explained(run, key, value, message):
    edit_config(run[0], lambda config: config["recipe"].update({key: value}))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_run(run[0])
    assert str(run[0]) in str(caught.value)


def test_weights_that_are_not_finite_are_refused(run):
    from safetensors.numpy import load_file, save_file

    weights = load_file(run[0] / WEIGHTS)
    weights["1.bias"] = weights["1.bias"] * np.nan
    save_file(weights, run[0] / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"weights.safetensors: 1.bias holds NaN"):
        load_run(run[0])


def test_a_run_is_never_written_over_another_or_over_a_file(run, digits):
    folder, job = run
    with pytest.raises(CheckpointError, match="holds a run already: choose another folder"):
        run_training(job.recipe, digits, folder)
    with pytest.raises(CheckpointError, match="a file is in the way"):
        run_training(job.recipe, digits, folder / CONFIG)


def test_history_comes_back_from_its_file(tmp_path):
    first, second = Epoch(1, 0.1, 2.5, None, None, None, 100, 0.5), Epoch(2, 0.05, 1 / 3, 0.5, 1.0, 0.5, 7, 0)
    history = History([first, second])
    history.save(tmp_path / HISTORY)
    assert History.load(tmp_path / HISTORY) == history
    assert (first.examples_per_second, second.examples_per_second) == (200, 0)
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 2
    assert "2 epochs" in repr(history)


@pytest.mark.parametrize("content", [None, b"{}\n", b"[1]\n", b"{\n", b'{"epoch": 1}\n', b"\xff"])
def test_a_damaged_history_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / HISTORY).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"history.jsonl is no training history"):
        History.load(tmp_path / HISTORY)
