"""Expressions as data: what `strategies.expressions` draws at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.typing import Array

Shape = tuple[int, ...]
Op = Callable[..., Any]

# Each keeps values small for small inputs, so that thirty of them in a row neither overflow nor vanish; all
# are smooth, and none depends on the shape it meets but by choosing what fits.
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
    """A scalar function as a list of steps; runs on arrays, complex arrays and Tensors alike.

    ``expression(*expression.leaves())``, and ``check_gradients(expression, *expression.leaves())``.  Printed,
    it is a program.

    Attributes
    ----------
    shapes, seed
        Of the leaves.
    steps
        An op's name and the positions of its operands among the leaves and the results before.
    unary, binary
        The ops by name.
    """

    shapes: tuple[Shape, ...]
    seed: int
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    unary: Mapping[str, Op] = field(default_factory=lambda: UNARY, repr=False, compare=False)
    binary: Mapping[str, Op] = field(default_factory=lambda: BINARY, repr=False, compare=False)

    def leaves(self) -> list[Array]:
        """What to call it with: values between -1 and 1, the same each time."""
        rng = np.random.default_rng(self.seed)
        return [rng.uniform(-1, 1, shape) for shape in self.shapes]

    def __call__(self, *leaves: Any) -> Any:
        """The mean of each leaf and of each result, added up: fan-out everywhere."""
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
