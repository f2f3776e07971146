"""Convolutions and pooling as JavaScript, forward and backward, give what NumPy gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.program.test_javascript import agree, arrays, trained
from tinygrad_mnist import load_pretrained, nn, ops
from tinygrad_mnist.program import compile

SMALL = st.integers(1, 3)
SIDES = st.tuples(st.integers(7, 10), st.integers(7, 10))


@given(
    channels=st.tuples(SMALL, SMALL),
    kernel=st.tuples(SMALL, SMALL),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    batch=SMALL,
    sides=SIDES,
)
def test_any_convolution_is_trained_as_in_numpy(
    node, channels, kernel, stride, padding, dilation, batch, sides
):
    convolution = nn.Conv2d(*channels, kernel, stride, padding, dilation, rng=0, dtype=np.float64)
    norm = nn.BatchNorm2d(channels[1], dtype=np.float64)
    layers = nn.Sequential(convolution, norm, nn.ReLU(), nn.MaxPool2d(2, 1)).eval()
    agree(node, trained(layers, (batch, channels[0], *sides)), np.array(0.25), times=3)


@pytest.mark.parametrize("batch", [1, 5])
def test_network_of_the_record_answers_as_in_numpy(engine, batch, mnist):
    model = load_pretrained("record")
    compiled = compile(lambda images: ops.softmax(model(images)))
    images = mnist.test.images[:batch]
    expected = arrays(compiled(images))
    program = compiled.program
    states = [state.get() for state in program.states]
    found, _ = engine.run(program.javascript, states, (), [images])
    assert np.abs(found - expected[0].ravel()).max() < 1e-5
