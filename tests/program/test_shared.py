"""A compiled function called from several threads at once, and from within itself."""

import itertools
import threading

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.concurrent import at_once
from tests.program.networks import batch, classifier
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.program import compile


def curve(x, exponent):
    """Forward and gradient, for several signatures."""
    x = Tensor(x, requires_grad=True)
    y = ops.softmax(x) ** exponent + ops.sum(x * x)
    y.backward(np.ones(x.shape))
    return y, x.grad


def results(function, seed):
    """What it gives for arrays of changing shapes, exponents and layouts."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(60):
        x = rng.random(tuple(rng.integers(1, 5, 2)))
        x = x.T if rng.random() < 0.3 else x
        found.append(
            [np.asarray(getattr(r, "data", r)).tobytes() for r in function(x, int(rng.integers(1, 3)))]
        )
    return found


@pytest.mark.parametrize("threads", [2, 4])
def test_many_signatures_from_many_threads(threads):
    compiled = compile(curve)
    found = at_once(*(lambda seed=seed: results(compiled, seed) for seed in range(threads)))
    assert found == [results(curve, seed) for seed in range(threads)]


@pytest.mark.parametrize("threads", [2, 4])
def test_steps_on_one_model_are_taken_one_after_the_other(threads):
    """Each step on the same batch: whoever takes it, the k-th loss is the k-th loss."""
    shared, alone = classifier(momentum=0.9), classifier(momentum=0.9)
    x, y = batch(np.random.default_rng(0), shared)
    step = compile(shared.step)
    losses = at_once(*[lambda: [step(x, y).item() for _ in range(20)]] * threads)
    expected = [alone.step(x, y).item() for _ in range(20 * threads)]
    assert sorted(itertools.chain(*losses)) == sorted(expected)
    assert shared.state() == alone.state()


def test_caches_that_all_threads_share():
    """Vectors of ones and identity matrices of more sizes than are kept, asked for by all at once."""

    def work():
        found = []
        for size in [*range(1, 300, 7), *range(299, 0, -7)]:
            x = np.linspace(-1, 1, 3 * size).reshape(3, size)
            loss = tm.grad(lambda x: ops.sum(ops.softmax_cross_entropy(x, np.zeros(3, int))))
            found.append((ops.softmax(x).tobytes(), loss(x).tobytes()))
        return found

    expected = work()
    assert at_once(*[work] * 4) == [expected] * 4


def test_recursive_compiled_function_is_right():
    @compile
    def power(x, exponent):
        return x * power(x, exponent - 1) if exponent else Tensor(np.ones(3))

    x = np.arange(3.0)
    for exponent in (2, 2, 2, 1, 3, 3, 1, 2):
        assert power(x, exponent).data.tolist() == (x**exponent).tolist()


class Scaled(nn.Module):
    def __init__(self):
        self.factor = 2.0

    def forward(self, x):
        return x * self.factor


def test_setting_is_followed_despite_a_capture_in_a_thread():
    model = Scaled()

    def function(x):
        other = threading.Thread(target=lambda: compile(lambda x: x + 1)(np.ones(2)))
        other.start()
        other.join()
        return model(x)

    compiled = compile(function)
    for model.factor in (2.0, 2.0, 2.0, 5.0, 5.0, 7.0):
        assert compiled(np.ones(2)).data.tolist() == [model.factor] * 2
