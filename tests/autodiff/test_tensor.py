"""What a Tensor is: dtypes, operators, in-place rules, conversions, and the errors a person meets."""

import copy
import pickle

import numpy as np
import pytest

from tinygrad_mnist import Tensor, no_grad, ops, scope
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.errors import DTypeError, GradientError, LabelError, ShapeError


def test_python_and_numpy_scalars_leave_float32_alone():
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    halves = (x - np.float64(0.5), np.sqrt(0.25) * x, x / np.float32(2))
    for y in (x * 2.0, 2.0 / x, x + 1, x**2, 2.0**x, *halves):
        assert y.dtype == np.float32


def test_data_keep_the_dtype_of_numpy():
    assert Tensor([1.0, 2.0]).dtype == np.float64
    assert Tensor([1, 2]).dtype == np.int64
    assert Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor(Tensor([1.0])).data.tolist() == [1.0]


@pytest.mark.parametrize("data", [[1, 2], [True], [1j]])
def test_only_floats_have_gradients(data):
    with pytest.raises(DTypeError, match=r"only floating-point tensors have gradients: convert with dtype="):
        Tensor(data, requires_grad=True)
    with pytest.raises(DTypeError):
        Tensor(data).requires_grad_()


@pytest.mark.parametrize("other", [np.ones(2), Tensor(np.ones(2))])
def test_mixed_dtypes_are_refused_with_both_named(other):
    x = Tensor(np.ones(2, np.float32), requires_grad=True, name="x")
    for mix in (lambda: x * other, lambda: other + x):
        with (
            scope("encoder"),
            pytest.raises(
                DTypeError,
                match=r"in encoder would mix dtypes: .*x \(2,\) float32.*write \.astype\(np\.float32\)",
            ),
        ):
            mix()


def test_boolean_masks_and_complex_values_mix_with_floats():
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    assert (x * np.array([True, False])).dtype == np.float32
    assert (Tensor(np.ones(2)) * np.array([1j, 0])).dtype == complex


def test_shapes_that_do_not_fit_name_op_operands_and_scope():
    x, w = Tensor(np.ones((3, 4)), name="x"), Tensor(np.ones((5, 6)), requires_grad=True, name="w")
    with (
        scope("encoder"),
        pytest.raises(ShapeError, match=r"matmul in encoder cannot take x \(3, 4\) float64 and w"),
    ):
        x @ w
    with pytest.raises(ShapeError, match=r"add: shapes w \(5, 6\) and \(3,\) do not broadcast; compare"):
        w + np.ones(3)
    with pytest.raises(ShapeError, match="reshape cannot take"):
        w.reshape(7, 7)
    with pytest.raises(IndexError) as caught:
        w[9]
    assert "in getitem, applied to w (5, 6) float64" in caught.value.__notes__


@pytest.mark.parametrize(("labels", "culprit"), [([0, 3], "3 of example 1"), ([-1, 0], "-1 of example 0")])
def test_labels_out_of_range_are_named(labels, culprit):
    logits = Tensor(np.zeros((2, 3)), requires_grad=True)
    with pytest.raises(
        LabelError, match=f"label {culprit}" + r" is out of range: 3 classes have the labels 0 to 2"
    ):
        ops.softmax_cross_entropy(logits, np.array(labels))


def test_accidental_conversions_explain_themselves():
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(TypeError, match=r"elements cannot be assigned"):
        x[0] = 5
    with pytest.raises(ShapeError, match=r"bool\(\) needs a single element, and a tensor has shape"):
        bool(x)
    with pytest.raises(ShapeError, match=r"item\(\) needs a single element"):
        x.item()
    array = np.ones(2)
    with pytest.raises(TypeError, match="cannot write a Tensor into an array"):
        array += x
    with pytest.raises(TypeError, match="add takes Tensors, arrays and numbers, not list"):
        x + [1, 2]  # noqa: RUF005


def test_single_elements_convert():
    x = Tensor([[2.5]])
    assert (float(x), int(x), bool(x), x.item()) == (2.5, 2, True, 2.5)


def test_in_place_change_is_for_leaves_under_no_grad():
    w = Tensor([1.0, 2.0], requires_grad=True, name="w")
    with pytest.raises(GradientError, match=r"w requires a gradient: change it in place under no_grad"):
        w -= 1
    same, array = w, w.data
    with no_grad():
        w -= 0.5
        w *= 2
        w /= 4
        w += Tensor([1.0, 1.0])
    assert w is same
    assert w.data is array
    assert w.requires_grad
    np.testing.assert_allclose(array, [1.25, 1.75])


def test_augmented_assignment_means_the_same_in_both_modes():
    def doubled_times(x):
        h = x
        h += x
        return (h * x).data.tolist()

    data = np.array([1.0, 2.0])
    x = Tensor(data)
    with no_grad():
        unrecorded = doubled_times(x)
    assert unrecorded == doubled_times(x) == [2.0, 8.0]
    assert data.tolist() == [1.0, 2.0]


def test_tensor_with_gradient_owns_its_memory():
    data = np.array([1.0, 2.0])
    first, second = Tensor(data, requires_grad=True), Tensor(data).requires_grad_()
    loss = (second * second).sum()
    with no_grad():
        first -= 1.0
    loss.backward()
    assert second.grad.tolist() == [2.0, 4.0]
    assert data.tolist() == [1.0, 2.0]
    frozen = first.detach()
    with no_grad():
        first -= 1.0
    assert frozen.tolist() == [0.0, 1.0]


def test_index_array_may_change_after_use():
    x, index = Tensor([1.0, 2.0, 3.0], requires_grad=True), np.array([0, 0])
    y = x[index].sum()
    index[:] = 2
    y.backward()
    assert x.grad.tolist() == [2.0, 0.0, 0.0]


def test_conversion_of_dtype_is_differentiated():
    x = Tensor([1.0, 2.0], requires_grad=True)
    (x.astype(np.float32) ** 2).sum().backward()
    assert x.grad.dtype == np.float64
    assert x.grad.tolist() == [2.0, 4.0]


def test_computed_tensor_is_cut_by_detach_only():
    with pytest.raises(GradientError, match=r"use detach\(\)"):
        (Tensor(1.0, requires_grad=True) * 2).requires_grad = False


def test_numbers_in_text():
    assert f"{Tensor(1.5) * 2:.3f} {Tensor([1.0])}" == "3.000 Tensor([1.], shape=(1,), dtype=float64)"
    with pytest.raises(ShapeError, match=r"format\(\) needs a single element"):
        f"{Tensor([1.0, 2.0]):.3f}"


def test_augmented_assignment_elsewhere_makes_a_new_recorded_tensor():
    x = Tensor(2.0, requires_grad=True)
    total = Tensor(0.0)
    for _ in range(3):
        total += x * x
    total.backward()
    assert x.grad == 12.0


def test_data_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"w holds shape \(2,\): it cannot take data of \(3,\)"):
        Tensor([1.0, 2.0], name="w").data = np.zeros(3)


@pytest.mark.parametrize(
    "data", [None, "a", {1: 2}, [None, 1.0], object(), np.datetime64("2026-01-01"), b"a"]
)
def test_non_numeric_data_are_refused(data):
    with pytest.raises(DTypeError, match=r"data is .*: expected numbers"):
        Tensor(data)


@pytest.mark.parametrize("value", [np.float32, "float32", 1, None, np.dtype(float)])
def test_requires_grad_that_is_not_boolean_is_refused(value):
    with pytest.raises(TypeError, match=r"requires_grad is .*: expected True or False"):
        Tensor([1.0], requires_grad=value)
    with pytest.raises(TypeError, match="requires_grad is"):
        Tensor([1.0]).requires_grad = value


@pytest.mark.parametrize("dtype", [int, bool, "int8", np.uint8, np.dtype(np.int64), "?"])
@pytest.mark.parametrize("cast", [lambda x, d: x.astype(d), lambda x, d: ops.astype(x, d)])
def test_cast_to_integers_sends_no_gradient(cast, dtype):
    x = Tensor([1.7], requires_grad=True)
    whole = cast(x, dtype)
    assert not whole.requires_grad
    (whole * 2.0 + x * whole).sum().backward()
    assert x.grad.tolist() == [1.0]
    with pytest.raises(GradientError, match="integers or booleans"):
        whole.sum().backward()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), copy.copy])
def test_copy_is_a_separate_node(copied):
    x = Tensor([1.0, 2.0], requires_grad=True)
    twin = copied(x)
    (x * 3 * twin * twin).sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]
    assert twin.grad.tolist() == [6.0, 24.0]


def test_copied_graph_can_be_differentiated():
    x = Tensor(2.0, requires_grad=True)
    y, twin = copy.deepcopy((x * x * x, x))
    y.backward()
    assert twin.grad == 12.0
    assert x.grad is None


def test_comparisons_answer_with_arrays_and_tensors_hash_by_identity():
    x = Tensor([1.0, 2.0])
    assert (x > 1.5).tolist() == [False, True]
    assert (np.array([1.0, 3.0]) == x).tolist() == [True, False]
    assert (x != x).tolist() == [False, False]
    assert len({x, Tensor([1.0, 2.0]), x}) == 2


def test_iteration_length_and_labels_as_index():
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1.0, 2.0], [3.0, 4.0]]
    assert 4.0 in x
    assert 5.0 not in x
    x[np.arange(2), Tensor([1, 0])].sum().backward()
    assert x.grad.tolist() == [[0, 1], [1, 0]]


def test_repr_shows_values_shape_dtype_and_op():
    x = Tensor(np.ones((2, 2), np.float32), requires_grad=True)
    assert repr(x) == "Tensor([[1., 1.],\n        [1., 1.]], shape=(2, 2), dtype=float32, requires_grad=True)"
    assert "op=exp)" in repr(ops.exp(x))
    assert "requires_grad=True" in repr(Tensor(1.0, requires_grad=True))
    assert len(repr(Tensor(np.zeros((500, 500))))) < 300


def test_extreme_inputs_give_finite_values_and_gradients():
    """Where the textbook formulas overflow."""
    extreme = np.array([-1e4, -800.0, -40.0, 0.0, 40.0, 800.0, 1e4])
    for op in (ops.sigmoid, ops.tanh, ops.softplus, ops.softmax, ops.log_softmax, ops.logsumexp):
        x = Tensor(extreme, requires_grad=True)
        y = op(x)
        y.backward(np.ones(y.shape))
        assert np.isfinite(y.data).all(), op
        assert np.isfinite(x.grad).all(), op
    assert ops.sigmoid(np.array(-40.0)) == pytest.approx(np.exp(-40), rel=1e-12)
    assert ops.logsumexp(np.array([-np.inf, -np.inf])) == -np.inf


def test_subgradients_at_kinks_and_ties():
    def slope(op, *values):
        tensors = [Tensor(v, requires_grad=True) for v in values]
        op(*tensors).backward()
        return [t.grad.tolist() for t in tensors]

    assert slope(ops.relu, 0.0) == [0.0]
    assert slope(ops.abs, 0.0) == [0.0]
    assert slope(ops.maximum, 1.0, 1.0) == [0.5, 0.5]
    assert slope(ops.minimum, 1.0, 2.0) == [1.0, 0.0]
    assert slope(ops.max, [2.0, 1.0, 2.0]) == [[0.5, 0.0, 0.5]]
    assert slope(lambda x: ops.clip(x, min=0, max=1).sum(), [0.0, 1.0, 1.5]) == [[1.0, 1.0, 0.0]]
    assert slope(lambda x: (x**0).sum(), [0.0, 2.0]) == [[0.0, 0.0]]
    assert slope(lambda x: (x**2).sum(), [0.0, 2.0]) == [[0.0, 4.0]]


def test_closed_gate_blocks_infinity_and_open_gate_passes_nan():
    def slope(op, value):
        x = Tensor(value, requires_grad=True)
        op(x).backward()
        return float(x.grad)

    with np.errstate(all="ignore"):
        assert slope(lambda x: ops.sqrt(ops.relu(x)), -1.0) == 0.0
        assert slope(lambda x: ops.log(ops.clip(x, min=0)), -1.0) == 0.0
        assert np.isnan(slope(lambda x: ops.relu(x) * x, np.nan))
        assert np.isnan(slope(lambda x: ops.maximum(x, 0.0) * x, np.nan))


def test_impossible_certainties_have_finite_gradients():
    logits = Tensor([[0.0, -np.inf]], requires_grad=True)
    loss = ops.softmax_cross_entropy(logits, np.array([[1.0, 0.0]]))
    assert loss.tolist() == [0.0]
    loss.backward()
    assert logits.grad.tolist() == [[0.0, 0.0]]
    x = Tensor([-np.inf, -np.inf], requires_grad=True)
    ops.logsumexp(x).backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_whole_numbers_are_computed_with_as_floats():
    small = np.array([1, 2], np.uint8)
    np.testing.assert_allclose(ops.sigmoid(small), ops.sigmoid(small.astype(float)))
    np.testing.assert_allclose(ops.softmax(small), ops.softmax(small.astype(float)))


def test_empty_arrays_have_empty_gradients():
    x = Tensor(np.ones((3, 0)), requires_grad=True)
    for op in (lambda v: ops.mean(v, axis=0), lambda v: ops.softmax(v, axis=0), ops.sum, lambda v: v @ v.T):
        y = op(x)
        y.backward(np.ones(y.shape))
        assert x.grad.shape == (3, 0)


def test_axes_that_are_not_there_are_refused():
    for call in (lambda x: ops.expand_dims(x, 5), lambda x: ops.squeeze(x, 2), lambda x: ops.sum(x, axis=3)):
        with pytest.raises((ShapeError, np.exceptions.AxisError)):
            call(Tensor(np.ones((1, 3)), requires_grad=True))
    with pytest.raises(ShapeError, match="does not broadcast"):
        sum_to(Tensor(np.ones((2, 3))), shape=(2,))


@pytest.mark.parametrize("kind", [list, tuple])
@pytest.mark.parametrize("wrap", [np.array, Tensor], ids=["arrays", "Tensors"])
def test_concatenate_takes_a_list_as_numpy_does(kind, wrap):
    parts = kind([wrap([[1.0], [2.0]]), wrap([[3.0], [4.0]])])
    for axis in (0, 1, -1):
        joined = ops.concatenate(parts, axis=axis)
        np.testing.assert_array_equal(joined, ops.concatenate(*parts, axis=axis))
    assert ops.concatenate(parts).shape == (4, 1)
