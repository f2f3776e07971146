"""Bugs of an exercise, by number: their names would give the answer away."""

from __future__ import annotations

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.checking import WrongRule, wrong_rules

_BUGS = {
    1: wrong_rules.sigmoid_of_the_output,
    2: wrong_rules.softmax_diagonal_only,
    3: wrong_rules.bias_of_the_first_example,
}


def planted(number: int) -> WrongRule:
    """Return bug 1, 2 or 3: inside ``with planted(1):`` one rule of the package is wrong.

    Raises
    ------
    ValueError
        If there is no such bug.

    Examples
    --------
    >>> from tinygrad_mnist.checking import check_gradients
    >>> from tinygrad_mnist import ops
    >>> from tinygrad_mnist.learn import planted
    >>> with planted(1):
    ...     report = check_gradients(lambda x: ops.sigmoid(x).sum(), 0.5)
    >>> report.ok
    False
    """
    if number not in _BUGS:
        raise ValueError(f"number is {shown(number)}: expected 1, 2 or 3")
    return _BUGS[number]
