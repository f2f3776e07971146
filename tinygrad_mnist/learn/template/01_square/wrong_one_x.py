# your rule is that of one x
def rule(g, x):
    return g * x
