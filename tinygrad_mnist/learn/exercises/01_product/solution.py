def rule_a(g, a, b):
    return g * b


def rule_b(g, a, b):
    return g * a
