# your rule for a is the product itself
def rule_a(g, a, b):
    return a * b


def rule_b(g, a, b):
    return a * b
