"""Training steps on small networks, made twice so that one can be run eagerly beside the other."""

from itertools import pairwise

import numpy as np

from tinygrad_mnist import nn, optim


def quadratic(seed=0, sizes=(6, 5, 3), dtype=np.float32, **options):
    """Sigmoids and the quadratic cost."""
    rng = np.random.default_rng(seed)
    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out, rng=rng, dtype=dtype), nn.Sigmoid()]
    return Training(nn.Sequential(*layers), nn.QuadraticLoss(), **options)


def classifier(seed=0, activation=nn.ReLU, dropout=0.0, dtype=np.float32, **options):
    """One hidden layer and the cross-entropy."""
    rng = np.random.default_rng(seed)
    layers = [nn.Flatten(), nn.Linear(6, 5, rng=rng, dtype=dtype), activation()]
    layers += [nn.Dropout(dropout, rng=rng)] if dropout else []
    layers += [nn.Linear(5, 3, rng=rng, dtype=dtype)]
    return Training(nn.Sequential(*layers), nn.CrossEntropyLoss(), **options)


def binary(seed=0, **options):
    """A single sigmoid output."""
    rng = np.random.default_rng(seed)
    model = nn.Sequential(nn.Linear(6, 4, rng=rng), nn.Tanh(), nn.Linear(4, 1, rng=rng), nn.Sigmoid())
    return Training(model, nn.BCELoss(), **options)


class Training:
    def __init__(self, model, loss, optimizer=optim.SGD, **options):
        self.model, self.loss = model, loss
        self.optimizer = optimizer(model.parameters(), **{"lr": 0.3, **options})

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def state(self):
        kept = [array for g in self.optimizer.param_groups for s in g.states for array in s.arrays().values()]
        return [array.tobytes() for array in [*(p.data for p in self.optimizer.params), *kept]]


def batch(rng, training, rows=7):
    """A random batch for a training."""
    dtype = next(iter(training.model.parameters())).dtype
    x = rng.random((rows, 6)).astype(dtype)
    if isinstance(training.loss, nn.QuadraticLoss):
        return x, np.eye(3, dtype=dtype)[rng.integers(0, 3, rows)]
    if isinstance(training.loss, nn.BCELoss):
        return x, rng.integers(0, 2, (rows, 1)).astype(dtype)
    return x, rng.integers(0, 3, rows)
