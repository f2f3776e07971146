"""Hypothesis strategies for gradients, and a test of an op in three lines.

>>> from hypothesis import given
>>> from tinygrad_mnist import ops
>>> from tinygrad_mnist.checking import assert_op, strategies

>>> @given(strategies.operands(2))
... def test_multiply(operands):
...     assert_op(ops.multiply, *operands)

>>> test_multiply()

Needs Hypothesis: ``pip install -e '.[checking]'``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import MissingExtraError
from tinygrad_mnist.typing import Array

try:
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import mutually_broadcastable_shapes
except ImportError as error:
    raise MissingExtraError(
        "tinygrad_mnist.checking.strategies needs Hypothesis: pip install -e '.[checking]'"
    ) from error

__all__ = [
    "Expression",
    "broadcastable_shapes",
    "distinct_arrays",
    "expressions",
    "mlps",
    "operands",
    "tensors",
]


def __dir__() -> list[str]:
    return __all__


Shape = tuple[int, ...]
Op = Callable[..., Any]
MLP = tuple[nn.Sequential, nn.Module, tuple[Array, Array]]

_KINKS = (-1.0, 0.0, 1.0)  # of relu, abs, clip, log and divisions, most often


# Shapes and arrays


def broadcastable_shapes(count: int, *, max_dims: int = 3, max_side: int = 3) -> st.SearchStrategy[Any]:
    """Draw tuples of `count` shapes that NumPy broadcasts together.

    Axes of length 1 and missing axes are frequent; axes of length 0 do not occur.

    Parameters
    ----------
    count
        Number of shapes.
    max_dims, max_side
        Largest number of axes, and largest length of an axis.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from tinygrad_mnist.checking.strategies import broadcastable_shapes
    >>> @given(broadcastable_shapes(2))
    ... def test_a_sum_has_the_broadcast_shape(shapes):
    ...     a, b = (np.ones(shape) for shape in shapes)
    ...     assert (a + b).shape == np.broadcast_shapes(*shapes)
    >>> test_a_sum_has_the_broadcast_shape()
    """
    return mutually_broadcastable_shapes(
        num_shapes=count, min_side=1, max_side=max_side, max_dims=max_dims
    ).map(lambda found: found.input_shapes)


@st.composite
def operands(
    draw: st.DrawFn,
    *inputs: int | Shape,
    low: float = -2.0,
    high: float = 2.0,
    max_dims: int = 3,
    max_side: int = 3,
) -> list[Array]:
    """Draw lists of float64 arrays on which an op can be checked: well-conditioned, away from kinks.

    All values differ, also between arrays, so that no maximum is tied.  None is closer to -1, 0 or 1 than a
    tenth of their mean distance.

    Parameters
    ----------
    inputs
        The number of arrays, whose shapes then broadcast together; or a shape for each.
    low, high
        Bounds of the values; ``low=0.1`` for a logarithm.
    max_dims, max_side
        Bounds of drawn shapes.

    Raises
    ------
    ValueError
        If `inputs` are neither a number nor shapes, or `low` is not below `high`.

    Examples
    --------
    >>> from hypothesis import given
    >>> from tinygrad_mnist import ops
    >>> from tinygrad_mnist.checking import assert_op
    >>> from tinygrad_mnist.checking.strategies import operands
    >>> @given(operands(1, low=0.1))
    ... def test_log(inputs):
    ...     assert_op(ops.log, *inputs)
    >>> test_log()
    """
    if len(inputs) == 1 and isinstance(inputs[0], int):
        shapes = draw(broadcastable_shapes(inputs[0], max_dims=max_dims, max_side=max_side))
    elif inputs and all(isinstance(shape, tuple) for shape in inputs):
        shapes = inputs
    else:
        raise ValueError(f"inputs is {inputs}: expected a number of arrays, or a shape for each")
    seed = draw(st.integers(0, 2**32 - 1))
    return distinct_arrays(shapes, np.random.default_rng(seed), low=low, high=high)


def distinct_arrays(
    shapes: Sequence[Shape], rng: np.random.Generator, *, low: float = -2.0, high: float = 2.0
) -> list[Array]:
    """Return operands as `operands` draws them, for given shapes and a given generator.

    >>> distinct_arrays([(3,), ()], np.random.default_rng(0))[0].shape
    (3,)
    """
    if not low < high:
        raise ValueError(f"low is {low}: expected less than high, {high}")
    sizes = [math.prod(shape) for shape in shapes]
    gap = (high - low) / (sum(sizes) + len(_KINKS) + 2)
    grid = low + gap * (np.arange(sum(sizes) + len(_KINKS) + 1) + 0.5)
    clear = [value for value in grid if all(abs(value - kink) > gap / 4 for kink in _KINKS)]
    values = rng.permutation(clear)[: sum(sizes)] + gap / 10 * rng.uniform(-1, 1, sum(sizes))
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes)]


def tensors(*inputs: int | Shape, **options: Any) -> st.SearchStrategy[list[Tensor]]:
    """Draw `operands` as Tensors that require gradients.

    Parameters
    ----------
    inputs, options
        As in `operands`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import given
    >>> from tinygrad_mnist.checking.strategies import tensors
    >>> @given(tensors((3,)))
    ... def test_the_gradient_of_a_square(inputs):
    ...     (x,) = inputs
    ...     (x * x).sum().backward()
    ...     assert np.array_equal(x.grad, 2 * x.data)
    >>> test_the_gradient_of_a_square()
    """
    return operands(*inputs, **options).map(
        lambda arrays: [Tensor(array, requires_grad=True) for array in arrays]
    )


# Random expression graphs

# Each keeps values small for small inputs, so that thirty of them in a row neither overflow nor vanish.  All
# are smooth, and take any shape.
UNARY: Mapping[str, Op] = {
    "tanh": ops.tanh,
    "sigmoid": ops.sigmoid,
    "sin": ops.sin,
    "cos": ops.cos,
    "softplus": lambda x: ops.softplus(ops.sin(x)),
    "exp": lambda x: ops.exp(ops.cos(x)),
    "log": lambda x: ops.log(2 + ops.sin(x)),
    "log1p": lambda x: ops.log1p(ops.sigmoid(x)),
    "sqrt": lambda x: ops.sqrt(1.5 + ops.cos(x)),
    "power": lambda x: (1.5 + ops.sin(x)) ** 2.5,
    "negative": lambda x: -x,
    "sum": lambda x: ops.tanh(ops.sum(x, axis=-1, keepdims=True)) if x.ndim else x,
    "mean": ops.mean,
    "logsumexp": lambda x: ops.logsumexp(x, axis=0, keepdims=True) if x.ndim else x,
    "softmax": lambda x: ops.softmax(x) if x.ndim else x,
    "log_softmax": lambda x: ops.log_softmax(x) if x.ndim else x,
    "transpose": lambda x: x[..., None] * 0.5 if x.ndim < 2 else ops.matrix_transpose(ops.sin(x)).mT,
    "getitem": lambda x: x[::-1] if x.ndim else x,
    "gather": lambda x: x[np.arange(x.shape[0])[::-1] // 2 * 2 % x.shape[0]] if x.ndim else x,
}
BINARY: Mapping[str, Op] = {
    "add": lambda a, b: 0.5 * (a + b),
    "subtract": lambda a, b: 0.5 * (a - b),
    "multiply": lambda a, b: ops.tanh(a) * b,
    "divide": lambda a, b: a / (2 + ops.sin(b)),
    "power": lambda a, b: (1.5 + ops.sin(a)) ** ops.tanh(b),
    "matmul": lambda a, b: ops.tanh(a @ b) if a.ndim > 1 and a.shape[-1:] == b.shape[-2:-1] else a * 0.5,
}


@dataclass(frozen=True)
class Expression:
    """A scalar function as a list of steps; takes arrays, complex arrays and Tensors.

    Call ``expression(*expression.leaves())`` or ``check_gradients(expression, *expression.leaves())``.  It
    prints as a program.

    Attributes
    ----------
    shapes, seed
        Shapes of the leaves, and the seed of their values.
    steps
        Per step an op's name, and the positions of its operands among the leaves and earlier results.
    unary, binary
        The ops by name.

    Examples
    --------
    >>> from tinygrad_mnist.checking import check_gradients
    >>> from tinygrad_mnist.checking.strategies import Expression
    >>> expression = Expression(shapes=((2,),), seed=0, steps=(("sin", (0,)), ("multiply", (0, 1))))
    >>> print(expression)
    v0 = leaf of shape (2,)
    v1 = sin(v0)
    v2 = multiply(v0, v1)
    mean(v0) + ... + mean(v2)
    >>> check_gradients(expression, *expression.leaves()).ok
    True
    """

    shapes: tuple[Shape, ...]
    seed: int
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    unary: Mapping[str, Op] = field(default_factory=lambda: UNARY, repr=False, compare=False)
    binary: Mapping[str, Op] = field(default_factory=lambda: BINARY, repr=False, compare=False)

    def leaves(self) -> list[Array]:
        """Return arguments for a call: values between -1 and 1, the same each time."""
        rng = np.random.default_rng(self.seed)
        return [rng.uniform(-1, 1, shape) for shape in self.shapes]

    def __call__(self, *leaves: Any) -> Any:
        """Add up the mean of each leaf and of each result, so that every value has several readers."""
        values = list(leaves)
        for name, positions in self.steps:
            values.append(self._step(name, [values[i] for i in positions]))
        return reduce(lambda total, value: total + ops.mean(value), values, 0.0)

    def _step(self, name: str, chosen: list[Any]) -> Any:
        try:
            return (self.binary if len(chosen) == 2 else self.unary)[name](*chosen)
        except ValueError:  # shapes that no longer broadcast: an operand stands for the result
            return chosen[0]

    def __str__(self) -> str:
        lines = [f"v{i} = leaf of shape {shape}" for i, shape in enumerate(self.shapes)]
        for i, (name, positions) in enumerate(self.steps, len(lines)):
            lines.append(f"v{i} = {name}({', '.join(f'v{position}' for position in positions)})")
        return "\n".join([*lines, f"mean(v0) + ... + mean(v{len(lines) - 1})"])


@st.composite
def expressions(
    draw: st.DrawFn,
    most_ops: int = 30,
    *,
    unary: Mapping[str, Op] | None = None,
    binary: Mapping[str, Op] | None = None,
) -> Expression:
    """Draw smooth expression graphs with fan-out and broadcasting.

    Parameters
    ----------
    most_ops
        Largest number of steps.
    unary, binary
        Your own ops by name, drawn in addition to `UNARY` and `BINARY`.  They should be smooth and keep
        values small.  After a ValueError (shapes that do not fit) the first operand stands for the result.

    Examples
    --------
    >>> from hypothesis import given
    >>> from tinygrad_mnist import ops
    >>> from tinygrad_mnist.checking import check_gradients
    >>> from tinygrad_mnist.checking.strategies import expressions
    >>> @given(expressions(most_ops=5, unary={"squared tanh": lambda x: ops.tanh(x) ** 2}))
    ... def test_gradients(expression):
    ...     assert not check_gradients(expression, *expression.leaves()).wrong
    >>> test_gradients()
    """
    ones, twos = {**UNARY, **(unary or {})}, {**BINARY, **(binary or {})}
    count = draw(st.integers(1, 3))
    shapes = draw(broadcastable_shapes(count))
    steps: list[tuple[str, tuple[int, ...]]] = []
    for position in range(draw(st.integers(1, most_ops))):
        operand = st.integers(0, count + position - 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(ones))), (draw(operand),)))
        else:
            steps.append((draw(st.sampled_from(sorted(twos))), (draw(operand), draw(operand))))
    return Expression(shapes, draw(st.integers(0, 2**32 - 1)), tuple(steps), ones, twos)


# Random networks

_SMOOTH = (nn.Sigmoid, nn.Tanh)
_WITH_LABELS = (nn.CrossEntropyLoss,)
_WITH_VALUES = (nn.MSELoss, nn.QuadraticLoss)


@st.composite
def mlps(
    draw: st.DrawFn, *, most_layers: int = 3, most_units: int = 5, most_examples: int = 4, smooth: bool = True
) -> MLP:
    """Draw perceptrons in float64: a model, its loss and a batch, the arguments of `check_gradients`.

    Parameters
    ----------
    most_layers, most_units, most_examples
        Largest number of `Linear` layers, largest length of each vector, and largest batch.
    smooth
        False to draw rectified units too: the check may then meet a kink.

    Examples
    --------
    >>> from hypothesis import given
    >>> from tinygrad_mnist.checking import check_gradients
    >>> @given(mlps())
    ... def test_networks(mlp):
    ...     assert not check_gradients(*mlp).wrong
    >>> test_networks()
    """
    sides = draw(st.lists(st.integers(1, most_units), min_size=2, max_size=most_layers + 1))
    examples = draw(st.integers(1, most_examples))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    activations = _SMOOTH if smooth else (*_SMOOTH, nn.ReLU)
    layers: list[nn.Module] = []
    for before, after in pairwise(sides):
        bias = draw(st.booleans())
        layers += [nn.Linear(before, after, bias, rng=rng, dtype=np.float64)]
        layers += [draw(st.sampled_from(activations))()]
    loss = draw(st.sampled_from(_WITH_LABELS + _WITH_VALUES))
    if loss in _WITH_LABELS:
        layers.pop()  # logits
        targets: Array = rng.integers(0, sides[-1], examples)
    else:
        targets = rng.uniform(0, 1, (examples, sides[-1]))
    return nn.Sequential(*layers), loss(), (rng.uniform(-1, 1, (examples, sides[0])), targets)
