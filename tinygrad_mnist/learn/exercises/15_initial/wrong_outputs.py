# the number of outputs stands where that of the inputs belongs
import numpy as np


def initial(rng, outputs, inputs):
    return rng.normal(0.0, np.sqrt(2 / outputs), (outputs, inputs))
