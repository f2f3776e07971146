"""Arrays with masked entries are refused at every entry point: NumPy would compute with them."""

import operator

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.estimator import NeuralNetwork

MASKED = np.ma.masked_array([1.0, 999.0, 3.0], mask=[False, True, False])
ROWS = np.ma.masked_array([[1.0, 2.0], [999.0, 1.0], [3.0, 0.0]], mask=[[0, 0], [1, 0], [0, 0]])
X = Tensor([1.0, 2.0, 3.0], requires_grad=True)


def assign():
    x = Tensor([1.0, 2.0, 3.0])
    x.data = MASKED


WAYS_IN = {
    "Tensor": lambda: Tensor(MASKED),
    "Tensor of a list": lambda: Tensor([MASKED, MASKED]),
    "Tensor of an entry": lambda: Tensor([1.0, np.ma.masked]),
    "assigned data": assign,
    "an operator": lambda: X * MASKED,
    "a NumPy function": lambda: np.maximum(X, MASKED),
    "an op of a Tensor": lambda: ops.add(X, MASKED),
    "an op of arrays": lambda: ops.exp(MASKED),
    "an op of a list": lambda: ops.concatenate(MASKED, MASKED, axis=0),
    "a gradient": lambda: (X * 2.0).backward(MASKED),
    "a transform": lambda: tm.grad(lambda x: (x * x).sum())(MASKED),
    "real targets": lambda: nn.MSELoss()(X, MASKED),
    "class targets": lambda: nn.CrossEntropyLoss()(Tensor(np.eye(3)), MASKED.astype(int)),
    "inputs of a Loader": lambda: Loader(ROWS, [0, 1, 1], 2),
    "targets of a Loader": lambda: Loader(np.ones((3, 2)), MASKED, 2),
    "X of the estimator": lambda: NeuralNetwork(epochs=1).fit(ROWS, [0, 1, 1]),
    "y of the estimator": lambda: NeuralNetwork(epochs=1).fit(np.ones((3, 2)), MASKED.astype(int)),
    "a column of the estimator": lambda: NeuralNetwork(
        "y ~ x", {"x": MASKED, "y": [0, 1, 1]}, epochs=1
    ).fit(),
}


@pytest.mark.parametrize("way", WAYS_IN.values(), ids=WAYS_IN)
@pytest.mark.filterwarnings("default")
def test_masked_entry_is_refused(way):
    with pytest.raises(
        (TypeError, ValueError), match=r"is a masked array .*: expected .*; write array\.filled\(0.0\)"
    ):
        way()


ON_THE_LEFT = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.pow,
    operator.lt,
    operator.eq,
    operator.imul,
    np.ma.multiply,
    np.ma.maximum,
    lambda masked, x: np.ma.exp(x),
]


@pytest.mark.parametrize("mask", [False, [False, True, False]], ids=["whole", "masked"])
@pytest.mark.parametrize("compute", ON_THE_LEFT)
def test_masked_array_on_the_left_is_refused(compute, mask):
    left = np.ma.masked_array([1.0, 2.0, 3.0], mask=mask)
    with pytest.raises(
        TypeError, match=r"is a masked array, .* would cut the graph: expected .*filled\(0.0\)"
    ):
        compute(left, X)
    with pytest.raises(TypeError, match="is a masked array"):
        compute(left, X * 2.0)


def test_masked_array_keeps_its_mask_without_a_gradient():
    product = np.ma.multiply(MASKED, Tensor([2.0, 2.0, 2.0]))
    np.testing.assert_array_equal(product.mask, MASKED.mask)
    np.testing.assert_array_equal(product.compressed(), [2.0, 6.0])


def test_mask_that_hides_nothing_is_accepted():
    whole = np.ma.masked_array([1.0, 2.0])
    assert type(Tensor(whole).data) is np.ndarray
    np.testing.assert_array_equal((Tensor([1.0, 1.0]) * whole).data, [1.0, 2.0])
    assert len(Loader(whole, [0, 1], 2)) == 1
