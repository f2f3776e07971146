# digits that it has not seen, and 90% are asked for: more passes over all images
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
    for k in range(0, len(images), 32):
        step(parameters, images[k : k + 32], labels[k : k + 32], 0.5)
