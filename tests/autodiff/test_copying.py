"""Copies of computed tensors: at any depth, with shared tensors shared, and what is stale still stale."""

import copy
import io
import pickle

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, no_grad
from tinygrad_mnist.errors import StaleGradientError


def python_pickle(value):
    """By the pickler written in Python, which goes through lists in another order than the one in C."""
    file = io.BytesIO()
    pickle._Pickler(file).dump(value)
    return pickle.loads(file.getvalue())


COPIES = [copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value)), python_pickle]
every_copy = pytest.mark.parametrize("copied", COPIES, ids=["deepcopy", "pickle", "python pickle"])


@every_copy
def test_tensor_behind_ten_thousand_ops_is_copied(copied):
    x = Tensor([1.0, 0.9999], requires_grad=True, name="x")
    y, middle = x, x
    for step in range(10_000):
        y = y * x
        middle = y if step == 5000 else middle
    twin, inner, leaf = copied((y, middle, x))
    assert twin is not y
    y.sum().backward()
    twin.sum().backward()
    np.testing.assert_array_equal(leaf.grad, x.grad)
    inner.sum().backward()
    assert (leaf.grad > x.grad).all()


@every_copy
def test_model_that_holds_a_computed_tensor_shares_its_parameters(copied):
    model = nn.Sequential(nn.Linear(2, 1))
    model.last = model(np.ones((1, 2), np.float32)).sum()
    twin = copied(model)
    twin.last.backward()
    assert twin[0].weight.grad.tolist() == [[1.0, 1.0]]
    assert model[0].weight.grad is None


@every_copy
@pytest.mark.parametrize("first", ["earlier", "later"])
def test_several_tensors_keep_what_they_share(copied, first):
    x = Tensor([3.0], requires_grad=True)
    y = x * x
    z = y * x
    twins = copied([y, z, x] if first == "earlier" else [z, y, x])
    twin = twins[0] if first == "later" else twins[1]
    assert twin.inputs[0] is twins[1 if first == "later" else 0]
    assert twin.inputs[1] is twins[2]


@every_copy
def test_stale_tensor_stays_stale(copied):
    x = Tensor([3.0], requires_grad=True)
    old = x * x
    with no_grad():
        x += 1
    fresh = x * x
    old, fresh = copied([old, fresh])
    fresh.sum().backward()
    assert fresh.inputs[0].grad == 8.0
    with pytest.raises(StaleGradientError):
        old.sum().backward()


@every_copy
def test_subclass_keeps_its_own_attributes(copied):
    parameter = Labelled([1.0], requires_grad=True)
    parameter.unit = "cm"
    twin = copied(parameter)
    assert (type(twin), twin.unit, twin.data.tolist()) == (Labelled, "cm", [1.0])


class Labelled(Tensor):
    pass


def test_failed_pickle_leaves_no_trace():
    y = Tensor(1.0, requires_grad=True)
    for _ in range(2000):
        y = y * 1.0
    middle = y.inputs[0]
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps((y, lambda: None))
    assert pickle.loads(pickle.dumps(middle)).item() == 1.0
