# the gradients of the step before are not forgotten
import numpy as np

from tinygrad_mnist.learn import earlier

digits = earlier("digits")
Tensor, network, scores_of, cross_entropy = (
    digits.Tensor,
    digits.network,
    digits.scores_of,
    digits.cross_entropy,
)
backward, step, train = digits.backward, digits.step, digits.train


def step(parameters, images, labels, lr):
    loss = cross_entropy(scores_of(parameters, images), labels)
    backward(loss)
    for p in parameters:
        p.data -= lr * p.grad
    return float(loss.data)
