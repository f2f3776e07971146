"""The ops.  Each is a primitive (forward and rules in one place) or a short composition of some.

Called with arrays they return arrays; with a Tensor among the inputs they are recorded and return a Tensor.
What only rules and layers use (cast, identity, sum_to, rows and the like) stays in its file.
"""

import typing as _typing

# fmt: off
from tinygrad_mnist.autodiff.ops.arithmetic import (
    add, divide, multiply, negative, power, reciprocal, square, subtract,
)
from tinygrad_mnist.autodiff.ops.casts import astype
from tinygrad_mnist.autodiff.ops.choices import abs, clip, floor, maximum, minimum, relu, sign, where
from tinygrad_mnist.autodiff.ops.einsum import einsum
from tinygrad_mnist.autodiff.ops.fused import (
    linear, log_softmax, one_hot, sigmoid_cross_entropy, softmax, softmax_cross_entropy, squared_error,
)
from tinygrad_mnist.autodiff.ops.indexing import flip, getitem, split, take
from tinygrad_mnist.autodiff.ops.joining import concatenate, hstack, pad, repeat, roll, stack, tile, vstack
from tinygrad_mnist.autodiff.ops.matrices import diag, diagonal, norm, trace, tril, triu
from tinygrad_mnist.autodiff.ops.pooling import avg_pool2d, max_pool2d
from tinygrad_mnist.autodiff.ops.products import dot, inner, matmul, outer, tensordot
from tinygrad_mnist.autodiff.ops.reducing import logsumexp, max, mean, min, std, sum, var
from tinygrad_mnist.autodiff.ops.scans import cumprod, cumsum, prod, sort
from tinygrad_mnist.autodiff.ops.shaping import (
    broadcast_to, expand_dims, flatten, matrix_transpose, moveaxis, reshape, squeeze, swapaxes, transpose,
)
from tinygrad_mnist.autodiff.ops.smooth import (
    arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, cos, cosh, erf, exp, exp2, expm1, log, log1p,
    log2, log10, logaddexp, sigmoid, sin, sinh, softplus, sqrt, tan, tanh,
)
from tinygrad_mnist.autodiff.ops.windows import conv2d
from tinygrad_mnist.autodiff.primitive import require_rules as _require_rules
from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.hints import tensors as _tensors

# fmt: on
__all__ = sorted(name for name, thing in globals().items() if callable(thing) and not name.startswith("_"))

_require_rules()

if not _typing.TYPE_CHECKING:
    __dir__, __getattr__ = _lookups("ops", _tensors.OPS, __all__)
