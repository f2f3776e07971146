import numpy as np


def initial(rng, outputs, inputs):
    return rng.normal(0.0, np.sqrt(2 / inputs), (outputs, inputs))
