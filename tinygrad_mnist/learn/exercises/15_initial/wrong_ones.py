# the number of inputs does not come in
import numpy as np


def initial(rng, outputs, inputs):
    return rng.normal(0.0, 1.0, (outputs, inputs))
