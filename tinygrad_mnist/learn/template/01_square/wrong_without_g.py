# your rule forgets g, the gradient that arrives
def rule(g, x):
    return 2 * x
