# the new gradient is multiplied with 1 - momentum: add it whole
def step(parameters, gradients, velocities, lr, momentum):
    for p, g, v in zip(parameters, gradients, velocities):
        v *= momentum
        v += (1 - momentum) * g
        p -= lr * v
