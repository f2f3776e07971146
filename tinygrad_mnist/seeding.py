"""Random generators: from a seed or a generator, and reproducible where none is given."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from tinygrad_mnist.arguments import require_whole, shown

if TYPE_CHECKING:
    from numpy.random import Generator  # NumPy loads it on first use only

_lock = threading.Lock()
_seed: int | None = None  # of `manual_seed`
_made = 0  # generators since then
_living: WeakValueDictionary[int, Any] = WeakValueDictionary()  # by number, in the order they were made
_born = 0


def generator(rng: Any, name: str = "rng") -> Generator:
    """Return the generator of `rng`: a seed, a ``np.random.Generator``, or None.

    None stands for a new generator with fresh entropy, or with a stream that follows from `manual_seed`.

    Raises
    ------
    TypeError
        If `rng` is none of these.
    ValueError
        If the seed is negative.
    """
    expected = "expected a seed (a whole number >= 0) or a np.random.Generator"
    if rng is None:
        return _unseeded()
    try:
        return np.random.default_rng(rng)
    except TypeError as error:
        raise TypeError(f"{name} is {shown(rng)}: {expected}") from error
    except ValueError as error:
        raise ValueError(f"{name} is {shown(rng)}: {expected}") from error


def manual_seed(seed: int) -> None:
    """Set the seed of all random numbers whose `rng` is not given, as in PyTorch.

    Layers that are made afterwards have initial values that follow from `seed` and from their order. Each
    `Dropout` that exists already starts its masks anew, also in compiled functions. A seed or generator that
    was given to a layer is not affected.

    Parameters
    ----------
    seed : int
        A whole number >= 0.

    Raises
    ------
    TypeError, ValueError
        If `seed` is not a whole number >= 0.

    Notes
    -----
    It holds for the whole process. Threads may draw and make layers at once: each generator has a stream of
    its own, so that they never disturb each other. Which stream a layer gets depends on the order in which
    layers are made; give `rng` where threads make them. A copy of a `Dropout` by copy or pickle keeps its
    position and is not reached by later calls.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> manual_seed(0)
    >>> first = nn.Linear(3, 2).weight.data
    >>> manual_seed(0)
    >>> (nn.Linear(3, 2).weight.data == first).all()
    np.True_
    """
    global _seed, _made
    require_whole("seed", seed, low=0)
    with _lock:
        _seed, _made = int(seed), 0
        for number, living in sorted(_living.items()):
            fresh = _stream(1, number).state
            with living.bit_generator.lock:
                living.bit_generator.state = fresh


def _unseeded() -> Generator:
    """Return a new generator that `manual_seed` reaches as long as it lives."""
    global _made, _born
    with _lock:
        made: Generator = _weakly_referenced()(_stream(0, _made))
        _living[_born] = made
        _made, _born = _made + 1, _born + 1
    return made


def _stream(*key: int) -> Any:
    """Return the bits of one generator: different for each key, and fresh without a seed."""
    return np.random.PCG64(np.random.SeedSequence(_seed, spawn_key=key))


@cache
def _weakly_referenced() -> Any:
    """Return NumPy's generator as a class whose instances can be referenced weakly."""
    return type("Generator", (np.random.Generator,), {})
