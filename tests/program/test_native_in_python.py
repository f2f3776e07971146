"""Native code run as the Python that its text is: it gives what NumPy gives, but for rounding."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.program.test_replay import CASES, SHAPES, step_of
from tinygrad_mnist import Tensor, no_grad, ops
from tinygrad_mnist.errors import LabelError

pytest.importorskip("numba", reason="native code needs numba: pip install -e '.[native]'")

from tests.program.native_functions import NATIVE
from tests.program.native_in_python import as_python, on_native_code

TALL = ((40, 3), (1, 3), (3,))  # lies column by column in native code


@pytest.fixture(autouse=True)
def _in_python(monkeypatch):
    monkeypatch.setattr("tinygrad_mnist.program.native.step.compiled_parts", as_python)
    with np.errstate(all="ignore"):  # machine code does not warn
        yield


def assert_near(found, expected, epsilons=64):
    """The same shapes and dtypes, and numbers within some rounding errors of the largest."""
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        a, b = (np.asarray(getattr(x, "data", x)) for x in (a, b))
        bound = epsilons * np.finfo(b.dtype).eps * np.abs(b).max(initial=0)
        np.testing.assert_allclose(a, b, rtol=0, atol=bound, strict=True)


@pytest.mark.parametrize(
    ("dtype", "shapes"), [(np.float32, TALL), (np.float64, SHAPES)], ids=["tall", "wide"]
)
@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.primitive}" for i, c in enumerate(CASES)])
def test_primitive_and_rule_are_right_in_native_code(case, dtype, shapes):
    step, batches = step_of(case, shapes[: case.broadcast], dtype)
    compiled = on_native_code(step, *batches[:2])
    for arrays in batches:
        assert_near(compiled(*arrays), step(*arrays))


# Products

LENGTHS = [(1, 17, 1), (2, 17, 9), (3, 20, 16), (9, 18, 5), (17, 33, 8), (5, 3, 4), (1, 40, 40), (24, 17, 3)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_products_are_right_however_their_matrices_lie(lengths, dtype):
    m, k, n = lengths
    rng = np.random.default_rng(0)

    def function(a, b, c, d):
        products = [a @ b, a @ d.T, c.T @ b, c.T @ d.T, a[0] @ b, a @ b[:, 0], a[0] @ d[0]]
        return [*products, np.full((2, k), 0.5, dtype) @ b, a @ np.full((k, 9), 0.25, dtype)]

    def arguments():
        return [rng.normal(size=s).astype(dtype) for s in ((m, k), (k, n), (k, m), (n, k))]

    compiled = on_native_code(function, arguments(), arguments())
    for _ in range(2):
        arrays = arguments()
        assert_near(compiled(*arrays), function(*map(Tensor, arrays)))


# Random programs

UNARY = [
    ops.tanh,
    ops.sigmoid,
    lambda x: -x,
    lambda x: x.T,
    lambda x: x[::-1],
    lambda x: x.reshape(-1).reshape(x.shape),
    lambda x: ops.broadcast_to(x[0], shape=x.shape),
    lambda x: x.sum(axis=0, keepdims=True) + x,
    lambda x: x[1:].sum() + x,
    lambda x: x[[1] * x.shape[0]],
    ops.softmax,
    lambda x: ops.softmax(x, axis=0),
]
BINARY = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b,
    lambda a, b: ops.tanh(a @ b),
    lambda a, b: ops.concatenate([a[:1], b[1:]]),
    lambda a, b: ops.where(np.tri(a.shape[0]) > 0, a, b.T),
]
numbers = st.integers(0, 30)
kinds = st.sampled_from(["unary", "unary", "binary", "binary", "change", "backward"])
steps = st.lists(st.tuples(kinds, numbers, numbers, numbers), min_size=1, max_size=10)


def random_program(steps, outputs, size):
    """A function of two arrays that reads and changes a parameter, and reads an array from outside."""
    w = Tensor(np.linspace(-1, 1, size * size).reshape(size, size), requires_grad=True)
    table = np.linspace(1, 2, size * size).reshape(size, size)

    def function(x, y):
        w.grad = None
        values = [Tensor(x), Tensor(y), w * 1, Tensor(table)]
        for kind, op, i, j in steps:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "unary":
                values.append(UNARY[op % len(UNARY)](a))
            elif kind == "binary":
                values.append(BINARY[op % len(BINARY)](a, b))
            elif kind == "change":
                with no_grad():
                    w.__isub__(0.1 * ops.tanh(a.detach()))
            else:
                ops.sum(ops.tanh(a.detach() * w) * w).backward()
                values.append(Tensor(w.grad) * 1)
        return [0.5 * values[k % len(values)] for k in outputs]

    return function, w, table


@given(steps=steps, outputs=st.lists(numbers, min_size=1, max_size=4), size=st.sampled_from([2, 5, 17]))
def test_random_programs_give_in_native_code_what_eager_gives(steps, outputs, size):
    eager, w, _ = random_program(steps, outputs, size)
    replayed, v, _ = random_program(steps, outputs, size)
    rng = np.random.default_rng(0)
    pool = [rng.uniform(-1, 1, (size, size)) for _ in range(3)]
    calls = [(0, 1), (1, 2)]
    for i, j in calls:
        eager(pool[i], pool[j])
    compiled = on_native_code(replayed, *((pool[i], pool[j]) for i, j in calls))
    for i, j in ((2, 0), (0, 0), (1, 2)):
        expected, found = eager(pool[i], pool[j]), compiled(pool[i], pool[j])
        assert_near(found, expected, 1e4), assert_near([v], [w], 1e4)
    expected, found = eager(w.data, pool[0]), compiled(v.data, pool[0])  # the memory of what is changed
    assert_near(found, expected, 1e4), assert_near([v], [w], 1e4)


# Each way that native code takes


def test_native_code_equals_eager():
    for make in NATIVE.values():
        (eager, _), (replayed, _) = (make(np.random.default_rng(0)) for _ in range(2))
        calls = [make(np.random.default_rng(i))[1] for i in range(6)]
        for arrays in calls[:3]:
            eager(*_tensors(arrays))
        compiled = on_native_code(replayed, *calls[:3])
        for arrays in calls[3:]:
            assert_near(compiled(*arrays), eager(*_tensors(arrays)), 1024)


def _tensors(arrays):
    return [Tensor(a) if a.dtype.kind == "f" else a for a in arrays]


@pytest.mark.parametrize(("position", "place"), [(1, 8), (2, (1, 2)), (3, ())])
def test_each_check_of_native_code_names_its_wrong_label(position, place):
    function, arrays = NATIVE["labels"](np.random.default_rng(0))
    compiled = on_native_code(function, arrays, arrays, arrays)
    compiled(*arrays)
    for label in (-1, 7):
        wrong = [a.copy() for a in arrays]
        wrong[position][place] = label
        with pytest.raises(LabelError, match=f"label {label}"):
            compiled(*wrong)
