"""Clipped gradients: their norm, PyTorch's formula, and the same bits inside a compiled step."""

import numpy as np
import pytest

from tests.program.networks import batch, quadratic
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.program import compile

CLIPS = {
    "norm": lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.01),
    "large norm": lambda parameters: nn.utils.clip_grad_norm_(parameters, 1e6),
    "infinity": lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.01, float("inf")),
    "one": lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.1, norm_type=1),
    "three": lambda parameters: nn.utils.clip_grad_norm_(parameters, 0.01, norm_type=3.0),
    "value": lambda parameters: nn.utils.clip_grad_value_(parameters, 0.002),
}


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_clipped_step_gives_the_eager_bits_when_compiled(clip, kind, dtype):
    def made():
        training = quadratic(optimizer=kind, dtype=dtype)

        def step(x, y):
            training.optimizer.zero_grad()
            loss = training.loss(training.model(x), y)
            loss.backward()
            norm = CLIPS[clip](training.model.parameters())
            training.optimizer.step()
            return loss, norm

        return training, step

    (eager, step), (replayed, function) = made(), made()
    compiled = compile(function)
    rng = np.random.default_rng(0)
    for _ in range(6):
        x, y = batch(rng, eager)
        (loss, norm), (found, found_norm) = step(x, y), compiled(x, y)
        assert found.data.tobytes() == loss.data.tobytes()
        assert norm is found_norm is None or float(found_norm) == float(norm)
        assert replayed.state() == eager.state()


@pytest.mark.parametrize("p", [1, 2, 3.5, float("inf")])
def test_gradients_have_the_largest_norm_afterwards(p):
    rng = np.random.default_rng(0)
    tensors = [Tensor(rng.standard_normal(shape), requires_grad=True) for shape in ((2, 3), (), (4,))]
    gradients = [np.asarray(rng.standard_normal(tensor.shape)) for tensor in tensors]
    for tensor, gradient in zip(tensors, gradients):
        tensor.grad = gradient.copy()
    idle = Tensor([1.0], requires_grad=True)
    norm = nn.utils.clip_grad_norm_([*tensors, idle], 0.5, p)
    together = np.concatenate([gradient.ravel() for gradient in gradients])
    assert norm == pytest.approx(np.linalg.norm(together, p), rel=1e-12)
    for tensor, gradient in zip(tensors, gradients):
        np.testing.assert_allclose(tensor.grad, gradient * (0.5 / (norm + 1e-6)), rtol=1e-12)
    assert idle.grad is None


def test_smaller_gradients_are_left_as_they_are():
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.grad = np.array([0.3, 0.4])
    assert nn.utils.clip_grad_norm_(x, 1) == 0.5
    assert x.grad.tolist() == [0.3, 0.4]
    assert nn.utils.clip_grad_norm_([Tensor([1.0], requires_grad=True)], 1) == 0.0


@pytest.mark.parametrize("clip", [nn.utils.clip_grad_norm_, nn.utils.clip_grad_value_])
@pytest.mark.parametrize("bound", [0.1, np.float64(0.1), np.float32(0.1)])
def test_dtypes_of_gradients_stay_when_they_differ(clip, bound):
    one = Tensor(np.ones(2, np.float32), requires_grad=True)
    other = Tensor(np.ones(2), requires_grad=True)
    one.grad, other.grad = np.ones(2, np.float32), np.ones(2)
    clip([one, other], bound)
    assert (one.grad.dtype, other.grad.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.utils.clip_grad_norm_([], 0), ValueError, "max_norm is 0: expected a number > 0"),
        (lambda: nn.utils.clip_grad_norm_([], float("nan")), ValueError, "max_norm is nan: expected"),
        (lambda: nn.utils.clip_grad_norm_([], 1, -2), ValueError, "norm_type is -2: expected"),
        (lambda: nn.utils.clip_grad_value_([], "1"), TypeError, "clip_value is '1': expected a number > 0"),
        (lambda: nn.utils.clip_grad_value_([3], 1), TypeError, "parameters has 3: expected Tensors"),
        (lambda: nn.utils.clip_grad_value_([[3]], 1), TypeError, r"parameters has \[3\]: expected Tensors"),
        (lambda: nn.utils.clip_grad_norm_(nn.Linear(1, 1), 1), TypeError, r"write model\.parameters\(\)"),
    ],
)
def test_wrong_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
