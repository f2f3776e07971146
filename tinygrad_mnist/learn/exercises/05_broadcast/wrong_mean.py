# the shares are averaged: they are added
def sum_to(g, shape):
    g = g.mean(axis=tuple(range(g.ndim - len(shape))))
    for axis, length in enumerate(shape):
        if length == 1:
            g = g.mean(axis=axis, keepdims=True)
    return g
