"""Helpers of the lines in `operation_lines`: where they fit, kinks, settings, and NumPy's other means."""

import math

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp


def anything(*arrays):
    return True


# On what a line can be drawn, and where it is well-conditioned


def broadcast(*arrays):
    try:
        return np.broadcast_shapes(*(a.shape for a in arrays)) is not None
    except ValueError:
        return False


def alike(*arrays):
    return len({a.shape for a in arrays}) == 1


def multiply_as_matrices(a, b):
    if not a.ndim or not b.ndim:
        return False
    inner = b.shape[-2] if b.ndim > 1 else b.shape[0]
    return a.shape[-1] == inner and broadcast(np.empty(a.shape[:-2]), np.empty(b.shape[:-2]))


def has_axes(x, *others):
    return x.ndim > 0


def has_rows(x):
    return x.ndim > 0 and x.shape[-1] > 0


def positive(x, *others):
    return bool((x > 0.2).all() and (x < 10).all())


def not_large(*arrays):
    return all(bool((np.abs(x) < 3).all()) for x in arrays)


def inside(x):
    return bool((np.abs(x) < 0.95).all())


def above_one(x):
    return bool((x > 1.05).all() and (x < 10).all())


def away_from_zero(x):
    return bool((np.abs(x) > 0.2).all())


# How far from a kink or a tie


def from_zero(x):
    return np.abs(x)


def apart(a, b):
    return np.abs(a - b)


def lead(x, axis=None, keepdims=False, sign=1):
    """By how much the first of a maximum leads."""
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    rest = [i for i in range(x.ndim) if i not in {a % max(x.ndim, 1) for a in axes}]
    kept = [x.shape[i] for i in rest]
    rows = np.moveaxis(x, rest, range(len(rest))).reshape(
        (*kept, math.prod(x.shape) // (math.prod(kept) or 1))
    )
    if rows.shape[-1] < 2:
        return np.ones(1)
    ordered = np.sort(sign * rows, axis=-1)
    return ordered[..., -1] - ordered[..., -2]


def trail(x, axis=None, keepdims=False):
    return lead(x, axis, keepdims, -1)


# Settings


def single_axis(x, *others):
    return st.fixed_dictionaries({"axis": st.integers(-x.ndim, x.ndim - 1)})


def new_axis(x, *others):
    return st.fixed_dictionaries({"axis": st.integers(-x.ndim - 1, x.ndim)})


def reduced_axes(x):
    axes = st.none()
    if x.ndim:
        axes |= st.integers(-x.ndim, x.ndim - 1) | hnp.valid_tuple_axes(x.ndim, min_size=1)
    return st.fixed_dictionaries({"axis": axes, "keepdims": st.booleans()})


def new_shape(x):
    shapes = [(x.size,), (1, x.size), (x.size, 1, 1), x.shape[::-1]]
    if x.size:
        shapes += [(-1,), (*x.shape, -1), (-1, *x.shape[-1:])]
    if x.size % 2 == 0:
        shapes += [(2, x.size // 2)]
    return st.fixed_dictionaries({"shape": st.sampled_from(shapes)})


def order_of_axes(x):
    orders = st.permutations(range(x.ndim)).flatmap(
        lambda order: st.sampled_from([tuple(order), tuple(axis - x.ndim for axis in order)])
    )
    return st.fixed_dictionaries({"axes": orders})


def larger_shape(x):
    wider = tuple(n if n != 1 else 2 for n in x.shape)
    return st.fixed_dictionaries({"shape": st.sampled_from([x.shape, wider, (2, *wider), (1, 3, *x.shape)])})


def smaller_shape(x):
    narrow = st.tuples(*(st.sampled_from([1, n]) for n in x.shape))
    return st.fixed_dictionaries(
        {"shape": st.tuples(narrow, st.integers(0, x.ndim)).map(lambda drawn: drawn[0][drawn[1] :])}
    )


def lengths_of_one(x):
    ones = [i for i, n in enumerate(x.shape) if n == 1]
    axes = st.sampled_from([None, *ones, *(i - x.ndim for i in ones), tuple(ones)])
    return st.fixed_dictionaries({"axis": axes})


def some_index(x):
    return hnp.basic_indices(x.shape, allow_newaxis=True, max_dims=4) | fancy_index(x)


def fancy_index(x):
    whole = [st.lists(st.integers(-n, n - 1), max_size=4).map(np.array) for n in x.shape[:1] if n]
    masks = hnp.arrays(bool, x.shape[:1])
    if not x.ndim or not x.size:
        return hnp.arrays(bool, x.shape)
    several = hnp.integer_array_indices(x.shape, result_shape=hnp.array_shapes(max_dims=2, max_side=3))
    behind = st.integers(-x.shape[-1], x.shape[-1] - 1).map(lambda i: (..., np.array([i, i, 0])))
    return (
        masks
        | st.just([])
        | hnp.arrays(bool, x.shape)
        | several
        | behind
        | whole[0].map(lambda i: i.astype(int))
    )


def index(x):
    return st.fixed_dictionaries({"index": some_index(x)})


def index_into_larger(x):
    """Return the positions that the rows of `x` go to, some of them the same."""
    rows = hnp.arrays(int, x.shape[:1], elements=st.integers(-3, 2))
    return st.fixed_dictionaries({"index": rows, "shape": st.just((3, *x.shape[1:]))})


def start_axis(x):
    return st.fixed_dictionaries({"start": st.integers(0, x.ndim)})


def beside(x):
    """A plain array that broadcasts with `x`."""
    shape = st.sampled_from([x.shape, x.shape[1:], (2, *x.shape)])
    elements = st.sampled_from([-1.5, -0.25, 0.5, 1.75])
    return st.fixed_dictionaries(
        {"array": shape.flatmap(lambda s: hnp.arrays(x.dtype, s, elements=elements))}
    )


def mask_beside(x, *others):
    return st.fixed_dictionaries({"mask": hnp.arrays(bool, x.shape)})


def labels(x):
    return st.fixed_dictionaries(
        {"labels": hnp.arrays(int, x.shape[:-1], elements=st.integers(0, x.shape[-1] - 1))}
    )


def rows_of(x):
    """Numbers of rows of `x`, in one or two axes."""
    shapes = hnp.array_shapes(min_dims=1, max_dims=2, max_side=3)
    return st.fixed_dictionaries(
        {"numbers": hnp.arrays(int, shapes, elements=st.integers(0, x.shape[0] - 1))}
    )


def rows_beside(x):
    """For each row of `x` the number of a row in a table of four."""
    return st.fixed_dictionaries({"numbers": hnp.arrays(int, x.shape[:1], elements=st.integers(0, 3))})


def generator(x):
    return st.fixed_dictionaries({"number": st.integers(0, 3), "p": st.sampled_from([0.0, 0.25, 0.6])})


def precision(x):
    return st.fixed_dictionaries({"dtype": st.sampled_from([Verbatim("S"), Verbatim("D")])})


class Verbatim(str):
    """A setting that is code already."""

    __slots__ = ()


def text_of(setting):
    """A setting as code; arrays of single precision in the program's, which is another in an oracle."""
    if isinstance(setting, Verbatim):
        return str(setting)
    if isinstance(setting, tuple):
        return f"({''.join(f'{text_of(part)}, ' for part in setting)})"
    if isinstance(setting, np.ndarray):
        dtype = {"float32": "S", "float64": "D", "bool": "bool", "int64": "int"}[setting.dtype.name]
        shape = f".reshape({setting.shape})" if not setting.size else ""
        return f"np.array({setting.tolist()}, {dtype}){shape}"
    return repr(setting)


# NumPy's side of what NumPy does not have


def summed_to(x, shape):
    """Zeros of `shape`, and each element of `x` added where it was broadcast from."""
    places = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), x.shape)
    return counted(places, x, shape)


def scattered(x, index, shape):
    """Zeros of `shape`, and each element of `x` added at the index."""
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    return counted(np.broadcast_to(places, x.shape), x, shape)


def counted(places, x, shape):
    total = np.bincount(places.ravel(), weights=x.ravel(), minlength=math.prod(shape))
    return total.reshape(shape).astype(x.dtype)


def log_total(x, axis, keepdims=False):
    """log(sum(e**x)), two at a time."""
    return np.logaddexp.reduce(x, axis=axis, keepdims=keepdims)


def chosen(x, labels):
    """The element of each row that a label names."""
    return np.take_along_axis(x, labels[..., None], axis=-1)[..., 0]


def error_function(x):
    return np.vectorize(math.erf, [float])(x).astype(x.dtype)


def drawn(rng, x, p):
    """A mask of dropout, from the generator's next numbers."""
    return np.where(rng.random(x.shape, np.float32) < p, 0, 1 / x.dtype.type(1 - p)).astype(x.dtype)
