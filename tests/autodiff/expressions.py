"""Random smooth expressions as programs: they run on arrays, complex arrays and Tensors alike."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tinygrad_mnist.autodiff import ops

# Each keeps values small for small inputs, so that thirty of them in a row neither overflow nor vanish.
UNARY = {
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
BINARY = {
    "add": lambda a, b: 0.5 * (a + b),
    "subtract": lambda a, b: 0.5 * (a - b),
    "multiply": lambda a, b: ops.tanh(a) * b,
    "divide": lambda a, b: a / (2 + ops.sin(b)),
    "power": lambda a, b: (1.5 + ops.sin(a)) ** ops.tanh(b),
    "matmul": lambda a, b: ops.tanh(a @ b) if a.ndim > 1 and a.shape[-1:] == b.shape[-2:-1] else a * 0.5,
}


@dataclass(frozen=True)
class Program:
    """Steps: an op's name and the positions of its operands among leaves and earlier results."""

    shapes: tuple[tuple[int, ...], ...]
    seed: int
    steps: tuple[tuple[str, tuple[int, ...]], ...]

    def leaves(self):
        rng = np.random.default_rng(self.seed)
        return [rng.uniform(-1, 1, shape) for shape in self.shapes]

    def __call__(self, *leaves):
        values = list(leaves)
        for name, operands in self.steps:
            chosen = [values[i] for i in operands]
            try:
                values.append((BINARY if len(chosen) == 2 else UNARY)[name](*chosen))
            except ValueError:  # shapes that no longer broadcast: an operand stands for the result
                values.append(chosen[0])
        total = 0.0
        for value in values:  # every leaf and every result counts: fan-out everywhere
            total = total + ops.mean(value)
        return total


@st.composite
def programs(draw, most_ops=30):
    shapes = draw(
        mutually_broadcastable_shapes(num_shapes=draw(st.integers(1, 3)), min_side=1, max_side=3, max_dims=3)
    ).input_shapes
    steps = []
    for position in range(draw(st.integers(1, most_ops))):
        operand = st.integers(0, len(shapes) + position - 1)
        if draw(st.booleans()):
            steps.append((draw(st.sampled_from(sorted(UNARY))), (draw(operand),)))
        else:
            steps.append((draw(st.sampled_from(sorted(BINARY))), (draw(operand), draw(operand))))
    return Program(shapes, draw(st.integers(0, 2**32 - 1)), tuple(steps))
