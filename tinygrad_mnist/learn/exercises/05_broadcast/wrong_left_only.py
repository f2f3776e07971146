# an axis of length 1 is not summed: it was stretched as well
def sum_to(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))
