"""Trainings to an accuracy, each in a process of its own."""

import importlib.util

import pytest
from click.testing import CliRunner

from tinygrad_mnist import benchmark
from tinygrad_mnist.benchmark import AccuracyResults
from tinygrad_mnist.benchmark.to_accuracy import GOALS, LIBRARIES, OURS, Goal, Race, run_to_accuracy
from tinygrad_mnist.cli import main

SMALL = [Goal(0.9, 16, 256, 0.2, 1, shift_epochs, (256, 0.002, 1)) for shift_epochs in (None, 1)]
MACHINE = {
    "processor": "Abacus", "cores": 2, "system": "Linux", "python": "3.11", "numpy": "2.1", "blas": "none",
    "packages": {},
}  # fmt: skip


@pytest.mark.long
def test_installed_libraries_learn_in_fresh_processes(mnist_folder):
    found = run_to_accuracy(mnist_folder, threads=1, seeds=1, goals=SMALL)
    present = [name for name, (module, _) in LIBRARIES.items() if importlib.util.find_spec(module)]
    assert [race.library for race in found.races] == present * 2
    assert all(0.8 < accuracy <= 1 for race in found.races for accuracy in race.accuracies)
    assert all(seconds > 0.1 for race in found.races for seconds in race.seconds)


def test_table_has_median_seconds_multiples_and_mean_accuracy():
    races = [
        Race(OURS, 0.98, [1.0, 5.0, 2.0], [0.98, 0.981, 0.982]),
        Race("PyTorch", 0.98, [4.0, 4.0, 9.0], [0.97, 0.98, 0.99]),
    ]
    text = benchmark.markdown(
        figures := AccuracyResults(MACHINE, 2, races), benchmark.accuracy_tables(figures)
    )
    assert "| tinygrad_mnist | 2.00 (0.50, 98.10%) |" in text
    assert "| PyTorch | 4.00 (1.00, 98.00%) |" in text


def test_libraries_without_distortions_shift_and_scikit_learn_has_adam():
    distorted = GOALS[1]
    assert distorted.settings(OURS)["epochs"] == distorted.epochs
    assert distorted.settings("PyTorch")["epochs"] == distorted.shift_epochs
    assert (distorted.settings("scikit-learn")["batch_size"], distorted.settings("scikit-learn")["lr"]) == (
        distorted.adam[:2]
    )


def test_two_measurements_at_once_are_refused():
    result = CliRunner().invoke(main, ["bench", "--scaling", "--to-accuracy"])
    assert result.exit_code == 2
    assert "--scaling and --to-accuracy are two measurements: expected one of them" in result.output
