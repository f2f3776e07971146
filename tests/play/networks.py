"""The networks of the tests' pages as the pages compute with them."""

from copy import deepcopy

import numpy as np

from tinygrad_mnist import nn


def in_double(model):
    """A copy in float64 and in evaluation mode."""
    copy = deepcopy(model).eval()
    for module in copy.modules():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if hasattr(module, name) and tensor.dtype.kind == "f":  # not one of a module below
                setattr(module, name, type(tensor)(tensor.data.astype(np.float64)))
    return copy


def flat(model):
    """The layers of a network, those of networks inside one by one."""
    for layer in model:
        yield from flat(layer) if isinstance(layer, nn.Sequential) else [layer]


def convolutional(first=None, dtype=np.float32):
    """A network of each kind of layer that a page shows, for images of 8 x 8."""
    settings = {"rng": 0, "dtype": dtype}
    layers = (
        *(nn.Conv2d(1, 3, 3, padding=1, **settings), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(3, 4, 2, **settings), nn.BatchNorm2d(4, dtype=dtype), nn.ReLU(), nn.Flatten()),
        *(nn.Dropout(0.5, rng=0), nn.Linear(36, 5, **settings), nn.Sigmoid(), nn.Linear(5, 10, **settings)),
    )
    return nn.Sequential(*([first] if first else []), *layers)
