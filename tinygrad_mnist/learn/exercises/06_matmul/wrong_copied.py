# in your rule for b it is the rule of the other input
def rule_a(g, a, b):
    return g @ b.T


def rule_b(g, a, b):
    return g @ b.T
