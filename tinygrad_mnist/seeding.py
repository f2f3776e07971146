"""Random generators: from a seed or a generator, and reproducible if none is given."""

from __future__ import annotations

import threading
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

from tinygrad_mnist.arguments import require_whole, shown

if TYPE_CHECKING:
    from numpy.random import Generator  # NumPy loads it on first use

_lock = threading.Lock()
_seed: int | None = None  # of `manual_seed`
_made = 0  # generators since then
_living: WeakValueDictionary[int, Any] = WeakValueDictionary()  # by number, in order of creation
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

    The initial values of layers made afterwards follow from `seed` and their order. Each existing `Dropout`
    restarts its masks, also in compiled functions. Layers with their own seed or generator are not affected.

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
    The seed applies to the whole process. Threads may draw and make layers at the same time, because each
    generator has a separate stream. The order in which layers are made determines their streams; pass
    `rng` if threads make them. A copied or pickled `Dropout` keeps its position and ignores later
    calls.

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
    """Return a new generator that `manual_seed` resets as long as it exists."""
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
