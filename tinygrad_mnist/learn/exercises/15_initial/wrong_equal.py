# all weights are 0.1: equal units get equal gradients and stay equal
import numpy as np


def initial(rng, outputs, inputs):
    return np.full((outputs, inputs), 0.1)
