# each score changes its own probability alone here
def rule(g, y):
    return g * y * (1 - y)
