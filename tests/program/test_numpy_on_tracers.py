"""NumPy calls in the forward of an op: noted with NumPy's own defaults, and the same bits."""

import numpy as np
import pytest

from tests.program.test_replay import bits, is_opaque
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.operations import Copy, Elementwise, Product, Reduction, Select

CALLS = """
x.sum() ; x.sum(0) ; x.sum(-1, keepdims=True) ; x.sum(axis=(0, 1)) ; x.max() ; x.max(1) ;
x.max(axis=0, keepdims=True) ; x.min() ; x.min(1) ; x.min((0, 1), keepdims=True) ; np.sum(x) ;
np.sum(x, axis=-1) ; np.sum(x, 0, keepdims=True) ; np.sum(v, axis=-1) ; np.max(x) ;
np.max(x, 1, keepdims=True) ; np.max(x, initial=9.5) ; np.max(x, axis=0, initial=-np.inf) ;
np.add.reduce(x) ; np.maximum.reduce(x, 1) ; np.minimum.reduce(v) ; np.multiply.reduce(x, axis=None) ;
np.maximum.reduce(x[:0], initial=-np.inf) ; np.add.reduce(x, axis=(1,)) ; np.sum(x[0, 0], axis=()) ;
x.T @ x ; x @ v ; np.dot(x, v) ; np.dot(v, v) ; x[::-1] @ x ; np.broadcast_to(v, (3, 3)) @ x ;
np.matmul(x[None], x) ; x.T * 2 ; x.mT + x ; x[None].mT * 1.5 ; x.transpose() + x ;
x.transpose(1, 0) * 2 ; x.transpose((1, 0)) * 2 ; x[None].transpose(2, 0, 1) * 2 ;
np.transpose(x) + x ; np.transpose(x[None], (0, 2, 1)) + x ; x.reshape(9) * 2 ;
x.reshape((1, 9)) * 2 ; x.reshape(3, 3) + x ; x.T.reshape(9) + x.reshape(9) ; x.ravel() * 2 ;
np.ravel(x.T) * 2 ; np.reshape(x, (9, 1)) * 2 ; x.real * 2 ; np.squeeze(x[:1]) * 2 ;
np.squeeze(x[None, :1]) + v ; np.squeeze(x[None, :1], 0) + v ; x.copy() + x ; x.astype(np.float32) ;
x.astype(np.float64) * 2 ; x.astype(x.dtype, copy=False) + x ; np.zeros_like(x) + x ;
np.zeros_like(x, np.float32) + x ; np.zeros_like(x, shape=(2, 3)) + v ; np.ones_like(x) + x ;
np.ones_like(x, np.float32) * x ; np.ones_like(x, shape=(1, 3)) * v ; np.concatenate([x, x]) ;
np.concatenate((x, v[:, None]), 1) ; np.concatenate([v, v], axis=-1) ; np.where(x > 0, x, 1) ;
np.where(x > 0, 1.5, x) ; np.where(v > 0, x, v) ; np.where(x > 0, x, x.T) ; np.where(v > 0, 2.0, x) ;
np.where(x > 0, v[0], x) ; np.where(x > 0, np.float64(2), x) ; np.clip(x, None, 0.5) ;
np.clip(x, -0.5, None) ; np.clip(x, -0.5, 0.5) ; np.abs(x) ; np.take(x, I) ; np.take(x, I, 0) ;
np.take(x, I, axis=-1) ; np.take(v, I, mode="wrap") ; np.broadcast_to(v, (3, 3)) * x ;
np.broadcast_to(x[:, :1], (3, 3)) + x ; x[0] * 2 ; x[0, 1] * 2 ; x[...] * 2 ; x[1:, ::-1] * 2 ;
x[[0, 2]] * 2 ; x[np.array([True, False, True])] ; x[:, None, 0] * 2 ; x ** 2 ; abs(x) ** 0.5 ;
x ** -1 ; x ** 3 ; x ** 2.0 ; 2.0 ** x ; x ** v ; (x > 0) & (x < 1) ; np.logical_and(x, 1) * x ;
np.exp(x) ; np.sign(x) * x ; x - 1 ; 1 - x ; x / 3 ; -x ; np.ndim(x) * x ; np.size(x) * x ;
len(x) * x ; np.sort(x) ; np.sort(x, axis=0) ; np.argsort(v) * v ; np.argsort(x, 0, "stable") + x ;
np.take_along_axis(x, np.argsort(x, axis=0), 0) ; np.add.accumulate(x) ; np.multiply.accumulate(x, 1) ;
np.shape(x)[0] * x ; sum(row for row in x) ; x.size + x ; x.ndim * x ; x * x.shape[1]
"""
TEXTS = [text.strip() for text in CALLS.split(";")]
I = np.array([[2, 0], [1, 1]])


def op_of(text):
    """An op, known to this test alone, whose forward is a text."""
    forward = eval(f"lambda x, v: np.multiply({text}, 1.25)", {"np": np, "I": I})
    forward.__name__ = "noted"
    made = primitive(forward)
    made.vjps(None, None)
    del REGISTRY["noted"]
    return made


def outcome(text):
    """What is wrong with the program of a call, or None."""
    op = op_of(text)
    drawn = [(np.random.default_rng(i).normal(size=(3, 3)), np.linspace(-1, i, 3)) for i in range(4)]
    compiled = compile(lambda x, v: op(x, v))
    for x, v in drawn:
        found, expected = compiled(x, v), op.forward(x, v)
        if (found.shape, found.dtype) != (np.shape(expected), np.asarray(expected).dtype):
            return f"{found.shape} {found.dtype}"
        if bits([found]) != bits([expected]):
            return "other bits"
    opaque = any(map(is_opaque, compiled.program.recording.instructions))
    return "called as a whole" if opaque else None


def test_calls_of_numpy_are_noted_and_give_the_same_bits():
    with np.errstate(all="ignore"):
        wrong = {text: outcome(text) for text in TEXTS}
    assert not {text: why for text, why in wrong.items() if why}


def operations(function, *arrays):
    """The operations that a function is noted as, views aside."""
    program = compile(function).trace(*arrays)
    return [
        i.operation
        for i in program.lowered.instructions
        if i.operation.functions() or isinstance(i.operation, Product)
    ]


X, V = np.linspace(0.5, 1, 9).reshape(3, 3), np.linspace(0, 1, 3)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x**2, Elementwise("square")),
        (lambda x: x**0.5, Elementwise("sqrt")),
        (lambda x: x**-1, Elementwise("reciprocal")),
        (lambda x: x**3, Elementwise("power")),
        (lambda x: x @ x, Product("dot")),
        (lambda x: x[::-1] @ x, Product("matmul")),
        (lambda x: ops.sum(x, axis=(1,)), Reduction("add", 1, None)),
        (lambda x: ops.sum(x, axis=(0, 1)), Reduction("add", (0, 1), None)),
        (lambda x: ops.where(x > 0, 1.0, x), Select(by_mask=True)),
        (lambda x: ops.where(x[0] > 0, 1.0, x), Select(by_mask=False)),
        (lambda x: ops.where(x > 0, x[0], x), Select(by_mask=False)),
        (lambda x: ops.astype(x, np.float32), Copy((3, 3), "np.float32")),
    ],
)
def test_quickest_instruction_is_chosen(function, expected):
    assert expected in operations(function, X)


@pytest.mark.parametrize(("options", "copies"), [("", 1), (", copy=True", 1), (", copy=False", 0)])
def test_cast_to_the_same_dtype_copies_if_asked(options, copies):
    op = op_of(f"x.astype(x.dtype{options}) * 2.0")
    assert sum(isinstance(o, Copy) for o in operations(lambda x: op(x, V), X)) == copies


@pytest.mark.parametrize(
    ("columns", "rows_first", "quick"), [(64, True, True), (65, True, False), (10, False, False)]
)
def test_extrema_of_short_rows_are_taken_down_a_copy(columns, rows_first, quick):
    x = np.ones((5, columns)) if rows_first else np.ones((columns, 5)).T
    for ufunc, op in (("maximum", ops.max), ("minimum", ops.min)):
        for axis in (1, -1):
            found = operations(lambda x: op(x, axis=axis), x)  # noqa: B023
            assert (Reduction(ufunc, 0, None) in found) is quick
            assert any(isinstance(o, Copy) for o in found) is quick
    assert not any(isinstance(o, Copy) for o in operations(lambda x: ops.sum(x, axis=1), x))
    assert not any(isinstance(o, Copy) for o in operations(lambda x: ops.max(x, axis=0), x))
    assert not any(isinstance(o, Copy) for o in operations(lambda x: ops.max(x[None], axis=1), x))


def test_op_with_an_unnotable_call_is_called_as_a_whole():
    for text in (
        "np.cross(x, x)",
        "np.add.reduceat(x, [0, 1])",
        "np.exp(x, dtype=float)",
        "np.sum(x, dtype=float) + x",
        "np.modf(x)[0]",
    ):
        op = op_of(text)
        compiled = compile(lambda x, v: op(x, v))  # noqa: B023
        for _ in range(3):
            np.testing.assert_array_equal(compiled(X, V).data, op.forward(X, V))
        assert any(map(is_opaque, compiled.program.recording.instructions)), text


@pytest.mark.parametrize("other", [lambda a: 2.0, lambda a: a.sum(), lambda a: np.sum(a * a)])
@pytest.mark.parametrize("turned", [False, True])
def test_dot_with_a_number_or_without_axes_is_refused(other, turned):
    weight = Tensor(np.ones((3, 3)), requires_grad=True)

    def function(x):
        weight.grad = None
        (x * weight).sum().backward()
        operands = (weight.grad, other(weight.grad))
        return np.dot(*operands[::-1]) if turned else np.dot(*operands)

    with pytest.raises(CaptureError, match="a product with a number"):
        compile(function)(X)
