"""A line for each primitive: how to call it, and on what.  A new primitive needs a line here."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.ops.casts import dropout_mask, identity
from tinygrad_mnist.autodiff.ops.indexing import add_rows, rows, scatter_add
from tinygrad_mnist.autodiff.ops.pooling import pooled, spread, unpooled
from tinygrad_mnist.autodiff.ops.scans import reordered
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.autodiff.ops.windows import convolution_input, convolution_weight

MASK = np.array([True, False, True])
ROWS = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])
LABELS = np.array([2, 0])
IMAGES = np.random.default_rng(0).permutation(24).reshape(1, 2, 3, 4)
HOW = {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
POOLS = {"kernel": (2, 2), "stride": (1, 2), "padding": (1, 0), "dilation": (2, 1)}
KEYS = np.array([[0.5, -1.0, 2.0], [3.0, 1.0, 2.0]])
ZEROS = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]], np.float32)


def rows_like(x):
    return ROWS.astype(np.float32 if x.dtype == np.float32 else np.float64)


@dataclass(frozen=True)
class Case:
    """`call` on arrays of `shapes`; without shapes, on `broadcast` arrays whose shapes broadcast together.

    Values lie between low and high, apart from each other (no ties) and from 0 and 1 (no kinks).
    """

    primitive: str
    call: Any
    broadcast: int = 0
    shapes: tuple[tuple[int, ...], ...] = ()
    low: float = -2.0
    high: float = 2.0


def shaped(primitive, call, *shapes, **more):
    return Case(primitive, call, shapes=shapes, **more)


CASES = [
    Case("identity", identity, 1),
    Case("add", ops.add, 2),
    Case("subtract", ops.subtract, 2),
    Case("multiply", ops.multiply, 2),
    Case("divide", ops.divide, 2, low=0.5),
    Case("negative", ops.negative, 1),
    Case("power", ops.power, 2, low=0.5),
    Case("power", lambda x: x**3, 1),
    Case("power", lambda x: x**-1.5, 1, low=0.5),
    Case("power", lambda x: 2.0**x, 1),
    Case("exp", ops.exp, 1),
    Case("log", ops.log, 1, low=0.5),
    Case("log1p", ops.log1p, 1, low=-0.5),
    Case("sqrt", ops.sqrt, 1, low=0.5),
    Case("log2", ops.log2, 1, low=0.5),
    Case("log10", ops.log10, 1, low=0.5),
    Case("arccosh", ops.arccosh, 1, low=1.1),
    *(Case(op.name, op, 1, low=-0.95, high=0.95) for op in (ops.arcsin, ops.arccos, ops.arctanh)),
    *(
        Case(op.name, op, 1)
        for op in (ops.expm1, ops.exp2, ops.arctan, ops.sinh, ops.cosh, ops.arcsinh, ops.erf)
    ),
    *(Case(op.name, op, 1, low=-1.2, high=1.2) for op in (ops.sin, ops.cos, ops.tan)),
    Case("logaddexp", ops.logaddexp, 2, low=-20, high=20),
    Case("arctan2", ops.arctan2, 2),
    Case("sign", lambda x: ops.sign(x) * x, 1),
    Case("floor", lambda x: ops.floor(x) * x, 1),
    Case("divide", ops.reciprocal, 1, low=0.5),
    Case("abs", ops.abs, 1),
    Case("tanh", ops.tanh, 1),
    Case("sigmoid", ops.sigmoid, 1, low=-20, high=20),
    Case("softplus", ops.softplus, 1, low=-20, high=20),
    Case("relu", ops.relu, 1),
    Case("maximum", ops.maximum, 2),
    Case("minimum", ops.minimum, 2),
    Case("cast", lambda x: ops.astype(x, x.dtype), 1),
    Case("clip", lambda x: ops.clip(x, min=-1.001, max=0.999), 1),
    Case("clip", lambda x: ops.clip(x, max=0.999), 1),
    shaped("where", lambda a, b: ops.where(MASK, a, b), (3,), (2, 3)),
    shaped("where", lambda a: ops.where(MASK, a, 1.0), (3,)),
    *(
        shaped("where", lambda a, b, mask=mask: ops.where(mask(a, b), a, 2 * b), (2, 3), (3,))
        for mask in (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
    ),
    shaped("where", lambda a, b: ops.where(np.logical_and(a > 0, b > 0), a, b), (2, 3), (3,)),
    shaped("dropout_mask", lambda x: x * dropout_mask(x, p=0.4, rng=np.random.default_rng(1)), (2, 3)),
    shaped("matmul", ops.matmul, (2, 3), (3, 4)),
    shaped("matmul", ops.matmul, (3,), (3, 4)),
    shaped("matmul", ops.matmul, (2, 3), (3,)),
    shaped("matmul", ops.matmul, (3,), (3,)),
    shaped("matmul", ops.matmul, (2, 2, 3), (3, 4)),
    shaped("matmul", ops.matmul, (3, 2), (2, 2, 3)),
    shaped("matmul", ops.matmul, (2, 1, 2, 3), (3, 3, 2)),
    shaped("matmul", ops.matmul, (3,), (2, 3, 2)),
    shaped("matmul", ops.matmul, (2, 3, 2), (2,)),
    shaped("reshape", lambda x: ops.reshape(x, shape=(3, -1)), (2, 3)),
    shaped("transpose", ops.transpose, (2, 3)),
    shaped("transpose", lambda x: ops.transpose(x, axes=(1, -1, 0)), (2, 3, 4)),
    shaped("broadcast_to", lambda x: ops.broadcast_to(x, shape=(2, 3, 2)), (3, 1)),
    shaped("sum_to", lambda x: sum_to(x, shape=(3, 1)), (2, 3, 2)),
    shaped("sum_to", lambda x: sum_to(x, shape=()), (2, 3)),
    shaped("getitem", lambda x: x[1:, ::-2], (3, 4)),
    shaped("getitem", lambda x: x[1, None, ..., 0], (3, 2, 2)),
    shaped("getitem", lambda x: x[np.array([0, 2, 0])], (3, 2)),
    shaped("getitem", lambda x: x[[1, 1, 0], [0, 0, 1]], (2, 2)),
    shaped("getitem", lambda x: x[MASK], (3, 2)),
    shaped("getitem", lambda x: x[(0, 0, 1), :], (2, 3)),
    shaped("rows", lambda table: rows(table, np.array([[0, 2], [0, -1]])), (3, 2)),
    shaped("rows", lambda table: rows(table, np.zeros(0, int)), (3,)),
    shaped("rows", lambda table: rows(table, np.array([1, 0, 1])), (2, 3, 2)),
    shaped("add_rows", lambda x: add_rows(x, np.array([[3, 1], [-1, 0]]), count=5), (2, 2, 3)),
    shaped("scatter_add", lambda x: scatter_add(x, index=np.array([0, 2, 0]), shape=(4, 2)), (3, 2)),
    shaped("concatenate", lambda a, b, c: ops.concatenate(a, b, c, axis=1), (2, 1), (2, 3), (2, 2)),
    shaped("concatenate", lambda a: ops.concatenate(a, a, axis=-1), (2, 3)),
    shaped("concatenate", lambda a, b: ops.stack([a, b], axis=-1), (2, 3), (2, 3)),
    shaped("sum", ops.sum, (2, 3)),
    shaped("sum", lambda x: ops.sum(x, axis=-2), (2, 3, 2)),
    shaped("sum", lambda x: ops.sum(x, axis=(0, 2), keepdims=True), (2, 3, 2)),
    shaped("mean", ops.mean, (2, 3)),
    shaped("mean", lambda x: ops.mean(x, axis=(0, -1)), (2, 3, 2)),
    shaped("mean", lambda x: ops.mean(x, axis=1, keepdims=True), (2, 3)),
    shaped("max", ops.max, (2, 3)),
    shaped("max", lambda x: ops.max(x, axis=1), (2, 3)),
    shaped("min", lambda x: ops.min(x, axis=(0, 1), keepdims=True), (2, 3, 2)),
    *(shaped(op.name, op, (2, 3)) for op in (ops.prod, ops.var, ops.std, ops.cumsum, ops.cumprod)),
    shaped("cumsum", lambda x: ops.cumsum(x, axis=-2), (2, 3, 2)),
    shaped("cumprod", lambda x: ops.cumprod(x, axis=-2), (2, 3, 2)),
    shaped("sort", lambda x: ops.sort(x, axis=-2), (2, 3, 2)),
    *(
        shaped(op.name, lambda x, op=op: op(x, axis=(0, -1), keepdims=True), (2, 3, 2))
        for op in (ops.prod, ops.var, ops.std)
    ),
    shaped("prod", lambda x: ops.prod(x, axis=1), (2, 3)),
    shaped("prod", lambda x: ops.prod(x * ZEROS.astype(x.dtype), axis=1), (3, 3)),
    shaped("cumprod", lambda x: ops.cumprod(x * ZEROS.astype(x.dtype), axis=1), (3, 3)),
    shaped("var", lambda x: ops.var(x, axis=1, ddof=1), (2, 3)),
    shaped("std", lambda x: ops.std(x, axis=0, ddof=1), (3, 2)),
    shaped("sort", ops.sort, (2, 3)),
    shaped("reordered", lambda x: reordered(x, KEYS.astype(x.dtype), axis=1), (2, 3)),
    shaped("euclidean_norm", ops.norm, (2, 3)),
    shaped("euclidean_norm", lambda x: ops.norm(x, axis=1, keepdims=True), (2, 3)),
    shaped("matmul", lambda a, b: ops.einsum("bij,bkj->bik", a, b), (2, 3, 4), (2, 2, 4)),
    shaped("scatter_add", lambda x: ops.pad(x, ((1, 0), (0, 2))), (2, 3)),
    shaped("scatter_add", lambda x: ops.diag(x, 1), (3,)),
    shaped("getitem", lambda x: ops.diagonal(x, -1), (3, 2)),
    shaped("where", ops.tril, (2, 3)),
    shaped("concatenate", lambda x: ops.roll(x, (1, -2), (0, 1)), (2, 3)),
    shaped("broadcast_to", lambda x: ops.tile(x, (2, 1, 2)), (2, 2)),
    shaped("broadcast_to", lambda x: ops.repeat(x, 3, axis=0), (2, 2)),
    shaped("convolution", ops.conv2d, (2, 2, 4, 5), (3, 2, 2, 3), (3,)),
    shaped(
        "convolution",
        lambda x, w: ops.conv2d(x, w, None, (2, 1), (1, 2), (1, 2)),
        *((1, 2, 5, 4), (2, 2, 3, 2)),
    ),
    shaped(
        "convolution_input",
        lambda r, w: convolution_input(r, w, size=(5, 4), **HOW),
        *((2, 3, 3, 2), (3, 2, 3, 2)),
    ),
    shaped(
        "convolution_weight",
        lambda x, r: convolution_weight(x, r, size=(3, 2), **HOW),
        *((2, 2, 5, 4), (2, 3, 3, 2)),
    ),
    shaped("max_pool", lambda x: ops.max_pool2d(x, (3, 2), 1, 1, (1, 2)), (1, 2, 4, 5)),
    shaped("pooled", lambda x: pooled(x, IMAGES.astype(x.dtype), **POOLS), (1, 2, 3, 4)),
    shaped("unpooled", lambda r: unpooled(r, IMAGES.astype(r.dtype), **POOLS), (1, 2, 3, 2)),
    shaped("sum_pool", lambda x: ops.avg_pool2d(x, (2, 3), (1, 2), 1), (1, 2, 4, 5)),
    shaped(
        "spread",
        lambda r: spread(r, size=(3, 4), kernel=(2, 2), stride=(1, 2), padding=(1, 0)),
        *((1, 2, 4, 2),),
    ),
    shaped("logsumexp", ops.logsumexp, (2, 3)),
    shaped("logsumexp", lambda x: ops.logsumexp(x, axis=0), (2, 3), low=-20, high=20),
    shaped("softmax", ops.softmax, (2, 3)),
    shaped("softmax", lambda x: ops.softmax(x, axis=0), (3, 2), low=-20, high=20),
    shaped("log_softmax", lambda x: ops.log_softmax(x, axis=1), (2, 3, 2)),
    shaped("linear", ops.linear, (3, 4), (2, 4), (2,)),
    shaped("linear", lambda x, w: ops.linear(x, w, None), (2, 3, 4), (2, 4)),
    shaped("linear", ops.linear, (2, 3, 4), (2, 4), (2,)),
    shaped("linear", ops.linear, (4,), (2, 4), (2,)),
    shaped("squared_error", ops.squared_error, (2, 3), (2, 3)),
    shaped("squared_error", lambda a, b: ops.squared_error(a, b, scale=0.3), (2, 3), (2, 3)),
    shaped("sigmoid_cross_entropy", ops.sigmoid_cross_entropy, (2, 3), (2, 3), low=-20, high=20),
    shaped("one_hot", lambda x: ops.one_hot(LABELS, classes=3, dtype=x.dtype) * x, (2, 3)),
    shaped("softmax_cross_entropy", lambda x: ops.softmax_cross_entropy(x, LABELS), (2, 3)),
    shaped("softmax_cross_entropy", lambda x: ops.softmax_cross_entropy(x, rows_like(x)), (2, 3)),
    shaped("softmax_cross_entropy", ops.softmax_cross_entropy, (2, 3), (2, 3), low=0.1),
]


def arrays_for(case, shapes, rng, dtype=np.float64):
    """Arrays whose values are all different, also between arrays: a shuffled grid, slightly off 0 and 1."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    grid = rng.permutation(np.linspace(case.low, case.high, 2 * sum(sizes) + 1)[1:] - 0.00173)
    ends = np.cumsum([0, *sizes])
    return [
        grid[start:stop].reshape(shape).astype(dtype) for start, stop, shape in zip(ends, ends[1:], shapes)
    ]
