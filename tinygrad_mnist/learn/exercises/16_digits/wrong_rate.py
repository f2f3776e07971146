# the rate is too high
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


def train(parameters, images, labels):
    for _ in range(100):
        step(parameters, images * 255, labels, 1e300)
