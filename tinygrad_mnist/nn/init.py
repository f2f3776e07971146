"""Initial values of weights: functions of a shape and a random generator.

A weight has the shape (fan-out, fan-in): one row per output, one column per input. `zeros` and `ones` are
initializers; the other functions return one.

Examples
--------
>>> from tinygrad_mnist import nn
>>> nn.Linear(3, 2, weight_init=nn.init.constant(0.5), bias_init=nn.init.zeros).weight.data
array([[0.5, 0.5, 0.5],
       [0.5, 0.5, 0.5]], dtype=float32)
>>> layer = nn.Linear(784, 30, weight_init=nn.init.xavier_uniform(), bias_init=nn.init.zeros, rng=0)
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tinygrad_mnist.arguments import require_number, shown
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import lookups, networks
from tinygrad_mnist.seeding import generator
from tinygrad_mnist.similar import similar
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from numpy.random import Generator  # NumPy loads it on first use, and so does this package

    Seed = Generator | int | None


__all__ = [
    "Initializer", "constant", "kaiming_normal", "kaiming_uniform", "normal", "ones", "uniform",
    "xavier_normal", "xavier_uniform", "zeros",
]  # fmt: skip


class Initializer(Protocol):
    """Function of a shape, (fan-out, fan-in) or (fan-out,), and a generator.

    Examples
    --------
    A function of your own is an initializer:

    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> def identity(shape, rng):
    ...     return np.eye(*shape)
    >>> nn.Linear(2, 2, weight_init=identity).weight.data
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    def __call__(self, shape: tuple[int, ...], rng: Seed, /) -> Array:
        """Return an array of this shape; the layer converts its dtype."""


def zeros(shape: tuple[int, ...] | None = None, rng: Seed = None) -> Any:
    """Return zeros of a shape; without a shape, as ``zeros()``, return the initializer itself.

    Parameters
    ----------
    shape : tuple of int, optional
        Shape of a weight or a bias.
    rng : int or numpy.random.Generator, optional
        Ignored.

    Returns
    -------
    ndarray of float64, or Initializer

    Examples
    --------
    >>> zeros((2,))
    array([0., 0.])
    """
    return zeros if shape is None else np.zeros(shape)


def ones(shape: tuple[int, ...] | None = None, rng: Seed = None) -> Any:
    """Return ones of a shape; without a shape, as ``ones()``, return the initializer itself.

    Parameters
    ----------
    shape : tuple of int, optional
        Shape of a weight or a bias.
    rng : int or numpy.random.Generator, optional
        Ignored.

    Returns
    -------
    ndarray of float64, or Initializer

    Examples
    --------
    >>> ones((2,))
    array([1., 1.])
    """
    return ones if shape is None else np.ones(shape)


def constant(value: float) -> Initializer:
    """Return the initializer that sets every entry to `value`.

    Parameters
    ----------
    value : float
        A finite number.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> constant(0.1)((2,), rng=0)
    array([0.1, 0.1])
    """
    _require_number("value", value)
    return lambda shape, rng: np.full(shape, float(value))


def normal(std: float = 1.0) -> Initializer:
    """Return the initializer that draws from a normal distribution with mean 0, as in the five articles.

    Parameters
    ----------
    std : float, default 1.0
        Standard deviation.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> round(float(normal(0.1)((100, 100), rng=0).std()), 2)
    0.1
    """
    _require_number("std", std)
    return lambda shape, rng: np.asarray(std * generator(rng).standard_normal(shape))


def uniform(bound: float) -> Initializer:
    """Return the initializer that draws uniformly between -bound and bound.

    Parameters
    ----------
    bound : float
        Largest absolute value.

    Returns
    -------
    Initializer

    Examples
    --------
    >>> bool(abs(uniform(0.1)((100, 100), rng=0)).max() <= 0.1)
    True
    """
    _require_number("bound", bound)
    return lambda shape, rng: np.asarray(generator(rng).uniform(-bound, bound, shape))


def xavier_uniform(gain: float = 1.0) -> Initializer:
    """Return Glorot's uniform initializer, which keeps variances through layers of tanh and sigmoid.

    Parameters
    ----------
    gain : float, default 1.0
        Factor for the activation that follows.

    Returns
    -------
    Initializer
        It raises a ShapeError for a shape other than (fan-out, fan-in): a bias has no fan-in.

    Notes
    -----
    Values lie within ``gain * sqrt(6 / (fan_in + fan_out))``. X. Glorot and Y. Bengio, Understanding the
    difficulty of training deep feedforward neural networks, 2010.

    Examples
    --------
    >>> round(float(xavier_uniform()((200, 200), rng=0).std()), 2)
    0.07
    """
    _require_number("gain", gain)
    return lambda shape, rng: uniform(gain * math.sqrt(6 / sum(_fans(shape))))(shape, rng)


def xavier_normal(gain: float = 1.0) -> Initializer:
    """Return Glorot's normal initializer, which keeps variances through layers of tanh and sigmoid.

    Parameters
    ----------
    gain : float, default 1.0
        Factor for the activation that follows.

    Returns
    -------
    Initializer
        It raises a ShapeError for a shape other than (fan-out, fan-in): a bias has no fan-in.

    Notes
    -----
    The standard deviation is ``gain * sqrt(2 / (fan_in + fan_out))`` (Glorot and Bengio, 2010).

    Examples
    --------
    >>> round(float(xavier_normal()((200, 200), rng=0).std()), 2)
    0.07
    """
    _require_number("gain", gain)
    return lambda shape, rng: normal(gain * math.sqrt(2 / sum(_fans(shape))))(shape, rng)


def kaiming_uniform(gain: float = math.sqrt(2)) -> Initializer:
    """Return He's uniform initializer, which keeps variances through layers of relu.

    Parameters
    ----------
    gain : float, default sqrt(2)
        Factor for the activation that follows; the default is for relu.

    Returns
    -------
    Initializer
        It raises a ShapeError for a shape other than (fan-out, fan-in): a bias has no fan-in.

    Notes
    -----
    Values lie within ``gain * sqrt(3 / fan_in)``. K. He et al., Delving deep into rectifiers, 2015.

    Examples
    --------
    >>> round(float(kaiming_uniform()((200, 200), rng=0).std()), 2)
    0.1
    """
    _require_number("gain", gain)
    return lambda shape, rng: uniform(gain * math.sqrt(3 / _fans(shape)[1]))(shape, rng)


def kaiming_normal(gain: float = math.sqrt(2)) -> Initializer:
    """Return He's normal initializer, which keeps variances through layers of relu.

    Parameters
    ----------
    gain : float, default sqrt(2)
        Factor for the activation that follows; the default is for relu.

    Returns
    -------
    Initializer
        It raises a ShapeError for a shape other than (fan-out, fan-in): a bias has no fan-in.

    Notes
    -----
    The standard deviation is ``gain / sqrt(fan_in)`` (He et al., 2015).

    Examples
    --------
    >>> round(float(kaiming_normal()((200, 200), rng=0).std()), 2)
    0.1
    """
    _require_number("gain", gain)
    return lambda shape, rng: normal(gain / math.sqrt(_fans(shape)[1]))(shape, rng)


_FACTORIES = {
    constant: "constant(0.5)",
    normal: "normal(0.1)",
    uniform: "uniform(0.1)",
    xavier_uniform: "xavier_uniform()",
    xavier_normal: "xavier_normal()",
    kaiming_uniform: "kaiming_uniform()",
    kaiming_normal: "kaiming_normal()",
}


def initial_values(argument: str, initializer: Any, shape: tuple[int, ...], rng: Generator) -> Array:
    """Return the initial values of a parameter.

    Parameters
    ----------
    argument : str
        Name of the layer's argument, for the messages.
    initializer : Initializer
        Function of a shape and a generator.
    shape : tuple of int
        Shape of the parameter.
    rng : numpy.random.Generator
        Passed on to the initializer.

    Raises
    ------
    TypeError
        If `initializer` is not a function of a shape and a generator.
    ShapeError
        If it returns another shape.
    """
    if isinstance(initializer, Hashable) and initializer in _FACTORIES:
        raise TypeError(
            f"{argument} is {shown(initializer)}: expected what it returns; "
            f"write nn.init.{_FACTORIES[initializer]}"
        )
    if not callable(initializer):
        given = str(initializer).lower() if isinstance(initializer, str) else ""
        near = networks.INIT.get(given) or f"write nn.init.{_nearest(given)}"
        raise TypeError(f"{argument} is {shown(initializer)}: expected a function of nn.init; {near}")
    try:
        values = initializer(shape, rng)
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise  # from inside the function
        raise TypeError(f"{argument} is {shown(initializer)}: expected a function of (shape, rng)") from None
    if np.shape(values) != shape:
        raise ShapeError(f"{argument} returned values of shape {np.shape(values)}: expected {shape}")
    return np.asarray(values)


def _nearest(name: str) -> str:
    calls = {"zeros": "zeros", "ones": "ones", **{f.__name__: call for f, call in _FACTORIES.items()}}
    return next((calls[near] for near in similar(name, calls)), "xavier_uniform()")


def _fans(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return fan-out and fan-in of a matrix; refuse a vector, such as a bias, which has none."""
    if len(shape) != 2:
        raise ShapeError(
            f"shape is {shape}: expected (fan-out, fan-in); a bias has none, write bias_init=nn.init.zeros"
        )
    return shape


def _require_number(name: str, value: Any) -> None:
    if isinstance(value, Tensor | np.ndarray | tuple | list):
        raise TypeError(
            f"{name} is {shown(value)}: expected a number; the result is given to a layer, "
            "nn.Linear(3, 4, weight_init=...), which has the shape"
        )
    require_number(name, value)


if not TYPE_CHECKING:
    __dir__, __getattr__ = lookups("nn.init", networks.INIT, __all__)
