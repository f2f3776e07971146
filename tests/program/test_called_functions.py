"""An op that a program calls as a whole: its printed source stands by itself, with all that it speaks of."""

import math

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, checked, primitive
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile

X = np.array([3.0, 1.0, 2.0])
TABLE, FACTOR = np.array([0.5, -0.0, np.inf]), 3


def doubled(x):
    return FACTOR * x * 2


def sorted_alone(x, *, by=1.0, other=None):
    return np.sort(np.asarray(x)) * np.asarray(by)


def sorted_with_all(x):
    return doubled(np.sort(np.asarray(x))) * math.pi + TABLE[0]


def typed_in():
    namespace = {"np": np}
    exec("def typed_in(x):\n    return np.sort(np.asarray(x))", namespace)
    return namespace["typed_in"]


@pytest.fixture
def op():
    """Turn a function into an op without rules, for the time of a test."""
    before = dict(REGISTRY)

    def make(function):
        made = primitive(function)
        made.vjps(None)
        return made

    yield make
    REGISTRY.clear()
    REGISTRY.update(before)


def forms(function):
    """What the printed forms of a function give when they are run alone."""
    compiled = compile(function)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(Tensor(X)).data, function(Tensor(X)).data)
    for text, build in ((compiled.program.source, True), (compiled.program.derivation, False)):
        namespace = {}
        exec(text, namespace)
        yield (namespace["build"]() if build else namespace["step"])(X)


@pytest.mark.parametrize(
    "settings",
    [
        {"by": np.float64(3)},
        {"by": np.inf},
        {"by": -0.0},
        {"by": np.array([1.0, np.nan, 2.0])},
        {"other": (slice(0, 2), np.float32, np.dtype("f4"), ..., None, "text", [1, {"a": 2}], 1 + 2j)},
    ],
)
def test_settings_of_a_called_op_are_printed_as_they_are(op, settings):
    called = op(sorted_alone)
    for found in forms(lambda x: called(x, **settings)):
        np.testing.assert_array_equal(found, called.forward(X, **settings))


def test_names_used_by_a_called_op_are_printed_with_it(op):
    for found in forms(op(sorted_with_all)):
        np.testing.assert_array_equal(found, sorted_with_all(X))


def test_helper_is_printed_with_its_local_name(op):
    also = doubled

    def sorted_by_another_name(x):
        return also(np.sort(np.asarray(x)))

    for found in forms(op(sorted_by_another_name)):
        np.testing.assert_array_equal(found, doubled(np.sort(X)))


def test_helper_without_source_runs_and_is_marked_in_print(op):
    turned = (lambda x: x[::-1],)[0]

    def sorted_downwards(x):
        return turned(np.sort(np.asarray(x)))

    compiled = compile(op(sorted_downwards))
    for i in range(3):
        np.testing.assert_array_equal(compiled(X + i).data, np.sort(X)[::-1] + i)
    assert "the source of turned is not known" in compiled.program.source


def test_called_op_without_source_is_marked_in_print(op):
    with pytest.raises(NotImplementedError, match="the source of typed_in is not known"):
        list(forms(op(typed_in())))


@pytest.mark.parametrize("setting", [np.random.default_rng(0), np.sort, object()])
def test_unwritable_setting_is_refused(op, setting):
    called = op(sorted_alone)
    with pytest.raises(CaptureError, match=r"other is .*: expected a number, a text or an array"):
        compile(lambda x: called(x, other=setting))(Tensor(X))


def scaled(factor):
    def forward(x):
        return np.sort(np.asarray(x)) * factor

    return forward


def test_functions_of_one_name_are_told_apart(op):
    double, triple = op(scaled(2.0)), op(scaled(3.0))
    compiled = compile(lambda x: double(x) + 10 * triple(x))
    for _ in range(3):
        np.testing.assert_array_equal(compiled(Tensor(X)).data, 32 * np.sort(X))
    namespace = {}
    exec(compiled.program.source, namespace)
    with pytest.raises(NotImplementedError, match="forward2 uses another factor than the code before it"):
        namespace["build"]()(X)


def test_functions_of_one_name_and_one_meaning_run_alone(op):
    first, second = op(scaled(2.0)), op(scaled(2.0))
    for found in forms(lambda x: first(x) + 10 * second(x)):
        np.testing.assert_array_equal(found, 22 * np.sort(X))


def test_lambda_is_called_too(op):
    sort = op(lambda x: np.sort(np.asarray(x)))
    compiled = compile(lambda x: sort(x) + 1)
    for _ in range(3):
        np.testing.assert_array_equal(compiled(Tensor(X)).data, np.sort(X) + 1)
    assert "the source of function is not known" in compiled.program.source


@pytest.mark.parametrize("backend", ["numpy", pytest.param("native", marks=pytest.mark.long)])
def test_an_observer_gets_a_gradient_before_the_next_is_computed(backend):
    first = nn.Parameter(np.full((3, 3), 0.5))
    last = nn.Parameter(np.ones((2, 3)))
    seen = []

    def observe(gradient, layer):
        seen.append((layer, gradient.copy()))

    @compile(backend=backend)
    def step(x):
        ops.sum(ops.linear(ops.linear(x, first, np.zeros(3)), last, np.zeros(2))).backward()
        checked(observe, first.grad, 0)
        checked(observe, last.grad, 1)
        first.grad = last.grad = None

    for _ in range(3):
        seen.clear()
        step(np.eye(3))
    assert [layer for layer, _ in seen] == [1, 0]  # the order of the backward pass
    assert seen[0][1].tolist() == [[1.5] * 3] * 2
    assert seen[1][1].tolist() == [[2.0] * 3] * 3
