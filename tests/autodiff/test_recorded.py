"""What an op records, what a Tensor keeps to itself, and how both are shown."""

import copy
import pickle
import re

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, optim, primitive
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.errors import CaptureError, ShapeError, StaleGradientError
from tinygrad_mnist.program import compile
from tinygrad_mnist.training import fit


@pytest.fixture
def own_op():
    """Make a primitive that is forgotten after the test."""
    before = dict(REGISTRY)
    yield primitive
    REGISTRY.clear()
    REGISTRY.update(before)


def place_of(output, weight):
    """Return the place that the error for a changed weight gives."""
    weight.data = weight.data + 1
    with pytest.raises(StaleGradientError) as raised:
        output.sum().backward()
    return re.search(r"recorded at (.*?)\)", str(raised.value))[1]


def applied_to_ones(model):
    x = Tensor(np.ones((1, 2)))
    return model(x)  # the caller's line


@pytest.mark.parametrize("deep", [False, True], ids=["a layer", "a layer in two networks"])
def test_op_of_a_layer_is_recorded_at_the_call_of_the_network(deep):
    layer = nn.Linear(2, 2, rng=0, dtype=float)
    model = nn.Sequential(nn.Sequential(layer)) if deep else layer
    assert place_of(applied_to_ones(model), layer.weight).endswith("return model(x")


def test_op_in_a_training_has_the_line_that_started_it():
    places = []

    def loss(output, target):
        places.append(output._origin())
        return ops.mean(output)

    model = nn.Sequential(nn.Linear(2, 2, rng=0, dtype=float))
    batches = [(np.ones((1, 2)), np.ones(1))]
    fit(model, loss, optim.SGD(model.parameters(), 0.1), batches, epochs=1)
    assert "test_recorded.py" in places[0]


def test_computed_tensor_keeps_its_gradient_only_on_request():
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = x * x
    kept = (x + y).retain_grad()
    kept.sum().backward()
    assert y.grad is None
    assert kept.grad.tolist() == [1, 1]
    assert not y.retains_grad


def test_start_gradient_is_copied():
    x, start = Tensor([1.0, 2.0], requires_grad=True), np.array([3.0, 4.0])
    x.backward(start)
    start[:] = 0
    assert x.grad.tolist() == [3, 4]


def test_asking_for_a_gradient_again_keeps_the_array():
    x = Tensor([1.0, 2.0], requires_grad=True)
    array = x.data
    assert x.requires_grad_() is x
    assert x.data is array
    x.requires_grad_(False)
    assert not x.requires_grad


def test_elementwise_op_counts_one_flop_per_element(own_op):
    @own_op
    def thrice(x, *, by=1.0):
        return 3 * x * by

    assert (thrice.moves_elements, thrice.elementwise) == (False, False)
    assert thrice.flops(np.ones(4), np.ones((2, 2))) == 4


@pytest.mark.parametrize("leading", [(), (4,), (4, 2)])
def test_labels_of_another_shape_raise_with_the_expected_one(leading):
    expected = re.escape(f"do not fit logits of shape {(*leading, 3)}: expected {leading}")
    with pytest.raises(ShapeError, match=expected):
        ops.softmax_cross_entropy(Tensor(np.zeros((*leading, 3))), np.zeros((*leading, 5), int))


@pytest.mark.parametrize("axis", [0, -3, (0, -1), (0, 2)])
def test_squeeze_takes_axes_counted_from_either_end(axis):
    x = np.ones((1, 2, 1))
    assert ops.squeeze(x, axis).shape == np.squeeze(x, axis).shape
    assert ops.squeeze(x).shape == (2,)


def test_long_tensor_is_shown_with_two_numbers_at_each_end():
    assert repr(Tensor(np.arange(20) / 3)).startswith(
        "Tensor([0.    , 0.3333, 0.6667, 1.    , 1.3333, 1.6667, 2.    , 2.3333, 2.6667,\n        3.    , "
    )
    assert repr(Tensor(np.arange(21.0), name="x")) == (
        "Tensor([ 0.,  1., ..., 19., 20.], shape=(21,), dtype=float64, name='x')"
    )


@pytest.mark.parametrize("start", [lambda x: x * 1.0, lambda x: x.detach()], ids=["computed", "a constant"])
@pytest.mark.parametrize("other", [3.0, np.array([3.0, 5.0])], ids=["number", "array"])
def test_augmented_assignment_is_the_op_of_its_operator(start, other):
    x = Tensor([2.0, 7.0], requires_grad=True)
    added = subtracted = multiplied = divided = start(x)
    added += other
    subtracted -= other
    multiplied *= other
    divided /= other
    found = [added, subtracted, multiplied, divided]
    for tensor, expected in zip(found, [x.data + other, x.data - other, x.data * other, x.data / other]):
        np.testing.assert_array_equal(tensor.data, expected)
    assert x.data.tolist() == [2, 7]


@pytest.mark.parametrize(
    ("a", "b", "advised"),
    [
        ((3,), (3, 4), (3,)),
        ((3, 4), (3,), (3,)),
        ((2, 3), (2, 3, 4), (2, 3)),
        ((3,), (2, 3, 4), (3,)),
        ((2,), (3, 4), None),
        ((3, 4), (3, 5), None),
        ((4, 3), (3, 4), None),
    ],
)
def test_numbers_per_row_next_to_a_matrix_need_a_new_axis(a, b, advised):
    advice = re.escape(
        f"if {advised} are numbers of the rows, write [:, None]" if advised else "compare from"
    )
    with pytest.raises(ShapeError, match=advice):
        Tensor(np.ones(a)) * Tensor(np.ones(b))


def test_operator_is_recorded_at_its_own_line():
    weight = Tensor([1.0, 2.0], requires_grad=True)

    def squared():
        return weight * weight  # by its sign

    assert place_of(squared(), weight).endswith("return weight * weight  # by its sign")


@pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
def test_copy_in_a_compiled_function_is_refused_with_its_line(copied):
    def function(x):
        copied(x)  # here
        return x * 2.0

    with pytest.raises(CaptureError, match=r"test_recorded\.py:\d+: copied\(x\)  # here"):
        compile(function)(np.ones(2))
