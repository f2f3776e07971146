"""Exported Python code: it runs where this package is not installed, and gives the very bits."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import ExportError

F32 = np.float32


def run_alone(folder, code):
    """Run code in a folder, in a Python that finds NumPy and not this package."""
    guard = "import sys; sys.modules['tinygrad_mnist'] = None; import numpy as np; "
    subprocess.run([sys.executable, "-c", guard + code], cwd=folder, check=True, timeout=120)


def test_a_network_runs_without_the_package_for_any_number_of_examples(tmp_path):
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(24, 8, rng=0), nn.ReLU(), nn.Linear(8, 3, rng=1), nn.Softmax()
    )
    images = np.random.default_rng(0).random((7, 4, 6), dtype=F32)
    tm.export(model, tmp_path / "model.py", images[:2])
    np.save(tmp_path / "images.npy", images)
    run_alone(tmp_path, "import model; np.save('found.npy', model.run(np.load('images.npy')))")
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), model(images).data)


def test_transposed_axes_that_are_joined_leave_the_number_of_examples_open(tmp_path):
    images = np.random.default_rng(0).random((7, 4, 6), dtype=F32)
    tm.export(lambda x: x.swapaxes(1, 2).reshape(len(x), -1), tmp_path / "joined.py", images[:2])
    np.save(tmp_path / "images.npy", images)
    run_alone(tmp_path, "import joined; np.save('found.npy', joined.run(np.load('images.npy')))")
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), images.swapaxes(1, 2).reshape(7, -1))


def test_a_step_goes_on_training_where_it_was_exported(tmp_path):
    model = nn.Sequential(nn.Linear(6, 5, rng=0), nn.Sigmoid(), nn.Linear(5, 4, rng=1))
    optimizer, loss = optim.SGD(model.parameters(), lr=0.1, momentum=0.9), nn.CrossEntropyLoss()

    @tm.compile
    def step(images, labels):
        optimizer.zero_grad()
        value = loss(model(images), labels)
        value.backward()
        optimizer.step()
        return value

    rng = np.random.default_rng(0)
    images, labels = rng.random((8, 6), dtype=F32), rng.integers(0, 4, 8)
    step(images, labels)
    step(images, labels)
    tm.export(step, tmp_path / "step.py")
    np.savez(tmp_path / "batch.npz", images=images, labels=labels)
    run_alone(
        tmp_path,
        "import step; batch = np.load('batch.npz'); "
        "np.save('found.npy', [step.run(**batch) for _ in range(5)])",
    )
    expected = [step(images, labels).data for _ in range(5)]
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected)


def test_random_numbers_are_refused(tmp_path):
    with pytest.raises(ExportError, match=r"write model\.eval\(\)"):
        tm.export(nn.Dropout(0.5, rng=0), tmp_path / "dropout.py", np.ones((3, 2), F32))


def test_a_shape_that_cannot_be_left_open_is_refused(tmp_path):
    with pytest.raises(ExportError, match="write dynamic_batch=False"):
        tm.export(
            lambda x: tm.ops.broadcast_to(x[:, None], (len(x), 3, 2)), tmp_path / "f.py", np.ones((3, 2))
        )
