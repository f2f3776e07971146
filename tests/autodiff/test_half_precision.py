"""Half precision: every sum of many numbers runs in float32, forwards and backwards, eager and captured."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.program import compile

N = 70_000  # above 65504, the largest number of half precision
UNIFORM = np.arange(2) * np.ones((N, 1))
LABELS = np.zeros(N, int)

# Each takes an array of (N, 2); float32 is what it is compared with.
REDUCTIONS = {
    "sum": lambda x: ops.sum(x * 0.01),
    "sum of columns": lambda x: ops.sum(x * 0.01, axis=0),
    "sum, axes kept": lambda x: ops.sum(x * 0.01, axis=0, keepdims=True),
    "mean": ops.mean,
    "mean of columns": lambda x: ops.mean(x, axis=0),
    "mean of rows": lambda x: ops.mean(x, axis=1) * 0.01,
    "max among ties": lambda x: ops.max(x, axis=0) * 1000,
    "min among ties": lambda x: ops.min(x) * 1000,
    "logsumexp": lambda x: ops.logsumexp(x, axis=0),
    "softmax": lambda x: ops.square(ops.softmax(x, axis=1) * 0.01),
    "softmax of 70,000 classes": lambda x: ops.mean(ops.softmax(x, axis=0)) * 1000,
    "log_softmax": lambda x: ops.mean(ops.log_softmax(x, axis=0)) * 100,
    "squared_error": lambda x: ops.squared_error(x, 1 - x, scale=1 / N),
    "broadcast": lambda x: (x[:1] + x * 0) * 0.01,
    "repeated index": lambda x: x[np.zeros(N, int)] * 0.01,
    "product": lambda x: (x * 0.01).mT @ x,
    "variance": lambda x: ops.mean(ops.square(x - ops.mean(x, axis=0)), axis=0),
    "MSELoss": lambda x: nn.MSELoss()(x, 1 + 0 * x),
    "QuadraticLoss": lambda x: nn.QuadraticLoss()(x, 1 + 0 * x),
    "CrossEntropyLoss": lambda x: nn.CrossEntropyLoss()(x, LABELS),
    "CrossEntropyLoss of classes": lambda x: nn.CrossEntropyLoss()(x.mT, LABELS[:2]),
    "NLLLoss": lambda x: nn.NLLLoss()(ops.log_softmax(x) * 20, LABELS),
    "BCELoss": lambda x: nn.BCELoss()(ops.sigmoid(x), 1 + 0 * x),
    "BCELoss of probabilities from elsewhere": lambda x: nn.BCELoss()(x * 0.5, 0 * x),
    "BCELoss of impossible targets": lambda x: nn.BCELoss()(x * 0, 1 + 0 * x),
    "CrossEntropyLoss of probabilities": lambda x: nn.CrossEntropyLoss(from_logits=False)(
        x * 0.5, 1 + LABELS
    ),
    "BCEWithLogitsLoss": lambda x: nn.BCEWithLogitsLoss()(x, 1 + 0 * x),
}


def gradient_of(function):
    """A function that gives the value and the gradient of the mean of its entries."""

    def both(x):
        variable = Tensor(x.data, requires_grad=True) if isinstance(x, Tensor) else x
        value = function(variable)
        (value if value.size == 1 else value.sum()).backward()
        return value, variable.grad

    return both


@pytest.mark.parametrize("function", REDUCTIONS.values(), ids=REDUCTIONS)
def test_half_precision_is_summed_in_float32(function):
    value, gradient = gradient_of(function)(Tensor(UNIFORM.astype(np.float16)))
    expected, slope = gradient_of(function)(Tensor(UNIFORM.astype(np.float32)))
    assert value.dtype == gradient.dtype == np.float16
    np.testing.assert_allclose(value.data, expected.data, rtol=3e-3, atol=1e-6)
    np.testing.assert_allclose(gradient, slope, rtol=1e-2, atol=2e-6)


@pytest.mark.parametrize("function", REDUCTIONS.values(), ids=REDUCTIONS)
def test_half_precision_has_the_same_bits_when_captured(function):
    def step(x):
        weight.grad = None
        value = function(weight * x)
        total = value if value.size == 1 else value.sum()
        total.backward()
        return value, weight.grad

    x = (UNIFORM + 0.5).astype(np.float16)
    weight = Tensor(np.ones(2, np.float16), requires_grad=True)
    value, gradient = step(x)
    found, captured = compile(step)(x)
    assert value.data.tobytes() == np.asarray(found.detach()).tobytes()
    assert gradient.tobytes() == np.asarray(captured).tobytes()
