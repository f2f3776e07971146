"""Compare with difference quotients of a stretched input, for each kind of stretching."""

import numpy as np

from tinygrad_mnist.learn import slopes

SHAPES = [
    ((2, 3), (3,)),
    ((3, 3), (3,)),
    ((2, 3), (2, 1)),
    ((2, 3), ()),
    ((4, 2, 3), (1, 3)),
    ((2, 3), (2, 3)),
]


def check(work):
    rng = np.random.default_rng(0)
    for large, shape in SHAPES:
        g = rng.integers(-5, 6, large).astype(float)
        x = np.zeros(shape)
        right = slopes(lambda x: np.broadcast_to(x, large), x, g=g)  # noqa: B023  # called at once
        mistakes = {
            "all is summed to one number: only the stretched axes are": g.sum() if shape else None,
            "all is summed, and the sum is spread: each use belongs to one number": np.full(shape, g.sum()),
            "the shares are averaged: they are added": right * (x.size or 1) / g.size,
            "the first use is kept and the others are lost: shares are added": first(g, shape),
            "g is returned as it is: its shape is that of the result": g if g.ndim > len(shape) else None,
            "the axis of length 1 is gone: sum with keepdims=True": right.reshape(
                [n for n in shape if n > 1]
            ),
            "an axis of length 1 is not summed: it was stretched as well": leading(g, shape),
        }
        if large == (3, 3):
            mistakes["the wrong axis is summed: missing axes are on the left"] = g.sum(axis=1)
        work.compare(
            "sum_to", {"g": g, "shape": shape}, right, {k: v for k, v in mistakes.items() if v is not None}
        )


def leading(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


def first(g, shape):
    index = (0,) * (g.ndim - len(shape)) + tuple(slice(0, n) for n in shape)
    return g[index]
