def rule(g, x):
    return g * 2 * x
