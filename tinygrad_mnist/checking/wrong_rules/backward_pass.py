"""Wrong code around the rules: the sums over several readers and over broadcast axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.checking.wrong_rules.wrong_rule import wrong_rule

__all__ = [
    "broadcast_averaged", "broadcast_first_slice", "fan_out_first_only", "fan_out_overwritten",
    "unsummed_broadcast",
]  # fmt: skip


@wrong_rule(None, None, lambda x: ops.sum(x * ops.sin(x)), (2, 3), kind="fan-out")
def fan_out_overwritten(gradients: dict[int, Any], serial: int, contribution: Any) -> None:
    """x.grad = ... instead of x.grad += ...: right as long as every value is used once."""
    gradients[serial] = contribution


@wrong_rule(None, None, lambda x: ops.sum(x * ops.sin(x)), (2, 3), kind="fan-out")
def fan_out_first_only(gradients: dict[int, Any], serial: int, contribution: Any) -> None:
    """A node that has its gradient already counts as visited and is skipped: a graph is walked as if it
    were a tree.
    """
    gradients.setdefault(serial, contribution)


_BROADCAST = (lambda x, b: ops.sum(ops.square(x + b)), (2, 3), (3,))


@wrong_rule(None, None, *_BROADCAST, kind="broadcast")
def unsummed_broadcast(contribution: Any, shape: tuple[int, ...]) -> Any:
    """NumPy broadcasts silently in the forward pass, and the sum in the backward pass is forgotten: the
    gradient has the shape of the result, and an optimizer may even broadcast the parameter to it.
    """
    return contribution


@wrong_rule(None, None, *_BROADCAST, kind="broadcast")
def broadcast_averaged(contribution: Any, shape: tuple[int, ...]) -> Any:
    """The copies of a broadcast value are averaged, as over a batch; each copy counts in full."""
    repeats = contribution.size // (int(np.prod(shape)) or 1)
    return sum_to(contribution, shape=shape) / repeats


@wrong_rule(None, None, *_BROADCAST, kind="broadcast")
def broadcast_first_slice(contribution: Any, shape: tuple[int, ...]) -> Any:
    """The surplus axes are removed by taking their first element, which has the right shape and the wrong
    size.
    """
    first = contribution[(0,) * (contribution.ndim - len(shape))]
    return first[tuple(slice(0, n) for n in shape)]
