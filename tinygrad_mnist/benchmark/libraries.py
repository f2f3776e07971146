"""Other frameworks, each with a fast step as its users write it; None if one is not installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.benchmark.measure import TrainingStep, contestant
from tinygrad_mnist.benchmark.workloads import LR, Workload


@contestant("PyTorch")
def pytorch(workload: Workload) -> TrainingStep | None:
    """Eager PyTorch."""
    try:
        import torch
    except ImportError:
        return None
    layers: list[Any] = []
    for weight, bias in zip(*workload.parameters()):
        linear = torch.nn.Linear(*weight.shape[::-1])
        linear.weight.data, linear.bias.data = torch.tensor(weight), torch.tensor(bias)
        layers += [linear, torch.nn.Sigmoid()]
    model = torch.nn.Sequential(*(layers if workload.cost == "quadratic" else layers[:-1]))
    optimizer = torch.optim.SGD(model.parameters(), lr=LR)
    x, _, labels = (torch.tensor(array) for array in workload.data())
    loss_function: Any = {
        "quadratic": lambda output, y: ((output - y) ** 2).sum() * (0.5 / len(y)),
        "cross-entropy": torch.nn.functional.cross_entropy,
        "binary cross-entropy": torch.nn.functional.binary_cross_entropy_with_logits,
    }[workload.cost]

    def step() -> float:
        optimizer.zero_grad()
        loss = loss_function(model(x), labels)
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
    x, _, labels = (jnp.asarray(array) for array in workload.data())
    parameters = [(jnp.asarray(W), jnp.asarray(b)) for W, b in zip(*workload.parameters())]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        (W1, b1), (W2, b2) = parameters
        z = jax.nn.sigmoid(x @ W1.T + b1) @ W2.T + b2
        if workload.cost == "quadratic":
            return 0.5 * jnp.sum((jax.nn.sigmoid(z) - y) ** 2) / len(x)
        if workload.cost == "cross-entropy":
            return -jnp.mean(jax.nn.log_softmax(z)[jnp.arange(len(x)), y])
        return jnp.mean(jnp.logaddexp(0, z) - y * z)

    def descend(parameters: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        return value, jax.tree.map(lambda p, g: p - LR * g, parameters, gradients)

    compiled = jax.jit(descend, donate_argnums=0)

    def step() -> float:
        nonlocal parameters
        value, parameters = compiled(parameters, x, labels)
        return float(value)

    return TrainingStep(step, lambda: [np.asarray(array) for layer in parameters for array in layer])


@contestant("HIPS autograd")
def hips_autograd(workload: Workload) -> TrainingStep | None:
    """HIPS autograd with value_and_grad and an update in place."""
    try:
        import autograd.numpy as anp
        from autograd import value_and_grad
        from autograd.scipy.special import expit, logsumexp
    except ImportError:
        return None
    (W1, W2), (b1, b2) = workload.parameters()
    parameters = [W1, b1, W2, b2]
    x, y, _ = workload.data()

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
def mygrad(workload: Workload) -> TrainingStep | None:
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
    x, _, y = workload.data()

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
