# your rule for a forgets g, the gradient that arrives
def rule_a(g, a, b):
    return b


def rule_b(g, a, b):
    return a
