"""Hypothesis strategies for gradients, and a test of an op in three lines.

>>> from hypothesis import given
>>> from tinygrad_mnist import ops
>>> from tinygrad_mnist.checking import strategies
>>> from tinygrad_mnist.checking.assert_op import assert_op

>>> @given(strategies.operands(2))
... def test_multiply(operands):
...     assert_op(ops.multiply, *operands)

>>> test_multiply()

Needs Hypothesis: ``pip install -e '.[checking]'``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.expressions import BINARY, UNARY, Expression, Op, Shape
from tinygrad_mnist.errors import MissingExtraError
from tinygrad_mnist.typing import Array

try:
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import mutually_broadcastable_shapes
except ImportError as error:
    raise MissingExtraError(
        "tinygrad_mnist.checking.strategies needs Hypothesis: pip install -e '.[checking]'"
    ) from error

MLP = tuple[nn.Sequential, nn.Module, tuple[Array, Array]]

_KINKS = (-1.0, 0.0, 1.0)  # where relu, abs, clip, log or a division are apt to have theirs


# Shapes and arrays


def broadcastable_shapes(count: int, *, max_dims: int = 3, max_side: int = 3) -> st.SearchStrategy[Any]:
    """Tuples of `count` shapes that NumPy broadcasts together.

    Axes of length 1 and missing axes are frequent, axes of length 0 do not occur.
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
    """Lists of float64 arrays on which an op can be checked: well-conditioned, away from kinks.

    All values differ, also between arrays, so that no maximum is tied; none is closer to -1, 0 or 1 than a
    tenth of their mean distance.

    Parameters
    ----------
    inputs
        The number of arrays, whose shapes then broadcast together; or a shape for each.
    low, high
        Bounds of the values; ``low=0.1`` for a logarithm.
    max_dims, max_side
        Of drawn shapes.
    """
    if len(inputs) == 1 and isinstance(inputs[0], int):
        shapes = draw(broadcastable_shapes(inputs[0], max_dims=max_dims, max_side=max_side))
    elif inputs and all(isinstance(shape, tuple) for shape in inputs):
        shapes = inputs
    else:
        raise ValueError(f"operands takes a number of arrays, or a shape for each: not {inputs}")
    seed = draw(st.integers(0, 2**32 - 1))
    return distinct_arrays(shapes, np.random.default_rng(seed), low=low, high=high)


def distinct_arrays(
    shapes: Sequence[Shape], rng: np.random.Generator, *, low: float = -2.0, high: float = 2.0
) -> list[Array]:
    """Operands as `operands` draws them, for shapes and a generator of one's own.

    >>> distinct_arrays([(3,), ()], np.random.default_rng(0))[0].shape
    (3,)
    """
    if not low < high:
        raise ValueError(f"low must be below high, and {low} is not below {high}")
    sizes = [math.prod(shape) for shape in shapes]
    gap = (high - low) / (sum(sizes) + len(_KINKS) + 2)
    grid = low + gap * (np.arange(sum(sizes) + len(_KINKS) + 1) + 0.5)
    clear = [value for value in grid if all(abs(value - kink) > gap / 4 for kink in _KINKS)]
    values = rng.permutation(clear)[: sum(sizes)] + gap / 10 * rng.uniform(-1, 1, sum(sizes))
    parts = np.split(values, np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes)]


def tensors(*inputs: int | Shape, **options: Any) -> st.SearchStrategy[list[Tensor]]:
    """As `operands`, as Tensors that ask for gradients."""
    return operands(*inputs, **options).map(
        lambda arrays: [Tensor(array, requires_grad=True) for array in arrays]
    )


# Random expression graphs


@st.composite
def expressions(
    draw: st.DrawFn,
    most_ops: int = 30,
    *,
    unary: Mapping[str, Op] | None = None,
    binary: Mapping[str, Op] | None = None,
) -> Expression:
    """Random smooth expression graphs with fan-out and broadcasting.

    Parameters
    ----------
    most_ops
        An upper bound of the number of steps.
    unary, binary
        Ops of one's own by name, to be drawn beside `UNARY` and `BINARY`.  They should be smooth and keep
        values small; a ValueError (shapes that do not fit) replaces the result by the first operand.
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
    """Random perceptrons in float64: a model, its loss and a batch, as ``check_gradients(*mlp)`` takes them.

    Parameters
    ----------
    most_layers, most_units, most_examples
        Upper bounds of the number of `Linear` layers, of the length of each vector, and of the batch.
    smooth
        False to draw rectified units too: a gradient check may then meet a kink.

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
