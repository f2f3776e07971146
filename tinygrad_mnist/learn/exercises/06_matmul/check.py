"""Compare both rules with difference quotients; in square matrices, which come first, all products fit."""

import numpy as np

from tinygrad_mnist.learn import slopes


def check(work):
    rng = np.random.default_rng(1)
    for n, k, m in [(2, 2, 2), (2, 3, 4), (1, 3, 2)]:
        a, b, g = (rng.integers(-4, 5, shape).astype(float) for shape in ((n, k), (k, m), (n, m)))
        given = {"g": g, "a": a, "b": b}
        for name, position in (("rule_a", 0), ("rule_b", 1)):
            right = slopes(np.matmul, a, b, position=position, g=g)
            work.compare(name, given, right, mistakes(name[-1], g, a, b) if n == k == m else {})


def mistakes(x, g, a, b):
    """Return the arrangements that fit square matrices, but for the right one."""
    words = {
        "the other matrix is not transposed": g @ b if x == "a" else a @ g,
        "the factors stand in the wrong order": b.T @ g if x == "a" else g @ a.T,
        "the factors stand in the wrong order, and nothing is transposed": b @ g if x == "a" else g @ a,
        "the product is taken entry by entry: each number of a matrix product is a sum": g
        * (b if x == "a" else a),
        "it is the rule of the other input": a.T @ g if x == "a" else g @ b.T,
        "g is not used": b.T if x == "a" else a.T,
        "the result is transposed": (g @ b.T if x == "a" else a.T @ g).T,
    }
    return {f"in your rule for {x} {say}": value for say, value in words.items()}
