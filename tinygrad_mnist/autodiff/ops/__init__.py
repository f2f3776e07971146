"""The ops.  Each is a primitive (forward and rules in one place) or a short composition of some.

Called with arrays they return arrays; with a Tensor among the inputs they are recorded and return a Tensor.
"""

import typing as _typing

from tinygrad_mnist.autodiff.ops.elementwise import (
    abs,
    add,
    cast,
    clip,
    cos,
    divide,
    dropout_mask,
    exp,
    identity,
    log,
    log1p,
    maximum,
    minimum,
    multiply,
    negative,
    power,
    relu,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    square,
    subtract,
    tanh,
    where,
)
from tinygrad_mnist.autodiff.ops.fused import (
    linear,
    log_softmax,
    one_hot,
    sigmoid_cross_entropy,
    softmax,
    softmax_cross_entropy,
    squared_error,
)
from tinygrad_mnist.autodiff.ops.products import matmul
from tinygrad_mnist.autodiff.ops.reducing import logsumexp, max, mean, min, sum
from tinygrad_mnist.autodiff.ops.shaping import (
    broadcast_to,
    concatenate,
    expand_dims,
    flatten,
    getitem,
    matrix_transpose,
    reshape,
    scatter_add,
    squeeze,
    stack,
    sum_to,
    transpose,
)
from tinygrad_mnist.autodiff.primitive import require_rules as _require_rules
from tinygrad_mnist.hints import missing as _missing
from tinygrad_mnist.hints import tensors as _tensors

__all__ = sorted(name for name, thing in globals().items() if callable(thing) and not name.startswith("_"))

_require_rules()


def __dir__() -> list[str]:
    return __all__


if not _typing.TYPE_CHECKING:

    def __getattr__(name: str) -> _typing.Any:
        raise _missing("ops", name, _tensors.OPS, lambda: __all__)
