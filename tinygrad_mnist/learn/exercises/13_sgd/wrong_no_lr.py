# lr is not used
def step(parameters, gradients, lr):
    for p, g in zip(parameters, gradients):
        p -= g
