"""A matrix product's two rules.

y = a @ b, where a has the shape (n, k) and b the shape (k, m). g = dL/dy has the shape of y, (n, m).

Write both rules: rule_a returns dL/da, of the shape of a, and rule_b dL/db, of the shape of b.
"""

import numpy as np


def rule_a(g, a, b):
    return ...


def rule_b(g, a, b):
    return ...


if __name__ == "__main__":
    a, b = np.ones((2, 3)), np.ones((3, 4))
    print(rule_a(a @ b, a, b))
