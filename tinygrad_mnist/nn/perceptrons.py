"""Perceptrons, built from the sizes of their layers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from numbers import Integral

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_whole, shown
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.activations import ReLU
from tinygrad_mnist.nn.containers import Sequential
from tinygrad_mnist.nn.layers import Dropout, Linear
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.seeding import generator

_TEXT = re.compile(r"\d{1,18}(-\d{1,18})+")  # sizes as text


@hinted
def perceptron(
    sizes: Iterable[int] | str,
    activation: Callable[[], Module] = ReLU,
    *,
    final_activation: Callable[[], Module] | None = None,
    dropout: float = 0.0,
    bias: bool | Sequence[bool] = True,
    weight_init: init.Initializer | None = None,
    rng: np.random.Generator | int | None = None,
    dtype: DTypeLike | None = None,
) -> Sequential:
    """Build a multi-layer perceptron: `Linear` layers with activations between them.

    Parameters
    ----------
    sizes : iterable of int, or str
        Lengths of the input, of each hidden layer and of the output: ``(784, 128, 10)`` or ``"784-128-10"``.
    activation : callable, default ReLU
        Class of the module after each hidden layer, or any function that returns one.
    final_activation : callable, optional
        The same for the last layer; by default none, as for the losses that take logits.
    dropout : float, default 0
        Probability of the `Dropout` after each activation; no such module for 0.
    bias : bool or sequence of bool, default True
        False for layers without bias; a sequence has one value for each `Linear`.
    weight_init, dtype
        As in `Linear`.
    rng : int or numpy.random.Generator, optional
        Seed or generator of initial values and dropout, drawn from the first layer to the last.  A seed gives
        each `Dropout` a separate stream.  Without it see `manual_seed`.

    Returns
    -------
    Sequential
        Inputs (..., sizes[0]) -> outputs (..., sizes[-1]).  Put a `Flatten` before it for images.

    Raises
    ------
    TypeError, ValueError
        If `sizes` are not two or more whole numbers >= 1, or an activation does not make modules.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.perceptron((784, 128, 10), nn.Tanh, dropout=0.2, rng=0)
    Sequential(
      (0): Linear(784, 128)
      (1): Tanh()
      (2): Dropout(p=0.2)
      (3): Linear(128, 10)
    )
    """
    sizes = layer_sizes(sizes)
    for name, make in (("activation", activation), ("final_activation", final_activation or activation)):
        if isinstance(make, Module) or not callable(make):
            raise TypeError(f"{name} is {shown(make)}: expected a class of modules; write {name}=nn.Tanh")
    count = len(sizes) - 1
    biases = list(bias) if isinstance(bias, Sequence) else [bias] * count
    if len(biases) != count:
        raise ValueError(f"bias has {len(biases)} values: expected one for each of the {count} layers")
    drawn = generator(rng)
    layers: list[Module] = []
    for position, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        if position:
            layers.append(activation())
        if position and dropout:
            masks = np.random.default_rng([rng, position]) if isinstance(rng, Integral) else drawn
            layers.append(Dropout(dropout, rng=masks))
        layers.append(
            Linear(fan_in, fan_out, biases[position], weight_init=weight_init, rng=drawn, dtype=dtype)
        )
    return Sequential(*layers, *([final_activation()] if final_activation else []))


def layer_sizes(sizes: Iterable[int] | str) -> tuple[int, ...]:
    """Return the sizes of all layers as numbers, given as such or as text.

    Raises
    ------
    TypeError, ValueError
        If they are not two or more whole numbers >= 1.

    Examples
    --------
    >>> layer_sizes("784-128-10")
    (784, 128, 10)
    """
    if isinstance(sizes, str):
        parts = tuple(map(int, sizes.split("-"))) if _TEXT.fullmatch(sizes) else ()
    else:
        parts = tuple(sizes) if isinstance(sizes, Iterable) else ()
    if len(parts) < 2:
        raise ValueError(f"sizes is {shown(sizes)}: expected the sizes of all layers, such as 784-30-10")
    for position, size in enumerate(parts):
        require_whole(f"sizes[{position}]", size)
    return tuple(map(int, parts))


def sizes_as_text(sizes: Sequence[int]) -> str:
    """Return the sizes of all layers as text: "784-128-10"."""
    return "-".join(map(str, sizes))
