"""Lines of random programs: a line of Python for Tensors, and next to it a line for plain NumPy.

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

from tests.fuzz.operation_settings import (
    above_one,
    alike,
    anything,
    apart,
    away_from_zero,
    beside,
    broadcast,
    chosen,
    drawn,
    error_function,
    from_zero,
    generator,
    has_axes,
    has_rows,
    index,
    index_into_larger,
    inside,
    labels,
    larger_shape,
    lead,
    lengths_of_one,
    log_total,
    mask_beside,
    multiply_as_matrices,
    new_axis,
    new_shape,
    not_large,
    order_of_axes,
    positive,
    precision,
    reduced_axes,
    rows_beside,
    rows_of,
    scattered,
    single_axis,
    smaller_shape,
    start_axis,
    summed_to,
    trail,
)
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.autodiff.ops.casts import dropout_mask
from tinygrad_mnist.autodiff.ops.indexing import add_rows, rows, scatter_add
from tinygrad_mnist.autodiff.ops.pooling import pooled, spread, unpooled
from tinygrad_mnist.autodiff.ops.scans import reordered
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.autodiff.ops.windows import convolution_input, convolution_weight

NONE = st.just({})


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
        """Number of operands."""
        return 1 + max((int(position) for position in re.findall(r"\{(\d)\}", self.ours)), default=0)

    @property
    def reference(self) -> str:
        """The text for arrays."""
        return self.numpy or self.ours


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


def both(name, reference, numpy="", *, method=False, **more):
    """A function of one operand as ``ops.name`` and as NumPy's, and as a method where there is one."""
    text = numpy or reference
    found = [
        Line(
            text.replace(f"np.linalg.{name}", f"ops.{name}").replace(f"np.{name}", f"ops.{name}"),
            reference,
            **more,
        )
    ]
    if method:
        rest = text.removeprefix(f"np.{name}({{0}}").removeprefix(", ")
        found.append(Line(f"{{0}}.{name}({rest}", reference, **more))
    return [*found, Line(text, reference, **more)]


def has_elements(x, *others):
    return x.ndim > 0 and x.size > 0


def multiplies_by_dot(a, b):
    inner = b.shape[-2] if b.ndim > 1 else b.shape[-1] if b.ndim else 0
    return a.ndim > 0 and b.ndim > 0 and a.shape[-1] == inner and max(a.ndim, b.ndim) > 2


def multiplies_by_one_axis(a, b):
    return a.ndim > 0 and b.ndim > 0 and a.shape[-1] == b.shape[0]


def windowed(x, kernel):
    sizes = x.ndim == kernel.ndim == 2 and x.size > 0 and kernel.size > 0
    return sizes and all(n >= k for n, k in zip(x.shape, kernel.shape))


def is_wide_matrix(x):
    return x.ndim == 2 and x.shape[0] > 0 and x.shape[1] > 1


def correlated(x, kernel):
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape)
    return np.einsum("hwij,ij->hw", windows, kernel)[None, None]


def gaps(x, axis):
    """Distances of neighbours in order."""
    return np.diff(np.sort(x, axis=axis), axis=axis) if x.shape[axis] > 1 else np.ones(1)


def all_gaps(x):
    """Distances of neighbours in order, in any row."""
    return gaps(x.ravel(), 0)


def with_divisor(a, b):
    return away_from_zero(b)


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
        for mask in (f"{{0}} {sign} {{1}}", f"np.{name}({{0}}, {{1}})"):
            yield Line(f"ops.where({mask}, {{0}}, 0.5 * {{1}})", reference, fits=broadcast, margin=apart)


LINES = [
    *spellings("exp", tame=not_large),
    *spellings("log", tame=positive),
    *spellings("log1p", tame=positive),
    *spellings("log2", tame=positive),
    *spellings("log10", tame=positive),
    *spellings("expm1", tame=not_large),
    *spellings("exp2", tame=not_large),
    *spellings("sinh", tame=not_large),
    *spellings("cosh", tame=not_large),
    *spellings("tan", tame=inside),
    *(line for name in ("arcsin", "arccos", "arctanh") for line in spellings(name, tame=inside)),
    *spellings("arctan"),
    *spellings("arcsinh"),
    *spellings("arccosh", tame=above_one),
    *spellings("reciprocal", numpy="1 / {0}", protocol="np.reciprocal({0})", tame=away_from_zero),
    *spellings("erf", numpy="error_function({0})", rounding=16),
    *spellings("sqrt", tame=positive),
    *spellings("sin"),
    *spellings("cos"),
    *spellings("tanh"),
    *spellings("abs", protocol="np.absolute({0})", margin=from_zero),
    *spellings("square"),
    *spellings("sign", margin=from_zero),
    *spellings("floor", margin=lambda x: np.abs(x - np.round(x))),
    *spellings("negative", method=False, protocol="-{0}"),
    Line("+{0}"),
    *spellings("sigmoid", numpy="1 / (1 + np.exp(-{0}))", rounding=4),
    *spellings("softplus", numpy="np.logaddexp({0}, 0)", method=False, rounding=4),
    *spellings("relu", numpy="np.maximum({0}, 0)", margin=from_zero),
    Line("np.positive({0})"),
    Line("np.negative({0})"),
    Line("abs({0})", margin=from_zero),
    *(
        Line(text, "np.clip({0}, -0.7, 0.9)", margin=lambda x: np.minimum(np.abs(x + 0.7), np.abs(x - 0.9)))
        for text in ("ops.clip({0}, min=-0.7, max=0.9)", "{0}.clip(-0.7, 0.9)", "np.clip({0}, -0.7, 0.9)")
    ),
    Line("{0}.clip(max=0.3)", "np.clip({0}, None, 0.3)", margin=lambda x: np.abs(x - 0.3)),
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
    *binary("logaddexp", rounding=4),
    *binary("arctan2", tame=lambda a, b: away_from_zero(b)),
    *comparisons(),
    Line(
        "ops.where(np.logical_and(np.greater({0}, 0.1), np.less({1}, 0.4)), {0}, {1})",
        "np.where(({0} > 0.1) & ({1} < 0.4), {0}, {1})",
        fits=broadcast,
        margin=lambda a, b: np.minimum(np.abs(a - 0.1), np.abs(b - 0.4)),
    ),
    Line("ops.where({mask}, {0}, {1})", "np.where({mask}, {0}, {1})", mask_beside, broadcast),
    Line("np.where({mask}, {0}, 0.5)", settings=mask_beside),
    Line("ops.astype({0}, {dtype})", "{0}.astype({dtype})", precision),
    Line("{0}.astype({dtype})", settings=precision),
    Line("np.astype({0}, {dtype})", settings=precision),
    Line(
        "{0} * dropout_mask({0}, p={p}, rng=rng[{number}])",
        "{0} * keep(drawn(rng[{number}], {0}, {p}))",
        generator,
        rounding=1,
    ),
    *binary("matmul", "@", fits=multiply_as_matrices),
    Line("np.dot({0}, {1})", fits=plain_matrices, rounding=16),
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
    Line("sum_to({0}, shape={shape})", "summed_to({0}, {shape})", smaller_shape, rounding=16),
    Line("{0}[{index}]", settings=index),
    Line("ops.getitem({0}, index={index})", "{0}[{index}]", index),
    Line(
        "scatter_add({0}, index={index}, shape={shape})",
        "scattered({0}, {index}, {shape})",
        index_into_larger,
        scalar_or_rows,
        rounding=16,
    ),
    Line("rows({0}, Tensor({numbers}))", "{0}[{numbers}]", rows_of, scalar_or_rows),
    Line(
        "add_rows({0}, Tensor({numbers}), count=4)",
        "scattered({0}, {numbers}, (4, *{0}.shape[1:]))",
        rows_beside,
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
    Line(
        "{0}.var(axis={axis}, keepdims={keepdims})",
        "np.mean(({0} - np.mean({0}, axis={axis}, keepdims=True)) ** 2, axis={axis}, keepdims={keepdims})",
        reduced_axes,
        rounding=16,
    ),
    Line("{0}.std()", "np.std({0})", fits=lambda x: x.size > 1, margin=lambda x: np.std(x), rounding=16),
    *reductions("prod", tame=not_large, rounding=16),
    *(
        Line(
            text,
            "np.mean(({0} - np.mean({0}, axis={axis}, keepdims=True)) ** 2, {axis}, keepdims={keepdims})",
            reduced_axes,
            rounding=16,
        )
        for text in (
            "ops.var({0}, axis={axis}, keepdims={keepdims})",
            "np.var({0}, axis={axis}, keepdims={keepdims})",
        )
    ),
    *(
        Line(text, "np.std({0})", fits=lambda x: x.size > 1, margin=lambda x: np.std(x), rounding=16)
        for text in ("ops.std({0})", "np.std({0})")
    ),
    Line("np.amax({0})", margin=lead),
    Line("np.amin({0})", margin=trail),
    *(
        Line(text, f"np.{name}({{0}}, axis={{axis}})", single_axis, has_axes, tame=not_large, rounding=16)
        for name in ("cumsum", "cumprod")
        for text in (
            f"ops.{name}({{0}}, axis={{axis}})",
            f"{{0}}.{name}(axis={{axis}})",
            f"np.{name}({{0}}, axis={{axis}})",
        )
    ),
    Line("np.cumsum({0})", rounding=16),
    Line("ops.sort({0}, axis={axis})", "np.sort({0}, axis={axis})", single_axis, has_axes, margin=gaps),
    Line("ops.conv2d({0}[None, None], {1}[None, None])", "correlated({0}, {1})", fits=windowed, rounding=32),
    Line(
        "convolution_weight({0}[None, None], {1}[None, None], size=inner({0}, {1}), **ONES)",
        "correlated({0}, {1})",
        fits=windowed,
        rounding=32,
    ),
    Line(
        "convolution_input({0}[None, None], {1}[None, None], size=outer({0}, {1}), **ONES)",
        "correlated(np.pad({0}, [(n - 1, n - 1) for n in {1}.shape]), {1}[::-1, ::-1])",
        fits=windowed,
        rounding=32,
    ),
    Line(
        "ops.max_pool2d({0}[None, None], (1, 2), 1)",
        "np.maximum({0}[:, :-1], {0}[:, 1:])[None, None]",
        fits=is_wide_matrix,
        margin=lambda x: np.diff(x, axis=1),
    ),
    Line(
        "ops.avg_pool2d({0}[None, None], (1, 2), 1)",
        "({0}[:, :-1] + {0}[:, 1:])[None, None] / 2",
        fits=is_wide_matrix,
        rounding=4,
    ),
    Line(
        "pooled({0}[None, None], {1}[None, None], kernel=(1, 1), **ONES)",
        "{0}[None, None]",
        fits=lambda a, b: alike(a, b) and a.ndim == 2 and a.size > 0,
    ),
    Line(
        "unpooled({0}[None, None], {1}[None, None], kernel=(1, 1), **ONES)",
        "{0}[None, None]",
        fits=lambda a, b: alike(a, b) and a.ndim == 2 and a.size > 0,
    ),
    Line(
        "spread({0}[None, None], size={0}.shape, kernel=(1, 1), stride=(1, 1), padding=(0, 0))",
        "{0}[None, None]",
        fits=lambda x: x.ndim == 2 and x.size > 0,
    ),
    Line(
        "reordered({0}, {1}, axis=-1)",
        "np.take_along_axis({0}, np.argsort({1}, axis=-1, kind='stable'), -1)",
        fits=joinable,
        margin=lambda a, b: gaps(b, -1),
    ),
    Line("np.sort({0}, axis={axis})", "", single_axis, has_axes, margin=gaps),
    *(
        Line(f"{name}.sort({{0}}, axis=None)", "np.sort({0}, axis=None)", margin=all_gaps)
        for name in ("ops", "np")
    ),
    *both(
        "norm", "np.sqrt(np.sum({0} ** 2))", "np.linalg.norm({0})", margin=lambda x: np.sqrt(np.sum(x * x))
    ),
    *both("swapaxes", "np.swapaxes({0}, {axis}, 0)", settings=single_axis, fits=has_axes, method=True),
    *both("moveaxis", "np.moveaxis({0}, {axis}, 0)", settings=single_axis, fits=has_axes),
    *both("flip", "np.flip({0}, {axis})", settings=single_axis, fits=has_axes),
    *both("roll", "np.roll({0}, 2, {axis})", settings=single_axis, fits=has_axes),
    *both("repeat", "np.repeat({0}, 2, {axis})", settings=single_axis, fits=has_axes),
    *both("take", "np.take({0}, [0, 0], {axis})", settings=single_axis, fits=has_elements, method=True),
    *both("tile", "np.tile({0}, (2, 1))"),
    *both("pad", "np.pad({0}, 1)"),
    *both("pad", 'np.pad({0}, 1, "edge")', fits=has_elements),
    *both("tril", "np.tril({0}, 1)", fits=is_matrix_like),
    *both("triu", "np.triu({0})", fits=is_matrix_like),
    *both("diag", "np.diag({0}, 1)", fits=lambda x: x.ndim in (1, 2)),
    *both("diagonal", "np.diagonal({0}, 1)", fits=is_matrix_like, method=True),
    *both("trace", "np.trace({0})", fits=is_matrix_like, method=True, rounding=16),
    Line("{0}.squeeze({axis})", "np.squeeze({0}, {axis})", lengths_of_one),
    Line("ops.split({0}, [1], {axis})[1]", "np.split({0}, [1], {axis})[1]", single_axis, has_axes),
    Line("np.split({0}, [1], {axis})[0]", "", single_axis, has_axes),
    *(
        Line(f"{module}.{name}([{{0}}, {{1}}])", f"np.{name}([{{0}}, {{1}}])", fits=alike)
        for module in ("ops", "np")
        for name in ("vstack", "hstack")
    ),
    *(
        Line(
            f"{module}.einsum('...i,...i->...', {{0}}, {{1}})",
            "np.sum({0} * {1}, axis=-1)",
            fits=joinable,
            rounding=32,
        )
        for module in ("ops", "np")
    ),
    *(
        Line(f"{module}.{name}({{0}}, {{1}})", f"np.{name}({{0}}, {{1}})", fits=fits, rounding=32)
        for module in ("ops", "np")
        for name, fits in (
            ("dot", multiplies_by_dot),
            ("inner", joinable),
            ("outer", anything),
        )
    ),
    *(
        Line(
            f"{module}.tensordot({{0}}, {{1}}, 1)",
            "np.tensordot({0}, {1}, 1)",
            fits=multiplies_by_one_axis,
            rounding=32,
        )
        for module in ("ops", "np")
    ),
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
    "ONES": {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)},
    "convolution_input": convolution_input,
    "convolution_weight": convolution_weight,
    "correlated": correlated,
    "inner": lambda x, kernel: tuple(n - k + 1 for n, k in zip(x.shape, kernel.shape)),
    "outer": lambda x, kernel: tuple(n + k - 1 for n, k in zip(x.shape, kernel.shape)),
    "pooled": pooled,
    "spread": spread,
    "unpooled": unpooled,
    "Tensor": Tensor,
    "add_rows": add_rows,
    "array": np.array,
    "chosen": chosen,
    "drawn": drawn,
    "dropout_mask": dropout_mask,
    "error_function": error_function,
    "float32": np.float32,
    "log_total": log_total,
    "math": math,
    "np": np,
    "ops": ops,
    "rows": rows,
    "reordered": reordered,
    "scatter_add": scatter_add,
    "scattered": scattered,
    "sum_to": sum_to,
    "summed_to": summed_to,
}
