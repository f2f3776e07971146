# the step goes uphill: move against the gradient
def step(parameters, gradients, lr):
    for p, g in zip(parameters, gradients):
        p += lr * g
