"""First scripts of users of PyTorch, Keras and scikit-learn: they run with the renamings listed here.

A renaming is what the user writes, and what to write here.  Names that are refused say so themselves: the
errors that the originals raise name the new spelling.
"""

import re

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim

PYTORCH = """
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader

torch.manual_seed(0)
x = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]]).float()
y = torch.tensor([[0.0], [1.0], [1.0], [0.0]])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        x = torch.tanh(self.hidden(x))
        return self.out(x.view(x.size(0), -1))


model = Net()
optimizer = optim.Adam(model.parameters(), lr=0.05)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=100, gamma=0.5)
criterion = nn.BCEWithLogitsLoss()
for epoch in range(200):
    optimizer.zero_grad(set_to_none=True)
    loss = criterion(model(x), y)
    loss.backward(retain_graph=True)
    nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
    optimizer.step()
    scheduler.step()

model.eval()
with torch.no_grad():
    right = ((torch.sigmoid(model(x)) > 0.5) == (y > 0.5)).numpy()
    both = F.softmax(torch.cat([model(x), -model(x)], dim=1), dim=1)
torch.save(model.state_dict(), "xor.pt")
model.load_state_dict(torch.load("xor.pt"), strict=False)
"""
FROM_PYTORCH = [
    ("import torch\n", "import tinygrad_mnist as torch\n"),
    ("import torch.nn as nn\n", "from tinygrad_mnist import nn\n"),
    ("import torch.nn.functional as F\n", "import tinygrad_mnist.nn.functional as F\n"),
    ("import torch.optim as optim\n", "from tinygrad_mnist import ops, optim\n"),
    ("from torch.utils.data import DataLoader\n", "from tinygrad_mnist.datasets import Loader\n"),
    ("torch.tensor(", "torch.Tensor("),
    (".float()", ""),
    ("torch.tanh", "ops.tanh"),
    ("torch.sigmoid", "ops.sigmoid"),
    ("x.view(x.size(0), -1)", "x.reshape(x.shape[0], -1)"),
    ("optim.lr_scheduler.", "optim."),
    ("set_to_none=True", ""),
    ("retain_graph=True", ""),
    ("torch.cat([model(x), -model(x)], dim=1)", "ops.concatenate([model(x), -model(x)], axis=1)"),
    ('torch.save(model.state_dict(), "xor.pt")', 'torch.save(model, "xor.safetensors")'),
    ('model.load_state_dict(torch.load("xor.pt"), strict=False)', 'torch.load(model, "xor.safetensors")'),
    (").numpy()", ")"),
]

KERAS = """
from tensorflow import keras
from tensorflow.keras import layers

(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
x_train, x_test = x_train / 16.0, x_test / 16.0
model = keras.Sequential(
    [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10)]
)
model.compile(keras.optimizers.Adam(0.01), loss=keras.losses.SparseCategoricalCrossentropy())
history = model.fit(x_train, y_train, epochs=5, batch_size=32, validation_data=(x_test, y_test))
accuracy = model.evaluate(x_test, y_test).accuracy
answers = model.predict(x_test).argmax(axis=1)
model.summary()
model.save_weights("digits.weights.h5")
"""
FROM_KERAS = [
    (
        "from tensorflow import keras\n",
        "import tinygrad_mnist as tm\nfrom tinygrad_mnist import nn, optim, training\n",
    ),
    ("from tensorflow.keras import layers\n", ""),
    (
        "(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()",
        "data = tm.datasets.load_digits()\n"
        "(x_train, y_train), (x_test, y_test) = ((s.raw_images, s.labels) for s in (data.train, data.test))",
    ),
    (
        'keras.Sequential(\n    [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dense(10)]\n)',
        "nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))",
    ),
    (
        "model.compile(keras.optimizers.Adam(0.01), loss=keras.losses.SparseCategoricalCrossentropy())",
        "loss, optimizer = nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.01)",
    ),
    (
        "model.fit(x_train, y_train, epochs=5, batch_size=32, validation_data=(x_test, y_test))",
        "training.fit(model, loss, optimizer, tm.datasets.Loader(x_train, y_train, 32), epochs=5, "
        "validation=(x_test, y_test))",
    ),
    ("model.evaluate(x_test, y_test)", "training.evaluate(model, loss, (x_test, y_test))"),
    ("model.predict(x_test)", "training.predict(model, (x_test, y_test))[0]"),
    ("model.summary()", "nn.summary(model)"),
    ('model.save_weights("digits.weights.h5")', 'tm.save(model, "digits.safetensors")'),
]

SCIKIT_LEARN = """
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_iris(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
model = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(8,), random_state=0))
model.fit(X_train, y_train)
accuracy = model.score(X_test, y_test)
probabilities = model.predict_proba(X_test)
folds = cross_val_score(model, X, y, cv=3)
"""
FROM_SCIKIT_LEARN = [
    (
        "from sklearn.neural_network import MLPClassifier",
        "from tinygrad_mnist.estimator import NeuralNetwork",
    ),
    ("MLPClassifier(hidden_layer_sizes=(8,), random_state=0)", "NeuralNetwork(hidden=(8,), random_state=0)"),
]


def renamed(script, renamings):
    """The script in the words of this package; each renaming is needed."""
    for theirs, ours in renamings:
        assert theirs in script, theirs
        script = script.replace(theirs, ours)
    assert not re.search(r"\b(keras|tensorflow|layers)\b", script)
    return script


def run(script, folder, monkeypatch):
    monkeypatch.chdir(folder)
    namespace = {"__name__": "first_hour"}
    exec(script, namespace)
    return namespace


def test_first_hour_of_a_pytorch_user(tmp_path, monkeypatch):
    found = run(renamed(PYTORCH, FROM_PYTORCH), tmp_path, monkeypatch)
    assert found["right"].all()
    np.testing.assert_allclose(found["both"].data.sum(axis=1), 1, rtol=1e-6)


def test_first_hour_of_a_keras_user(tmp_path, monkeypatch):
    found = run(renamed(KERAS, FROM_KERAS), tmp_path, monkeypatch)
    assert found["accuracy"] > 0.85
    assert len(found["history"]) == 5
    assert (tmp_path / "digits.safetensors").exists()


def test_first_hour_of_a_scikit_learn_user(tmp_path, monkeypatch):
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    found = run(renamed(SCIKIT_LEARN, FROM_SCIKIT_LEARN), tmp_path, monkeypatch)
    assert found["accuracy"] > 0.9
    assert found["folds"].min() > 0.8
    assert found["probabilities"].shape == (38, 3)


MODEL = nn.Sequential(nn.Linear(2, 3))
X = tm.Tensor(np.ones((4, 2), np.float32))


@pytest.mark.parametrize(
    ("original", "ours"),
    [
        (lambda: tm.tensor([1.0]), "Tensor("),
        (lambda: X.float(), "x.astype(np.float32)"),
        (lambda: tm.tanh(X), "ops.tanh"),
        (lambda: X.view(4, -1), "x.reshape("),
        (lambda: X.size(0), "x.shape[0]"),
        (lambda: optim.lr_scheduler.StepLR, "optim.StepLR"),
        (lambda: tm.cat([X, X], dim=1), "ops.concatenate("),
        (lambda: X.sum().backward(retain_graph=True), "leave it out"),
        (lambda: MODEL.zero_grad(set_to_none=True), "leave it out"),
        (lambda: tm.save(MODEL.state_dict(), "xor.pt"), "save(model, 'model.safetensors')"),
        (lambda: tm.load("xor.pt"), "load() is missing path: it takes model, path"),
        (lambda: tm.utils.data, "Loader("),
        (lambda: MODEL.compile, "tm.compile("),
        (lambda: MODEL.fit, "training.fit("),
        (lambda: MODEL.evaluate, "training.evaluate("),
        (lambda: MODEL.predict, "training.predict("),
        (lambda: MODEL.summary, "nn.summary("),
        (lambda: MODEL.save_weights, "tm.save("),
        (lambda: nn.Dense, "nn.Linear("),
        (lambda: nn.Linear(2, 3, activation="relu"), "nn.ReLU()"),
    ],
)
def test_what_is_renamed_says_what_to_write(original, ours):
    with pytest.raises((AttributeError, TypeError)) as refused:
        original()
    assert ours in str(refused.value)
