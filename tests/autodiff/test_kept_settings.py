"""An op keeps its settings, masks and targets as they were: changing them later does not reach the graph."""

import array

import numpy as np
import pandas as pd
import pytest

from tinygrad_mnist import Tensor, nn, ops


def changed(setting):
    """Change everything inside that can be changed."""
    if isinstance(setting, tuple):
        for part in setting:
            changed(part)
    elif isinstance(setting, np.ndarray):
        setting[...] = (
            ~setting if setting.dtype == bool else setting[::-1].copy() if setting.ndim else 1 - setting
        )
    elif isinstance(setting, slice):
        changed((setting.start,))
    elif isinstance(setting, pd.Series):
        setting[:] = ~setting
    elif isinstance(setting, list | array.array):
        for part in setting:
            changed(part)
        setting.reverse()


INDICES = {
    "list": lambda: [0, 0, 2],
    "nested list": lambda: [[0, 1], [2, 2]],
    "array": lambda: np.array([0, 0, 1]),
    "mask": lambda: np.array([True, False, True]),
    "mask as a list": lambda: [True, False, False],
    "tuple of lists": lambda: ([0, 2], [0, 1]),
    "tuple with a slice": lambda: (slice(1, None), [0, 2, 2]),
    "tuple with an array": lambda: (np.array([0, 2]), Ellipsis),
    "slice from an array": lambda: slice(np.array(0), np.array(2)),
    "slice from an array beside a number": lambda: (1, slice(np.array(0), 2)),
    "pandas Series": lambda: pd.Series([True, False, True]),
    "array.array": lambda: array.array("l", [0, 1, 1]),
}
SETTINGS = {
    "transpose axes": lambda x, s: ops.transpose(x, axes=s),
    "x.transpose": lambda x, s: x.transpose(s),
    "np.transpose": lambda x, s: np.transpose(x, s),
}
SHAPES = {
    "reshape": lambda x, s: ops.reshape(x, shape=s),
    "x.reshape": lambda x, s: x.reshape(s),
    "np.reshape": np.reshape,
    "broadcast_to": lambda x, s: ops.broadcast_to(x[:1, :1], shape=s),
}


def gradient(apply, setting, change):
    x = Tensor(np.arange(9.0).reshape(3, 3) + 1, requires_grad=True)
    y = apply(x, setting)
    if change:
        changed(setting)
    (y * np.arange(y.size).reshape(y.shape)).sum().backward()
    return x.grad


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_index_changed_after_the_op_does_not_matter(index):
    expected = gradient(lambda x, i: x[i], index(), change=False)
    np.testing.assert_array_equal(gradient(lambda x, i: x[i], index(), change=True), expected)


@pytest.mark.parametrize("index", [[0, 1], np.array([1, 1])], ids=["list", "array"])
def test_index_of_an_op_changed_afterwards_does_not_matter(index):
    expected = gradient(lambda x, i: ops.getitem(x, index=i), index.copy(), change=False)
    found = gradient(lambda x, i: ops.getitem(x, index=i), index, change=True)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("apply", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("kind", [list, np.array])
def test_axes_changed_after_the_op_do_not_matter(apply, kind):
    x = Tensor(np.arange(6.0).reshape(1, 2, 3), requires_grad=True)
    axes = kind([1, 2, 0])
    y = apply(x, axes)
    axes[:] = [0, 1, 2]
    (y * np.arange(6.0).reshape(2, 3, 1)).sum().backward()
    np.testing.assert_array_equal(x.grad, np.arange(6.0).reshape(1, 2, 3))


@pytest.mark.parametrize("apply", SHAPES.values(), ids=SHAPES)
def test_shape_changed_after_the_op_does_not_matter(apply):
    x = Tensor(np.arange(9.0).reshape(3, 3), requires_grad=True)
    shape = [1, 9]
    y = apply(x, shape)
    shape[:] = [3, 3]
    (y * np.arange(9.0)).sum().backward()
    assert x.grad.sum() == 36.0


MASKS = {
    "condition of where": lambda x, mask: ops.where(mask, x, 0.0),
    "condition of np.where": lambda x, mask: np.where(mask, x, x * x),
    "factor": lambda x, mask: x * mask,
    "factor of integers": lambda x, mask: x * mask.view(np.int8),
    "divisor of small integers": lambda x, mask: x / (mask.view(np.int8)),
}


@pytest.mark.parametrize("apply", MASKS.values(), ids=MASKS)
def test_mask_changed_after_the_op_does_not_matter(apply):
    def found(change):
        mask = np.array([True, False, True])
        with np.errstate(all="ignore"):
            return gradient(apply, mask, change)

    np.testing.assert_array_equal(found(True), found(False))


LABELS = np.array([0, 1, 0])
ROWS = np.eye(3)[LABELS]
TARGETS = {
    "CrossEntropyLoss": (lambda x: x, nn.CrossEntropyLoss(), LABELS),
    "CrossEntropyLoss, rows": (lambda x: x, nn.CrossEntropyLoss(), ROWS),
    "CrossEntropyLoss, softmax": (ops.softmax, nn.CrossEntropyLoss(from_logits=False), LABELS),
    "CrossEntropyLoss, probabilities": (lambda x: x / 10, nn.CrossEntropyLoss(from_logits=False), ROWS),
    "NLLLoss": (ops.log_softmax, nn.NLLLoss(), LABELS),
    "NLLLoss, rows": (ops.log_softmax, nn.NLLLoss(), ROWS),
    "MSELoss": (lambda x: x, nn.MSELoss(), ROWS),
    "QuadraticLoss": (lambda x: x, nn.QuadraticLoss(), LABELS),
    "QuadraticLoss, rows": (lambda x: x, nn.QuadraticLoss(), ROWS),
    "BCELoss": (ops.sigmoid, nn.BCELoss(), ROWS),
    "BCELoss, probabilities": (lambda x: x / 10, nn.BCELoss(), ROWS),
    "BCEWithLogitsLoss": (lambda x: x, nn.BCEWithLogitsLoss(), ROWS),
}


@pytest.mark.parametrize("case", TARGETS.values(), ids=TARGETS)
def test_targets_changed_after_the_loss_do_not_matter(case):
    before, loss, targets = case

    def found(change):
        return gradient(lambda x, t: loss(before(x), t), targets.copy(), change)

    np.testing.assert_array_equal(found(True), found(False))
