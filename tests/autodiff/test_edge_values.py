"""Values of ops where their formulas change: complex halves, borders, zeros, short and long axes."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.ops.casts import dropout_mask
from tinygrad_mnist.autodiff.ops.indexing import scatter_add
from tinygrad_mnist.autodiff.ops.shaping import broadcasts, sum_to
from tinygrad_mnist.errors import DTypeError, LabelError, ShapeError

REAL = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
COMPLEX = REAL + 1e-3j * np.array([1.0, -2.0, 3.0, -4.0, 5.0])
OTHER = np.array([0.0, -0.5, 1.0, 0.5, 1.0])
HALVES = {
    "abs": (lambda x: ops.abs(x), np.where(REAL < 0, -COMPLEX, COMPLEX)),
    "relu": (lambda x: ops.relu(x), np.where(REAL > 0, COMPLEX, 0)),
    "sign": (lambda x: ops.sign(x), np.sign(REAL)),
    "clip": (lambda x: ops.clip(x, min=-0.5, max=0.5), np.array([-0.5, *COMPLEX[1:4], 0.5])),
    "maximum": (lambda x: ops.maximum(x, OTHER), np.where(REAL >= OTHER, COMPLEX, OTHER)),
    "minimum": (lambda x: ops.minimum(x, OTHER), np.where(REAL <= OTHER, COMPLEX, OTHER)),
    "second maximum": (lambda x: ops.maximum(OTHER, x), np.where(OTHER >= REAL, OTHER, COMPLEX)),
    "second minimum": (lambda x: ops.minimum(OTHER, x), np.where(OTHER <= REAL, OTHER, COMPLEX)),
    "softplus": (lambda x: ops.softplus(x), np.log(1 + np.exp(COMPLEX))),
    "sigmoid": (lambda x: ops.sigmoid(x), 1 / (1 + np.exp(-COMPLEX))),
    "logsumexp": (lambda x: ops.logsumexp(x), np.log(np.sum(np.exp(COMPLEX)))),
    "softmax": (lambda x: ops.softmax(x), np.exp(COMPLEX) / np.sum(np.exp(COMPLEX))),
}  # fmt: skip


@pytest.mark.parametrize("name", HALVES)
def test_op_on_complex_numbers_branches_on_real_parts(name):
    call, expected = HALVES[name]
    np.testing.assert_allclose(call(COMPLEX), expected, rtol=1e-12)
    np.testing.assert_allclose(call(COMPLEX.real + 0j), call(REAL), rtol=1e-12)


@pytest.mark.parametrize("x", [800.0, -800.0])
@pytest.mark.parametrize("op", [ops.sigmoid, ops.softplus])
def test_large_complex_number_does_not_overflow(op, x):
    with np.errstate(all="raise", under="ignore"):
        found = op(np.array([x + 1e-30j]))
    assert found.real == op(np.array([x]))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, int])
def test_sigmoid_of_integers_equals_that_of_floats(dtype):
    x = np.array([0, 1], dtype)
    np.testing.assert_allclose(ops.sigmoid(x), 1 / (1 + np.exp(-x.astype(float))), rtol=1e-2)
    np.testing.assert_allclose(ops.sigmoid(x.astype(np.uint8)), [0.5, 1 / (1 + np.exp(-1.0))], rtol=1e-12)


@pytest.mark.parametrize(
    ("base", "slope"), [(2, np.log(2) * 8), (1, 0.0), (0, 0.0), (0.0, 0.0), (-2, np.nan)]
)
def test_exponent_over_a_number_has_the_slope_of_its_logarithm(base, slope):
    for exponent in (
        Tensor([3.0], requires_grad=True),
        Tensor(np.array([3.0], np.float32), requires_grad=True),
    ):
        (base**exponent).sum().backward()
        assert exponent.grad == pytest.approx(slope, nan_ok=True)
        assert exponent.grad.dtype == exponent.dtype


@pytest.mark.parametrize(
    ("base", "exponent", "slopes"),
    [
        (0.0, 0.0, (0.0, 0.0)),
        (0.0, 1.0, (1.0, 0.0)),
        (0.0, 2.0, (0.0, 0.0)),
        (1e-310, 0.0, (0.0, -713.8)),
        (1e-310, 1.0, (1.0, 0.0)),
        (2.0, 0.0, (0.0, np.log(2))),
        (-2.0, 2.0, (-4.0, np.nan)),
    ],
)
def test_power_has_finite_slopes_at_its_corners(base, exponent, slopes):
    a, b = Tensor([base], requires_grad=True), Tensor([exponent], requires_grad=True)
    with np.errstate(invalid="ignore"):
        (a**b).sum().backward()
    assert (a.grad[0], b.grad[0]) == pytest.approx(slopes, rel=1e-3, abs=1e-300, nan_ok=True)


SHAPES = [
    ((3, 4), [(4,), (1, 4), (3, 1), (1, 1), (), (3, 4), (1,)]),
    ((2, 3, 4), [(3, 1), (4,), (1, 3, 1), (2, 1, 1), (2, 3, 4), ()]),
    ((1, 4), [(4,), (1,), (1, 1)]),
    ((0, 4), [(4,), (1, 1), (0, 1)]),
]


@pytest.mark.parametrize("kind", [np.float32, np.float16, int, complex])
@pytest.mark.parametrize(("shape", "targets"), SHAPES)
def test_sum_to_a_shape_sums_over_broadcast_axes(shape, targets, kind):
    x = np.arange(float(np.prod(shape))).reshape(shape).astype(kind)
    for target in targets:
        lead = len(shape) - len(target)
        stretched = tuple(lead + i for i, n in enumerate(target) if n != shape[lead + i])
        expected = x.sum(axis=(*range(lead), *stretched), keepdims=True).reshape(target)
        found = sum_to(x, shape=target)
        assert (found.shape, found.dtype) == (target, x.dtype)
        np.testing.assert_allclose(found, expected, rtol=1e-3)
        assert broadcasts(target, shape)


@pytest.mark.parametrize("target", [(2,), (3,), (4, 1), (2, 3, 4), (1, 3, 4), (4, 3)])
def test_sum_to_a_shape_that_does_not_broadcast_is_refused(target):
    with pytest.raises(ValueError, match="does not broadcast"):
        sum_to(np.ones((3, 4)), shape=target)
    assert not broadcasts(target, (3, 4))


INDICES = [
    1, -1, np.int64(2), slice(1, None), slice(None, None, -2), ..., None, (..., 0), (None, 1), (0, slice(2)),
    [0, 0, 2], np.array([2, 2, 2]), (slice(None), [1, 1]), ([0, 0], [1, 1]), np.array([True, False, True]),
    np.eye(3, 4, dtype=bool), (np.array([True, False, True]), 0), (np.array(1), 2), True,
    (1, np.array([0, 0])),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_scatter_adds_every_element_that_an_index_picks(index):
    shape = (3, 4)
    counts = np.zeros(shape)
    np.add.at(counts, index, 1.0)
    x = Tensor(np.zeros(shape), requires_grad=True)
    x[index].sum().backward()
    np.testing.assert_array_equal(x.grad, counts)
    picked = np.arange(12.0).reshape(shape)[index]
    expected = np.zeros(shape)
    np.add.at(expected, index, picked)
    np.testing.assert_array_equal(scatter_add(picked, index=index, shape=shape), expected)


@pytest.mark.parametrize("axes", [(1, 2, 0), (2, 0, 1), (-1, 0, 1), (-2, -1, -3), None])
def test_transpose_rule_restores_the_axes(axes):
    x = Tensor(np.zeros((2, 3, 4)), requires_grad=True)
    weights = np.arange(24.0).reshape(2, 3, 4)
    (ops.transpose(x, axes=axes) * np.transpose(weights, axes)).sum().backward()
    np.testing.assert_array_equal(x.grad, weights)


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
def test_new_axis_is_where_numpy_puts_it(axis):
    x = np.ones((2, 3))
    assert ops.expand_dims(x, axis).shape == np.expand_dims(x, axis).shape
    assert ops.expand_dims(2.0, 0).shape == (1,)


@pytest.mark.parametrize("classes", [1, 3, 1000, 1001])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, int])
def test_rows_of_any_number_of_classes_have_a_1_at_their_label(classes, dtype):
    labels = np.array([[classes - 1, 0]]).astype(dtype)
    rows = ops.one_hot(labels.astype(int) % classes, classes=classes, dtype=np.dtype(np.float32))
    assert (rows.shape, rows.dtype) == ((1, 2, classes), np.float32)
    np.testing.assert_array_equal(rows.argmax(-1), labels.astype(int) % classes)
    np.testing.assert_array_equal(rows.sum(-1), 1)


@pytest.mark.parametrize("dtype", [*np.typecodes["AllInteger"], ">i2", ">u4", ">i8", ">u8"])
def test_cross_entropy_takes_labels_of_any_integers(dtype):
    logits, labels = Tensor(np.arange(6.0).reshape(2, 3) ** 2, requires_grad=True), np.array([2, 0])
    expected = ops.softmax_cross_entropy(logits.data, labels)
    found = ops.softmax_cross_entropy(logits, labels.astype(dtype))
    found.sum().backward()
    np.testing.assert_array_equal(found.data, expected)
    np.testing.assert_array_equal(logits.grad, ops.softmax(logits.data) - np.eye(3)[labels])


def test_labels_that_stopped_being_classes_are_refused_by_the_rule():
    logits, labels = Tensor(np.zeros((2, 3)), requires_grad=True), Tensor(np.array([0, 1]))
    loss = ops.softmax_cross_entropy(logits, labels).sum()
    labels.data[1] = 7  # a write that no graph sees
    with pytest.raises(LabelError, match="label 7 of example 1 is out of range"):
        loss.backward()


@pytest.mark.parametrize("labels", [[0.0, 1.0], [np.nan, 1.0], [1j, 0]])
def test_one_hot_of_other_numbers_is_refused(labels):
    with pytest.raises(DTypeError, match="one_hot takes integer class labels, and these are"):
        ops.one_hot(np.array(labels), classes=3, dtype=np.dtype(float))


def test_cross_entropy_of_no_examples_and_no_classes_is_empty():
    assert ops.softmax_cross_entropy(np.zeros((0, 0)), np.zeros(0, int)).shape == (0,)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0, 3], "label 3 of example 1 is out of range: 3 classes have the labels 0 to 2"),
        ([-1, 0], "label -1 of example 0"),
        ([0, 1, 7], "label 7 of example 2"),
        ([2, -3, 9], "label -3 of example 1"),
    ],
)
def test_label_out_of_range_is_named_with_its_example(labels, said):
    with pytest.raises(LabelError, match=said):
        ops.one_hot(np.array(labels), classes=3, dtype=np.dtype(float))
    assert ops.one_hot(np.array([0, 2]), classes=3, dtype=np.dtype(float)).shape == (2, 3)
    assert ops.one_hot(np.zeros(0, int), classes=3, dtype=np.dtype(float)).shape == (0, 3)


@pytest.mark.parametrize(("a", "b"), [((2,), (1,)), ((2,), ()), ((2, 1), (2,)), ((), (1,))])
@pytest.mark.parametrize("op", [ops.squared_error, ops.sigmoid_cross_entropy])
def test_loss_of_two_shapes_is_refused_and_of_one_accepted(op, a, b):
    with pytest.raises(ShapeError, match="give both one shape"):
        op(np.ones(a), np.ones(b))
    op(np.ones(a), np.ones(a))


def test_cast_and_a_mask_of_probability_0_change_nothing():
    x = np.ones((2, 3), np.float32)
    mask = dropout_mask(x, p=0.0, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(mask, x, strict=True)
    mask = dropout_mask(np.ones(2000), p=0.75, rng=np.random.default_rng(0))
    assert set(mask.tolist()) == {0.0, 4.0}
    assert 0.2 < np.mean(mask > 0) < 0.3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("shape", [(2, 3), (3, 3), (1, 4), (4, 1)])
def test_softmax_of_a_matrix_takes_the_maximum_along_its_axis(shape, axis, dtype):
    """Scores that overflow unless the maximum of their own row or column is subtracted."""
    scores = np.random.default_rng(0).permutation(np.prod(shape)).reshape(shape) * 997.0
    below = scores - scores.max(axis=axis, keepdims=True)
    expected = below - np.log(np.exp(below).sum(axis=axis, keepdims=True))
    scores = scores.astype(dtype)
    for x in (scores, np.asfortranarray(scores), Tensor(scores)):
        found = np.asarray(ops.log_softmax(x, axis=axis))
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        np.testing.assert_allclose(np.asarray(ops.softmax(x, axis=axis)), np.exp(expected), atol=1e-6)
        assert found.dtype == dtype


@pytest.mark.parametrize("leading", [(), (2,), (3, 2)])
def test_cross_entropy_of_far_apart_logits_is_finite(leading):
    """Each row has another maximum: what is subtracted must be that of the row."""
    logits = np.array([0.0, -2000.0, 1000.0]) + 5000.0 * np.arange(np.prod(leading)).reshape((*leading, 1))
    for label, loss in ((2, 0.0), (0, 1000.0), (1, 3000.0)):
        labels = np.full(leading, label)
        for targets in (labels, np.eye(3)[labels]):
            np.testing.assert_array_equal(
                ops.softmax_cross_entropy(logits, targets), np.full(leading, loss), strict=True
            )


@pytest.mark.parametrize("wrap", [np.array, Tensor], ids=["arrays", "Tensors"])
@pytest.mark.parametrize("join", ["concatenate", "stack"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_joined_pieces_take_their_axis_by_position(join, axis, wrap):
    parts = [np.arange(4.0).reshape(2, 2), np.arange(4.0, 8.0).reshape(2, 2)]
    expected = getattr(np, join)(parts, axis)
    for kind in (list, tuple):
        found = getattr(ops, join)(kind(wrap(part) for part in parts), axis)
        np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("wrap", [np.array, Tensor], ids=["arrays", "Tensors"])
def test_stacked_pieces_of_two_shapes_are_named(wrap):
    with pytest.raises(ShapeError, match=r"stack takes arrays of one shape, got \(2,\) and \(3,\)"):
        ops.stack([wrap(np.ones(2)), wrap(np.ones(3))])
    with pytest.raises((ValueError, np.exceptions.AxisError)) as caught:
        ops.stack([wrap(np.ones(2)), wrap(np.ones(2))], 5)
    assert "one shape" not in str(caught.value)


NUMBERS = [np.int64(3), np.int8(3), np.True_, np.float64(3), np.float32(3), np.longdouble(3), 3, 3.0, True]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{type(number).__name__}")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_number_next_to_a_tensor_counts_as_pythons(number, dtype):
    """NumPy's scalars have a dtype, which does not reach the Tensor; a whole number makes no float."""
    x = Tensor(np.array([1, 2], dtype))
    plain = float(number) if isinstance(number, np.floating) else getattr(number, "item", lambda: number)()
    for found in (x * number, number * x):
        np.testing.assert_array_equal(found.data, x.data * plain, strict=True)


def test_masks_are_joined_and_other_numbers_are_not():
    both = Tensor([True, True, False, False]) & np.array([True, False, True, False])
    assert both.tolist() == [True, False, False, False]
    assert (Tensor([True, True]) & Tensor([False, True])).tolist() == [False, True]
    with pytest.raises(TypeError):
        Tensor([1.0, 2.0]) & Tensor([1.0, 2.0])


@pytest.mark.parametrize("x", [np.array(2.0), np.array([2.0])], ids=["a number", "an array"])
def test_broadcast_result_is_read_only(x):
    spread = ops.broadcast_to(x, shape=(3, 2))
    np.testing.assert_array_equal(spread, np.full((3, 2), 2.0), strict=True)
    assert not spread.flags.writeable


@pytest.mark.parametrize("shape", [3, np.int64(3), [3], (3,), (np.int64(3),)])
@pytest.mark.parametrize("x", [2.0, [2.0], np.float32(2), np.int8(2)])
def test_numbers_spread_over_any_spelling_of_a_shape(x, shape):
    found, expected = ops.broadcast_to(np.asarray(x), shape=shape), np.broadcast_to(x, shape)
    np.testing.assert_array_equal(found, expected, strict=True)
    assert not found.flags.writeable
