# in sigmoid_rule g is not used
def sigmoid_rule(g, y, x):
    return y * (1 - y)


def tanh_rule(g, y, x):
    return g * (1 - y * y)


def relu_rule(g, y, x):
    return g * (x > 0)
