"""A matrix product that adds up in the order of a certain machine."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist import nn, ops
from tinygrad_mnist.typing import Array


class LinearInFours(nn.Module):
    """The linear layer for one row x: (1, in) -> (1, out), added up as OpenBLAS does for x86 processors.

    A sum in another order differs in the last bit, and the article prints all fifteen digits of its errors.
    The order is this: outputs by fours, and for them inputs by fours, (1st + 3rd) + (2nd + 4th), one four
    after the other; the outputs that are left over add one input after the other.  Where the inputs are 0 and
    1, as saturated sigmoids are, the result has these bits on every machine.

    Parameters
    ----------
    weight, bias
        First values, (out, in) with `in` a multiple of four, and (out,).
    """

    def __init__(self, weight: Array, bias: Array) -> None:
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(bias)

    def forward(self, x: Any) -> Any:
        """x: (1, in) -> (1, out)"""
        outputs = self.weight.shape[0]
        whole = outputs // 4 * 4
        terms = x.reshape(-1, 1) * self.weight.T
        fours = terms.reshape(-1, 4, outputs)
        joined = (fours[:, 0] + fours[:, 2]) + (fours[:, 1] + fours[:, 3])
        total = ops.concatenate(ops.sum(joined[:, :whole], axis=0), ops.sum(terms[:, whole:], axis=0))
        return total.reshape(1, -1) + self.bias
