# your rule for b is that of a; for g = 1, a = 2, b = 3 it gives 3, and the difference quotient says 2.000
def rule_a(g, a, b):
    return g * b


def rule_b(g, a, b):
    return g * b
