def step(parameters, gradients, lr):
    for p, g in zip(parameters, gradients):
        p -= lr * g
