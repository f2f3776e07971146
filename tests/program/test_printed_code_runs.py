"""Every printed form runs by itself and gives what the function gives: each op inside each other."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from tests.program.printed_expressions import NUMBERS, expressions, inputs
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.errors import CaptureError, DTypeError
from tinygrad_mnist.program import compile

DTYPES = st.sampled_from([np.float64, np.float32])


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def step_of(text):
    """The value of an expression and, where it has one, its gradient by x and y."""
    function = eval(f"lambda x, y: {text}", {"np": np, "ops": ops})

    def step(x, y):
        tensors = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
        result = function(*tensors)
        result = +result if isinstance(result, Tensor) else result
        if not (isinstance(result, Tensor) and result.requires_grad):
            return [result]
        result.backward(np.full(result.shape, 0.75, result.dtype))
        return [result, *(t.grad for t in tensors if t.grad is not None)]

    return step


def arrays(results):
    return [
        np.asarray(getattr(r, "data", r))
        for r in (results if isinstance(results, list | tuple) else [results])
    ]


def outcome(function, *arguments):
    """What it gives, or None where the expression cannot be computed."""
    try:
        return arrays(function(*arguments))
    except (ValueError, TypeError, IndexError, OverflowError, AttributeError):
        return None


def assert_same_bits(found, expected):
    """The same shapes, dtypes and numbers, minus zero included; one NaN is like another."""
    assert [(a.shape, a.dtype) for a in found] == [(a.shape, a.dtype) for a in expected]
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(np.signbit(a[a == 0]), np.signbit(b[b == 0]))


@given(text=expressions(), dtype=DTYPES)
def test_code_of_an_expression_runs_and_agrees(text, dtype):
    step = step_of(text)
    expected = outcome(step, *inputs(dtype, 1))
    assume(expected is not None)
    compiled = compile(step)
    try:
        compiled(*inputs(dtype)), compiled(*inputs(dtype))  # the second call is checked against the function
    except (DTypeError, CaptureError):
        reject()
    program = compiled.program
    states = [state.get() for state in program.states]
    namespace = {}
    exec(program.source, namespace)
    assert_same_bits(arrays(namespace["build"](*states)(*inputs(dtype, 1))), expected)
    namespace = {}
    exec(program.derivation, namespace)
    assert_same_bits(arrays(namespace["step"](*inputs(dtype, 1), *states)), expected)


def printed_and_eager(text, dtype=np.float64):
    """What the derivation gives, and what the function gives."""
    compiled = compile(step_of(text))
    compiled(*inputs(dtype))
    states = [state.get() for state in compiled.program.states]
    namespace = {}
    exec(compiled.program.derivation, namespace)
    return arrays(namespace["step"](*inputs(dtype, 1), *states)), arrays(step_of(text)(*inputs(dtype, 1)))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("number", NUMBERS)
def test_constant_is_printed_with_its_bits_and_dtype(number, dtype):
    for text in (
        f"x * {number}",
        f"({number}) / y",
        f"x - ({number})",
        f"ops.where(x < {number}, y, {number})",
    ):
        found, expected = printed_and_eager(text, dtype)
        if (
            "(x > y)" not in text or "float" not in number
        ):  # plain masks go by NumPy's scalars, Tensors do not
            assert_same_bits(found, expected)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("((x > y) == (x < y)) * x", "((x > y) == (x < y)) * x"),
        ("(x < 1) < (y < 1)", "(x < 1) < (y < 1)"),
        ("np.logical_and(x < 1, y < 1)", "(x < 1) & (y < 1)"),
        ("np.logical_and(x, y)", "np.logical_and(x, y)"),
        ("(-2) ** (x > 0)", "(-2) ** (x > 0)"),
        ("2 ** -x", "2 ** -x"),
        ("-(x ** 2.5)", "-x ** 2.5"),
        ("(-x) ** 2.5", "(-x) ** 2.5"),
        ("(x ** 2.5) ** y", "(x ** 2.5) ** y"),
        ("x * -0.0", "-0.0 * x"),
        ("x * 2.718281", "2.718281 * x"),
        ("x * 1e300", "1e+300 * x"),
        ("x * (1 / 128)", "1 / 128 * x"),
        ("x / (1 / 128)", "x / (1 / 128)"),
        ("x / 3 - (y - 1)", "x / 3 - (y - 1)"),
    ],
)
def test_signs_and_parentheses_of_a_derivation(text, printed):
    compiled = compile(eval(f"lambda x, y: {text}", {"np": np, "ops": ops}))
    compiled(*map(Tensor, inputs(np.float64)))
    assert f" = {printed} " in compiled.program.derivation


def test_maximum_of_nothing_keeps_its_initial_value():
    found, expected = printed_and_eager("ops.logsumexp(x[:0], axis=0)")
    assert_same_bits(found, expected)


@pytest.mark.parametrize("name", ["put_at", "added_at", "complex", "slice", "generator0", "add", "step"])
def test_argument_may_share_a_name_with_a_called_function(name):
    function = eval(f"lambda {name}: (np.add({name}, 1.0) * 2)[[0, 2]]", {"np": np})
    compiled = compile(function)
    x = inputs(np.float64)[1]
    compiled(Tensor(x))
    for form in ("source", "derivation"):
        namespace = {}
        exec(getattr(compiled.program, form), namespace)
        step = namespace["build"]() if form == "source" else namespace["step"]
        assert_same_bits(arrays(step(x)), [function(x)])


def test_root_of_integers_is_computed_in_double_precision():
    """NumPy takes the root of small integers in half precision, exact for the squares of the first call."""
    compiled = compile(lambda x: Tensor(x) ** 0.5)
    for values in ([0, 1, 4], [2, 3, 5], [2, 3, 5]):
        x = np.array(values, np.int8)
        assert_same_bits(arrays(compiled(x)), [x**0.5])


def test_tiny_number_is_true_as_in_numpy():
    compiled = compile(lambda x: np.logical_and(x, 1e-46))
    x = np.ones(3, np.float32)
    for _ in range(3):
        assert compiled(x).all()


def test_plain_array_of_both_zeros_keeps_their_signs():
    def function(x):
        return 1 / (x * np.array([0.0, -0.0, 0.0]))

    compiled = compile(function)
    for _ in range(3):
        assert_same_bits(arrays(compiled(Tensor(np.ones(3)))), [function(np.ones(3))])
