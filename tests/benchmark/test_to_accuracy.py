"""Trainings to an accuracy, each in a process of its own."""

import importlib.util

import numpy as np
import pytest
from click.testing import CliRunner

from tinygrad_mnist.benchmark import trainings
from tinygrad_mnist.benchmark.tables import markdown
from tinygrad_mnist.benchmark.to_accuracy import (
    GOALS,
    AccuracyResults,
    Goal,
    Race,
    accuracy_tables,
    installed,
    run_to_accuracy,
)
from tinygrad_mnist.cli import main

SMALL = [Goal(0.9, 16, 256, 0.2, 1, is_moved, (256, 0.002, 1)) for is_moved in (False, True)]
MACHINE = {
    "processor": "Abacus", "cores": 2, "system": "Linux", "python": "3.11", "numpy": "2.1", "blas": "none",
    "packages": {},
}  # fmt: skip


@pytest.mark.long
def test_installed_libraries_learn_in_fresh_processes(mnist_folder):
    found = run_to_accuracy(mnist_folder, threads=1, seeds=1, goals=SMALL)
    assert [race.library for race in found.races] == installed() * 2
    assert found.races[0].library == "tinygrad_mnist"
    assert all(0.8 < accuracy <= 1 for race in found.races for accuracy in race.accuracies)
    assert all(seconds > 0.1 for race in found.races for seconds in race.seconds)


def test_table_has_median_seconds_multiples_and_mean_accuracy():
    races = [
        Race("tinygrad_mnist", 0.98, [1.0, 5.0, 2.0], [0.98, 0.981, 0.982]),
        Race("PyTorch", 0.98, [4.0, 4.0, 9.0], [0.97, 0.98, 0.99]),
    ]
    figures = AccuracyResults(MACHINE, 2, races)
    text = markdown(figures, accuracy_tables(figures))
    assert "| tinygrad_mnist | 2.00 (0.50, 98.10%) |" in text
    assert "| PyTorch | 4.00 (1.00, 98.00%) |" in text


def test_settings_are_one_recipe_and_adam_for_scikit_learn():
    for goal in GOALS:
        ours, theirs = goal.settings("tinygrad_mnist"), goal.settings("scikit-learn")
        assert ours == goal.settings("PyTorch") == goal.settings("Keras")
        assert (theirs["batch_size"], theirs["lr"], theirs["epochs"]) == goal.adam
        assert ours["steps"] == -(-60_000 // ours["batch_size"]) * ours["epochs"]


def test_images_move_by_at_most_one_pixel():
    images = np.random.default_rng(0).integers(1, 256, (20, 28, 28)).astype(np.uint8)  # ink up to the border
    framed = np.pad(images, [(0, 0), (1, 1), (1, 1)])
    ways = [(down, right) for down in range(3) for right in range(3)]
    found = []
    for image, moved in zip(framed, trainings.shifted(images, np.random.default_rng(0)), strict=True):
        found += [way for way in ways if np.array_equal(moved, image[way[0] :, way[1] :][:28, :28])]
    assert len(found) == len(images)
    assert set(found[:9]) == set(ways)


def test_library_without_one_of_its_modules_does_not_take_part(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jax" else name)
    assert installed() == ["tinygrad_mnist", "PyTorch", "scikit-learn"]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--scaling", "--scaling and --to-accuracy are two measurements: expected one of them"),
        ("--data=.", "--to-accuracy measures on the bundled MNIST: leave out --data"),
    ],
)
def test_options_that_do_not_fit_are_refused(option, said):
    result = CliRunner().invoke(main, ["bench", "--to-accuracy", option])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
