"""Adam, AdamW, RMSprop and Adagrad are PyTorch's, as the documentation of torch.optim publishes them."""

import tracemalloc

import numpy as np
import pytest

from tests.optim.options import CASES, IDS, OPTIONS
from tinygrad_mnist import Tensor, optim

SHAPES = [(3, 4), (4,), ()]


def published_adam(theta, gradients, options, defaults):
    """The algorithm of torch.optim.Adam line by line, and of AdamW where the decay is `decoupled`."""
    o = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": False, "maximize": False}
    o = {**o, **defaults, **options}
    (beta1, beta2), m, v, v_max = o["betas"], 0.0, 0.0, 0.0
    for t, g in enumerate(gradients, 1):
        g = -g if o["maximize"] else g
        if o["decoupled"]:
            theta = theta - o["lr"] * o["weight_decay"] * theta
        else:
            g = g + o["weight_decay"] * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        v_max = np.maximum(v_max, v)
        m_hat = m / (1 - beta1**t)
        v_hat = (v_max if o["amsgrad"] else v) / (1 - beta2**t)
        theta = theta - o["lr"] * m_hat / (np.sqrt(v_hat) + o["eps"])
    return theta


def published_rmsprop(theta, gradients, options):
    """The algorithm of torch.optim.RMSprop line by line."""
    o = {"lr": 0.01, "alpha": 0.99, "eps": 1e-8, "weight_decay": 0, "momentum": 0, "centered": False}
    o = {**o, "maximize": False, **options}
    alpha, v, mean, b = o["alpha"], 0.0, 0.0, 0.0
    for g in gradients:
        g = (-g if o["maximize"] else g) + o["weight_decay"] * theta
        v = alpha * v + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        v_centered = v - mean**2 if o["centered"] else v
        b = o["momentum"] * b + g / (np.sqrt(v_centered) + o["eps"])
        theta = theta - o["lr"] * b
    return theta


def published_adagrad(theta, gradients, options):
    """The algorithm of torch.optim.Adagrad line by line."""
    o = {"lr": 0.01, "lr_decay": 0, "weight_decay": 0, "initial_accumulator_value": 0, "eps": 1e-10}
    o = {**o, "maximize": False, **options}
    total = o["initial_accumulator_value"]
    for t, g in enumerate(gradients, 1):
        g = (-g if o["maximize"] else g) + o["weight_decay"] * theta
        total = total + g**2
        theta = theta - o["lr"] / (1 + (t - 1) * o["lr_decay"]) * g / (np.sqrt(total) + o["eps"])
    return theta


PUBLISHED = {
    optim.Adam: lambda *given: published_adam(*given, {"decoupled": False, "weight_decay": 0}),
    optim.AdamW: lambda *given: published_adam(*given, {"decoupled": True, "weight_decay": 0.01}),
    optim.RMSprop: published_rmsprop,
    optim.Adagrad: published_adagrad,
}


@pytest.mark.parametrize(("kind", "options"), CASES, ids=IDS)
@pytest.mark.parametrize("size", [1.0, 1e-7])  # at the smaller one, eps decides
def test_every_setting_gives_the_published_update(kind, options, size):
    rng = np.random.default_rng(0)
    start = [np.asarray(rng.standard_normal(shape)) for shape in SHAPES]
    parameters = [Tensor(x.copy(), requires_grad=True) for x in start]
    optimizer = kind(parameters, **options)
    gradients = [[] for _ in start]
    for step in range(7):
        for position, parameter in enumerate(parameters):
            parameter.grad = None
            if position != 1 or step % 3:  # each counts its own updates
                gradients[position].append(np.asarray(size * rng.standard_normal(parameter.shape)))
                parameter.grad = gradients[position][-1].copy()
        optimizer.step()
        for parameter, given in zip(parameters, gradients):
            if parameter.grad is not None:
                np.testing.assert_array_equal(parameter.grad, given[-1], err_msg="the gradient is left alone")
    for parameter, theta, given in zip(parameters, start, gradients):
        expected = PUBLISHED[kind](theta, given, options)
        np.testing.assert_allclose(parameter.data, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("kind", OPTIONS)
def test_update_after_the_first_allocates_nothing(kind):
    parameter = Tensor(np.ones(100_000), requires_grad=True)
    optimizer = kind([parameter])
    parameter.grad = np.ones(100_000)
    for _ in range(2):
        optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        assert tracemalloc.get_traced_memory()[1] < 200_000  # the parameter has 800,000 bytes
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", OPTIONS)
def test_settings_at_the_ends_of_their_ranges_are_taken(kind):
    zero = {"lr": 0, "eps": 0, "weight_decay": 0}
    own = {optim.RMSprop: ("alpha", "momentum"), optim.Adagrad: ("lr_decay", "initial_accumulator_value")}
    for name in own.get(kind, ()):
        zero[name] = 0
    if kind in (optim.Adam, optim.AdamW):
        zero["betas"] = (0, 0)
    optimizer = kind([Tensor([1.0], requires_grad=True)], **zero)
    for name in zero:
        assert getattr(optimizer, name) == zero[name]
