"""Lines that users of PyTorch, Keras and scikit-learn write first: each runs, or says what to write here.

A line that the package answers is good whatever it computes; what it computes is tested elsewhere.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, ops, optim, training

# Python's own errors, which name nothing to write.
UNANSWERED = re.compile(
    r"object has no attribute|has no attribute '\w+'$|unexpected keyword|missing \d+ required|"
    r"positional arguments? but|cannot import name|No module named|not subscriptable|unpack"
)


def network(dtype):
    rng = np.random.default_rng(0)
    return nn.Sequential(
        nn.Linear(3, 4, rng=rng, dtype=dtype), nn.ReLU(), nn.Linear(4, 3, rng=rng, dtype=dtype)
    )


def of_pytorch():
    draw = np.random.default_rng(0).normal
    model = network(np.float32)
    return {
        "np": np, "torch": tm, "tm": tm, "nn": nn, "optim": optim, "ops": ops, "F": nn.functional,
        "Loader": tm.datasets.Loader, "training": training, "model": model, "y": np.array([0, 1, 2, 0]),
        "x": Tensor(draw(size=(4, 3)).astype(np.float32)), "w": Tensor(np.ones(3), requires_grad=True),
        "img": Tensor(draw(size=(2, 3, 8, 8)).astype(np.float32)),
        "opt": optim.Adam(model.parameters(), lr=0.01),
    }  # fmt: skip


def of_keras():
    x, y, model = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 3, network(np.float32)
    x, loss, opt = x.astype(np.float32), nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)
    history = training.fit(model, loss, opt, (x, y), epochs=1, backend="eager", progress=False)
    own = {name: getattr(training, name) for name in ("EarlyStopping", "fit", "evaluate", "predict")}
    return own | {
        "np": np, "tm": tm, "tf": tm, "keras": tm, "nn": nn, "layers": nn, "optim": optim, "ops": ops,
        "training": training, "callbacks": training, "x": x, "y": y, "t": Tensor(x), "model": model,
        "loss": loss, "opt": opt, "history": history,
    }  # fmt: skip


def of_scikit_learn():
    estimator = pytest.importorskip("tinygrad_mnist.estimator")
    inputs = np.random.default_rng(0).normal(size=(60, 3))
    y, r = (inputs[:, 0] > 0).astype(int), inputs @ [1.0, 2.0, 3.0]
    fitted = estimator.NeuralNetwork(hidden=4, epochs=1).fit(inputs, y)
    names = np.array(["no", "yes"])[y]
    frame = dict(zip("abc", inputs.T)) | {"kind": names}
    made = {"NeuralNetwork": estimator.NeuralNetwork, "fitted": fitted, "frame": frame, "names": names}
    return made | {"np": np, "tm": tm, "X": inputs, "y": y, "r": r}


USERS = {"pytorch": of_pytorch, "keras": of_keras, "scikit_learn": of_scikit_learn}


@pytest.mark.parametrize("user", USERS)
def test_first_lines_run_or_are_answered(user, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unanswered = []
    for line in Path(__file__).with_name(f"{user}.txt").read_text(encoding="utf-8").splitlines():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(line, USERS[user]())
        except Exception as error:
            if UNANSWERED.search(str(error)):
                unanswered.append(f"{line}: {type(error).__name__}: {error}")
    assert unanswered == []
