# the columns `labels` are taken of every row: pick one number per row
import numpy as np

from tinygrad_mnist.learn import earlier

softmax = earlier("softmax").softmax


def loss(scores, labels):
    return -np.log(softmax(scores)[:, labels]).mean()


def rule(scores, labels):
    return ...
