# in your rule for a the product is taken entry by entry
def rule_a(g, a, b):
    return g * b


def rule_b(g, a, b):
    return a.T @ g
