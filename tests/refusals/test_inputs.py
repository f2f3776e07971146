"""Wrong inputs of layers, ops and losses are refused in a sentence."""

import numpy as np
import pytest

from tests.refusals.subjects import VECTOR, loss, model, outputs, refuses, tensor
from tinygrad_mnist import Tensor, nn, ops, primitive
from tinygrad_mnist.errors import DTypeError, ShapeError

INPUTS = [
    (lambda: ops.sum(tensor(), [0, 1]), TypeError, "axis is [0, 1]: expected a whole number or a tuple"),
    (lambda: ops.sum(tensor(), [0, 1]), TypeError, "write axis=(0, 1)"),
    (lambda: tensor().mean(axis="a"), TypeError, "axis is 'a': expected a whole number or a tuple"),
    (lambda: tensor().sum(0, 1), TypeError, "keepdims is 1: expected True or False; several axes are one"),
    (lambda: ops.max(tensor(), 0, 1), TypeError, "keepdims is 1: expected True or False; several axes"),
    (lambda: tensor().astype(str), DTypeError, "dtype is <U0: expected one of numbers"),
    (lambda: ops.stack([tensor(), loss()]), ShapeError, "stack takes arrays of one shape, got (2, 3) and ()"),
    (lambda: tensor().exp(1), TypeError, "Tensor.exp() takes 1 positional argument but 2 were given"),
    (lambda: primitive(np.exp), TypeError, "forward is the function exp: expected a Python function"),
    (lambda: model().load_state_dict("a.npz"), TypeError, "model.load_state_dict(dict(np.load(path)))"),
    (
        lambda: model()(np.ones((2, 3))),
        DTypeError,
        "Sequential/Linear[0] has float32 weights, the input is "
        "float64: pass x.astype(np.float32), or build it with dtype=np.float64",
    ),
    (
        lambda: model()(np.ones((2, 5), np.float32)),
        ShapeError,
        "Sequential/Linear[0] expects 3 features in the "
        "last axis, got inputs of shape (2, 5): build it as Linear(5, 4)",
    ),
    (lambda: nn.Linear(4, 2)(np.ones((5, 2, 2), np.float32)), ShapeError, "put nn.Flatten() before it"),
    (lambda: nn.Linear(4, 2)(np.ones((4, 7), np.float32)), ShapeError, "one example per row is x.T"),
    (lambda: nn.Linear(3, 4)([[1.0, 2.0, 3.0]]), TypeError, "pass np.asarray(x, np.float32)"),
    (lambda: nn.Linear(3, 4)(None), TypeError, "return a value from the forward before it"),
    (lambda: ops.softmax([1.0, 2.0]), TypeError, "softmax takes Tensors, arrays and numbers, not list"),
    (lambda: ops.relu(None), TypeError, "relu takes Tensors, arrays and numbers, not None"),
    (lambda: tensor() + [1.0, 2.0, 3.0], TypeError, "add takes Tensors, arrays and numbers, not list"),  # noqa: RUF005
    (lambda: tensor() * len, TypeError, "call it first"),
    (lambda: ops.add(tensor()), TypeError, "add() is missing b: expected add(a, b)"),
    (lambda: ops.exp(tensor(), tensor()), TypeError, "exp() got 2 positional arguments: expected exp(x)"),
    (lambda: ops.reshape(tensor()), TypeError, "reshape() is missing shape=: expected reshape(x, shape=...)"),
    (lambda: ops.exp(x=VECTOR, y=1), TypeError, "exp() takes its inputs by position: expected exp(x)"),
    (
        lambda: Tensor(np.ones(3)) + Tensor(np.ones(2)),
        ShapeError,
        "add: shapes (3,) and (2,) do not broadcast; compare from the right: lengths must be equal or 1",
    ),
    (
        lambda: tensor() + np.ones(2),
        ShapeError,
        "add: shapes x (2, 3) and (2,) do not broadcast; if (2,) are "
        "numbers of the rows, write [:, None] behind them",
    ),
    (
        lambda: ops.maximum(np.ones(5), tensor()),
        ShapeError,
        "maximum: shapes (5,) and x (2, 3) do not broadcast",
    ),
    (
        lambda: tensor() @ tensor(),
        ShapeError,
        "the inner lengths 3 and 2 differ; transpose the second: a @ b.T",
    ),
    (
        lambda: ops.concatenate(tensor(), tensor(), 0),
        ShapeError,
        "give the axis by name: concatenate(..., axis=0)",
    ),
    (
        lambda: tensor() * np.ones(3, np.float32),
        DTypeError,
        "write .astype(np.float32) where the dtype is not float32",
    ),
    (
        lambda: nn.CrossEntropyLoss()(np.zeros(8, int), outputs(8, 10)),
        ShapeError,
        "arguments swapped? write CrossEntropyLoss()(output, target)",
    ),
    (lambda: nn.CrossEntropyLoss()(outputs(8, 10), np.zeros((8, 1), int)), ShapeError, "write target[:, 0]"),
    (
        lambda: nn.CrossEntropyLoss()([[1.0]], [0]),
        TypeError,
        "expected a Tensor; write CrossEntropyLoss()(model(x)",
    ),
    (
        lambda: nn.MSELoss()(outputs(8, 10), np.zeros(8, int)),
        ShapeError,
        "write np.eye(10)[target] for labels",
    ),
    (lambda: nn.MSELoss()(outputs(8), np.zeros((8, 1))), ShapeError, "write target[:, 0]"),
    *(
        (
            lambda kind=kind: kind()(outputs(8, 1), np.ones(8)),
            ShapeError,
            "target (8,) does not match output (8, 1): write target[:, None]",
        )
        for kind in (nn.MSELoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.QuadraticLoss)
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), INPUTS, ids=[row[2][-40:] for row in INPUTS])
def test_wrong_input_is_refused(call, error, message):
    refuses(call, error, message)


REDUCING = [ops.sum, ops.mean, ops.max, ops.min, ops.logsumexp, ops.softmax, ops.log_softmax]


@pytest.mark.parametrize("op", REDUCING, ids=lambda op: op.name)
def test_axis_is_accepted_by_position(op):
    for x in (tensor(), tensor().data):
        np.testing.assert_array_equal(np.array(op(x, 0).tolist()), np.array(op(x, axis=0).tolist()))


def test_other_settings_are_accepted_by_position():
    x = tensor()
    assert ops.sum(x, 0, True).shape == (1, 3)
    assert ops.sum(x, 0, keepdims=True).shape == (1, 3)
    assert ops.reshape(x, (3, 2)).shape == (3, 2)
    assert ops.transpose(x, (1, 0)).shape == (3, 2)
    assert ops.broadcast_to(x, (4, 2, 3)).shape == (4, 2, 3)
    assert ops.clip(x, 2.0, 3.0).data.min() == 2.0
    ops.sum(ops.sum(x, 0)).backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


@pytest.mark.parametrize("as_input", [np.asarray, lambda a: Tensor(a, requires_grad=True)])
def test_joined_arrays_are_accepted_as_a_sequence_too(as_input):
    a, b = as_input(np.array([1.0, 2.0])), as_input(np.array([3.0, 4.0]))
    for joined in (ops.concatenate(a, b), ops.concatenate([a, b]), ops.concatenate((a, b), 0),
                   ops.concatenate([a, b], axis=-1)):  # fmt: skip
        np.testing.assert_array_equal(joined.tolist(), [1.0, 2.0, 3.0, 4.0])
    for stacked in (ops.stack(a, b, axis=1), ops.stack([a, b], 1), ops.stack((a, b), axis=1)):
        np.testing.assert_array_equal(stacked.tolist(), [[1.0, 3.0], [2.0, 4.0]])
    assert ops.stack([1.0, 2.0]).tolist() == [1.0, 2.0]
