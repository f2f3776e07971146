"""Layers for images refuse what does not fit, and start with PyTorch's initial values."""

import numpy as np
import pytest

from tinygrad_mnist import nn
from tinygrad_mnist.errors import DTypeError, ShapeError

F32 = np.float32


def test_initial_values_fill_the_bound_of_pytorch():
    layer = nn.Conv2d(3, 50, (2, 4), rng=0)
    for parameter in (layer.weight, layer.bias):
        assert parameter.dtype == F32
        assert 0.9 / 24**0.5 < abs(parameter.data).max() <= 1 / 24**0.5


@pytest.mark.parametrize(
    ("shape", "instead"),
    [
        ((5, 28, 28), r"pass x\[None\] for one image"),
        ((5, 28, 28, 3), r"pass x\.transpose\(0, 3, 1, 2\)"),
        ((5, 2, 28, 28), r"build it as Conv2d\(2, 4, \(3, 3\)\)"),
        ((5, 2352), r"pass x\.reshape\(len\(x\), 3, height, width\)"),
    ],
)
def test_inputs_of_other_axes_are_refused_with_a_call(shape, instead):
    with pytest.raises(ShapeError, match=instead):
        nn.Conv2d(3, 4, 3)(np.zeros(shape, F32))


def test_inputs_of_another_dtype_are_refused():
    with pytest.raises(DTypeError, match=r"pass x\.astype\(np\.float32\)"):
        nn.Conv2d(1, 4, 3)(np.zeros((2, 1, 5, 5)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Conv2d(4, 6, 3, groups=2), r"groups is 2: expected 1; write nn\.Conv2d\(2, 3, 3\)"),
        (lambda: nn.Conv2d(4, 6, 0), "kernel_size is 0: expected at least 1"),
        (lambda: nn.Conv2d(4, 6, 3, stride=(1, 0)), r"stride is \(1, 0\): expected at least 1"),
        (lambda: nn.Conv2d(4, 6, 3, padding=-1), "padding is -1: expected at least 0"),
        (lambda: nn.MaxPool2d(2, padding=2), "padding is 2: expected at most half"),
        (lambda: nn.MaxPool2d(2, dilation=0), "dilation is 0: expected at least 1"),
        (lambda: nn.AvgPool2d((1, 2, 3)), r"kernel_size is \(1, 2, 3\): expected a whole number or a pair"),
    ],
)
def test_settings_that_do_not_fit_are_refused(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
