"""Functions whose native code takes each of its ways: name, function, and arrays drawn for it."""

import numpy as np

from tests.program.networks import classifier
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive


def products(rng):
    """Tiles in blocks of columns, weighted rows, and the short sums that loops write out."""
    shapes = (3, 2048), (20, 2048), (5, 20), (20, 9), (4, 16), (16, 3), (3, 512), (40, 512)
    arrays = [rng.normal(size=shape) for shape in shapes]

    def function(a, b, c, d, e, f, g, h):
        return (
            a @ b.T,
            g @ h.T,
            c @ d,
            (d.T @ c.T).T,
            e @ f,
            c[0] @ d,
            c @ d[:, 0],
            d[:, 1] @ d[:, 2],
            a[:, :7] @ b[:, :7].T,
        )

    return function, arrays


def reductions(rng):
    """Written out up to sixteen terms, else loops; along each axis, of views too."""
    arrays = [rng.normal(size=shape) for shape in ((5, 7), (3, 4, 6), (2, 17), (2, 16))]

    def function(x, y, long, short):
        of_axes = [ops.sum(y, axis=axis) for axis in (0, 1, 2, (0, 2), (1, 2), None)]
        ends = [ops.max(x, axis=1), ops.min(x, axis=0), ops.max(long), ops.min(y, axis=(0, 1))]
        of_rows = [ops.sum(long, axis=1), ops.sum(short, axis=1), ops.sum(x[::2, 1:], axis=1)]
        return [*of_axes, *ends, *of_rows, ops.softmax(x), ops.softmax(y, axis=1), ops.mean(y, axis=2)]

    return function, arrays


@primitive
def looked_up(x, blocks, labels, pairs):
    """The same shape from each kind of look-up; an index that is too large is the last, a negative one 0."""
    flat = np.take(x, pairs, mode="clip") + np.take(x.T, pairs, mode="clip") * 2
    by_axis = (
        np.take(x, pairs, axis=0, mode="clip")[:, :, 1] + np.take(blocks[0], labels, 0, mode="clip")[:2, :2]
    )
    last = (
        np.take(blocks, pairs, axis=-1, mode="clip")[1, 2]
        + np.take(blocks, pairs, axis=1, mode="clip")[3, :, :, 1]
    )
    return flat * np.float64(0.5) + by_axis + last


looked_up.vjps(None, None, None, None)
del REGISTRY["looked_up"]  # for these tests alone


def lookups(rng):
    """Elements at other places: along each axis, of the flat array, of views; by NumPy, and bounded."""
    arrays = [rng.normal(size=(4, 5)), rng.normal(size=(4, 4, 2))]
    arrays += [rng.integers(0, 3, 3), rng.integers(-2, 25, (2, 2)).astype(np.int32)]
    rows, columns = np.array([3, 0, 0]), np.array([[1, 4], [0, 2]])

    def function(x, y, labels, pairs):
        by_numpy = [x[rows] + 1, x[:, columns] * 2, x.T[rows] * x.T[rows], x.reshape(-1)[[1, 19, 0]] * 3]
        views = [x[::-1] * x, y[1] * y[2].T[:1].T, y[:, 1:3, ::-1] - y[:, :2], ops.maximum(x, x[:1, 1:2])]
        chosen = [ops.where(x > 0, x, 0.25), ops.clip(y, min=-0.5, max=0.5)]
        return [
            *by_numpy,
            *views,
            *chosen,
            looked_up(x, y, labels, pairs) + 1,
            ops.one_hot(labels, classes=3, dtype=np.float64) * 2,
        ]

    return function, arrays


def arguments(rng):
    """Arguments with gaps, by columns, tall and narrow, whole; and a state that is changed."""
    weight = nn.Parameter(np.linspace(-1, 1, 12).reshape(4, 3))
    optimizer = optim.SGD([weight], lr=0.1, momentum=0.5)
    gaps, columns = rng.normal(size=(8, 6))[::2, ::2], np.asfortranarray(rng.normal(size=(4, 3)))
    arrays = [gaps, columns, rng.normal(size=(20, 4)), rng.normal(size=3), rng.normal(size=(2, 4, 3))]

    def function(gaps, columns, tall, row, blocks):
        optimizer.zero_grad()
        loss = (
            (ops.tanh(tall @ weight) * row).sum()
            + ((gaps * columns - weight) ** 2).sum()
            + (blocks * weight).sum()
        )
        loss.backward()
        optimizer.step()
        return loss, weight * 1.0, ops.exp(tall).T, tall + 1

    return function, arrays


def between(rng):
    """Lines of NumPy between native functions, with numbers, constants, views and random numbers."""
    dropout = nn.Dropout(0.5, rng=np.random.default_rng(0))
    scale, empty = nn.Parameter(np.ones(3)), nn.Parameter(np.ones((0, 3)))
    optimizer = optim.SGD([scale, empty], lr=0.25)
    arrays = [rng.normal(size=(4, 3)), rng.normal(size=(70, 3))]

    def function(x, y):
        optimizer.zero_grad()
        joined = ops.concatenate([ops.tanh(x), x * 2])
        loss = (joined[1:] * scale).sum() + (dropout(y) * scale).sum() + (empty * scale).sum()
        loss.backward()
        optimizer.step()
        return loss, joined.T[1:] * 3, x.astype(np.float32) * 2, y[:, [0, 2]][1:]

    return function, arrays


def labels(rng):
    """Checks of labels, some before what NumPy computes and some after it."""
    training = classifier(momentum=0.9)
    arrays = [
        rng.random((9, 6)).astype(np.float32),
        rng.integers(0, 3, 9),
        rng.integers(0, 5, (2, 3)),
        np.array(1),
    ]

    def function(x, classes, grid, single):
        rows = [ops.one_hot(labels, classes=5, dtype=np.float32) * 2 for labels in (grid, single)]
        return training.step(x, classes), *rows, ops.one_hot(classes, classes=4, dtype=np.float64) + 1

    return function, arrays


NATIVE = {make.__name__: make for make in (products, reductions, lookups, arguments, between, labels)}
