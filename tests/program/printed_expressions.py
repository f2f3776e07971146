"""Random expressions as text: operators, numbers and settings inside each other."""

import numpy as np
from hypothesis import strategies as st

VALUES = np.array([1.5, -2.25, 0.375, 0.0, -0.0, 3.0, -0.5, 1.0, 0.8125])
ORDINARY = ["0", "1", "2", "3", "0.5", "0.25", "2.718281", "1 / 3", "1 / 128", "0.1", "True"]
NUMBERS = [
    *ORDINARY,
    *("-1", "-2", "-0.5", "-2.5", "-1 / 3", "0.0", "-0.0", "1e6", "1000001", "123456789.125", "10**30"),
    *("1e300", "-1e300", "1e-300", "5e-324", "1e-46", "np.inf", "-np.inf", "np.nan", "False"),
    *("np.float64(0.1)", "np.float32(0.1)", "np.int64(-3)", "np.bool(True)", "np.float16(7)"),
]
ARRAYS = [
    "np.array([0.0, -0.0, 2.5], x.dtype)",
    "np.array([-0.0, -0.0, -0.0], x.dtype)",
    "np.eye(3, dtype=x.dtype)",
]
BINARY = [
    "{} + {}",
    "{} - {}",
    "{} * {}",
    "{} / {}",
    "{} ** {}",
    "ops.maximum({}, {})",
    "ops.minimum({}, {})",
]
COMPARED = ["{} < {}", "{} <= {}", "{} > {}", "{} >= {}", "{} == {}", "{} != {}", "np.logical_and({}, {})"]
UNARY = ["-{}", "+{}", "abs({})", "{} ** 2", "{} ** -1", "{} ** 0.5", "2 ** {}", "1 / {}"] + [
    f"ops.{name}({{}})"
    for name in (
        *(
            "exp",
            "log",
            "log1p",
            "sqrt",
            "sin",
            "cos",
            "sign",
            "tanh",
            "sigmoid",
            "softplus",
            "relu",
            "square",
        ),
        *("softmax", "log_softmax", "logsumexp", "sum", "mean", "max", "min", "transpose", "flatten"),
    )
]
WITH_SETTINGS = [
    "ops.clip({}, min=-0.7, max=1.9)",
    "ops.clip({}, max=2.5)",
    "{}.sum(axis=-1, keepdims=True)",
    "ops.max({}, axis=(0, -1))",
    "ops.mean({}, axis=0, keepdims=True)",
    "ops.logsumexp({}, axis=0)",
    "ops.softmax({}, axis=0)",
    "{}[::-1]",
    "{}[..., 1:]",
    "{}[None, ..., 0]",
    "{}[-1]",
    "{}[[2, 0, 2]]",
    "{}[np.array([True, False, True])]",
    "{}[()]",
    "{}[:0]",
    "ops.reshape({}, shape=(3, -1))",
    "ops.broadcast_to({}, shape=(2, 3, 3))",
    "ops.concatenate({0}, {0}, axis=-1)",
    "ops.astype({}, np.dtype('float32'))",
    "ops.astype({}, np.dtype('float64'))",
    "{}.T",
]
PRODUCTS = ["{} @ {}", "{} @ {}.T", "{}.T @ {}"]
CHOICES = ["ops.where({}, {}, {})"]


def _filled(templates, *operands):
    """A template with operands in parentheses: how they bind is for the printed form to say."""
    return st.builds(
        lambda template, parts: template.format(*(f"({part})" for part in parts)),
        st.sampled_from(templates),
        st.tuples(*operands),
    )


def expressions(numbers=tuple(NUMBERS), most=12):
    """Expressions in the arrays x and y, of shapes (3, 3) and (3,)."""
    leaves = st.sampled_from(["x", "y"])
    number = st.sampled_from([*numbers, *ARRAYS])

    def deeper(inner):
        either = st.one_of(inner, inner, number)
        mask = _filled(COMPARED, either, inner) | _filled(COMPARED, inner, either)
        return st.one_of(
            _filled(BINARY, either, inner),
            _filled(BINARY, inner, either),
            _filled(BINARY, mask, either),
            mask,
            _filled(COMPARED, mask, mask),
            _filled(["{} * {}"], mask, inner),
            _filled(UNARY, inner),
            _filled(WITH_SETTINGS, inner),
            _filled(PRODUCTS, inner, inner),
            _filled(CHOICES, mask, either, either),
        )

    return st.recursive(leaves, deeper, max_leaves=most)


def inputs(dtype, turn=0):
    """Values for x and y, others for another `turn`."""
    values = np.roll(VALUES, turn).astype(dtype)
    return values.reshape(3, 3), values[2:5].copy()
