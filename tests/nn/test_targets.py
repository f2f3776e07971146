"""A loss over (*B, classes) is divided by the number of its targets, whatever the leading axes are."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn


@pytest.mark.parametrize("leading", [(), (4,), (4, 2), (4, 2, 3)])
def test_quadratic_loss_divides_by_the_number_of_targets(leading):
    rng = np.random.default_rng(0)
    output, rows = rng.normal(size=(2, *leading, 5))
    labels = rng.integers(0, 5, leading)
    number = int(np.prod(leading))
    loss = nn.QuadraticLoss()
    assert loss(Tensor(output), rows).item() == pytest.approx(0.5 * np.sum((output - rows) ** 2) / number)
    hot = np.eye(5)[labels]
    assert loss(Tensor(output), labels).item() == pytest.approx(0.5 * np.sum((output - hot) ** 2) / number)
