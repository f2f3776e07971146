# the arrays are as they were
def step(parameters, gradients, lr):
    for k in range(len(parameters)):
        parameters[k] = parameters[k] - lr * gradients[k]
