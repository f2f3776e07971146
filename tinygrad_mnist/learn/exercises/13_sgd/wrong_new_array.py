# the arrays are as they were
def step(parameters, gradients, lr):
    for p, g in zip(parameters, gradients):
        p = p - lr * g
