# the velocity is not used
def step(parameters, gradients, velocities, lr, momentum):
    for p, g, v in zip(parameters, gradients, velocities):
        v *= momentum
        v += g
        p -= lr * g
