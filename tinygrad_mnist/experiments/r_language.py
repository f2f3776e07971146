"""R's random numbers and number formats: the same seed gives the same numbers as in R.

Three of the articles publish a seed, so their first weights and shuffles are known: with these numbers every
printed digit can be compared.  R's own documentation is ``?RNGkind`` and ``?sample``; the generator is
M. Matsumoto and T. Nishimura, "Mersenne Twister", ACM Transactions on Modeling and Computer Simulation 8
(1998), 3-30.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_UNIT = 2.3283064365386963e-10  # of a 32-bit output, as R's source has it: 1 / (2**32 - 1)
_SCRAMBLES, _STATE = 50, 624
_NORMAL_BITS = 2.0**27  # a normal number is made of two uniform ones: 27 bits of the first, then the second
_PIECE_BITS = 16
_BLOCK = 4096  # uniform numbers drawn at a time for a shuffle
PASTED, PRINTED = 15, 7  # significant digits of paste() and message(), and of print()


class RRandom:
    """R's default generators after ``set.seed(seed)``: Mersenne Twister, Inversion, Rejection.

    Parameters
    ----------
    seed
        Any integer that R takes, of 32 bits.
    rounding
        Sample as R did before version 3.6 (``RNGkind(sample.kind = "Rounding")``).

    Examples
    --------
    >>> RRandom(42).uniform(3)
    array([0.91480604, 0.93707541, 0.28613953])
    >>> RRandom(1).normal(3)
    array([-0.62645381,  0.18364332, -0.83562861])
    >>> RRandom(123).sample(60_000)[:5]
    array([51663, 57870,  2986, 58486, 29925])
    """

    def __init__(self, seed: int, *, rounding: bool = False) -> None:
        self._bits = np.random.MT19937()
        self._rounding = rounding
        self._ahead = np.empty(0)  # uniform numbers drawn from the twister but not used yet
        value = seed & 0xFFFFFFFF
        for _ in range(_SCRAMBLES):
            value = (69069 * value + 1) & 0xFFFFFFFF
        words = []
        for _ in range(_STATE + 1):
            value = (69069 * value + 1) & 0xFFFFFFFF
            words.append(value)
        key = np.array(words[1:], np.uint32)  # the first word is the place in the others, which R sets itself
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": _STATE}}

    def uniform(self, count: int, low: float = 0.0, high: float = 1.0) -> Floats:
        """Return ``runif(count, low, high)``: numbers between `low` and `high`, shape (count,)."""
        missing = max(0, count - len(self._ahead))
        drawn = np.clip(self._bits.random_raw(missing) * _UNIT, 0.5 * _UNIT, 1 - 0.5 * _UNIT)
        numbers, self._ahead = np.concatenate([self._ahead[:count], drawn]), self._ahead[count:]
        return low + (high - low) * numbers

    def normal(self, count: int, mean: float = 0.0, sd: float = 1.0) -> Floats:
        """Return ``rnorm(count, mean, sd)``, shape (count,).

        By inversion: the inverse distribution function is M. Wichura's algorithm AS 241 (Applied Statistics
        37, 1988), which Python's ``statistics`` has as well.
        """
        pairs = self.uniform(2 * count).reshape(count, 2)
        levels = (np.floor(_NORMAL_BITS * pairs[:, 0]) + pairs[:, 1]) / _NORMAL_BITS
        inverse = NormalDist().inv_cdf
        return mean + sd * np.array([inverse(level) for level in levels.tolist()])

    def normal_matrix(self, rows: int, columns: int, sd: float = 1.0) -> Floats:
        """Return ``matrix(rnorm(rows * columns, sd = sd), rows, columns)``: R fills column by column."""
        return np.ascontiguousarray(self.normal(rows * columns, sd=sd).reshape(columns, rows).T)

    def sample(self, count: int, size: int | None = None) -> Integers:
        """Return ``sample(count, size)``: `size` different numbers from 1 to `count` in random order."""
        size = count if size is None else size
        places = self._rounded(count, size) if self._rounding else self._rejected(count, size)
        rest = list(range(1, count + 1))
        chosen = []
        for place in places:
            chosen.append(rest[place])
            last = rest.pop()
            if place < len(rest):
                rest[place] = last
        return np.array(chosen, np.int64)

    def shuffle(self, values: Integers) -> Integers:
        """Shuffle as GNU's C++ ``std::random_shuffle`` with ``floor(runif(1) * n)``: values (n,) -> (n,)."""
        order: list[int] = values.tolist()
        lengths = np.arange(2, len(order) + 1)
        for place, other in enumerate((lengths * self.uniform(len(lengths))).astype(np.int64).tolist(), 1):
            order[place], order[other] = order[other], order[place]
        return np.array(order, values.dtype)

    def _rounded(self, count: int, size: int) -> list[int]:
        """Draw a position among `count`, one among ``count - 1``, ...: one uniform number each."""
        lengths = np.arange(count, count - size, -1)
        places: list[int] = (lengths * self.uniform(size)).astype(np.int64).tolist()
        return places

    def _rejected(self, count: int, size: int) -> list[int]:
        """Draw the same from pieces of 16 random bits; a position that is too large is drawn again."""
        places, pieces = [], self._pieces()
        for left in range(count, count - size, -1):
            bits = (left - 1).bit_length()  # the logarithm to base 2, rounded up
            mask, place = (1 << bits) - 1, left
            while place >= left:
                place = 0
                for _ in range(0, bits + 1, _PIECE_BITS):  # R draws another piece where 16 bits would do
                    place = place << _PIECE_BITS | next(pieces)
                place &= mask
            places.append(place)
        pieces.close()
        return places

    def _pieces(self) -> Generator[int, None, None]:
        """Yield 16 bits per uniform number; unused numbers are put back at the end."""
        while True:
            numbers, taken = self.uniform(_BLOCK), 0
            try:
                for piece in (65536 * numbers).astype(np.int64).tolist():
                    taken += 1
                    yield piece
            finally:
                self._ahead = np.concatenate([numbers[taken:], self._ahead])


def significant(value: float, digits: int = PASTED) -> str:
    """Write a number with at most `digits` significant digits, as ``paste`` does: without zeros at the end.

    Examples
    --------
    >>> significant(23.39616901140001), significant(0.1 + 0.2), significant(8.5e-06)
    ('23.3961690114', '0.3', '8.5e-06')
    """
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    scientific = f"{mantissa}e{exponent}"
    decimals = max(0, len(mantissa.lstrip("-").replace(".", "")) - 1 - int(exponent))
    fixed = f"{value:.{decimals}f}"
    return fixed if len(fixed) <= len(scientific) else scientific


def column(values: Iterable[float]) -> list[str]:
    """Write numbers of a matrix as ``print`` does: seven digits of the one that needs most decimals.

    Examples
    --------
    >>> column([0.97469827891, 0.00083317616])
    ['0.9746982789', '0.0008331762']
    """
    numbers = list(values)
    written = [significant(number, PRINTED) for number in numbers]
    if any("e" in text for text in written):
        return written
    decimals = max((len(text.partition(".")[2]) for text in written), default=0)
    return [f"{number:.{decimals}f}" for number in numbers]
