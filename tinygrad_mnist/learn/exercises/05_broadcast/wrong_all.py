# all is summed to one number: only the stretched axes are
def sum_to(g, shape):
    return g.sum()
