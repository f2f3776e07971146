"""Layers, with PyTorch's names and meanings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_bool, require_number, require_whole, shown
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.ops.casts import dropout_mask
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.inputs import advise_linear, chosen_rows
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameters import learned
from tinygrad_mnist.nn.settings import Configured
from tinygrad_mnist.seeding import generator


class Linear(Configured):
    """Apply the affine map ``y = x @ weight.T + bias``.

    Parameters
    ----------
    in_features, out_features : int
        Length of the last axis of the input and of the output.
    bias : bool, default True
        If False, the layer has no bias.
    weight_init, bias_init : Initializer, optional
        Functions of `nn.init`; by default uniform within ``1 / sqrt(in_features)``, as in PyTorch.
    rng : int or numpy.random.Generator, optional
        Seed or generator for the initial values; see `manual_seed` if omitted.
    dtype : dtype, optional
        Dtype of the parameters, and required of the input; by default that of `set_default_dtype`, at first
        float32.

    Attributes
    ----------
    weight : Parameter, shape (out_features, in_features)
    bias : Parameter, shape (out_features,), or None

    Raises
    ------
    ShapeError
        When called, if the last axis of the input is not `in_features` long.
    DTypeError
        When called, if the input has another dtype than the parameters.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.Linear(784, 30)(np.zeros((5, 784), np.float32)).shape
    (5, 30)
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
        self.in_features = require_whole("in_features", in_features)
        self.out_features = require_whole("out_features", out_features)
        require_bool("bias", bias)
        rng, default = generator(rng), init.uniform(1 / math.sqrt(in_features))
        weight_init, bias_init = (default if given is None else given for given in (weight_init, bias_init))
        weight = init.initial_values("weight_init", weight_init, (out_features, in_features), rng)
        values = init.initial_values("bias_init", bias_init, (out_features,), rng) if bias else None
        self.weight = learned(weight, dtype)
        self.bias = None if values is None else learned(values, dtype)

    def forward(self, x: Any) -> Any:
        """Return ``x @ weight.T + bias``: (..., in_features) -> (..., out_features)."""
        try:
            return ops.linear(x, self.weight, self.bias)
        except (ShapeError, TypeError) as error:
            advise_linear(self, x, error)
            raise


class Embedding(Configured):
    """Look up rows of a table by numbers, such as the vectors of words.

    Parameters
    ----------
    num_embeddings : int
        Number of rows.
    embedding_dim : int
        Length of each row.
    padding_idx : int, optional
        The row of this number starts at 0 and gets no gradient.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the initial values, normal with the standard deviation 1, as in PyTorch; see
        `manual_seed` if omitted.
    dtype : dtype, optional
        Dtype of the table; see `set_default_dtype` if omitted.

    Raises
    ------
    ValueError
        If `padding_idx` is not the number of a row.
    LabelError
        If a number in an input is not that of a row.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.Embedding(5, 3)(np.array([[0, 4], [2, 2]])).shape
    (2, 2, 3)
    """

    @hinted
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_embeddings = require_whole("num_embeddings", num_embeddings)
        self.embedding_dim = require_whole("embedding_dim", embedding_dim)
        if padding_idx is not None:
            if require_whole("padding_idx", padding_idx, low=-num_embeddings) >= num_embeddings:
                raise ValueError(f"padding_idx is {padding_idx}: expected a number below {num_embeddings}")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        table = generator(rng).normal(size=(num_embeddings, embedding_dim))
        if padding_idx is not None:
            table[padding_idx] = 0
        self.weight = learned(table, dtype)

    def forward(self, numbers: Any) -> Any:
        """Return the rows.  numbers: (*B), integers from 0 to num_embeddings - 1 -> (*B, embedding_dim)"""
        return chosen_rows("Embedding", self.weight, numbers, self.padding_idx)


class Flatten(Module):
    """Join all axes but the first, such as (n, 28, 28) to (n, 784).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Flatten()(np.zeros((5, 28, 28))).shape
    (5, 784)
    """

    def forward(self, x: Any) -> Any:
        """Return the elements of `x` in the shape (n, product of the other lengths)."""
        return ops.flatten(x, 1)


class Unflatten(Configured):
    """Split an axis into several, such as (n, 784) into (n, 1, 28, 28).

    Parameters
    ----------
    dim : int
        The axis; a negative number counts from the last one.
    unflattened_size : tuple of int
        Lengths of the new axes, at most one of them -1: as long as the others leave it.

    Raises
    ------
    ShapeError
        When called, if the input does not have that axis, or if it has another length.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Unflatten(1, (1, 28, 28))(np.zeros((5, 784))).shape
    (5, 1, 28, 28)

    Images without channels get one:

    >>> nn.Unflatten(0, (-1, 1))(np.zeros((5, 28, 28))).shape
    (5, 1, 28, 28)
    """

    @hinted
    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        self.dim = require_whole("dim", dim, low=None)
        if not isinstance(unflattened_size, tuple | list):
            raise TypeError(f"unflattened_size is {shown(unflattened_size)}: expected a tuple of lengths")
        self.unflattened_size = tuple(
            require_whole("each length in unflattened_size", length, low=-1) for length in unflattened_size
        )
        if self.unflattened_size.count(-1) > 1:
            raise ValueError(f"unflattened_size is {self.unflattened_size}: expected at most one -1")

    def forward(self, x: Any) -> Any:
        """Return `x` with the axis split into the new ones; the elements keep their order."""
        shape, sizes = np.shape(x), self.unflattened_size
        if not -len(shape) <= self.dim < len(shape):
            raise ShapeError(f"{self} got an input of shape {shape}: it has no axis {self.dim}")
        axis = self.dim % len(shape)
        known = math.prod(length for length in sizes if length != -1)
        left = shape[axis] // known if known and -1 in sizes else 1
        if left * known != shape[axis]:
            raise ShapeError(
                f"{self} got an input of shape {shape}: {shape[axis]} elements do not fill {sizes}"
            )
        sizes = tuple(left if length == -1 else length for length in sizes)
        return ops.reshape(x, shape=(*shape[:axis], *sizes, *shape[axis + 1 :]))


class Dropout(Configured):
    """Set random elements to 0 in training; return the input unchanged in evaluation.

    Parameters
    ----------
    p : float, default 0.5
        Probability that an element is set to 0, in [0, 1). The others are divided by 1 - p.
    rng : int or numpy.random.Generator, optional
        Seed or generator for the masks; see `manual_seed` if omitted.

    Notes
    -----
    N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Dropout(0.5, rng=0)
    >>> sorted(set(layer(np.ones(100)).tolist()))
    [0.0, 2.0]
    >>> layer.eval()(np.ones(3))
    array([1., 1., 1.])
    """

    SHOWN_BY_NAME = ("p",)

    @hinted
    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | int | None = None) -> None:
        self.p = require_number("p", p, low=0, below=1)
        self.rng = generator(rng)

    def forward(self, x: Any) -> Any:
        """Return `x`, in training times a random mask, in its shape and dtype."""
        if not self.training or self.p == 0:
            return x
        return x * dropout_mask(x, p=self.p, rng=self.rng)
