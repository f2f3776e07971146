# only the first parameter moves
def step(parameters, gradients, lr):
    for p, g in zip(parameters[:1], gradients):
        p -= lr * g
