"""What a random program is made of: a line of Python for Tensors, and beside it a line for plain NumPy.

Where NumPy spells it alike (``{0} @ {1}``, ``np.exp({0})``, ``{0}.sum(axis=0)``) both are the same text, and
array and Tensor must agree on what it means.  Where only we have the function, NumPy's line is written by
other means than our forward: ``np.logaddexp``, ``np.bincount``.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_mnist import Tensor, ops

NONE = st.just({})


def anything(*arrays):
    return True


@dataclass(frozen=True)
class Line:
    """An expression in the operands ``{0}``, ``{1}`` ... and in settings by name.

    Attributes
    ----------
    ours, numpy
        The text for Tensors and for arrays; `numpy` is the same one when empty.
    settings
        A strategy for the settings, of the operands' arrays.
    fits
        On which arrays it can be drawn.
    tame
        On which of them it is well-conditioned, for a check of gradients.
    margin
        How far the operands are from the kinks and ties, for the same.
    rounding
        By how many rounding errors of the largest number at work the two may differ; 0 for the same bits.
    """

    ours: str
    numpy: str = ""
    settings: Callable[..., Any] = lambda *arrays: NONE
    fits: Callable[..., bool] = anything
    tame: Callable[..., bool] = anything
    margin: Callable[..., Any] | None = None
    rounding: int = 0

    @property
    def operands(self) -> int:
        """How many it takes."""
        return 1 + max((int(position) for position in re.findall(r"\{(\d)\}", self.ours)), default=0)

    @property
    def reference(self) -> str:
        """The text for arrays."""
        return self.numpy or self.ours


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
    """Where the rows of `x` go, some of them to the same place."""
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


def drawn(rng, x, p):
    """A mask of dropout, from the generator's next numbers."""
    return np.where(rng.random(x.shape, np.float32) < p, 0, 1 / x.dtype.type(1 - p)).astype(x.dtype)


# The lines


def spellings(name, *, numpy="", method=True, protocol="", **more):
    """A function of one operand as ``ops.name``, as a method and as NumPy's function."""
    reference = numpy or f"np.{name}({{0}})"
    found = [Line(f"ops.{name}({{0}})", reference, **more)]
    if method:
        found.append(Line(f"{{0}}.{name}()", reference, **more))
    if protocol or not numpy:
        found.append(Line(protocol or reference, reference, **more))
    return found


def reductions(name, **more):
    arguments = "axis={axis}, keepdims={keepdims}"
    texts = [
        f"ops.{name}({{0}}, {arguments})",
        f"{{0}}.{name}({arguments})",
        f"np.{name}({{0}}, {arguments})",
    ]
    return [Line(text, texts[-1], reduced_axes, **more) for text in texts]


def binary(name, operator="", **more):
    more = {"fits": broadcast, **more}
    texts = [f"ops.{name}({{0}}, {{1}})", f"np.{name}({{0}}, {{1}})"]
    texts += [f"{{0}} {operator} {{1}}"] if operator else []
    return [Line(text, texts[1], **more) for text in texts]


def with_divisor(a, b):
    return away_from_zero(b)


def has_unit_axes(x):
    return x.ndim > 0


def is_matrix_like(x):
    return x.ndim > 1


def plain_matrices(a, b):
    return max(a.ndim, b.ndim) <= 2 and multiply_as_matrices(a, b)


def one_is_a_number(a, b):
    return not (a.ndim and b.ndim) and max(a.ndim, b.ndim) <= 2


def joinable(*arrays):
    return has_axes(*arrays) and alike(*arrays)


def fits_linear(x, weight, bias):
    return (
        x.ndim > 0 and weight.ndim == 2 and x.shape[-1] == weight.shape[1] and bias.shape == weight.shape[:1]
    )


def fits_linear_alone(x, weight):
    return x.ndim > 0 and weight.ndim == 2 and x.shape[-1] == weight.shape[1]


def scalar_or_rows(x):
    return x.ndim > 0 and x.shape[0] > 0


COMPARISONS = {
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "equal": "==",
    "not_equal": "!=",
}


def comparisons():
    for name, sign in COMPARISONS.items():
        reference = f"np.where(np.{name}({{0}}, {{1}}), {{0}}, 0.5 * {{1}})"
        for mask in (f"ops.{name}({{0}}, {{1}})", f"{{0}} {sign} {{1}}", f"np.{name}({{0}}, {{1}})"):
            yield Line(f"ops.where({mask}, {{0}}, 0.5 * {{1}})", reference, fits=broadcast, margin=apart)


LINES = [
    *spellings("exp", tame=not_large),
    *spellings("log", tame=positive),
    *spellings("log1p", method=False, tame=positive),
    *spellings("sqrt", tame=positive),
    *spellings("sin", method=False),
    *spellings("cos", method=False),
    *spellings("tanh"),
    *spellings("abs", protocol="np.absolute({0})", margin=from_zero),
    *spellings("square", method=False),
    *spellings("sign", method=False, margin=from_zero)[:1],
    *spellings("negative", method=False, protocol="-{0}"),
    *spellings("identity", method=False, numpy="+{0}", protocol="+{0}"),
    *spellings("sigmoid", numpy="1 / (1 + np.exp(-{0}))", rounding=4),
    *spellings("softplus", numpy="np.logaddexp({0}, 0)", method=False, rounding=4),
    *spellings("relu", numpy="np.maximum({0}, 0)", margin=from_zero),
    Line("np.positive({0})"),
    Line("np.negative({0})"),
    Line("abs({0})", margin=from_zero),
    *(
        Line(text, "np.clip({0}, -0.7, 0.9)", margin=lambda x: np.minimum(np.abs(x + 0.7), np.abs(x - 0.9)))
        for text in ("ops.clip({0}, low=-0.7, high=0.9)", "{0}.clip(-0.7, 0.9)", "np.clip({0}, -0.7, 0.9)")
    ),
    Line("{0}.clip(high=0.3)", "np.clip({0}, None, 0.3)", margin=lambda x: np.abs(x - 0.3)),
    Line("{0} * 0.3"),
    Line("0.5 - {0}"),
    Line("2 + {0}"),
    Line("{0} - 1"),
    Line("{0} / 3"),
    Line("1.5 / {0}", tame=away_from_zero),
    Line("{0} ** 2"),
    Line("{0} ** 3", tame=not_large),
    Line("{0} ** 0"),
    Line("{0} ** 1"),
    Line("{0} ** 0.5", tame=positive),
    Line("{0} ** -1.5", tame=positive),
    Line("1.5 ** {0}", tame=not_large),
    Line("{array} * {0}", settings=beside),
    Line("{0} - {array}", settings=beside),
    Line("np.add({array}, {0})", settings=beside),
    Line("{array} / (2 + np.sin({0}))", settings=beside),
    *binary("add", "+"),
    *binary("subtract", "-"),
    *binary("multiply", "*"),
    *binary("divide", "/", tame=with_divisor),
    *binary("power", "**", tame=lambda a, b: positive(a) and not_large(b)),
    *binary("maximum", margin=apart),
    *binary("minimum", margin=apart),
    *comparisons(),
    Line(
        "ops.where(ops.logical_and(ops.greater({0}, 0.1), ops.less({1}, 0.4)), {0}, {1})",
        "np.where(({0} > 0.1) & ({1} < 0.4), {0}, {1})",
        fits=broadcast,
        margin=lambda a, b: np.minimum(np.abs(a - 0.1), np.abs(b - 0.4)),
    ),
    Line("ops.where({mask}, {0}, {1})", "np.where({mask}, {0}, {1})", mask_beside, broadcast),
    Line("np.where({mask}, {0}, 0.5)", settings=mask_beside),
    Line("ops.cast({0}, dtype={dtype})", "{0}.astype({dtype})", precision),
    Line("{0}.astype({dtype})", settings=precision),
    Line(
        "{0} * ops.dropout_mask({0}, p={p}, rng=rng[{number}])",
        "{0} * keep(drawn(rng[{number}], {0}, {p}))",
        generator,
        rounding=1,
    ),
    *binary("matmul", "@", fits=multiply_as_matrices),
    Line("np.dot({0}, {1})", fits=plain_matrices),
    Line(
        "np.dot({0}, {1})", "{0} * {1}", fits=one_is_a_number
    ),  # NumPy's own says that 0 times infinity is 0
    Line("ops.linear({0}, {1}, {2})", "{0} @ {1}.T + {2}", fits=fits_linear, rounding=16),
    Line("ops.linear({0}, {1}, None)", "{0} @ {1}.T", fits=fits_linear_alone, rounding=16),
    *(
        Line(text, "np.reshape({0}, {shape})", new_shape)
        for text in (
            "ops.reshape({0}, shape={shape})",
            "{0}.reshape({shape})",
            "{0}.reshape(*{shape})",
            "np.reshape({0}, {shape})",
        )
    ),
    Line("{0}.T"),
    Line("{0}.mT", fits=is_matrix_like),
    Line("ops.matrix_transpose({0})", "{0}.mT", fits=is_matrix_like),
    Line("np.matrix_transpose({0})", fits=is_matrix_like),
    Line("ops.transpose({0})", "np.transpose({0})"),
    Line("np.transpose({0})"),
    *(
        Line(text, "np.transpose({0}, {axes})", order_of_axes, has_axes)
        for text in (
            "ops.transpose({0}, axes={axes})",
            "{0}.transpose({axes})",
            "{0}.transpose(*{axes})",
            "np.transpose({0}, {axes})",
        )
    ),
    Line("{0}.flatten()", "np.ravel({0})"),
    Line("np.ravel({0})"),
    *(
        Line(text, "np.reshape({0}, (*{0}.shape[:{start}], math.prod({0}.shape[{start}:])))", start_axis)
        for text in ("ops.flatten({0}, {start})", "{0}.flatten({start})")
    ),
    Line("ops.expand_dims({0}, {axis})", "np.expand_dims({0}, {axis})", new_axis),
    Line("np.expand_dims({0}, {axis})", settings=new_axis),
    Line("ops.squeeze({0}, {axis})", "np.squeeze({0}, {axis})", lengths_of_one),
    Line("np.squeeze({0}, {axis})", settings=lengths_of_one),
    Line("ops.broadcast_to({0}, shape={shape})", "np.broadcast_to({0}, {shape})", larger_shape),
    Line("np.broadcast_to({0}, {shape})", settings=larger_shape),
    Line("ops.sum_to({0}, shape={shape})", "summed_to({0}, {shape})", smaller_shape, rounding=16),
    Line("{0}[{index}]", settings=index),
    Line("ops.getitem({0}, index={index})", "{0}[{index}]", index),
    Line(
        "ops.scatter_add({0}, index={index}, shape={shape})",
        "scattered({0}, {index}, {shape})",
        index_into_larger,
        scalar_or_rows,
        rounding=16,
    ),
    Line(
        "ops.concatenate({0}, {1}, axis={axis})", "np.concatenate([{0}, {1}], {axis})", single_axis, joinable
    ),
    Line("np.concatenate([{0}, {1}, {0}], axis={axis})", "", single_axis, joinable),
    Line("np.concatenate([{0}, {1}], axis=None)"),
    Line("ops.stack([{0}, {1}], axis={axis})", "np.stack([{0}, {1}], {axis})", new_axis, alike),
    Line("np.stack([{0}, {1}], axis={axis})", "", new_axis, alike),
    *reductions("sum"),
    *reductions("mean"),
    *reductions("max", margin=lead),
    *reductions("min", margin=trail),
    Line(
        "ops.logsumexp({0}, axis={axis}, keepdims={keepdims})",
        "log_total({0}, {axis}, {keepdims})",
        reduced_axes,
        rounding=16,
    ),
    Line(
        "ops.softmax({0}, axis={axis})",
        "np.exp({0} - log_total({0}, {axis}, True))",
        single_axis,
        has_axes,
        rounding=32,
    ),
    Line(
        "ops.log_softmax({0}, axis={axis})",
        "{0} - log_total({0}, {axis}, True)",
        single_axis,
        has_axes,
        rounding=32,
    ),
    Line(
        "ops.softmax_cross_entropy({0}, {labels})",
        "log_total({0}, -1) - chosen({0}, {labels})",
        labels,
        has_rows,
        rounding=32,
    ),
    Line(
        "ops.softmax_cross_entropy({0}, {1})",
        "np.sum({1} * (log_total({0}, -1, True) - {0}), axis=-1)",
        fits=lambda a, b: alike(a, b) and has_rows(a),
        rounding=64,
    ),
    Line(
        "ops.sigmoid_cross_entropy({0}, {1})",
        "{1} * np.logaddexp(-{0}, 0) + (1 - {1}) * np.logaddexp({0}, 0)",
        fits=alike,
        rounding=32,
    ),
    Line("ops.squared_error({0}, {1}, scale=0.5)", "0.5 * np.sum(({0} - {1}) ** 2)", fits=alike, rounding=64),
    Line(
        "ops.one_hot(Tensor({labels}), classes={0}.shape[-1], dtype={0}.dtype) * {0}",
        "np.equal({labels}[..., None], np.arange({0}.shape[-1])) * {0}",
        labels,
        has_rows,
    ),
]

HELPERS = {
    "Tensor": Tensor,
    "array": np.array,
    "chosen": chosen,
    "drawn": drawn,
    "float32": np.float32,
    "log_total": log_total,
    "math": math,
    "np": np,
    "ops": ops,
    "scattered": scattered,
    "summed_to": summed_to,
}
