"""Gradients at kinks and special values, by this package and by the frameworks that differ.

The anchor is PyTorch; where its answer is a NaN that mathematics has a number for, the number.
"""

import numpy as np
import pytest

from tests.oracles import ours
from tests.oracles.comparisons import Job
from tests.oracles.test_frameworks import FRAMEWORKS, answers, framework

NAN, INF = np.nan, np.inf
# A point, the gradients by its inputs there, and the frameworks that have others.
KINKS = {
    "relu at 0": (lambda f, x: f.relu(x), [[0.0]], [[0.0]], {"autograd": [[0.5]]}),
    "abs at 0": (lambda f, x: f.abs(x), [[0.0]], [[0.0]], {"jax": [[1.0]]}),
    "sign at 0": (lambda f, x: f.sign(x) * x, [[0.0]], [[0.0]], {}),
    "a border of clip": (
        lambda f, x: f.clip(x, min=-1.0, max=1.0),
        [[-1.0, 1.0]],
        [[1.0, 1.0]],
        {"jax": [[0.5, 0.5]], "autograd": [[0.0, 0.0]]},
    ),
    "a tie of maximum": (lambda f, a, b: f.maximum(a, b), [[2.0], [2.0]], [[0.5], [0.5]], {}),
    "a tie of minimum": (lambda f, a, b: f.minimum(a, b), [[2.0], [2.0]], [[0.5], [0.5]], {}),
    "ties of max": (lambda f, x: f.max(x), [[3.0, 1.0, 3.0]], [[0.5, 0.0, 0.5]], {}),
    "ties of min along an axis": (
        lambda f, x: f.min(x, axis=1),
        [[[1.0, 1.0, 1.0], [1.0, 2.0, 2.0]]],
        [[[1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0]]],
        {},
    ),
    "sqrt at 0": (lambda f, x: f.sqrt(x), [[0.0]], [[INF]], {}),
    "log at 0": (lambda f, x: f.log(x), [[0.0]], [[INF]], {}),
    "0 ** 0": (lambda f, a, b: f.power(a, b), [[0.0], [0.0]], [[0.0], [0.0]], {"jax": [[NAN], [0.0]]}),
    "0 ** b": (lambda f, a, b: f.power(a, b), [[0.0, 0.0], [1.0, 2.0]], [[1.0, 0.0], [0.0, 0.0]], {}),
    "a subnormal ** 0": (
        lambda f, a, b: f.power(a, b),
        [[1e-310], [0.0]],
        [[0.0], [-713.8]],
        {"jax": [[NAN], [0.0]]},
    ),
    "a NaN in maximum": (
        lambda f, a, b: f.maximum(a, b),
        [[NAN], [1.0]],
        [[1.0], [1.0]],
        {"jax": [[0.0], [0.0]], "autograd": [[0.0], [0.0]]},
    ),
    "a NaN in max": (
        lambda f, x: f.max(x),
        [[1.0, NAN]],
        [[0.0, 1.0]],
        {"torch": [[NAN, NAN]], "jax": [[0.0, 0.0]], "autograd": [[NAN, NAN]]},
    ),
    "arctan2 at the origin": (
        lambda f, a, b: f.arctan2(a, b),
        [[0.0], [0.0]],
        [[0.0], [0.0]],
        {"jax": [[NAN], [NAN]], "autograd": [[NAN], [NAN]]},
    ),
    "logaddexp of equal infinities": (
        lambda f, a, b: f.logaddexp(a, b),
        [[-INF, INF], [-INF, INF]],
        [[0.5, 0.5], [0.5, 0.5]],
        {name: [[NAN, 1.0 if name == "jax" else NAN]] * 2 for name in FRAMEWORKS},
    ),
    "std of equal numbers": (
        lambda f, x: f.std(x),
        [[2.0, 2.0]],
        [[0.0, 0.0]],
        {},
    ),
    "norm of zeros": (
        lambda f, x: f.norm(x, None, 0),
        [[0.0, 0.0]],
        [[0.0, 0.0]],
        {"jax": [[NAN, NAN]], "autograd": [[NAN, NAN]]},
    ),
    "product with a zero": (lambda f, x: f.prod(x), [[2.0, 0.0, 3.0]], [[0.0, 6.0, 0.0]], {}),
    "product with two zeros": (lambda f, x: f.prod(x), [[2.0, 0.0, 0.0]], [[0.0, 0.0, 0.0]], {}),
    "cumprod with two zeros": (lambda f, x: f.cumprod(x), [[2.0, 0.0, 3.0, 0.0]], [[1.0, 8.0, 0.0, 0.0]], {}),
    "sort of equal numbers": (
        lambda f, x: f.sort(x)[1:],
        [[2.0, 1.0, 1.0]],
        [[1.0, 0.0, 1.0]],
        {},
    ),
    "max_pool2d of equal numbers": (
        lambda f, x: f.max_pool2d(x, 2),
        [[[[[1.0, 1.0], [0.0, 1.0]]]]],
        [[[[[1.0, 0.0], [0.0, 0.0]]]]],
        {name: [[[[[0.25, 0.25], [0.0, 0.5]]]]] for name in ("jax", "autograd")},
    ),
    "max_pool2d of a NaN": (
        lambda f, x: f.max_pool2d(x, (1, 2)),
        [[[[[1.0, NAN]]]]],
        [[[[[0.0, 1.0]]]]],
        {"jax": [[[[[0.0, 0.0]]]]], "autograd": [[[[[0.0, 0.0]]]]]},
    ),
    "floor at a whole number": (lambda f, x: f.floor(x) * x, [[2.0]], [[2.0]], {}),
    "logsumexp of nothing but -inf": (
        lambda f, x: f.logsumexp(x),
        [[-INF, -INF]],
        [[0.0, 0.0]],
        {name: [[NAN, NAN]] for name in FRAMEWORKS},
    ),
}


def job_of(function, arrays):
    arrays = [np.asarray(a, float) for a in arrays]
    return Unweighted(function, arrays, [np.ones_like(a) for a in arrays], 0)


class Unweighted(Job):
    """A job whose gradients are those of the sum."""

    def weights(self, value):
        return np.ones(np.shape(value), value.dtype)


@pytest.mark.parametrize("kink", KINKS)
def test_gradient_at_a_kink_is_as_documented(kink):
    function, arrays, expected, _ = KINKS[kink]
    _, found, _ = answers(ours, [job_of(function, arrays)])[0]
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a, b, rtol=1e-3)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_frameworks_differ_at_kinks_as_documented(name):
    module = framework(name)
    found = answers(module, [job_of(function, arrays) for function, arrays, _, _ in KINKS.values()])
    for (kink, (_, _, expected, others)), (_, slopes, _) in zip(KINKS.items(), found):
        for a, b in zip(slopes, others.get(name, expected)):
            np.testing.assert_allclose(a, b, rtol=1e-3, err_msg=kink)


# Zeros of both signs, infinities, NaN, subnormal numbers, and where exp overflows
SPECIAL = np.array(
    [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e300, -1e300, 5e-324, -1e-310, 40.0, -40.0, 710.0, -750.0]
)
UNARY = (
    "identity",
    "negative",
    "exp",
    "log",
    "log1p",
    "sqrt",
    "square",
    "sin",
    "cos",
    "tanh",
    *("expm1", "exp2", "log2", "log10", "arctan", "sinh", "cosh", "arcsinh", "erf"),
    "sigmoid",
    "softplus",
)
FIRST, SECOND = (
    a.ravel() for a in np.meshgrid(*[np.array([0.0, -0.0, 1.0, -1.0, INF, -INF, 2.0, 1e-310])] * 2)
)
CASES = {
    **{op: (lambda f, x, op=op: getattr(f, op)(x), [SPECIAL]) for op in (*UNARY, "relu", "abs")},
    **{f"x ** {k}": (lambda f, x, k=k: x**k, [SPECIAL]) for k in (0, 1, 2, 3, -1, -1.5)},
    **{f"{k} ** x": (lambda f, x, k=k: k**x, [SPECIAL]) for k in (0.5, 1.0, 2.0)},
    **{
        op: (lambda f, a, b, op=op: getattr(f, op)(a, b), [FIRST, SECOND])
        for op in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "power")
    },
}
DIFFERENT = {  # where, and why
    "arcsinh": (np.abs(SPECIAL) == 1e300, "PyTorch's slope is 0 where x * x overflows"),
    "abs": (np.isnan(SPECIAL), "PyTorch's slope at NaN is 0, as if it were known"),
    "power": ((FIRST == 0) & (SECOND < 0), "PyTorch's slope of 0 ** b is -inf where 0 ** b is infinite"),
}


@pytest.mark.parametrize("case", CASES)
def test_special_values_and_gradients_equal_those_of_torch(case):
    """Value and gradient; where PyTorch has no number, ours may have one."""
    function, arrays = CASES[case]
    mine = answers(ours, [job_of(function, arrays)])[0]
    theirs = answers(framework("torch"), [job_of(function, arrays)])[0]
    skipped, _ = DIFFERENT.get(case, (np.zeros(arrays[0].shape, bool), ""))
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-12, atol=1e-320)
    for a, b in zip(mine[1], theirs[1]):
        known = ~skipped & ~(np.isnan(b) & ~np.isnan(a))
        np.testing.assert_allclose(a[known], b[known], rtol=1e-12)
        assert known.sum() > 0.8 * known.size
