"""Where pointers have 32 bits, as in a browser, NumPy takes no int64 as positions."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.autodiff.ops import shaping
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.doctor import diagnose_training
from tinygrad_mnist.report.plots import confusion_counts


@pytest.fixture
def short_pointers(monkeypatch):
    """NumPy's own functions as they are there; the functions of this package call them."""

    def strict(function, argument):
        def called(*given, **settings):
            if np.asarray(given[argument]).dtype.itemsize > 4:
                raise TypeError("Cannot cast array data from dtype('int64') to dtype('int32')")
            return function(*given, **settings)

        return called

    monkeypatch.setattr(np, "intp", np.int32)
    monkeypatch.setattr(shaping, "_POINTER", np.dtype(np.int32))
    monkeypatch.setattr(np, "take", strict(np.take, 1))
    monkeypatch.setattr(np, "bincount", strict(np.bincount, 0))


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.int32, np.uint8])
def test_labels_of_any_width_train_where_pointers_are_short(dtype, short_pointers):
    layer = nn.Linear(3, 4, rng=0)
    optimizer = optim.SGD(layer.parameters(), lr=0.5)
    x, labels = Tensor(np.eye(3, dtype=np.float32)), np.array([1, 0, 3], dtype)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss()(layer(x), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    assert nn.Embedding(5, 2, rng=0)(labels).shape == (3, 2)


def test_doctor_examines_labels_where_pointers_are_short(short_pointers):
    digits, model = load_digits(), nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    shuffled = np.random.default_rng(0).permutation(digits.train.labels).astype(np.int64)
    train = (digits.train.images, shuffled)
    report = diagnose_training(model, nn.CrossEntropyLoss(), train)
    assert "unrelated-labels" in [finding.name for finding in report.findings]


def test_confusions_are_counted_where_pointers_are_short(short_pointers):
    assert confusion_counts(np.array([0, 1, 1]), np.array([0, 1, 0]), 2).tolist() == [[1, 0], [1, 1]]
