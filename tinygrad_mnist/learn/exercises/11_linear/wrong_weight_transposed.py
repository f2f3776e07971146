# dweight is transposed
def forward(x, weight, bias):
    return x @ weight.T + bias


def backward(g, x, weight, bias):
    return g @ weight, x.T @ g, g.sum(axis=0)
