"""The V: no h is too small, until it is.

A difference quotient becomes better as h gets smaller, and then worse again, since a computer rounds.
Measure it. f is a function of one number, slope its right derivative at x, hs a list of steps.

1. `errors`: an array with the error of the central difference, |quotient - slope|, for each h.
2. `best`: the h with the smallest error.
"""

import numpy as np


def errors(f, slope, x, hs):
    return ...


def best(f, slope, x, hs):
    return ...


if __name__ == "__main__":
    hs = [10.0**-k for k in range(1, 15)]
    for h, error in zip(hs, np.atleast_1d(errors(np.exp, np.e, 1.0, hs))):
        print(f"h = {h:.0e}   error = {error}")
