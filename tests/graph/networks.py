"""Networks whose pictures several test files look at."""

import numpy as np

from tinygrad_mnist import nn, ops


class Cell(nn.Module):
    """A step of a recurrent network: h = tanh(from_x(x) + from_h(h))."""

    def __init__(self, inputs=3, hidden=4):
        self.from_x, self.from_h = nn.Linear(inputs, hidden, rng=0), nn.Linear(hidden, hidden, rng=1)

    def forward(self, x, h):
        return ops.tanh(self.from_x(x) + self.from_h(h))


class Unrolled(nn.Module):
    """A recurrent network that calls its cell once per step."""

    def __init__(self, steps=10):
        self.cell, self.steps = Cell(), steps

    def forward(self, images):
        h = np.zeros((2, 4), np.float32)
        for t in range(self.steps):
            h = self.cell(images[t], h)
        return h


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self):
        self.body = nn.Sequential(nn.Linear(4, 8, rng=0), nn.ReLU(), nn.Linear(8, 4, rng=1))

    def forward(self, x):
        return x + self.body(x)


class Attention(nn.Module):
    """One head of self-attention."""

    def __init__(self, width=8):
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, rng=i) for i in range(4))

    def forward(self, tokens):
        query, key, value = self.query(tokens), self.key(tokens), self.value(tokens)
        weights = ops.softmax(query @ key.mT / 8**0.5)
        return self.out(weights @ value)


class Tied(nn.Module):
    """An autoencoder whose decoder uses the transposed weight of its encoder."""

    def __init__(self):
        self.encoder = nn.Linear(6, 3, rng=0)

    def forward(self, images):
        code = ops.sigmoid(self.encoder(images))
        return code @ self.encoder.weight


def autoencoder():
    sizes = [(16, 8), (8, 3), (3, 8), (8, 16)]
    layers = [part for i, size in enumerate(sizes) for part in (nn.Linear(*size, rng=i), nn.Sigmoid())]
    return nn.Sequential(nn.Sequential(*layers[:4]), nn.Sequential(*layers[4:]))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2, rng=0),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5, rng=1),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120, rng=2),
        nn.Tanh(),
        nn.Linear(120, 84, rng=3),
        nn.Tanh(),
        nn.Linear(84, 10, rng=4),
    )


def deep(layers=30, width=6):
    return nn.Sequential(
        *(part for i in range(layers) for part in (nn.Linear(width, width, rng=i), nn.Sigmoid()))
    )


def losses():
    """The losses of the networks that are looked at, by name: each a scalar with a graph behind it."""
    rng = np.random.default_rng(0)

    def given(*shape):
        return rng.random(shape).astype(np.float32)

    labels, images = np.array([1, 0]), given(2, 16)
    recurrent = [given(2, 3) for _ in range(10)]
    long = given(2, 6)
    for _ in range(500):
        long = ops.tanh(long * nn.Parameter(given(6))) + 0.1
    return {
        "attention": ops.mean(Attention()(given(5, 8)) ** 2),
        "residual": nn.CrossEntropyLoss()(nn.Sequential(Residual(), Residual())(given(2, 4)), labels),
        "tied": nn.MSELoss()(Tied()(given(2, 6)), given(2, 6)),
        "autoencoder": nn.MSELoss()(autoencoder()(images), images),
        "lenet": nn.CrossEntropyLoss()(lenet()(given(2, 1, 28, 28)), labels),
        "recurrent": nn.CrossEntropyLoss()(Unrolled()(recurrent), labels),
        "deep": nn.CrossEntropyLoss()(deep()(given(2, 6)), labels),
        "long": ops.sum(long),
    }
