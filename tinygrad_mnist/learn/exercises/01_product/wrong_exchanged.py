# your rule for a is that of b
def rule_a(g, a, b):
    return g * a


def rule_b(g, a, b):
    return g * b
