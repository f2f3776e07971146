def rule_a(g, a, b):
    return g @ b.T


def rule_b(g, a, b):
    return a.T @ g
