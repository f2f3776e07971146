"""Numbers as R prints them."""

from __future__ import annotations

from collections.abc import Iterable

PASTED, PRINTED = 15, 7  # significant digits of paste() and message(), and of print()


def significant(value: float, digits: int = PASTED) -> str:
    """A number with at most so many significant digits, as ``paste`` writes it: without zeros at the end.

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
    """Numbers of a matrix as ``print`` writes them: seven digits of the one that needs most decimals.

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
