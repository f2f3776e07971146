"""Recipes for functions of NumPy and SciPy that have no op, on Tensors `x` and `y`.

A test compares each expression with the function. A function that gets an op has to leave its table.
"""

from __future__ import annotations

_MATRICES = "write it with products and sums: ops.einsum, `ops.outer(x, y)`"

RECIPES = {
    "append": "write `ops.concatenate([x, y])`",
    "average": "write `x.mean()`, or with weights y `(x * y).sum() / y.sum()`",
    "cbrt": "for positive x write `x ** (1 / 3)`",
    "column_stack": "write `ops.stack([x, y], axis=1)`",
    "deg2rad": "write `x * (np.pi / 180)`",
    "diff": "write `x[1:] - x[:-1]`",
    "divmod": "write `[ops.floor(x / y), x - ops.floor(x / y) * y]`",
    "fabs": "write `ops.abs(x)`",
    "fliplr": "write `ops.flip(x, 1)`",
    "flipud": "write `ops.flip(x, 0)`",
    "float_power": "write `x**y`",
    "floor_divide": "write `ops.floor(x / y)`",
    "fmod": "for positive numbers write `x - ops.floor(x / y) * y`",
    "hypot": "write `ops.sqrt(x * x + y * y)`",
    "kron": _MATRICES,
    "linalg.diagonal": "write `ops.diagonal(x, 0, -2, -1)`",
    "linalg.matmul": "write `x @ y`",
    "linalg.outer": "write `ops.outer(x, y)`",
    "linalg.trace": "write `ops.trace(x, 0, -2, -1)`",
    "linalg.vector_norm": "write `ops.norm(x)`",
    "median": "for an odd length write `x[np.argsort(x.data)[len(x) // 2]]`",
    "nanmean": "write `ops.where(np.isnan(x), 0.0, x).sum() / np.isfinite(x).sum()`",
    "nansum": "write `ops.where(np.isnan(x), 0.0, x).sum()`",
    "nan_to_num": "write `ops.where(np.isnan(x), 0.0, x)`",
    "ptp": "write `x.max() - x.min()`",
    "rad2deg": "write `x * (180 / np.pi)`",
    "remainder": "write `x - ops.floor(x / y) * y`",
    "rot90": "write `ops.flip(x.T, 0)`",
    "sinc": "for x other than 0 write `ops.sin(np.pi * x) / (np.pi * x)`",
    "take_along_axis": "write an index: `x[np.arange(3)[:, None], labels]`",
    "trapezoid": "write `(x[1:] + x[:-1]).sum() / 2`",
    "trunc": "write `ops.sign(x) * ops.floor(ops.abs(x))`",
    "vecdot": "write `(x * y).sum(axis=-1)`",
    "vdot": "write `x.flatten() @ y.flatten()`",
}

# Functions whose results have no derivative.
ON_ARRAYS = frozenset(
    {
        "around", "array2string", "array_str", "bincount", "count_nonzero", "digitize", "flatnonzero",
        "histogram", "isin", "nonzero", "round", "save", "savetxt", "searchsorted", "unique",
    }
)  # fmt: skip

_OF_INTEGERS = frozenset({"bitwise_and", "bitwise_or", "bitwise_xor", "invert"})

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
    if is_numpy and name in _OF_INTEGERS:
        return "it is for integers and booleans: combine comparisons, `(x > 0) & (y > 0)`"
    recipe = (RECIPES if is_numpy else SCIPY).get(name, "compose it of ops, or declare it with @primitive")
    return f"{recipe} (x.data would leave the graph)"
