"""Subjects of the refusals: small tensors and models, and the check of a sentence.

A refusal says what was given, what is expected, and one thing to write instead.
"""

import re

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn

VECTOR = np.array([1.0, 2.0])
BATCH = np.ones((2, 3), np.float32)


def tensor():
    return Tensor(np.ones((2, 3)), requires_grad=True, name="x")


def loss():
    x = tensor()
    return (x * x).sum()


def model():
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=0))


def outputs(*shape):
    return Tensor(np.full(shape, 0.5), requires_grad=True)


def refuses(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
