"""Equality of results, of what a function reads, of arguments and of parts of a program; generators."""

import dataclasses
import importlib
import pkgutil
from collections import deque
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_mnist.program
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.equality import alike, same_bits
from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.observation import is_plain, may_change_unseen, snapshot
from tinygrad_mnist.program.operations import Elementwise
from tinygrad_mnist.program.randomness import Generators

NAN = float("nan")

# Results


def test_results_are_equal_only_with_equal_bits():
    things = [
        1.0,
        1,
        True,
        NAN,
        -NAN,
        None,
        "1",
        0.0,
        np.float64(1),
        np.float32(1),
        np.array(1.0),
        np.ones(1),
    ]
    things += [np.array([NAN, 1.0]), np.array([1.0, NAN]), np.array([0.0]), np.array([-0.0]), np.ones((1, 1))]
    same = {(3, 4), (8, 10)}  # a NaN of another sign; a number of NumPy and an array without axes
    for i, a in enumerate(things):
        for j, b in enumerate(things):
            assert same_bits(a, b) is (i == j or (min(i, j), max(i, j)) in same), (a, b)
    assert same_bits(np.array([-NAN]), np.array([NAN]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_are_alike_within_a_hundred_rounding_errors(dtype):
    """Of the largest element: a small one may differ by more than itself."""
    eps = np.finfo(dtype).eps
    b = np.array([1e-9, 64.0, -2.0], dtype)
    for position in range(3):
        for epsilons, expected in ((90, True), (110, False)):
            a = b.copy()
            a[position] += epsilons * eps * 64
            assert alike(a, b) is expected
    assert alike(np.array([NAN, np.inf, 1.0]), np.array([NAN, np.inf, 1.0]))
    assert not alike(np.array([NAN, 1.0]), np.array([1.0, NAN]))
    assert not alike(np.array([np.inf, 1.0]), np.array([1.0, 1.0]))
    assert not alike(np.array([np.inf, 1.0]), np.array([-np.inf, 1.0]))


def test_whole_numbers_and_masks_are_alike_if_equal():
    assert alike(np.array([10**9, 1]), np.array([10**9, 1]))
    assert not alike(np.array([10**9, 1]), np.array([10**9, 2]))
    assert not alike(np.array([True, False]), np.array([True, True]))
    assert [alike(1, 1), alike(1, 2), alike(2.0, 2.0)] == [True, False, True]
    assert alike(1.0 + 1e-15, 1.0) and not alike(1.0 + 1e-9, 1.0)  # noqa: PT018


# What a function reads


class Plain:
    def __init__(self, value):
        self.value = value

    def method(self):
        return self.value


@dataclasses.dataclass(frozen=True)
class Frozen:
    value: object


LONG = list(range(1001))
DIFFERENT = [
    *(0, 0.0, -0.0, False, 1, 1.0, True, NAN, 1j, "1", b"1", None, ...),
    *(np.float32(1), np.float64(1), np.int64(1), np.dtype("f4"), np.dtype("f8"), np.float32, np.float64),
    *(range(3), range(4), slice(1), slice(0, 1), [1], (1,), [1.0], [1, 2], [2, 1], [[1], 2], [1, [2]], []),
    *({}, {"a": 1}, {"a": 2}, {"b": 1}, {1: "a"}, {(1, "a"): 2}, set(), {1}, frozenset(), frozenset({1})),
    *(
        deque([1]),
        deque([1], maxlen=3),
        bytearray(b"1"),
        ops.tanh,
        ops.exp,
        np.tanh,
        len,
        Plain,
        nn,
        nn.ReLU(),
    ),
    *(partial(max, 1), partial(max, 2), partial(min, 1), partial(max, key=len), Frozen(1), Plain(1)),
]


def test_snapshot_differs_if_a_function_could_tell():
    keys = [snapshot(thing) for thing in DIFFERENT]
    for i, a in enumerate(keys):
        assert bool(a == snapshot(DIFFERENT[i])), DIFFERENT[i]
        for j, b in enumerate(keys[:i]):
            is_same = {str(DIFFERENT[i]), str(DIFFERENT[j])} == {"deque([1])", "deque([1], maxlen=3)"}
            assert bool(a == b) is is_same, (DIFFERENT[i], DIFFERENT[j])


def test_snapshot_follows_parts_that_change():
    inner, table = SimpleNamespace(slope=1), np.ones(2)
    thing = {"list": [1, (2, inner)], "set": {1}, "object": Plain(3), "table": table}
    method = Plain(5).method
    before, of_method = snapshot(thing), snapshot(method)
    changes = [
        (lambda: thing["list"].append(2), lambda: thing["list"].pop()),
        (lambda: setattr(inner, "slope", 2), lambda: setattr(inner, "slope", 1)),
        (lambda: thing["set"].add(2), lambda: thing["set"].discard(2)),
        (lambda: setattr(thing["object"], "value", 4), lambda: setattr(thing["object"], "value", 3)),
    ]
    for change, back in changes:
        change()
        assert snapshot(thing) != before
        back()
        assert snapshot(thing) == before
    table += 1  # arrays are read where they lie
    assert snapshot(thing) == before
    thing["table"] = table.copy()
    assert snapshot(thing) != before
    method.__self__.value = 6
    assert snapshot(method) != of_method


def test_snapshot_of_a_cycle_or_many_parts_ends():
    circle = [1]
    circle.append(circle)
    assert snapshot(circle) == snapshot(circle)
    short, long = list(range(1000)), list(range(1001))
    keys = snapshot(short), snapshot(long)
    short[0] = long[0] = "other"
    assert snapshot(short) != keys[0]
    assert snapshot(long) == keys[1]  # compared by identity


def test_value_that_may_change_unseen_is_compared_each_call():
    unseen = [[1], {"a": 1}, {1}, deque(), Plain(1), (1, [2]), bytearray(), SimpleNamespace(), (((), {}),)]
    seen = [1, "a", (1, "a"), None, nn.ReLU(), Tensor(1.0), Plain(1).method, frozenset({1}), range(3), len]
    assert all(map(may_change_unseen, unseen))
    assert not any(map(may_change_unseen, seen))


def test_numbers_texts_functions_and_what_is_made_of_them_are_plain():
    plain = [1, 1.5, 1j, True, None, "a", b"a", ops.tanh, len, Plain, np.tanh, nn.ReLU(), range(2), slice(1)]
    plain += [np.float32(1), np.dtype("f4"), partial(max, 1), frozenset({1, len}), Frozen(1)]
    others = [[1], {}, {1}, Plain(1), Plain(1).method, partial(max, [1]), partial(max, key=[]), Frozen([1])]
    assert all(map(is_plain, plain))
    assert not any(map(is_plain, others))


# Arguments

LEAVES = [
    0,
    0.0,
    -0.0,
    1,
    1.0,
    True,
    NAN,
    np.float32(1),
    np.float64(1),
    "1",
    b"1",
    None,
    ops.tanh,
    ops.exp,
    1j,
]
LEAVES += [
    np.dtype("f4"),
    range(2),
    slice(2),
    frozenset({1}),
    nn.ReLU(),
    nn.ReLU(),
    Frozen(1),
    Frozen(2),
    np.tanh,
]


def test_argument_values_have_separate_programs():
    compiled = compile(lambda x, setting: x * 2)
    for _ in range(3):
        for leaf in LEAVES:
            assert compiled(np.ones(2), leaf).shape == (2,)
    assert len(compiled._programs) == len(LEAVES)


def test_argument_structures_have_separate_programs():
    compiled = compile(lambda x, tree=None: x * 2)
    trees = [[1], (1,), {"a": 1}, {"b": 1}, {1: 1}, {True: 1}, [1, 1], [[1]], [(1,)], [], (), {}]
    x = np.ones(2)
    for _ in range(3):
        for tree in trees:
            compiled(x, tree)
        compiled(x, tree=[1]), compiled(x=x)
    assert len(compiled._programs) == len(trees) + 2


# Parts of programs


def test_parts_of_programs_are_equal_to_themselves_alone():
    """They are keys and are looked for by identity, except what only says what is done."""
    by_value = {
        "Operation",
        "Place",
        "Number",
        "Line",
        "Plan",
        "Recording",
        "_Known",
        "Expression",
        "Computed",
    }
    found = 0
    for module in pkgutil.walk_packages(tinygrad_mnist.program.__path__, "tinygrad_mnist.program."):
        if module.name.endswith("native.functions"):
            continue
        for thing in vars(importlib.import_module(module.name)).values():
            is_ours = isinstance(thing, type) and thing.__module__ == module.name
            if is_ours and dataclasses.is_dataclass(thing):
                names = {kind.__name__ for kind in thing.__mro__}
                assert (thing.__eq__ is object.__eq__) is not bool(names & by_value), thing
                found += 1
    assert found > 20


def test_instructions_are_immutable():
    operation = Elementwise("add")
    for thing, name in ((operation, "name"), (compile(ops.tanh).trace(np.ones(2)), "plan")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(thing, name, None)


def test_instruction_has_no_change_and_no_scope_by_default():
    value = Value(np.ones(2), "result")
    instruction = Instruction(Elementwise("negative"), (value,), None)
    assert (instruction.changes, instruction.scope) == (False, "")
    assert (value.source, value.view_of, value.primitive, value.scope, value.gradient_of) == (
        None,
        None,
        "",
        "",
        None,
    )
    assert (value.shape, value.dtype, value.root, value.is_ours) == ((2,), np.float64, value, True)


# Generators


def test_generators_are_put_back_to_where_they_were_first_met():
    one, other, still = (np.random.default_rng(i) for i in range(3))
    before = [repr(g.bit_generator.state) for g in (one, other, still)]
    generators = Generators()
    for generator in (one, other, still, one.bit_generator):
        generators.meet(generator)
    generators.meet("no generator")
    assert generators.put_back() is False
    one.random(), other.random()
    generators.meet(one)  # again, after it has moved
    one.random()
    assert generators.put_back() is True
    assert [repr(g.bit_generator.state) for g in (one, other, still)] == before


def test_generators_behind_methods_and_wrappers_are_met():
    rng = np.random.default_rng(0)

    class Holder:
        def method(self, x):
            return x * rng.random()

    def function(x):
        return x * rng.random()

    before = repr(rng.bit_generator.state)
    for reached in (function, Holder().method, compile(function)):
        with pytest.raises(CaptureError, match="random numbers are drawn"):
            compile(reached)(np.ones(2))
        assert repr(rng.bit_generator.state) == before
