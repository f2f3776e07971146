"""Comparisons of each op, written once for all frameworks.  A new op needs an entry here."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.autodiff.cases import arrays_for

MASK = np.array([True, False, True])
LABELS = np.array([2, 0])
INDICES = np.array([0, 2, 0])
KEYS = np.array([[0.5, -1.0, 2.0], [3.0, 1.0, 2.0]])
REDUCTIONS = ("sum", "mean", "max", "min", "logsumexp", "prod", "var", "std")


@dataclass(frozen=True)
class Comparison:
    """`function` of a framework's functions f and of arrays of these shapes, for each of them.

    The values lie between `low` and `high`, apart from each other and from -1, 0 and 1.
    """

    op: str
    function: Callable[..., Any]
    shapes: tuple[tuple[tuple[int, ...], ...], ...]
    low: float = -2.0
    high: float = 2.0


ONE = (((2, 3),), ((),), ((3,),), ((0, 3),), ((2, 1, 3),))
TWO = (
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((4, 2, 3), (2, 1)),
    ((0, 3), (3,)),
    ((), ()),
)
REDUCED = (((2, 3, 4),),)


def unary(op, **more):
    return Comparison(op, lambda f, x: getattr(f, op)(x), ONE, **more)


def binary(op, **more):
    return Comparison(op, lambda f, a, b: getattr(f, op)(a, b), TWO, **more)


def one(op, function, *shapes, **more):
    """An entry for one operand of each of the shapes."""
    return Comparison(op, function, tuple((shape,) for shape in shapes), **more)


def several(op, function, *shapes, **more):
    """An entry for several operands, of the shapes together."""
    return Comparison(op, function, tuple(shapes), **more)


def reductions(op):
    """Yield reductions over all axes, single ones, tuples, kept or not, and of empty arrays."""
    for keepdims in (False, True):
        for axis in (None, 0, 2, -2, (0, 1), (-1, 0), (0, 1, 2)):
            yield one(op, lambda f, x, a=axis, k=keepdims: getattr(f, op)(x, axis=a, keepdims=k), (2, 3, 4))
    yield one(op, lambda f, x: getattr(f, op)(x), (), (3,), (1, 1))
    yield one(op, lambda f, x: getattr(f, op)(x, axis=1), (0, 3))
    if op == "sum":
        yield one(op, lambda f, x: f.sum(x), (0, 3))
        yield one(op, lambda f, x: f.sum(x, axis=0, keepdims=True), (0, 3))


def powers():
    yield binary("power", low=0.5)
    yield one("power", lambda f, x: x**3, (2, 3), (0,), ())
    yield one("power", lambda f, x: x**2, (2, 3))
    yield one("power", lambda f, x: x**0, (2, 3))
    yield one("power", lambda f, x: x**-1.5, (2, 3), low=0.5)
    yield one("power", lambda f, x: x**-1, (2, 3))
    yield one("power", lambda f, x: 2.0**x, (2, 3))


def selections():
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        yield several(
            "where",
            lambda f, a, b, compare=compare: f.where(compare(a, b), a * a, 2 * b),
            *(((2, 3), (3,)), ((0, 3), (3,)), ((2, 1), (1, 3))),
        )
    yield several(
        "where",
        lambda f, a, b: f.where((a > 0) & (b > 0), a * b, b),
        ((2, 3), (3,)),
        ((0,), (1,)),
    )
    yield several("where", lambda f, a, b: f.where(MASK, a * a, b), ((3,), (2, 3)), ((2, 3), (1,)))
    yield one("clip", lambda f, x: f.clip(x, min=-1.001, max=0.999), (2, 3), (0, 3), ())
    yield one("clip", lambda f, x: f.clip(x, max=0.999), (2, 3))
    yield one("clip", lambda f, x: f.clip(x, min=0.001), (2, 3))


def products():
    pairs = [
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((2, 2, 3), (3, 4)),
        ((3, 2), (2, 2, 3)),
    ]
    pairs += [
        ((2, 1, 2, 3), (3, 3, 2)),
        ((3,), (2, 3, 2)),
        ((2, 3, 2), (2,)),
        ((0, 3), (3, 2)),
        ((2, 0), (0, 3)),
    ]
    yield several("matmul", lambda f, a, b: f.matmul(a, b), *pairs)
    three = [((3, 4), (2, 4), (2,)), ((2, 3, 4), (2, 4), (2,)), ((4,), (2, 4), (2,)), ((0, 4), (2, 4), (2,))]
    yield several("linear", lambda f, x, w, b: f.linear(x, w, b), *three)
    yield several("linear", lambda f, x, w: f.linear(x, w, None), *((x, w) for x, w, _ in three))


def movements():
    yield one("reshape", lambda f, x: f.reshape(x * x, shape=(3, -1)), (2, 3), (6,), (3, 0, 2))
    yield one("transpose", lambda f, x: f.transpose(x * x), (2, 3), (3,), (), (2, 0, 3))
    yield one("transpose", lambda f, x: f.transpose(x * x, axes=(1, -1, 0)), (2, 3, 4))
    yield one("matrix_transpose", lambda f, x: f.matrix_transpose(x * x), (2, 3), (2, 3, 4))
    yield one("flatten", lambda f, x: f.flatten(x * x), (2, 3), (2, 0))
    yield one("flatten", lambda f, x: f.flatten(x * x, 1), (2, 3, 2))
    yield one("expand_dims", lambda f, x: f.expand_dims(x * x, -1), (2, 3), ())
    yield one("squeeze", lambda f, x: f.squeeze(x * x), (2, 1, 3), (1,))
    yield one("squeeze", lambda f, x: f.squeeze(x * x, 1), (2, 1, 3))
    yield one("broadcast_to", lambda f, x: f.broadcast_to(x * x, shape=(2, 3, 2)), (3, 1), (), (2,))
    yield one("broadcast_to", lambda f, x: f.broadcast_to(x * x, shape=(0, 3)), (3,), (1, 3))
    yield one("sum_to", lambda f, x: f.sum_to(x * x, shape=(3, 1)), (2, 3, 2), (3, 1))
    yield one("sum_to", lambda f, x: f.sum_to(x * x, shape=()), (2, 3), ())
    for index in (
        (slice(1, None), slice(None, None, 2)),
        (1, None, Ellipsis, 0),
        -1,
        (Ellipsis, slice(0, 0)),
    ):
        yield one("getitem", lambda f, x, index=index: f.getitem(x * x, index=index), (3, 4), (3, 2, 2))
    for index in (INDICES, MASK, (INDICES, INDICES[::-1].copy()), (slice(None), INDICES[:2])):
        yield one("getitem", lambda f, x, index=index: f.getitem(x * x, index=index), (3, 3))
    yield one("rows", lambda f, x: f.rows(x * x, INDICES), (3, 2))
    yield one("rows", lambda f, x: f.rows(x * x, INDICES[:0]), (3,))
    yield one("add_rows", lambda f, x: f.add_rows(x * x, INDICES, count=4), (3, 2))
    yield one("scatter_add", lambda f, x: f.scatter_add(x * x, index=INDICES, shape=(4, 2)), (3, 2))
    yield several(
        "concatenate", lambda f, a, b: f.concatenate(a * b, b, a, axis=-1), ((2, 3), (2, 3)), ((2, 0), (2, 0))
    )
    yield several(
        "concatenate", lambda f, a, b: f.concatenate(a * a, b, axis=0), ((2, 3), (1, 3)), ((0, 3), (1, 3))
    )
    yield several("stack", lambda f, a, b: f.stack([a * a, b], axis=-1), ((2, 3), (2, 3)), ((), ()))
    yield one("astype", lambda f, x: f.astype(f.astype(x * x, np.float32), np.float64), (2, 3))
    yield one("cast", lambda f, x: f.cast(f.cast(x * x, dtype=np.float32), dtype=np.float64), (2, 3))


def scans():
    for op in ("cumsum", "cumprod", "sort"):
        for axis in (0, -1, 1):
            function = lambda f, x, op=op, axis=axis: getattr(f, op)(x * x, axis=axis)
            yield one(op, function, (2, 3, 2), (0, 3), (3, 0), low=0.5 if op == "cumprod" else -2.0)
    for op in ("cumsum", "cumprod"):
        yield one(op, lambda f, x, op=op: getattr(f, op)(x * x), (2, 3), (3,), ())
    for op in ("prod", "cumprod"):
        for row in ([1, 1, 1], [1, 0, 1], [0, 1, 0], [0, 0, 0]):
            keeps = np.array(row) > 0
            yield one(
                op, lambda f, x, op=op, keeps=keeps: getattr(f, op)(f.where(keeps, x, x - x), axis=-1), (2, 3)
            )
    yield one("reordered", lambda f, x: f.reordered(x * x, KEYS, axis=1), (2, 3))
    for op in ("var", "std"):
        for ddof in (0, 1):
            yield one(
                op, lambda f, x, op=op, ddof=ddof: getattr(f, op)(x, axis=1, ddof=ddof), (2, 3), (3, 2, 2)
            )


def norms():
    for order in (None, 1, 2, 3, 0.5, np.inf, -np.inf):
        for axis in (0, -1):
            yield one("norm", lambda f, x, o=order, a=axis: f.norm(x, o, a), (3,), (2, 3))
    for order in (None, "fro", 1, -1, np.inf, -np.inf):
        yield one("norm", lambda f, x, o=order: f.norm(x, o, (0, 1)), (2, 3))
        yield one("norm", lambda f, x, o=order: f.norm(x, o, (-1, 0), keepdims=True), (2, 2, 3))
    yield one("euclidean_norm", lambda f, x: f.euclidean_norm(x), (2, 3))


EINSUMS = {
    "ij,jk->ik": ((2, 3), (3, 4)),
    "ij,jk": ((2, 3), (3, 4)),
    "bhqd, bhkd -> bhqk": ((2, 2, 3, 2), (2, 2, 4, 2)),
    "ii->i": ((3, 3),),
    "iji,jk->k": ((2, 3, 2), (3, 4)),
    "ij->": ((2, 3),),
    "ij->ji": ((2, 3),),
    "i,j->ij": ((2,), (3,)),
    "ij,ij->i": ((2, 3), (2, 3)),
    "ij,ji->": ((2, 3), (3, 2)),
    "ij,jk,kl->il": ((2, 3), (3, 4), (4, 2)),
    "...ij,...jk->...ik": ((2, 1, 2, 3), (3, 3, 4)),
    "bi,bij,bj->b": ((2, 3), (2, 3, 4), (2, 4)),
    "i,->i": ((3,), ()),
    "ij,jk->ki": ((0, 3), (3, 2)),
}


def sums_of_products():
    for text, shapes in EINSUMS.items():
        yield several("einsum", lambda f, *x, text=text: f.einsum(text, *x), shapes)
    for axes in (0, 1, ((0,), (1,)), ((1, 0), (0, 1))):
        yield several("tensordot", lambda f, a, b, axes=axes: f.tensordot(a, b, axes), ((3, 3), (3, 3)))
    yield several(
        "dot", lambda f, a, b: f.dot(a, b), ((3,), (3,)), ((2, 3), (3, 2)), ((2, 3), (4, 3, 2)), ((), (3,))
    )
    yield several("inner", lambda f, a, b: f.inner(a, b), ((3,), (3,)), ((2, 3), (4, 2, 3)), ((2,), ()))
    yield several("outer", lambda f, a, b: f.outer(a, b), ((3,), (2,)), ((2, 2), (3,)))


def rearrangements():
    yield one("swapaxes", lambda f, x: f.swapaxes(x * x, 0, -1), (2, 3, 4))
    yield one("moveaxis", lambda f, x: f.moveaxis(x * x, (0, -1), (1, 0)), (2, 3, 4))
    yield one("expand_dims", lambda f, x: f.expand_dims(x * x, (0, -1)), (2, 3), ())
    yield one("flip", lambda f, x: f.flip(x * x), (2, 3), ())
    yield one("flip", lambda f, x: f.flip(x * x, (0, -1)), (2, 3, 2))
    for axis in (None, 0, -1):
        yield one("repeat", lambda f, x, axis=axis: f.repeat(x * x, 3, axis), (2, 3))
        yield one("roll", lambda f, x, axis=axis: f.roll(x * x, -2, axis), (2, 3), (0, 2))
        yield one("take", lambda f, x, axis=axis: f.take(x * x, np.array([[1, -1], [0, 1]]), axis), (3, 3))
    yield one("repeat", lambda f, x: f.repeat(x * x, np.array([2, 0, 1]), 0), (3, 2))
    yield one("roll", lambda f, x: f.roll(x * x, (1, 3), (0, 1)), (2, 3))
    for reps in (2, (2, 1), (2, 1, 2)):
        yield one("tile", lambda f, x, reps=reps: f.tile(x * x, reps), (2, 2))
    for k in (-1, 0, 2):
        yield one("tril", lambda f, x, k=k: f.tril(x * x, k), (3, 2), (2, 2, 3))
        yield one("triu", lambda f, x, k=k: f.triu(x * x, k), (3, 2), (2, 2, 3))
        yield one("diag", lambda f, x, k=k: f.diag(x * x, k), (3,), (3, 4), (0,))
        yield one("diagonal", lambda f, x, k=k: f.diagonal(x * x, k, 0, -1), (3, 4), (2, 3, 4))
    yield one("trace", lambda f, x: f.trace(x * x), (3, 4))
    for sections in (3, [1, 1], [2]):
        yield one("split", lambda f, x, s=sections: f.split(x * x, s, 1)[1], (2, 3))
    yield several("vstack", lambda f, a, b: f.vstack([a * b, b]), ((3,), (3,)), ((2, 3), (1, 3)))
    yield several("hstack", lambda f, a, b: f.hstack([a * a, b]), ((3,), (2,)), ((2, 3), (2, 1)))
    yield one("pad", lambda f, x: f.pad(x * x, ((1, 0), (0, 2))), (2, 3), (0, 2))
    yield one("pad", lambda f, x: f.pad(x * x, ((1, 0), (0, 2)), constant_values=1.5), (2, 3))
    for mode in ("reflect", "edge", "wrap"):
        yield one("pad", lambda f, x, mode=mode: f.pad(x * x, ((1, 0), (1, 1)), mode), (2, 3))


CONVOLUTIONS = [
    (((2, 2, 4, 5), (3, 2, 2, 3)), {}),
    (((1, 2, 5, 6), (2, 2, 3, 2)), {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2)}),
    (((2, 1, 5, 5), (2, 1, 5, 5)), {"padding": 2}),
    (((2, 2, 4, 4), (1, 2, 1, 1)), {"stride": 2}),
    (((0, 2, 4, 4), (1, 2, 3, 3)), {"padding": 1}),
]
POOLS = [
    ((2, 2, 4, 5), {"kernel_size": 2}),
    ((1, 2, 5, 4), {"kernel_size": (3, 2), "stride": (2, 1), "padding": 1}),
]


def images():
    for (x, weight), settings in CONVOLUTIONS:
        yield several(
            "conv2d", lambda f, x, w, b, s=settings: f.conv2d(x, w, b, **s), (x, weight, weight[:1])
        )
        yield several("conv2d", lambda f, x, w, s=settings: f.conv2d(x, w, **s), (x, weight))
    for shape, settings in POOLS:
        yield one("max_pool2d", lambda f, x, s=settings: f.max_pool2d(x * x, **s), shape)
        yield one("avg_pool2d", lambda f, x, s=settings: f.avg_pool2d(x * x, **s), shape)
    yield one("max_pool2d", lambda f, x: f.max_pool2d(x * x, 2, 1, 1, 2), (1, 2, 5, 5))


def networks():
    for op in ("softmax", "log_softmax"):
        for axis, low in ((-1, -2.0), (0, -2.0), (1, -20.0)):
            yield one(
                op,
                lambda f, x, op=op, axis=axis: getattr(f, op)(x, axis=axis),
                (2, 3),
                (2, 3, 2),
                low=low,
                high=-low,
            )
        yield one(op, lambda f, x, op=op: getattr(f, op)(x), (3,), (0, 3))
    yield several(
        "squared_error", lambda f, a, b: f.squared_error(a, b, scale=0.3), ((2, 3), (2, 3)), ((0, 3), (0, 3))
    )
    yield several(
        "sigmoid_cross_entropy",
        lambda f, x, t: f.sigmoid_cross_entropy(x, t),
        *(((2, 3), (2, 3)), ((), ()), ((0, 3), (0, 3))),
        low=-20,
        high=20,
    )
    yield one("one_hot", lambda f, x: f.one_hot(LABELS, classes=3, dtype=x.dtype) * x * x, (2, 3))
    yield one("softmax_cross_entropy", lambda f, x: f.softmax_cross_entropy(x, LABELS), (2, 3))
    yield one("softmax_cross_entropy", lambda f, x: f.softmax_cross_entropy(x, LABELS[None]), (1, 2, 3))
    yield one("softmax_cross_entropy", lambda f, x: f.softmax_cross_entropy(x, np.array(1)), (3,))
    yield one("softmax_cross_entropy", lambda f, x: f.softmax_cross_entropy(x, LABELS[:0]), (0, 3))
    yield several(
        "softmax_cross_entropy", lambda f, x, t: f.softmax_cross_entropy(x, t), ((2, 3), (2, 3)), low=0.1
    )


POSITIVE = {
    "log": 0.5,
    "log1p": -0.5,
    "log2": 0.5,
    "log10": 0.5,
    "sqrt": 0.5,
    "reciprocal": 0.5,
    "arccosh": 1.1,
}
WIDE = {"sigmoid": 20.0, "softplus": 20.0, "erf": 6.0}
NARROW = dict.fromkeys(("arcsin", "arccos", "arctanh", "tan"), 0.95)
SMOOTH = (
    *("identity", "negative", "square", "reciprocal", "sqrt", "exp", "expm1", "exp2", "log", "log1p", "log2"),
    *("log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh"),
    *("arccosh", "arctanh", "sigmoid", "softplus", "erf"),
)
LIMITS = {**WIDE, **NARROW}

COMPARISONS = [
    *(unary(op, low=POSITIVE.get(op, -LIMITS.get(op, 2.0)), high=LIMITS.get(op, 2.0)) for op in SMOOTH),
    *(unary(op) for op in ("abs", "sign", "floor", "relu")),
    binary("logaddexp", low=-5.0, high=5.0),
    binary("arctan2"),
    *(binary(op) for op in ("add", "subtract", "multiply", "maximum", "minimum")),
    binary("divide", low=0.5),
    *powers(),
    *selections(),
    *products(),
    *movements(),
    *(comparison for op in REDUCTIONS for comparison in reductions(op)),
    *scans(),
    *norms(),
    *sums_of_products(),
    *rearrangements(),
    *images(),
    *networks(),
]
WITHOUT_COUNTERPART = {
    "dropout_mask": "random numbers of its own: tests/nn/test_layers.py holds their mean",
    **dict.fromkeys(
        ("convolution", "convolution_input", "convolution_weight"),
        "conv2d, or its first and second derivatives",
    ),
    **dict.fromkeys(("max_pool", "unpooled", "pooled"), "max_pool2d, or its first and second derivatives"),
    **dict.fromkeys(("sum_pool", "spread"), "avg_pool2d, or its first and second derivatives"),
}


@dataclass(frozen=True)
class Job:
    """Comparison on arrays, which a framework evaluates."""

    function: Callable[..., Any]
    arrays: list[Any]
    directions: list[Any]
    seed: int

    def weights(self, value):
        """Return the vector of the product with the Jacobian: another number for each entry of the value."""
        rng = np.random.default_rng(self.seed)
        return rng.uniform(0.5, 1.5, np.shape(value)).astype(value.dtype)


def jobs(op, dtype, seed=0):
    """Return all comparisons of an op on arrays of a dtype."""
    found = []
    for comparison in (c for c in COMPARISONS if c.op == op):
        for shapes in comparison.shapes:
            rng = np.random.default_rng([seed, len(found)])
            arrays = [np.asarray(a) for a in arrays_for(comparison, shapes, rng, dtype)]
            directions = [np.asarray(rng.uniform(-1, 1, a.shape), dtype) for a in arrays]
            found.append(Job(comparison.function, arrays, directions, len(found)))
    return found
