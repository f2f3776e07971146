"""The code that programs print, as it always was: names, order, memory that is used again, comments."""

from pathlib import Path

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.program.native_functions import NATIVE
from tests.program.networks import batch, binary, classifier, quadratic
from tests.snapshots import assert_as_kept
from tinygrad_mnist import Tensor, nn, no_grad, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.program import compile

SNAPSHOTS = Path(__file__).parent / "snapshots"
X, Y = np.linspace(-1, 1, 12).reshape(3, 4), np.linspace(0.5, 2, 12).reshape(3, 4)
TABLE = np.arange(4.0)


def constants(x, y):
    small = x * 0.5 + y * 2 - 1 / 3 + (-1.0) * x + 0.0 * y
    short = 0.125 * x - 0.0625 * y + x / 1.25 - 1 / 9 + 12345.0 * y
    return small / 7 + short + np.float64(1e-9) * x + TABLE * y + 1e20


def reductions(x, y):
    parts = ops.sum(x, axis=1, keepdims=True) * ops.max(y, axis=0) + ops.mean(x * y)
    return ops.logsumexp(parts, axis=1), ops.min(y), ops.softmax(x), ops.log_softmax(y, axis=0)


def shapes(x, y):
    joined = ops.concatenate([x[:, 1:], y[::-1, :2].reshape(3, 2)], axis=1)
    stacked = ops.stack([joined.T, joined.T * 2])
    return stacked[1, [0, 2, 2]], ops.where(x > y, x, 0.25), x.astype(np.float32), ops.flatten(y, 1) @ x.T


def gradients(x, y):
    def inner(v):
        return ops.sum(ops.tanh(v @ y.T) * v[[0, 1, 1]][:, :3] ** 3)

    return tm.value_and_grad(inner)(x)


def shared_pieces(x, y):
    a, b = ops.exp(x), ops.exp(x) * ops.sqrt(y)
    return {"first": a + b, "again": [a + b, x], "text": "kept", "number": 3}


def long_lines(x, y):
    """Formulas and constants that fit into a line, and those that are a line too long."""
    table, flat = np.linspace(0, 1, 12).reshape(3, 4), np.array([1.0, 2.0, 3.0, 4.5])
    short = ops.tanh(x * 0.25 + y * 0.125) * ops.sqrt(y + 1.0) - x
    longer = ops.tanh(x * 0.25 + y * 0.125) * ops.sqrt(y + 1.0) - ops.exp(x * 0.5 - y) + ops.sin(x)
    by_arrays = ops.where(x > 0, x, y) * ops.concatenate([x[:1], y[1:]])
    return ops.exp(short), ops.exp(longer) * 2, by_arrays * table, x @ flat, ops.sum(x * flat, axis=1)


def indexed(x, y):
    """Elements that are put and added, with the gradients that do so."""
    rows = np.array([2, 0, 2])

    def inner(v):
        return (
            ops.sum(v[rows] * y)
            + ops.sum(v[1:, ::2] ** 2)
            + v[0, 1]
            + ops.sum(ops.getitem(v, index=(rows, rows)))
        )

    return tm.grad(inner)(x), x[rows][:, rows], ops.max(x, axis=1, keepdims=True) * ops.min(y, keepdims=True)


@primitive
def written(x):
    """Numbers and an array written into an array, and added."""
    made = x * 1.5
    made[1:, ::2] = 2.5
    made[0] = -1
    made[2] = np.float64(0.75)
    made[1, 1] = np.float32(0.1)
    made[x > 1] = 0.125
    np.add.at(made, (np.array([0, 0]), np.array([1, 1])), 0.5)
    made[:, 3] = x[:, 0]
    return made + x


written.vjps(None)
del REGISTRY["written"]  # for these tests alone


def numbers_in_places(x, y):
    """Numbers beside arrays of another dtype, in an index, in a choice."""
    short = ops.astype(x, np.float32)
    chosen = ops.where(x > 0, 2.0, y), ops.where(short > 0, short, 0.5), ops.where(y > 1, 1.5, 0.25)
    return written(x), written(short), *chosen, short * 0.1 + 2, x**2 + x**0.5 * 3


def updates(x, y):
    """A parameter that is changed in each way, read before and after."""
    w = STATES["w"]
    before, seen = w * 2.0, ops.sum(w * x)
    with no_grad():
        w.__imul__(0.5), w.__iadd__(y), w.__isub__(0.25 * x), w.__itruediv__(2.0)
    return before, seen, ops.tanh(w.detach()), STATES["v"] * x


def by_columns(x, y):
    """Results that lie by columns, and what shares their memory: of the same shape, turned, and smaller."""
    a = ops.tanh(x.T + y.T)
    b = ops.exp(a * 2) - 1
    return (
        ops.sum(b @ x[:, :3], axis=0),
        ops.sum(ops.sqrt(b + 3) * a, axis=1),
        ops.tanh(x[:2].T) * 2,
        ops.exp(y),
    )


def repeated(x, y):
    """A value computed twice is noted once; a product with one, not at all."""
    a = x * y
    ones = np.ones((3, 4))
    return (
        (x * y) + a * 1.0,
        ops.exp(x) * np.float64(1),
        ones * ops.exp(x),
        x * 1.0,
        np.full((3, 4), 2.0) * x + 2.0 * y,
    )


STATES = {
    "w": Tensor(np.linspace(0.5, 1, 12).reshape(3, 4), requires_grad=True, name="0.weight"),
    "v": Tensor(np.linspace(0.5, 1, 12).reshape(3, 4), name="a name"),
}
FUNCTIONS = {
    f.__name__: f
    for f in (
        constants,
        reductions,
        shapes,
        gradients,
        shared_pieces,
        long_lines,
        numbers_in_places,
        by_columns,
        indexed,
        updates,
        repeated,
    )
}
TRAININGS = {
    "quadratic": lambda: quadratic(momentum=0.9, nesterov=True, weight_decay=0.01),
    "deep": lambda: quadratic(sizes=(6, 5, 4, 3), dtype=np.float64),
    "dropout": lambda: classifier(dropout=0.3, momentum=0.9, dampening=0.5),
    "sigmoid": lambda: classifier(activation=nn.Sigmoid),
    "binary": lambda: binary(momentum=0.5),
    "wide": lambda: quadratic(sizes=(6, 17, 16, 3)),
}


def printed(program):
    return f"{program.source}\n\n{program.derivation}\n\n{program!r}\n"


@pytest.mark.parametrize("name", TRAININGS)
def test_training_step_is_printed_as_kept(name):
    training = TRAININGS[name]()
    compiled = compile(training.step)
    rng = np.random.default_rng(0)
    for _ in range(3):
        compiled(*batch(rng, training))
    assert_as_kept(SNAPSHOTS / f"{name}.txt", printed(compiled.program))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_is_printed_as_kept(name):
    compiled = compile(FUNCTIONS[name])
    with np.errstate(invalid="ignore"):
        for _ in range(2):
            compiled(X, Y)
    assert_as_kept(SNAPSHOTS / f"{name}.txt", printed(compiled.program))


def spelled(exp, copyto, lambda_, t, c, memory, step, _9, np_sum, generator0):
    """Arguments under names that the printed code has for something else."""
    parts = (
        exp + copyto,
        lambda_ * t,
        c - memory,
        step / _9,
        np_sum[0] - np_sum[1],
        generator0["a"] * generator0["b"],
    )
    return [ops.tanh(part) for part in parts]


def test_names_that_mean_something_else_are_changed_in_print():
    compiled = compile(spelled)
    for _ in range(2):
        compiled(X, Y, X, Y, X, Y, X, Y, [X, Y], {"a": X, "b": Y})
    assert_as_kept(SNAPSHOTS / "spelled.txt", printed(compiled.program))


def test_op_that_is_called_as_a_whole_is_printed_by_its_name():
    @primitive
    def sorted_rows(x):
        return np.sort(np.asarray(x), axis=-1)

    sorted_rows.vjps(None)
    try:
        compiled = compile(lambda x: sorted_rows(x * 2) + 1)
        for _ in range(2):
            compiled(X)
        assert_as_kept(SNAPSHOTS / "as-a-whole.txt", printed(compiled.program))
    finally:
        del REGISTRY["sorted_rows"]


def native_texts(compiled, monkeypatch):
    """The step that calls native code, and the native functions: the text alone, which is not compiled."""
    from tinygrad_mnist.program.native import step

    made, make = [], step.native_step
    monkeypatch.setattr(step, "native_step", lambda *arguments: made.append(make(*arguments)) or made[-1])
    monkeypatch.setattr(step, "compiled_parts", lambda *arguments: [])
    compiled.program.bind("native")
    things = made[0].__globals__
    return f"{things['source']}\n\n{things['native_source']}\n"


@pytest.mark.parametrize(("name", "rows"), [("quadratic", 10), ("dropout", 12), ("sigmoid", 7), ("wide", 70)])
def test_native_code_is_written_as_it_always_was(name, rows, monkeypatch):
    """Tall and narrow arrays lie column by column, so the number of rows decides too."""
    pytest.importorskip("numba", reason="the native extra is not installed")
    training = TRAININGS[name]()
    compiled = compile(training.step)
    rng = np.random.default_rng(0)
    for _ in range(3):
        compiled(*batch(rng, training, rows))
    assert_as_kept(SNAPSHOTS / f"{name}-native.txt", native_texts(compiled, monkeypatch))


def test_native_code_is_written_as_kept(monkeypatch):
    pytest.importorskip("numba", reason="the native extra is not installed")
    for name, make in NATIVE.items():
        function, arrays = make(np.random.default_rng(0))
        compiled = compile(function)
        for _ in range(3):
            compiled(*arrays)
        with monkeypatch.context() as patched:
            assert_as_kept(SNAPSHOTS / f"{name}-native.txt", native_texts(compiled, patched))


def test_text_of_a_program_is_shown_in_lines_by_a_notebook():
    pretty = pytest.importorskip("IPython.lib.pretty", reason="IPython is not installed")
    step = compile(lambda x: (x * x).sum())
    step(np.ones(3))
    for text in (step.program.source, step.program.derivation):
        assert pretty.pretty(text) == str(text)
        assert text.count("\n") > 5
