"""A choice is exact in large arrays too, where it multiplies the bits of elements by the mask."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.ops.choices import LARGE_MASK
from tinygrad_mnist.autodiff.primitive import array_of
from tinygrad_mnist.program import compile


def elements(dtype):
    """More elements than the bound, from every corner of the numbers."""
    rare = [np.inf, -np.inf, np.nan, -0.0, 0.0, np.finfo(dtype).max, np.finfo(dtype).tiny, -1.5]
    return np.resize(np.array(rare, dtype), (LARGE_MASK // 4 + 3, 2, 2)).transpose(2, 0, 1)


@pytest.mark.parametrize(
    "other", [0.0, -0.0, np.float32(0), 0, 1.5, np.inf, np.arange(2.0), np.ones((2, 1, 1), np.float32)]
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("is_first", [False, True])
def test_where_gives_the_bits_of_numpy(dtype, other, is_first):
    x = elements(dtype)
    mask = np.random.default_rng(0).random(x.shape) < 0.5
    choices = (other, x) if is_first else (x, other)
    expected = np.where(mask, *choices)
    found = ops.where(mask, *choices)
    assert found.dtype == expected.dtype
    assert found.strides == expected.strides
    assert found.tobytes() == expected.tobytes()


def test_where_broadcasts_a_large_mask():
    mask = np.random.default_rng(0).random((2 * LARGE_MASK, 3)) < 0.5
    x = np.array([1.0, np.inf, np.nan])
    assert ops.where(mask, x, 0.0).tobytes() == np.where(mask, x, 0.0).tobytes()


def test_where_takes_large_masks_of_whole_numbers():
    mask = np.arange(2 * LARGE_MASK) % 3  # true where it is not 0
    x = np.arange(2.0 * LARGE_MASK)
    assert ops.where(mask, x, 0.0).tobytes() == np.where(mask, x, 0.0).tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "choose",
    [
        lambda m, a: ops.where(m, a, 0.0),
        lambda m, a: ops.where(m, 0.0, a),
        lambda m, a: ops.where(m, a, 1.5),
        lambda m, a: ops.where(m, -0.0, a),
        lambda m, a: ops.where(m, a * a, -a),
        lambda m, a: ops.where(m[0, 0], a, -a),
        lambda m, a: ops.where(m, a[:1], a[:, :1]),
    ],
)
def test_program_gives_the_bits_of_eager(dtype, choose):
    def step(mask, x):
        a = Tensor(x, requires_grad=True)
        chosen = choose(mask, a)
        (chosen * np.asarray(np.inf, dtype)).backward(np.ones(x.shape, dtype))
        return chosen, a.grad

    compiled = compile(step)
    for seed in range(3):
        x = elements(dtype)
        mask = np.random.default_rng(seed).random(x.shape) < 0.5
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            pairs = zip(compiled(mask, x), step(mask, x))
        for found, expected in pairs:
            assert array_of(found).tobytes() == array_of(expected).tobytes()
    assert '.view("i' in compiled.program.source


@pytest.mark.parametrize("backend", ["eager", "numpy"])
def test_gradient_of_a_dead_unit_is_0_where_infinity_arrives(backend):
    def step(x, g):
        a = Tensor(x, requires_grad=True)
        ops.relu(a).backward(g)
        return a.grad

    x = np.where(np.arange(2 * LARGE_MASK) % 2, 1.0, -1.0)
    g = np.where(np.arange(2 * LARGE_MASK) % 3, np.inf, np.nan)
    compiled = compile(step, backend=backend)
    for _ in range(2):
        assert compiled(x, g).tobytes() == np.where(x > 0, g, 0.0).tobytes()
