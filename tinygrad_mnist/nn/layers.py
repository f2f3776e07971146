"""The layers, under PyTorch's names and with PyTorch's meanings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_bool, require_number, require_whole, shown
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import SCOPE
from tinygrad_mnist.default_dtype import get_default_dtype
from tinygrad_mnist.errors import DTypeError, ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module, Parameter
from tinygrad_mnist.seeding import generator


class Linear(Module):
    """x @ weight.T + bias.

    Parameters
    ----------
    in_features, out_features
        The lengths of an input and of an output vector.
    bias
        Whether to add a bias.
    weight_init, bias_init
        Functions of ``nn.init``.  The default of both is PyTorch's: uniform within 1 / sqrt(in_features).
    rng
        Seed or generator of the initial values; without it see `manual_seed`.
    dtype
        Without it see `set_default_dtype`: float32 unless that was called.

    Shapes
    ------
    input (..., in_features) -> output (..., out_features); weight (out_features, in_features)
    """

    @hinted
    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        require_whole("in_features", in_features)
        require_whole("out_features", out_features)
        require_bool("bias", bias)
        rng = generator(rng)
        dtype = get_default_dtype() if dtype is None else dtype
        default = init.uniform(1 / math.sqrt(in_features))
        weight_init, bias_init = (default if given is None else given for given in (weight_init, bias_init))
        self.in_features, self.out_features = in_features, out_features
        weight = init.initial_values("weight_init", weight_init, (out_features, in_features), rng)
        self.weight = Parameter(weight, dtype=dtype)
        self.bias = None
        if bias:
            values = init.initial_values("bias_init", bias_init, (out_features,), rng)
            self.bias = Parameter(values, dtype=dtype)

    def forward(self, x: Any) -> Any:
        """x: (..., in_features) -> (..., out_features)"""
        try:
            return ops.linear(x, self.weight, self.bias)
        except (ShapeError, TypeError) as error:
            advice = self._advice(error, x)
            if not advice:
                raise
            advised = type(error)(f"{SCOPE.get() or 'Linear'} {advice}")
            advised.failed_op = getattr(error, "failed_op", None)  # type: ignore[union-attr]
            raise advised from None

    def _advice(self, error: ShapeError | TypeError, x: Any) -> str:
        """Return what is wrong with the input `x`, and what to write; empty if it is something else."""
        if x is None:
            return "got None for its input: return a value from the forward before it"
        if not hasattr(x, "shape"):
            return f"got {shown(x)} for its input: pass np.asarray(x, np.{self.weight.dtype})"
        if isinstance(error, DTypeError):
            own = self.weight.dtype
            if x.dtype == own:
                return ""
            build = f", or build it with dtype=np.{x.dtype}" if x.dtype.kind == "f" else ""
            return f"has {own} weights, the input is {x.dtype}: pass x.astype(np.{own}){build}"
        shape = tuple(x.shape)
        if shape[-1:] == (self.in_features,):
            return ""
        if math.prod(shape[1:]) == self.in_features and len(shape) > 1:
            instead = "put nn.Flatten() before it"
        elif len(shape) == 2 and shape[0] == self.in_features and not getattr(x, "inputs", ()):
            instead = "one example per row is x.T"
        else:
            instead = f"build it as Linear({shape[-1] if shape else 1}, {self.out_features})"
        return f"expects {self.in_features} features in the last axis, got inputs of shape {shape}: {instead}"

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.in_features}, {self.out_features}" + ("" if self.bias is not None else ", bias=False")


class Sigmoid(Module):
    """1 / (1 + e**-x), element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.tanh(x)


class ReLU(Module):
    """max(x, 0), element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.relu(x)


class Softplus(Module):
    """Apply log(1 + e**x), a smooth ReLU, element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.softplus(x)


class Identity(Module):
    """Return the input as it is."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return x


class Softmax(Module):
    """e**x / sum(e**x) along the axis `dim`: probabilities."""

    @hinted
    def __init__(self, dim: int = -1) -> None:
        require_whole("dim", dim, low=None)
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of the softmax along the axis `dim`: log-probabilities, for `NLLLoss`."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.log_softmax(x, axis=self.dim)


class Flatten(Module):
    """All axes but the first joined into one: (n, 28, 28) -> (n, 784)."""

    def forward(self, x: Any) -> Any:
        """x: (n, ...) -> (n, product of the rest)"""
        return ops.flatten(x, 1)


class Dropout(Module):
    """In training, sets each element to 0 with probability `p` and divides the rest by 1 - p.

    N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.

    Parameters
    ----------
    p
        In [0, 1).
    rng
        Seed or generator of the masks; without it see `manual_seed`.
    """

    @hinted
    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        require_number("p", p, low=0, below=1)
        self.p = p
        self.rng = generator(rng)

    def forward(self, x: Any) -> Any:
        """Any shape."""
        if not self.training or self.p == 0:
            return x
        return x * ops.dropout_mask(x, p=self.p, rng=self.rng)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"
