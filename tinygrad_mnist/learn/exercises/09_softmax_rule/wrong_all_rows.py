# the sum runs over all rows
def rule(g, y):
    return y * (g - (g * y).sum())
