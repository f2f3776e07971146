"""Networks that come with the package."""

import numpy as np
import pytest

from tinygrad_mnist import load_pretrained
from tinygrad_mnist.training import predict

TEST_ERRORS = {"record": 40}  # of 10,000


@pytest.mark.parametrize("name", TEST_ERRORS)
def test_pretrained_network_has_its_test_error(name, mnist):
    model = load_pretrained(name)
    assert {p.dtype for p in model.parameters()} == {np.dtype(np.float32)}
    outputs, labels = predict(model, mnist.test.loader(1000))
    assert (outputs.argmax(axis=1) != labels).sum() == TEST_ERRORS[name]


def test_unknown_pretrained_network_is_refused():
    with pytest.raises(
        ValueError, match=r"name is 'recrod': expected one of 'record'; did you mean 'record'"
    ):
        load_pretrained("recrod")
