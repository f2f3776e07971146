# the first use is kept and the others are lost
def sum_to(g, shape):
    while g.ndim > len(shape):
        g = g[0]
    return g
