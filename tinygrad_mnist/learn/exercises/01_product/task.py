"""The derivative of a product.

y = a * b stands somewhere in a computation that ends in one number L. You are given g = dL/dy: how
much L changes when y changes a little. A rule carries g back to one input: rule_a returns dL/da,
rule_b returns dL/db.

Replace both `...`, save, and run:  tinygrad-mnist learn check
"""


def rule_a(g, a, b):
    return ...


def rule_b(g, a, b):
    return ...


if __name__ == "__main__":  # python 01_product.py
    print("dL/da for g = 1, a = 2, b = 3:", rule_a(1.0, 2.0, 3.0))
