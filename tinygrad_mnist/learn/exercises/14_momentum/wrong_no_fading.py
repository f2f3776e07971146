# the velocity does not fade
def step(parameters, gradients, velocities, lr, momentum):
    for p, g, v in zip(parameters, gradients, velocities):
        pass
        v += g
        p -= lr * v
