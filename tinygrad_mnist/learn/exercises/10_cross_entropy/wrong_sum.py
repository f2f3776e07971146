# the losses of the images are added: take their mean
import numpy as np

from tinygrad_mnist.learn import earlier

softmax = earlier("softmax").softmax


def loss(scores, labels):
    p = softmax(scores)[np.arange(len(labels)), labels]
    return -np.log(p).sum()


def rule(scores, labels):
    p = softmax(scores)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)
