"""What ops of shapes, windows and named axes refuse, and in which sentence; and edges that they accept."""

import inspect
import re

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.arguments import EXPECTED
from tinygrad_mnist.autodiff.operators import Operators
from tinygrad_mnist.errors import ShapeError

X = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
IMAGES, KERNELS = np.ones((1, 2, 4, 5)), np.ones((3, 2, 2, 2))
REFUSED = {
    "split into unequal pieces": (
        lambda: ops.split(X, 2, axis=1),
        ShapeError,
        "indices_or_sections is 2: expected a divisor of 3, the length of axis 1; write the positions",
    ),
    "a mode of pad": (
        lambda: ops.pad(X, 1, "mean"),
        ValueError,
        "mode is 'mean': expected 'constant', 'edge', 'reflect', 'symmetric' or 'wrap'",
    ),
    "elements taken away by pad": (
        lambda: ops.pad(X, -1),
        ValueError,
        "pad_width is -1: expected whole numbers from 0 on, one, a pair, or one for each of 2 axes; cut",
    ),
    "a width of pad in text": (lambda: ops.pad(X, "a"), ValueError, "pad_width is 'a': expected whole"),
    "pairs of pad of two lengths": (
        lambda: ops.pad(X, ((1, 1), (2,))),
        ValueError,
        "pad_width is ((1, 1), (2,)): expected whole",
    ),
    "elements repeated less than never": (
        lambda: ops.repeat(X, -1),
        ValueError,
        "repeats is -1: expected a whole number >= 0",
    ),
    "an axis to swap that is not there": (
        lambda: ops.swapaxes(X, 0, 2),
        ValueError,
        "axis 2 is out of bounds for array of dimension 2",
    ),
    "a norm by singular values": (
        lambda: ops.norm(X, "nuc"),
        ValueError,
        "ord is 'nuc': expected None, a number",
    ),
    "a diagonal of a vector": (
        lambda: ops.diagonal(X[0]),
        ShapeError,
        "x has shape (3,): expected at least two axes; for a matrix write diag(x)",
    ),
    "diag of a stack": (
        lambda: ops.diag(X[None]),
        ShapeError,
        "x has shape (1, 2, 3): expected a vector or a matrix; for stacks write diagonal(x)",
    ),
    "axes moved to fewer places": (
        lambda: ops.moveaxis(X, (0, 1), 0),
        ShapeError,
        "source (0, 1) and destination 0 differ in length",
    ),
    "operands of einsum first": (
        lambda: ops.einsum(X, "ij->i"),
        TypeError,
        "subscripts is a Tensor of shape (2, 3): expected a text; write einsum('ij,jk->ik', a, b)",
    ),
    "an operand too many": (
        lambda: ops.einsum("ij->i", X, X),
        ShapeError,
        "'ij->i' names 1 operands, and 2 are given",
    ),
    "an axis without letter": (
        lambda: ops.einsum("i->i", X),
        ShapeError,
        "'i' does not name the axes of shape (2, 3): expected one letter each",
    ),
    "a letter of two lengths": (
        lambda: ops.einsum("ij,jk->ik", X, X),
        ShapeError,
        "axis 'j' of 'ij,jk->ik' has lengths 3 and 2",
    ),
    "an unknown letter": (
        lambda: ops.einsum("ij->k", X),
        ShapeError,
        "the result 'k' of 'ij->k' needs letters",
    ),
    "a letter twice": (
        lambda: ops.einsum("ij->ii", X),
        ShapeError,
        "the result 'ii' of 'ij->ii' needs letters",
    ),
    "axes of two lengths": (
        lambda: ops.tensordot(X, X, 1),
        ShapeError,
        "tensordot: the lengths (3,) and (2,) along axes",
    ),
    "images without channels": (
        lambda: ops.max_pool2d(np.ones((5, 28, 28)), 2),
        ShapeError,
        "x has shape (5, 28, 28): expected images (N, C, H, W); write x[:, None]",
    ),
    "kernels of other channels": (
        lambda: ops.conv2d(IMAGES, KERNELS[:, :1]),
        ShapeError,
        "images (1, 2, 4, 5) and kernels (3, 1, 2, 2) do not fit",
    ),
    "images smaller than a window": (
        lambda: ops.conv2d(IMAGES, KERNELS, dilation=5),
        ShapeError,
        "x has shape (1, 2, 4, 5): expected images as large as a window, (6, 6)",
    ),
    "a padding by name": (
        lambda: ops.conv2d(IMAGES, KERNELS, padding="same"),
        TypeError,
        "padding is 'same': expected a whole number or a pair of them",
    ),
    "a stride of 0": (
        lambda: ops.conv2d(IMAGES, KERNELS, stride=0),
        ValueError,
        "stride is 0: expected at least 1",
    ),
    "windows in the border alone": (
        lambda: ops.avg_pool2d(IMAGES, 2, padding=2),
        ValueError,
        "padding is 2: expected at most half of kernel_size, (2, 2)",
    ),
    "a dtype of no numbers": (
        lambda: ops.astype(X, str),
        TypeError,
        "expected one of numbers, such as np.float32",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_misuse_of_an_op_is_refused_in_a_sentence(case):
    call, error, sentence = REFUSED[case]
    with pytest.raises(error, match=re.escape(sentence)):
        call()


def test_variance_without_freedom_is_nan():
    for op in (ops.var, ops.std):
        assert np.isnan(op(np.array([1.0]), ddof=1))
        assert np.isnan(op(np.array([1.0, 2.0]), ddof=2))


@pytest.mark.parametrize("name", ["prod", "var", "std", "cumsum", "cumprod", "norm", "erf"])
def test_half_precision_is_computed_in_single(name):
    x = np.linspace(0.9, 1.1, 200).astype(np.float16)
    found, exact = getattr(ops, name)(x), getattr(ops, name)(x.astype(np.float64))
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, exact, rtol=2e-3)


@pytest.mark.parametrize("name", ["prod", "cumsum", "cumprod", "sort", "flip", "floor", "tril"])
def test_whole_numbers_keep_their_dtype_and_have_no_gradient(name):
    x = Tensor(np.array([[3, 1], [2, 0]]))
    found = getattr(ops, name)(x)
    np.testing.assert_array_equal(found.data, getattr(np, name)(x.data))
    assert not found.requires_grad


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (1,), ()])
def test_empty_and_single_arrays_are_taken_as_by_numpy(shape):
    x = np.ones(shape)
    for name in ("prod", "cumsum", "cumprod", "flip"):
        expected = getattr(np, name)(x)
        found = getattr(ops, name)(Tensor(x, requires_grad=True))
        np.testing.assert_array_equal(found.data, expected)
        found.sum().backward()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda t: np.where([True, False, True], t[0], [7, 8, 9]), [0.0, 8.0, 2.0]),
        (lambda t: np.where(t[0] > 0, t[0], -1.0), [-1.0, 1.0, 2.0]),
        (lambda t: np.where(t[0] > 0)[0], [1, 2]),
    ],
)
def test_numpys_where_takes_lists_and_gives_positions(function, expected):
    assert np.asarray(getattr(function(X), "data", function(X))).tolist() == expected


def test_method_of_a_tensor_has_the_name_and_signature_of_its_op():
    assert list(inspect.signature(X.std).parameters) == ["axis", "keepdims", "ddof"]
    assert Tensor.tan.__name__ == "tan"
    assert Tensor.tan.__doc__.startswith("Return the tangent")
    assert Tensor.swapaxes.__qualname__ == "Tensor.swapaxes"


@pytest.mark.parametrize("name", ["diag", "diagonal", "flatten", "flip", "norm", "squeeze", "trace", "tril"])
def test_compositions_take_lists_and_refuse_what_is_no_array(name):
    op = getattr(ops, name)
    rows = [[1.0, 2.0], [3.0, 4.0]]
    np.testing.assert_array_equal(op(rows), op(np.array(rows)))
    for wrong, kind in ((None, "None"), ("a", "str"), ({}, "dict")):
        with pytest.raises(TypeError, match=f"{name} takes Tensors, arrays and numbers, not {kind}: "):
            op(wrong)


def test_triangles_of_a_vector_are_those_of_its_rows_as_in_numpy():
    for k in (-1, 0, 1):
        np.testing.assert_array_equal(ops.tril(Tensor([1.0, 2.0, 3.0]), k).data, np.tril([1.0, 2.0, 3.0], k))
        np.testing.assert_array_equal(ops.triu(Tensor([1.0, 2.0, 3.0]), k).data, np.triu([1.0, 2.0, 3.0], k))


def test_a_vector_has_no_matrix_transpose():
    with pytest.raises(ShapeError, match=r"x has shape \(3,\): expected two axes or more"):
        ops.matrix_transpose(np.ones(3))


def test_transpose_of_two_axes_among_more_is_answered_with_swapaxes():
    for transpose in (Tensor.transpose, lambda x, *axes: np.transpose(x, axes)):
        with pytest.raises(ShapeError, match=r"axes is \(-2, -1\): .* write x\.swapaxes\(-2, -1\)"):
            transpose(Tensor(np.ones((2, 3, 4))), -2, -1)


@pytest.mark.parametrize("name", ops.__all__)
def test_every_op_answers_an_unknown_keyword_with_advice(name):
    with pytest.raises(TypeError, match=rf"^{name}\(\) does not take device=: leave it out"):
        getattr(ops, name)(X, device="cpu")


METHODS = [
    name
    for name, method in vars(Operators).items()
    if inspect.isfunction(method) and name[0] != "_" and len(inspect.signature(method).parameters) > 1
]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_answers_an_unknown_keyword_with_advice(name):
    with pytest.raises(TypeError, match=rf"{name}\(\) does not take device=: leave it out"):
        getattr(X, name)(device="cpu")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: X.squeeze(dim=0), "squeeze() takes axis=, not dim="),
        (lambda: X.cumsum(dim=0), "cumsum() takes axis=, not dim="),
        (lambda: ops.stack([X, X], dim=1), "stack() takes axis=, not dim="),
        (lambda: ops.tril(X, diagonal=1), "tril() takes k=, not diagonal="),
        (lambda: ops.pad(X, 1, value=2.0), "pad() takes constant_values=, not value="),
        (lambda: ops.roll(X, shifts=1), "roll() takes shift=, not shifts="),
        (lambda: ops.norm(X, p=2), "norm() takes ord=, not p="),
        (lambda: np.take(X, [0], mode="wrap"), "a position outside is an error"),
        (lambda: ops.conv2d(X), "conv2d() is missing weight: it takes x, weight"),
    ],
)
def test_keywords_of_pytorch_are_answered_with_the_word_here(call, said):
    with pytest.raises(TypeError, match=re.escape(said)):
        call()


@pytest.mark.parametrize("axes", [[0, 1], [-1], [1, 3], ()])
def test_new_axes_are_a_list_or_a_tuple_of_any_length(axes):
    assert ops.expand_dims(X, axes).shape == np.expand_dims(X.data, axes).shape


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_triangles_keep_the_dtype_and_norms_of_integers_do_not_overflow(dtype):
    x = np.full((3, 3), 200).astype(dtype)
    for name in ("tril", "triu"):
        assert getattr(ops, name)(Tensor(x)).dtype == dtype
    for order in (None, 1, 2, 3, np.inf, 0.5, -1):
        found = ops.norm(Tensor(x), order, 0)
        np.testing.assert_allclose(found.data, np.linalg.norm(x, order, 0), rtol=1e-6)


@pytest.mark.parametrize("order", [-1, -0.5, 0.5, 0.9])
def test_slope_of_a_norm_is_0_at_a_zero_for_orders_below_1(order):
    x = Tensor([3.0, 0.0, -2.0], requires_grad=True)
    ops.norm(x, order).backward()
    assert np.isfinite(x.grad).all()
    assert x.grad[1] == 0


REQUIRED = {  # beside the setting that is wrong
    "expand_dims": {"axis": 0},
    "moveaxis": {"source": 0, "destination": 1},
    "one_hot": {"classes": 3, "dtype": float},
    "pad": {"pad_width": 1},
    "repeat": {"repeats": 2},
    "reshape": {"shape": 6},
    "broadcast_to": {"shape": (2, 3)},
    "roll": {"shift": 1},
    "split": {"indices_or_sections": 1},
    "swapaxes": {"axis1": 0, "axis2": 1},
    "take": {"indices": [0]},
    "tensordot": {"b": X},
    "tile": {"reps": 2},
}
OF_LABELS = {"one_hot": np.array([0, 1])}


def settings_by_annotation():
    """Every setting of every op whose annotation says a number, with the words of the message for it."""
    for name in ops.__all__:
        op = getattr(ops, name)
        function = getattr(op, "forward", None) or inspect.unwrap(op)
        for setting, annotation in function.__annotations__.items():
            expected = EXPECTED.get(str(annotation).removesuffix(" | None"))
            if expected is not None and setting not in ("keepdims", "constant_values", "min", "max", "scale"):
                yield name, setting, expected


@pytest.mark.parametrize(("name", "setting", "expected"), list(settings_by_annotation()))
def test_text_in_place_of_a_number_is_refused_by_the_name_of_the_setting(name, setting, expected):
    x = OF_LABELS.get(name, X)
    first = [x, x] if name in ("stack", "concatenate") else x
    with pytest.raises(TypeError, match=rf"^{setting} is \(?'a',?\)?: expected {expected.split(' or ')[0]}"):
        getattr(ops, name)(first, **{**REQUIRED.get(name, {}), setting: "a"})


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: X.reshape(2.0, 3), "shape is (2.0, 3): expected a whole number or a tuple of them"),
        (lambda: X.transpose("a"), "axes is ('a',): expected a whole number or a tuple of them"),
        (lambda: X.clip("a", 1), "min is 'a': expected a number"),
        (lambda: X.sum(axis=[0]), "axis is [0]: expected a whole number or a tuple of them; write axis=(0,)"),
        (lambda: X + None, "not None: return a value from the function that it comes from"),
        (lambda: X + "1", "not str: write float(...) around it, if it is a number"),
        (lambda: X - [1, 2], "not list: write np.asarray(...) around it"),
    ],
)
def test_operand_or_setting_of_another_kind_is_refused_by_name(call, said):
    with pytest.raises(TypeError, match=re.escape(said)):
        call()


@pytest.mark.parametrize("widths", [{0: (1, 2)}, {-1: 1}, {0: 2, 1: (0, 1)}, {}])
def test_widths_of_pad_are_taken_by_axis_as_in_numpy(widths):
    axes = {axis % 2: width for axis, width in widths.items()}
    expected = [np.broadcast_to(axes.get(axis, 0), 2) for axis in range(2)]
    np.testing.assert_array_equal(np.pad(X, widths).data, np.pad(X.data, expected))


@pytest.mark.parametrize(
    ("call", "instead"),
    [
        (lambda: X // 2, "np.floor_divide has no gradient rule here: write `ops.floor(x / y)`"),
        (lambda: 2 // X, "write `ops.floor(x / y)`"),
        (lambda: X % 2, "np.remainder has no gradient rule here: write `x - ops.floor(x / y) * y`"),
        (lambda: np.ones(3) % X, "np.remainder has no gradient rule here"),
        (lambda: divmod(X, 2), "write `[ops.floor(x / y), x - ops.floor(x / y) * y]`"),
        (lambda: round(X, 1), "np.round has no gradient rule here: its result has no derivative"),
        *(
            (call, "it is for integers and booleans: combine comparisons, `(x > 0) & (y > 0)`")
            for call in (lambda: X & 1, lambda: X | 1, lambda: X ^ 1, lambda: ~X)
        ),
    ],
)
def test_operator_without_a_rule_is_answered_with_what_to_write(call, instead):
    with pytest.raises(TypeError, match=re.escape(instead)):
        call()


def test_operators_without_a_rule_are_numpys_where_no_gradient_is_asked_for():
    labels, mask = Tensor(np.array([5, 6, 7])), Tensor(np.array([True, False, True]))
    assert (labels // 2).tolist() == [2, 3, 3]
    assert (labels % 2).tolist() == [1, 0, 1]
    assert [part.tolist() for part in divmod(20, labels)] == [[4, 3, 2], [0, 2, 6]]
    assert (mask | ~mask).tolist() == [True] * 3
    assert (mask & mask).tolist() == mask.data.tolist()
