# all weights are 0: equal units get equal gradients and stay equal
import numpy as np


def initial(rng, outputs, inputs):
    return np.zeros((outputs, inputs))
