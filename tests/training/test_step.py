"""Training by a captured program equals training op by op, bit for bit."""

import numpy as np
import pytest

from tests.training.callbacks import Calls
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import LabelError
from tinygrad_mnist.training import Recipe, fit
from tinygrad_mnist.training.job import run_training
from tinygrad_mnist.training.run_config import RunOptions


def train(mnist, backend, *, loss, activation, dropout=0.0, **options):
    """Two epochs of 100 steps and a rest each, on real images; return the results."""
    rng = np.random.default_rng(0)
    final = [nn.Sigmoid()] if loss == "quadratic" else []
    hidden = [activation(), *([nn.Dropout(dropout, rng=rng)] if dropout else [])]
    layers = [nn.Linear(784, 30, rng=rng), *hidden, nn.Linear(30, 10, rng=rng), *final]
    model = nn.Sequential(nn.Flatten(), *layers)
    optimizer = optim.SGD(model.parameters(), **options)
    schedule = optim.CosineAnnealingLR(optimizer, 2)
    losses = []
    split = mnist.train
    loader = Loader(split.raw_images[:2008], split.labels[:2008], 20, shuffle=True, scale=1 / 255)
    function = nn.QuadraticLoss() if loss == "quadratic" else nn.CrossEntropyLoss()
    history = fit(
        model, function, optimizer, loader, epochs=2, schedule=schedule, backend=backend,
        callbacks=[Calls(after_step=lambda training: losses.append(training.last_loss))],
    )  # fmt: skip
    weights = [p.data.tobytes() for p in model.parameters()]
    velocities = [v.tobytes() for s in optimizer.param_groups[0].states for v in s.arrays().values()]
    return losses, [(e.train_loss, e.train_accuracy) for e in history], weights, velocities


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "quadratic", "activation": nn.Sigmoid, "lr": 3.0},
        {"loss": "cross-entropy", "activation": nn.ReLU, "lr": 0.1, "momentum": 0.9, "nesterov": True},
        {"loss": "cross-entropy", "activation": nn.Tanh, "lr": 0.1, "weight_decay": 1e-3, "dropout": 0.2},
    ],
    ids=lambda settings: settings["loss"] + "-" + settings["activation"].__name__,
)
def test_two_hundred_steps_on_mnist_give_the_same_bits(mnist, settings):
    replayed, eager = train(mnist, "numpy", **settings), train(mnist, "eager", **settings)
    assert len(eager[0]) == 202
    assert replayed == eager


def test_main_job_gives_the_same_bits(digits, tmp_path):
    recipe = Recipe(hidden=(32,), batch_size=16, epochs=2)
    results = [
        run_training(recipe, digits, tmp_path / name, RunOptions(backend=name)) for name in ("eager", "numpy")
    ]
    assert results[0].test == results[1].test
    files = [(tmp_path / name / "weights.safetensors").read_bytes() for name in ("eager", "numpy")]
    assert files[0] == files[1]


class Standardized(nn.Module):
    """Looks at its input with Python, as a program cannot."""

    def __init__(self, rng):
        self.inner = nn.Linear(64, 10, rng=rng)

    def forward(self, x):
        return self.inner(nn.Flatten()(x) / max(1.0, float(np.max(x))))


def test_uncapturable_model_trains_op_by_op_with_one_warning(digits):
    weights = []
    for eager in (True, False):
        model = Standardized(np.random.default_rng(0))
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        loader = digits.train.loader(16, shuffle=True)
        arguments = (model, nn.CrossEntropyLoss(), optimizer, loader)
        if eager:
            fit(*arguments, epochs=1, backend="eager")
        else:
            with pytest.warns(RuntimeWarning, match=r"float\(\) was asked for .*test_step") as warned:
                fit(*arguments, epochs=1)
            assert len(warned) == 1
        weights.append(model.inner.weight.data.tobytes())
    assert weights[0] == weights[1]


def test_real_error_is_raised_unchanged(digits):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(LabelError, match="5 classes"):
        fit(model, nn.CrossEntropyLoss(), optimizer, digits.train.loader(16), epochs=1)
