"""What is rarely met: numbers with axes, integers, NaN, and logits so large that differences cancel."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, ops


@pytest.mark.parametrize("reduction", [ops.sum, ops.mean, ops.max, ops.min, ops.logsumexp])
@pytest.mark.parametrize("axis", [0, -1])
def test_number_has_axis_0_as_in_numpy(reduction, axis):
    x = Tensor(2.0, requires_grad=True)
    reduction(x, axis=axis).backward()
    assert x.grad == 1.0
    assert x.grad.shape == ()


@pytest.mark.parametrize("reduction", [ops.max, ops.min])
def test_maximum_picks_a_nan_and_sends_the_gradient_there(reduction):
    x = Tensor([[1.0, np.nan, 3.0], [2.0, 2.0, 2.0]], requires_grad=True)
    reduction(x, axis=1).backward([6.0, 6.0])
    assert x.grad.tolist() == [[0, 6, 0], [2, 2, 2]]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64])
def test_logsumexp_of_integers(dtype):
    x = np.array([[0, 1, 1]], dtype)
    expected = np.logaddexp.reduce([[0.0, 1.0, 1.0]], axis=1)
    np.testing.assert_allclose(ops.logsumexp(x, axis=1), expected, rtol=1e-15)


@pytest.mark.parametrize(("logit", "target"), [(40.0, 1.0), (-40.0, 0.0), (800.0, 1.0), (20.0, 1.0)])
def test_loss_of_a_sure_right_answer_is_small_but_not_zero(logit, target):
    """log(1 + e**-40) is e**-40, which is lost beside 40."""
    loss = ops.sigmoid_cross_entropy(np.array([logit]), np.array([target]))
    np.testing.assert_allclose(loss, np.log1p(np.exp(-abs(logit))), rtol=1e-14)
