"""Compare errors where they are large enough to be exact, then the bottom of the V."""

import math

import numpy as np

from tinygrad_mnist.learn import agree, fail, line_of, numbers

CASES = [("exp", np.exp, math.e, 1.0), ("sin", np.sin, math.cos(1.0), 1.0)]
LARGE = [0.5, 0.2, 0.1]
ALL = [10.0**-k for k in range(1, 15)]


def quotients(f, x, hs):
    return np.array([(f(x + h) - f(x - h)) / (2 * h) for h in hs])


def check(work):
    for name, f, slope, x in CASES:
        given = {"f": name, "slope": slope, "x": x, "hs": LARGE}
        off = quotients(f, x, LARGE) - slope
        line = line_of(work.get("errors"))
        mistakes = {
            "the sign of the error is kept: take abs": off,
            "the sign of the error is turned round: take abs": -off,
            "the quotients themselves are given: subtract the slope": off + slope,
            "the errors are relative: take the difference alone": abs(off / slope),
            "the quotients are one-sided": [abs((f(x + h) - f(x)) / h - slope) for h in LARGE],
            "the distance of x + h and x - h is 2 h": [abs(2 * (o + slope) - slope) for o in off],
        }
        agree(
            "`errors`", work.call("errors", f, slope, x, LARGE), abs(off), given, mistakes, "right is", line
        )
    for case in CASES:
        bottom(work, *case)


def bottom(work, name, f, slope, x):
    """Ask for the best h; rounding leaves a choice of neighbours."""
    line = line_of(work.get("best"))
    h = numbers("`best`", work.call("best", f, slope, x, ALL), line)
    where = f"for f = {name} and hs from 0.1 to 1e-14"
    off = abs(quotients(f, x, ALL) - slope)
    if h.shape or h not in ALL:
        kind = (
            "it is the place in the list" if not h.shape and float(h).is_integer() else "it is none of them"
        )
        at = "" if h.shape else f" {h:g},"
        fail(f"{where} `best` gives{at} which is not an h: {kind}; return the h itself", line)
    chosen = ALL.index(float(h))
    if off[chosen] > 10 * off.min():
        why = (
            "the smallest h: there rounding is largest"
            if chosen == len(ALL) - 1
            else "an h with a larger error"
        )
        right = ALL[int(off.argmin())]
        fail(f"{where} `best` gives {h:g}, {why}: {off[chosen]:.1e}; {right:g} has {off.min():.1e}", line)
