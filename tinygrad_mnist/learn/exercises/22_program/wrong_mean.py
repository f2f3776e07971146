# the mean is missing in dz2: divide by t2.size
import numpy as np


def step(x, t1, W1, b1, W2, b2):
    # forward
    z1 = x @ W1.T + b1  # (5, 4)
    a1 = np.tanh(z1)  # (5, 4)
    z2 = a1 @ W2.T + b2  # (5, 2)
    t2 = z2 - t1  # (5, 2)
    loss = (t2 * t2).mean()

    # backward
    dz2 = 2 * t2  # (5, 2)
    da1 = dz2 @ W2  # (5, 4)
    dW2 = dz2.T @ a1  # (2, 4)
    db2 = dz2.sum(axis=0)  # (2,)
    dz1 = da1 * (1 - a1 * a1)  # (5, 4)
    dW1 = dz1.T @ x  # (4, 3)
    db1 = dz1.sum(axis=0)  # (4,)
    return {"loss": loss, "dz2": dz2, "da1": da1, "dW2": dW2, "db2": db2, "dz1": dz1, "dW1": dW1, "db1": db1}
