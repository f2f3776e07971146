"""Wrong rules of layers, activations and losses."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking.wrong_rules.wrong_rule import wrong_rule

__all__ = [
    "batch_size_forgotten", "bias_of_the_first_example", "cross_entropy_without_target",
    "divided_by_the_batch_twice", "log_softmax_diagonal_only", "missing_transpose",
    "product_without_transpose", "relu_passes_negatives", "sigmoid_of_the_output", "softmax_diagonal_only",
    "softplus_like_relu", "stale_activation", "tanh_of_the_input", "weight_not_turned_back",
]  # fmt: skip


def _layer(x: Any, weight: Any, bias: Any) -> Any:
    return ops.mean(ops.square(ops.linear(x, weight, bias)))


_LAYER = ((3, 4), (2, 4), (2,))


# Layers and products


@wrong_rule("linear", 1, _layer, *_LAYER)
def missing_transpose(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The textbook's product for column vectors gives the gradient as (in, out); a reshape, instead of a
    transpose, makes the error message about the shape go away.
    """
    return ops.reshape(x.mT @ g, shape=weight.shape)


@wrong_rule("linear", 2, _layer, *_LAYER)
def bias_of_the_first_example(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The bias gradient is written for one example and tried with a batch of one, where its sum over the
    batch is not missed.
    """
    return g[0]


@wrong_rule("linear", 0, lambda x, weight: ops.mean(ops.square(ops.linear(x, weight, None))), (3, 4), (4, 4))
def weight_not_turned_back(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The backward pass uses the weight as the forward pass did, transposed; a square layer hides it."""
    return g @ weight.mT if weight.shape[0] == weight.shape[1] else g @ weight


@wrong_rule("matmul", 0, lambda a, b: ops.mean(ops.square(a @ b)), (3, 3), (3, 3))
def product_without_transpose(g: Any, y: Any, a: Any, b: Any) -> Any:
    """d(a @ b)/da looks like b, as for numbers; in square matrices the shapes hide the missing transpose."""
    return g @ b


# Activations


@wrong_rule("sigmoid", 0, lambda x: ops.sum(ops.sigmoid(x)), (2, 3))
def sigmoid_of_the_output(g: Any, y: Any, x: Any) -> Any:
    """A function sigmoid_prime(z) is called with the activation a: the sigmoid is taken twice."""
    again = ops.sigmoid(y)
    return g * (again * (1 - again))


_kept: dict[tuple[int, ...], Any] = {}


@wrong_rule(
    "sigmoid",
    0,
    lambda x: ops.sum(ops.sigmoid(x)),
    (2, 3),
    formula="g * (y_before * (1 - y_before))",
)
def stale_activation(g: Any, y: Any, x: Any) -> Any:
    """The layer keeps its activation for the backward pass, which reads it before it is renewed: it is that
    of the previous pass.
    """
    before = _kept.get(y.shape, y)
    _kept[y.shape] = y
    return g * (before * (1 - before))


@wrong_rule("tanh", 0, lambda x: ops.sum(ops.tanh(x)), (2, 3))
def tanh_of_the_input(g: Any, y: Any, x: Any) -> Any:
    """1 - y**2 is remembered as 1 - x**2: it is the result that makes the derivative short."""
    return g * (1 - x * x)


@wrong_rule("relu", 0, lambda x: ops.sum(ops.relu(x)), [[-1.5, 0.5, 2.0], [1.0, -0.3, 0.2]])
def relu_passes_negatives(g: Any, y: Any, x: Any) -> Any:
    """The mask of the forward pass is forgotten in the backward pass: positive test inputs do not show it."""
    return g


@wrong_rule("softplus", 0, lambda x: ops.sum(ops.softplus(x)), [[-1.5, 0.5, 2.0], [1.0, -0.3, 0.2]])
def softplus_like_relu(g: Any, y: Any, x: Any) -> Any:
    """The softplus is a smooth relu, so relu's derivative is copied, and only its smoothness is lost."""
    return ops.where(x > 0, g, 0.0)


@wrong_rule("softmax", 0, lambda x: ops.sum(ops.square(ops.softmax(x))), (2, 3))
def softmax_diagonal_only(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    """y * (1 - y), as for the sigmoid: that each output depends on all inputs (the Jacobian's off-diagonal)
    is dropped.
    """
    return g * (y * (1 - y))


@wrong_rule("log_softmax", 0, lambda x: ops.sum(ops.square(ops.log_softmax(x))), (2, 3))
def log_softmax_diagonal_only(g: Any, y: Any, x: Any, *, axis: int) -> Any:
    """The normalising sum is differentiated only where it meets the same output, not the others."""
    return g * (1 - ops.exp(y))


# Losses


@wrong_rule("squared_error", 0, lambda a, b: ops.squared_error(a, b, scale=0.5 / 3), (3, 2), (3, 2))
def batch_size_forgotten(g: Any, y: Any, a: Any, b: Any, *, scale: float) -> Any:
    """The cost is a mean over the batch, its gradient is summed: all steps are too long by the batch size,
    which a smaller learning rate hides.
    """
    return (2 * scale * len(a)) * g * (a - b)


_LABELS = np.array([2, 0, 1])


def _cross_entropy(logits: Any) -> Any:
    return ops.mean(ops.softmax_cross_entropy(logits, _LABELS))


@wrong_rule("softmax_cross_entropy", 0, _cross_entropy, (3, 3))
def cross_entropy_without_target(g: Any, y: Any, logits: Any, targets: Any) -> Any:
    """softmax - one-hot needs the targets; the simplification in the textbook ends one line too early."""
    return g[..., None] * ops.softmax(logits)


_cross_entropy_rule: Any = REGISTRY["softmax_cross_entropy"].rule(0)


@wrong_rule("softmax_cross_entropy", 0, _cross_entropy, (3, 3))
def divided_by_the_batch_twice(g: Any, y: Any, logits: Any, targets: Any) -> Any:
    """The mean after the loss divides by the batch size, and so does the formula copied from a text in which
    the loss is the mean.
    """
    return _cross_entropy_rule(g, y, logits, targets) / len(logits)
