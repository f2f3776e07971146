"""Parts of native code by themselves: scalar functions, tiles, indices, layouts, memory."""

import numpy as np
import pytest

pytest.importorskip("numba", reason="native code needs numba: pip install -e '.[native]'")

from tests.program.native_functions import NATIVE
from tests.program.native_in_python import as_python, scalar_functions
from tinygrad_mnist import Tensor, no_grad, ops
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.native import step
from tinygrad_mnist.program.native.expressions import typed
from tinygrad_mnist.program.native.groups import Kind
from tinygrad_mnist.program.native.layout import Index, Place, is_dense, is_tall, squeezed, uniform
from tinygrad_mnist.program.native.loops import contiguous
from tinygrad_mnist.program.native.products import _blocks, _tile_sizes

LIMITS = {np.float32: (-87.3, 88.7, -103.2, -44), np.float64: (-708.3, 709.7, -744.4, -320)}


def arguments_of(name, dtype):
    """Arguments all over the domain of a function: where its result is finite, subnormal ones too."""
    rng = np.random.default_rng(0)
    low, high, lowest, tiny = LIMITS[dtype]
    near, powers = rng.uniform(-3, 3, 300), 10 ** rng.uniform(-30, 30, 300)
    found = {
        "exp": [near, rng.uniform(low, high, 300), rng.uniform(lowest, low, 100)],
        "log": [abs(near), powers, 10 ** rng.uniform(tiny, -0.85 * abs(tiny), 100), 1 + near / 100],
        "log1p": [rng.uniform(-0.99, 3, 300), powers, -(10 ** rng.uniform(-20, -1, 300))],
        "tanh": [near, 0.625 + near / 100, rng.uniform(-25, 25, 100), 10 ** rng.uniform(-20, 0, 300)],
    }
    return np.concatenate(found[name]).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["exp", "log", "log1p", "tanh"])
def test_scalar_function_is_right_to_two_units(name, dtype):
    """In the last place; against NumPy with more digits."""
    function, x = scalar_functions()[f"{name}_{dtype.__name__}"], arguments_of(name, dtype)
    with np.errstate(all="ignore"):
        found = [function(each) for each in x]
    assert {type(each) for each in found} == {dtype}
    expected = getattr(np, name)(x.astype(np.longdouble))
    unit = np.spacing(np.abs(expected).astype(dtype)).astype(np.longdouble)
    assert (np.abs(np.array(found) - expected) / unit).max() < 2.4


SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e30, -1e30]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["exp", "log", "log1p", "tanh"])
def test_scalar_function_is_numpys_at_special_values(name, dtype):
    x = np.array([*SPECIAL, *(np.array([1.01, -1.01]) * LIMITS[dtype][2])], dtype)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
        found = np.array([scalar_functions()[f"{name}_{dtype.__name__}"](each) for each in x])
    np.testing.assert_allclose(found, expected, rtol=4 * np.finfo(dtype).eps, strict=True)


@pytest.mark.parametrize(("name", "ufunc"), [("larger", np.maximum), ("smaller", np.minimum)])
def test_extrema_are_numpys_for_numbers_and_nan(name, ufunc):
    for a in (1.0, -2.0, np.nan, np.inf):
        for b in (1.0, -2.0, np.nan, -np.inf):
            np.testing.assert_equal(scalar_functions()[name](a, b), ufunc(a, b))


def test_choose_and_sums_are_what_they_say():
    things = scalar_functions()
    assert (things["choose"](True, 1, 2), things["choose"](False, 1, 2)) == (1, 2)
    assert (things["add_to_sum"](3, 4), things["add_product"](3, 4, 5)) == (7, 23)


# Indices and places


def test_index_is_moved_and_added():
    assert (Index(), Index("i")) == (Index("", 0), Index("i", 0))
    assert Index("i", 2).moved(3) == Index("i", 5)
    assert Index("i", 2).plus(Index("j", 4)) == Index("(i + j)", 6)
    assert Index("", 2).plus(Index("j", 4)) == Index("j", 6)
    assert Index("i", 1).plus(Index()) == Index("i", 1)


@pytest.mark.parametrize(
    ("shape", "strides", "at", "expected"),
    [
        ((4, 5), (5, 1), (Index("i"), Index("j")), "m[j + 5 * i + 7]"),
        ((4, 5), (5, 1), (Index("i", 2), Index("", 3)), "m[5 * i + 20]"),
        ((4, 1), (5, 5), (Index("i"), Index("j")), "m[5 * i + 7]"),
        ((4, 5), (0, 1), (Index("i", 1), Index("j", 1)), "m[j + 8]"),
        ((5,), (1,), (Index("i"), Index("j")), "m[j + 7]"),
        ((4, 5), (5, 1), (Index("", 0), Index("", 0)), "m[7]"),
        ((), (), (), "m[7]"),
    ],
)
def test_element_is_found_by_offset_and_strides(shape, strides, at, expected):
    assert Place("m", 7, shape, strides).element(at) == expected


def test_first_element_is_written_with_its_zero():
    assert Place("m", 0, (4,), (1,)).element([Index()]) == "m[0]"
    assert Place("m", 0, (4,), (1,)).element([Index("i")]) == "m[i]"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        *(((64, 16), True), ((63, 16), False), ((68, 17), False), ((8, 2), True), ((7, 2), False)),
        *(((9, 1), False), ((9,), False), ((9, 9, 2), False), ((0, 2), False)),
    ],
)
def test_few_columns_and_many_rows_are_tall(shape, expected):
    assert is_tall(shape) is expected


def test_shapes_and_strides_of_loops():
    assert squeezed((1, 2, 1, 3)) == (2, 3)
    assert contiguous((4, 3, 2)) == (6, 2, 1)
    assert contiguous((5,)) == (1,)


def test_numbers_are_typed_as_code_that_has_their_dtype():
    f32, f64, whole = map(np.dtype, ("float32", "float64", "int64"))
    assert (typed(0.5, f32), typed(2, whole), typed(np.float64(-1.5), f64)) == (
        "float32(0.5)",
        "int64(2)",
        "float64(-1.5)",
    )
    assert (typed(np.inf, f64), typed(-np.inf, f64), typed(np.nan, f32)) == (
        "float64(inf)",
        "float64(-inf)",
        "float32(nan)",
    )


def test_only_a_constant_of_equal_elements_is_uniform():
    equal, mixed = np.full((2, 3), 4.0), np.array([4.0, 5.0])
    assert uniform(Value(equal, "constant")) == 4
    assert uniform(Value(mixed, "constant")) is None
    assert uniform(Value(equal, "argument")) is None


def test_memory_without_gaps_is_dense():
    x = np.ones((4, 6))
    assert [is_dense(a) for a in (x, x.T, x[1:3], x[:, ::2], x[::2])] == [True, True, True, False, False]


# Tiles


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("bounds", [(0, 1), (0, 7), (0, 8), (3, 19), (0, 0)])
def test_blocks_hold_each_index_once_in_order(bounds, size):
    found = _blocks(*bounds, size)
    covered = [start + k for starts, length in found for start in starts for k in range(length)]
    assert covered == list(range(*bounds))
    assert all(length == size for _, length in found[:-1])
    assert len(found) <= 2


def test_tiles_read_few_elements():
    """Sixteen sums at most; rows and columns that a tile divides are taken whole."""
    sizes = {(m, n): _tile_sizes(m, n) for m in (1, 2, 3, 5, 10, 30) for n in (1, 3, 8, 10, 30)}
    assert all(tall * wide <= 16 for tall, wide in sizes.values())
    assert {
        (1, 1): (1, 1),
        (1, 30): (1, 6),
        (2, 8): (2, 8),
        (3, 10): (3, 5),
        (5, 3): (5, 3),
        (5, 10): (3, 5),
        (10, 8): (4, 4),
        (30, 1): (6, 1),
        (30, 30): (3, 5),
    }.items() <= sizes.items()


# Where results lie


def slots_of(name, monkeypatch):
    """The memory of a program's native code, and its groups."""
    made = []

    class Noted(step.Slots):
        def __init__(self, recording, groups, layout):
            super().__init__(recording, groups, layout)
            made.append((self, groups, recording))

    monkeypatch.setattr(step, "Slots", Noted)
    monkeypatch.setattr(step, "compiled_parts", as_python)
    function, arrays = NATIVE[name](np.random.default_rng(0))
    compiled = compile(function)
    for _ in range(3):
        compiled(*arrays)
    compiled.program.bind("native")
    return made[0]


@pytest.mark.parametrize("name", NATIVE)
def test_results_that_are_needed_at_once_lie_apart(name, monkeypatch):
    """Each at the beginning of a cache line."""
    slots, groups, recording = slots_of(name, monkeypatch)
    made = {id(i.result): n for n, group in enumerate(groups) for i in group.instructions}
    last = {id(value.root): len(groups) for value in recording.outputs}
    for n, group in enumerate(groups):
        for i in group.instructions:
            for value in i.reads:
                last[id(value.root)] = max(n, last.get(id(value.root), 0))
    lives = []
    for key, (value, start) in slots.places.items():
        assert start * value.dtype.itemsize % 64 == 0
        first, end = made.get(key, -1), last.get(key, made.get(key, -1))
        end = len(groups) if value.origin == "constant" else end
        lives.append((value.dtype, start, start + value.array.size, first, end))
    for a in lives:
        for b in lives:
            apart = a[0] != b[0] or a[2] <= b[1] or b[2] <= a[1]
            assert a is b or apart or a[4] < b[3] or b[4] < a[3]


@pytest.mark.parametrize("name", NATIVE)
def test_result_used_within_one_loop_needs_no_memory(name, monkeypatch):
    slots, groups, recording = slots_of(name, monkeypatch)
    returned = {id(value.root) for value in recording.outputs}
    for n, group in enumerate(groups):
        later = {id(v.root) for other in groups[n + 1 :] for i in other.instructions for v in i.reads}
        for result in (i.result for i in group.instructions if i.result is not None):
            outlives = group.kind is not Kind.LOOP or id(result) in later | returned
            assert (id(result) in slots.stored) is (outlives and result.origin == "result")


# What is refused


def test_array_without_separate_memory_is_refused(monkeypatch):
    """States that are changed have to be whole, and in separate memory."""
    monkeypatch.setattr(step, "compiled_parts", as_python)
    memory = np.zeros(12)
    for data, other in ((memory[::2], np.ones(6)), (memory[:6], memory[3:9])):
        w, v = Tensor(np.ones(6), requires_grad=True), Tensor(np.ones(6))
        w._data, v._data = data, other  # an assignment to data would copy it

        def function(x):
            with no_grad():
                w.__isub__(0.5 * x)  # noqa: B023
            return w.detach() * v  # noqa: B023

        compiled = compile(function)
        for _ in range(2):
            compiled(np.ones(6))
        with pytest.raises(
            CaptureError, match="it changes has gaps, a foreign byte order or alignment, or memory"
        ):
            compiled.program.bind("native")


@pytest.mark.parametrize(("size", "is_native"), [(160, True), (164, False)])
def test_product_that_is_too_large_is_left_to_numpy(size, is_native, monkeypatch):
    """At 2**22 multiplications the library is faster."""
    monkeypatch.setattr(step, "compiled_parts", lambda *arguments: [])
    compiled = compile(lambda a, b: ops.tanh(a @ b.T))
    x = np.ones((size, size), np.float32)
    for _ in range(2):
        compiled(x, x)
    made, make = [], step.native_step
    monkeypatch.setattr(step, "native_step", lambda *arguments: made.append(make(*arguments)) or made[-1])
    compiled.program.bind("native")
    assert (".dot(" not in made[0].__globals__["source"]) is is_native
