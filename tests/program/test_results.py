"""What goes into a program and comes out of it: the same kinds of things as of the function, or a refusal."""

import copy
import gc
import json
import math
import pickle
import tracemalloc
from collections import OrderedDict, defaultdict, namedtuple
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile

X = np.linspace(-1, 1, 6).reshape(2, 3)
Pair = namedtuple("Pair", "first second")


class Rows(list):
    pass


@dataclass
class Open:
    factor: float = 1.0

    __hash__ = object.__hash__


@dataclass(frozen=True)
class Closed:
    factor: float = 1.0


LOOKS = {
    "==": lambda n: n == 0,
    "!=": lambda n: n != 0,
    "in": lambda n: n in (0, 1),
    "not": lambda n: not n,
    "<": lambda n: n < 0,
    "str": str,
    "repr": repr,
    "format": lambda n: f"{n}",
    "spec": lambda n: f"{n:.3f}",
    "percent": lambda n: "%s" % n,  # noqa: UP031
    "hash": hash,
    "dict": lambda n: {0: 1}.get(n),
    "set": lambda n: {n},
    "sorted": lambda n: sorted([n, n]),
    "max": lambda n: max(n, 0),
    "sum": lambda n: sum([n, n]),
    "int": int,
    "float": float,
    "complex": complex,
    "bool": bool,
    "round": round,
    "abs": abs,
    "divmod": lambda n: divmod(n, 2),
    "**": lambda n: 2**n,
    "//": lambda n: n // 1,
    "floor": math.floor,
    "exp": math.exp,
    "isnan": math.isnan,
    "method": lambda n: n.is_integer(),
    "array": np.array,
    "float64": np.float64,
    "np.exp": np.exp,
    "range": lambda n: range(n),
    "index": lambda n: [1, 2][n],
    "copy": copy.copy,
    "pickle": pickle.dumps,
}


@pytest.mark.parametrize("look", LOOKS)
def test_number_from_item_hides_its_value(look):
    compiled = compile(lambda x: x * 2 if LOOKS[look](x.sum().item()) else x)
    with pytest.raises(CaptureError, match=r"a number from item\(\)"):
        compiled(X)


@pytest.mark.parametrize("look", [str, repr, "{}".format, copy.copy, copy.deepcopy, pickle.dumps])
def test_captured_tensor_hides_values_and_refuses_copies(look):
    weight = Tensor(X, requires_grad=True)
    for function in (lambda x: (look(x), x)[1], lambda x: (look(weight), x)[1]):
        with pytest.raises(CaptureError):
            compile(function)(X)


def test_numpy_functions_that_look_at_values_are_refused():
    for function in (np.unique, np.nonzero, np.median):
        with pytest.raises(CaptureError, match=f"np.{function.__name__} was asked for"):
            compile(lambda x: (function(x), x)[1])(X)  # noqa: B023


def test_number_has_its_final_type():
    compiled = compile(lambda x: x * 2 if isinstance(x.sum().item(), float) else x)
    assert np.array_equal(compiled(X).data, X * 2)
    with pytest.raises((CaptureError, TypeError)):
        compile(lambda x: json.dumps(x.sum().item()))(X)


@pytest.mark.parametrize(
    "make",
    [
        lambda y: [y, (y, {"a": y.sum()})],
        lambda y: Pair(y, [y.sum()]),
        lambda y: OrderedDict(b=y, a=y.sum()),
        lambda y: {1: y, (2, "a"): None, None: True},
        lambda y: (),
    ],
)
def test_containers_come_back_as_they_are_built(make):
    def shape(tree):
        if isinstance(tree, dict):
            return type(tree), [(key, shape(part)) for key, part in tree.items()]
        if isinstance(tree, list | tuple):
            return type(tree), [shape(part) for part in tree]
        return tree.data.tolist() if isinstance(tree, Tensor) else tree

    compiled = compile(lambda x: make(x * 2))
    for i in range(4):
        assert shape(compiled(X + i)) == shape(make(Tensor(X + i) * 2))


@pytest.mark.parametrize(
    "make",
    [
        lambda y: Rows([y]),
        lambda y: defaultdict(list, a=y),
        lambda y: SimpleNamespace(y=y),
        lambda y: Open(y),
        lambda y: {1, 2},
        lambda y: np.eye(2),
        lambda y: X,
        lambda y: lambda: y,
        lambda y: iter([y]),
        lambda y: (y, [np.zeros(3)]),
        lambda y: (y, nn.ReLU()),
        lambda y: np.random.default_rng(0),
        lambda y: partial(ops.add, y),
        lambda y: {y: 1},
        lambda y: {"a": [{(1, y): 1}]},
    ],
)
def test_results_that_cannot_be_made_anew_are_refused(make):
    with pytest.raises(CaptureError, match=r"the result of a compiled function (is|holds) a"):
        compile(lambda x: make(x * 2))(X)


def test_module_from_outside_is_returned_as_itself():
    layer = nn.ReLU()
    compiled = compile(lambda x: (layer(x), layer))
    assert all(compiled(X)[1] is layer for _ in range(4))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * (2 if isinstance(x, Tensor) else 1),
        lambda x: ops.sum(x * x) if isinstance(x, Tensor) else np.float64(0),
        lambda x: tm.grad(lambda v: (v**2).sum())(x).detach(),
    ],
)
def test_arrays_are_tensors_inside_at_each_call(function):
    compiled = compile(function)
    for i in range(4):
        assert compiled(X + i).data.tobytes() == function(Tensor(X + i)).data.tobytes()
    compiled.check(X)


def test_one_object_twice_is_one_object_and_new_at_each_call():
    outside = Tensor(X)

    def function(x):
        y = x * 2
        return y, [y, x * 2], outside

    compiled = compile(function)
    earlier = []
    for _ in range(4):
        first, (second, third), same = compiled(X)
        assert first is second
        assert first is not third
        assert same is outside
        assert all(not np.shares_memory(first.data, other.data) for other in [third, *earlier])
        earlier.append(first)


@pytest.mark.parametrize(
    "argument",
    [
        *(Open(), SimpleNamespace(), bytearray(b"a"), {1}, object(), Rows([X]), defaultdict(int)),
        *(Closed([1]), {Open(): 1}, {Tensor(1.0): 1}),
    ],
)
def test_arguments_that_may_change_unseen_are_refused(argument):
    with pytest.raises(CaptureError, match="an argument of a compiled function is a"):
        compile(lambda x, a: x * 2)(X, argument)


def test_arguments_are_distinguished_as_by_python():
    """0.0 from -0.0, 1 from True, NaN from nothing; modules and functions are themselves."""
    layer, other = nn.ReLU(), nn.Tanh()

    def function(x, a, use=ops.tanh):
        number = a if isinstance(a, int | float) else getattr(a, "factor", 1.0)
        kind = {bool: 3.0, int: 2.0}.get(type(a), 1.0)
        return use(x) / number * kind

    compiled = compile(function)
    given = [0.0, -0.0, 1, True, 1.0, math.nan, "a", None, Closed(2.0), Closed(3.0)]
    with np.errstate(all="ignore"):
        for _ in range(3):
            for a in given:
                for use in (ops.tanh, layer, other):
                    expected = function(Tensor(X), a, use)
                    np.testing.assert_array_equal(compiled(X, a, use).data, expected.data)
    assert len(compiled._programs) == len(given) * 3


@pytest.mark.parametrize("change", [lambda a: a.append(1), lambda a: a.pop(), lambda a: a.reverse()])
def test_lists_among_the_arguments_are_not_changed(change):
    with pytest.raises(CaptureError, match="a list or dict among the arguments is changed"):
        compile(lambda a: (change(a), a[0])[1])([X, X + 1])


def test_many_structures_leave_as_many_entries_as_programs():
    compiled = compile(lambda parts: [part * 2 for part in parts.values()])
    peaks = []
    tracemalloc.start()
    for count in range(1, 101):
        for _ in range(3):
            compiled({f"part{count}": X})
        if count in (40, 100):
            gc.collect()
            peaks.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert len(compiled._programs) == 32
    assert sum(map(len, compiled._entries.values())) == 32
    assert peaks[1] < 1.2 * peaks[0]  # bytes of the programs that are kept
