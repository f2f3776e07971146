# in your rule for b the factors stand in the wrong order
def rule_a(g, a, b):
    return g @ b.T


def rule_b(g, a, b):
    return g @ a.T
