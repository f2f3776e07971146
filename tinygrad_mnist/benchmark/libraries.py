"""Other frameworks, each with a fast step as its users write it; None if one is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.benchmark.measure import TrainingStep, contestant, of_perceptrons
from tinygrad_mnist.benchmark.perceptrons import Perceptron
from tinygrad_mnist.benchmark.workload import LR, Workload


@contestant("PyTorch")
def pytorch(workload: Workload) -> TrainingStep | None:
    """Eager PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    model, loss_function = workload.in_pytorch()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    x, targets = (torch.tensor(array) for array in workload.data())

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_function(model(x), targets)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return TrainingStep(step, lambda: [parameter.detach().numpy() for parameter in model.parameters()])


@contestant("JAX jit")
def jax_jit(workload: Workload) -> TrainingStep | None:
    """JAX with the whole step compiled and the memory of the old parameters donated to the new ones."""
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    jax.config.update("jax_cpu_enable_async_dispatch", False)  # the loss is awaited: faster without a queue
    x, targets = (jnp.asarray(array) for array in workload.data())
    parameters, loss = workload.in_jax()

    def descend(parameters: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        return value, jax.tree.map(lambda p, g: p - LR * g, parameters, gradients)

    compiled = jax.jit(descend, donate_argnums=0)

    def step() -> float:
        nonlocal parameters
        value, parameters = compiled(parameters, x, targets)
        return float(value)

    return TrainingStep(step, lambda: [np.asarray(array) for array in jax.tree.leaves(parameters)])


@contestant("HIPS autograd")
@of_perceptrons
def hips_autograd(workload: Perceptron) -> TrainingStep | None:
    """HIPS autograd with value_and_grad and an update in place."""
    try:
        import autograd.numpy as anp
        from autograd import value_and_grad
        from autograd.scipy.special import expit, logsumexp
    except ImportError:
        return None
    (W1, W2), (b1, b2) = workload.parameters()
    parameters = [W1, b1, W2, b2]
    x, y = workload.data()[0], workload.desired_outputs()

    def loss(parameters: Any) -> Any:
        W1, b1, W2, b2 = parameters
        z = anp.dot(expit(anp.dot(x, W1.T) + b1), W2.T) + b2
        if workload.cost == "quadratic":
            return 0.5 * anp.sum((expit(z) - y) ** 2) / len(x)
        if workload.cost == "cross-entropy":
            return (anp.sum(logsumexp(z, axis=1)) - anp.sum(z * y)) / len(x)
        return anp.sum(anp.logaddexp(0, z) - y * z) / len(x)

    differentiated = value_and_grad(loss)

    def step() -> float:
        value, gradients = differentiated(parameters)
        for parameter, gradient in zip(parameters, gradients):
            parameter -= LR * gradient
        return float(value)

    return TrainingStep(step, lambda: parameters)


@contestant("MyGrad")
@of_perceptrons
def mygrad(workload: Perceptron) -> TrainingStep | None:
    """MyGrad in its fast mode, without guarding the memory that a graph refers to."""
    try:
        import mygrad as mg
        from mygrad.nnet import sigmoid
        from mygrad.nnet.losses import softmax_crossentropy
    except ImportError:
        return None
    mg.turn_memory_guarding_off()
    (W1, W2), (b1, b2) = workload.parameters()
    parameters = W1, b1, W2, b2 = [mg.tensor(array) for array in (W1, b1, W2, b2)]
    x, y = workload.data()

    def step() -> float:
        z = mg.matmul(sigmoid(mg.matmul(x, W1.T) + b1), W2.T) + b2
        if workload.cost == "quadratic":
            loss = 0.5 * mg.sum((sigmoid(z) - y) ** 2) / len(x)
        elif workload.cost == "cross-entropy":
            loss = softmax_crossentropy(z, y)
        else:
            loss = mg.sum(mg.logaddexp(0, z) - y * z) / len(x)
        loss.backward()
        for parameter in parameters:
            parameter.data -= LR * parameter.grad
        return float(loss.item())

    return TrainingStep(step, lambda: [parameter.data for parameter in parameters])
