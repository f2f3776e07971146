# in your rule for a the other matrix is not transposed
def rule_a(g, a, b):
    return g @ b


def rule_b(g, a, b):
    return a.T @ g
