"""Recipes for functions of NumPy and SciPy that have no op, on Tensors `x` and `y`.

A test compares each expression with the function. A function that gets an op has to leave its table.
"""

from __future__ import annotations

_DIAGONAL = "write `x[np.arange(len(x)), np.arange(len(x))]`"
_MATRICES = "write it with products (x[..., None] * y, x @ y), transposes and sums"
_NORM = "write `(x * x).sum().sqrt()`"
_TRIANGLE = "with ones and zeros as the mask write `x * np.{}(np.ones(x.shape))`"

RECIPES = {
    "average": "write `x.mean()`, or with weights y `(x * y).sum() / y.sum()`",
    "cbrt": "for positive x write `x ** (1 / 3)`",
    "column_stack": "write `ops.stack([x, y], axis=1)`",
    "cumsum": "write `np.tril(np.ones((len(x), len(x)))) @ x`",
    "deg2rad": "write `x * (np.pi / 180)`",
    "diag": _DIAGONAL,
    "diagonal": _DIAGONAL,
    "diff": "write `x[1:] - x[:-1]`",
    "einsum": _MATRICES,
    "fabs": "write `ops.abs(x)`",
    "flip": "write `x[::-1]`",
    "float_power": "write `x**y`",
    "hstack": "write `ops.concatenate([x, y], axis=-1)`",
    "hypot": "write `ops.sqrt(x * x + y * y)`",
    "inner": "write `x @ y`",
    "kron": _MATRICES,
    "linalg.matmul": "write `x @ y`",
    "linalg.norm": _NORM,
    "linalg.vector_norm": _NORM,
    "median": "for an odd length write `x[np.argsort(x.data)[len(x) // 2]]`",
    "moveaxis": "write `x.transpose(1, 0)` with the new order of all axes",
    "nanmean": "write `ops.where(np.isnan(x), 0.0, x).sum() / np.isfinite(x).sum()`",
    "nansum": "write `ops.where(np.isnan(x), 0.0, x).sum()`",
    "nan_to_num": "write `ops.where(np.isnan(x), 0.0, x)`",
    "outer": "write `x[:, None] * y`",
    "prod": "for positive x write `x.log().sum().exp()`",
    "ptp": "write `x.max() - x.min()`",
    "rad2deg": "write `x * (180 / np.pi)`",
    "repeat": "write `ops.stack([x, x], axis=-1).flatten()`",
    "roll": "write `ops.concatenate([x[-1:], x[:-1]])`",
    "sort": "write `x[np.argsort(x.data)]`",
    "split": "write `[x[:1], x[1:]]`",
    "std": "write `x.std()`",
    "swapaxes": "write `x.transpose(1, 0)` with the new order of all axes",
    "take": "write `x[y]`",
    "tensordot": _MATRICES,
    "tile": "write `ops.concatenate([x, x])`",
    "trace": "write `x[np.arange(len(x)), np.arange(len(x))].sum()`",
    "tril": _TRIANGLE.format("tril"),
    "triu": _TRIANGLE.format("triu"),
    "var": "write `x.var()`",
    "vdot": "write `x.flatten() @ y.flatten()`",
    "vstack": "write `ops.concatenate([x, y])`",
}

# Functions whose results have no derivative.
ON_ARRAYS = frozenset(
    {
        "around", "array2string", "array_str", "bincount", "count_nonzero", "digitize", "flatnonzero",
        "histogram", "isin", "nonzero", "round", "save", "savetxt", "searchsorted", "unique",
    }
)  # fmt: skip

# Ufuncs of SciPy; its other functions convert with `np.asarray(x)`.
SCIPY = {
    "erf": "write `ops.erf(x)`",
    "expit": "write `ops.sigmoid(x)`",
    "log_expit": "write `-ops.softplus(-x)`",
    "logit": "write `ops.log(x / (1 - x))`",
    "xlogy": "for positive y write `x * ops.log(y)`",
}


def advice(name: str, *, is_numpy: bool) -> str:
    """Return a sentence on what to write instead of a function without a gradient rule."""
    if is_numpy and name in ON_ARRAYS:
        return f"its result has no derivative: write `np.{name}(x.data)`"
    recipe = (RECIPES if is_numpy else SCIPY).get(name, "compose it of ops, or declare it with @primitive")
    return f"{recipe} (x.data would leave the graph)"
