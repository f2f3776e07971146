"""The network of the tests' pages as the pages compute with it."""

import numpy as np

from tinygrad_mnist import nn


def in_double(model):
    """A copy in float64."""
    copy = nn.perceptron("64-12-10", nn.Tanh, rng=0, dtype=np.float64)
    copy.load_state_dict({name: p.data.astype(np.float64) for name, p in model.named_parameters()})
    return copy
