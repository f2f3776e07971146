"""The perceptron with backpropagation derived by hand: an oracle for the framework, in NumPy alone.

The notation is that of "Neural networks and Deep Learning, Chapter 1" (the article in C++ loops): layers are
counted 0 (the input) to L (the output); W^i leads from layer i to layer i + 1 and has the shape
(N_{i+1}, N_i); b^i, z^i and a^i belong to layer i.  A batch stacks n examples as rows, so
``z = a @ W.T + b``.

Forward
    a^0 = x,   z^{i+1} = W^i a^i + b^{i+1},   a^{i+1} = sigma(z^{i+1}),   sigma(z) = 1 / (1 + exp(-z)),
    with the derivative sigma'(z) = sigma(z) (1 - sigma(z)) = a (1 - a).
    For the cross-entropy the last layer is a softmax instead: a^L_j = exp(z^L_j) / sum_k exp(z^L_k).
    For the binary cross-entropy it is a sigmoid as the others: a^L_j is the probability that y_j is 1.

Step 1: change of the cost with the last z, delta^L = dC/dz^L, for one example.
    Quadratic cost, C = 1/2 sum_j (a^L_j - y_j)^2.  Each z^L_j moves only its own a^L_j:
        delta^L_j = dC/da^L_j * da^L_j/dz^L_j = (a^L_j - y_j) * a^L_j (1 - a^L_j).
    Cross-entropy, C = -sum_k y_k log a^L_k.  Each z^L_j moves every a^L_k:
        d log a^L_k / dz^L_j = [j = k] - a^L_j, so with sum_k y_k = 1
        delta^L_j = -y_j + a^L_j sum_k y_k = a^L_j - y_j.
    Binary cross-entropy, C = -sum_j [y_j log a^L_j + (1 - y_j) log(1 - a^L_j)], with y_j 0 or 1.  Each z^L_j
    moves only its own a^L_j, and the derivative of the sigmoid cancels the denominator:
        dC/da^L_j = -y_j / a^L_j + (1 - y_j) / (1 - a^L_j) = (a^L_j - y_j) / (a^L_j (1 - a^L_j)),
        delta^L_j = dC/da^L_j * a^L_j (1 - a^L_j) = a^L_j - y_j.

Step 2: from layer i + 1 back to layer i.  z^i_l moves a^i_l, and that moves every z^{i+1}_k by W^i_kl:
        delta^i_l = sum_k delta^{i+1}_k W^i_kl * a^i_l (1 - a^i_l).

Step 3: from the deltas to the parameters.  In z^{i+1}_j = sum_k W^i_jk a^i_k + b^{i+1}_j the bias stands
    with the factor 1, the weight with the factor a^i_k:
        dC/db^{i+1}_j = delta^{i+1}_j,      dC/dW^i_jk = delta^{i+1}_j a^i_k.

Step 4: the batch.  The cost is the mean over n examples.  Dividing delta^L by n once divides all that
    follows; the sum over the examples is then the matrix product delta.T @ a.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Cost = Literal["quadratic", "cross-entropy", "binary cross-entropy"]
"""Costs of a perceptron, each with the activation of its output layer.

Examples
--------
>>> import numpy as np
>>> from typing import get_args
>>> for cost in get_args(Cost):
...     print(cost, feed_forward([np.zeros((2, 1))], [np.zeros(2)], np.ones((1, 1)), cost)[-1])
quadratic [[0.5 0.5]]
cross-entropy [[0.5 0.5]]
binary cross-entropy [[0.5 0.5]]
"""


def require_cost(cost: str) -> None:
    """Refuse a cost that has no derivation here."""
    if cost not in get_args(Cost):
        known = ", ".join(f'"{name}"' for name in get_args(Cost))
        raise ValueError(
            f'cost is {cost!r}: expected one of {known}; for a mean of squares write "quadratic"'
        )


def sigmoid(z: Array) -> Array:
    """1 / (1 + e**-z)

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0]))
    array([0. , 0.5])
    """
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def softmax(z: Array) -> Array:
    """e**z / sum(e**z) in each row of z: (n, k) -> (n, k)

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.zeros((1, 4)))
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def feed_forward(weights: Sequence[Array], biases: Sequence[Array], x: Array, cost: Cost) -> list[Array]:
    """Return the activations, from a^0 = x to a^L.

    Parameters
    ----------
    weights
        W^0 ... W^{L-1}, each (N_{i+1}, N_i).
    biases
        b^1 ... b^L, each (N_i,).
    x
        The batch, (n, N_0).
    cost
        "quadratic", "binary cross-entropy": sigmoids everywhere; "cross-entropy": a softmax at the end.

    Examples
    --------
    >>> import numpy as np
    >>> weights, biases = [np.zeros((2, 3))], [np.zeros(2)]
    >>> feed_forward(weights, biases, np.ones((1, 3)), "quadratic")[-1]
    array([[0.5, 0.5]])
    """
    require_cost(cost)
    activations = [x]
    for i, (W, b) in enumerate(zip(weights, biases)):
        z = activations[-1] @ W.T + b
        last = i == len(weights) - 1
        activations.append(softmax(z) if last and cost == "cross-entropy" else sigmoid(z))
    return activations


def cost_value(output: Array, y: Array, cost: Cost) -> float:
    """Return the mean cost of a batch; output, y: (n, N_L).

    Examples
    --------
    >>> import numpy as np
    >>> cost_value(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]]), "quadratic")
    0.25
    """
    require_cost(cost)
    if cost == "cross-entropy":
        return float(-np.log((output * y).sum(axis=1)).sum() / len(y))
    if cost == "binary cross-entropy":  # |a - (1 - y)| is a where y is 1 and 1 - a where y is 0
        return float(-np.log(np.abs(output - (1 - y))).sum() / len(y))
    difference = (output - y).ravel()
    return float(0.5 * (difference @ difference) / len(y))


def backprop(
    weights: Sequence[Array], biases: Sequence[Array], x: Array, y: Array, cost: Cost = "quadratic"
) -> tuple[float, list[Array], list[Array]]:
    """Return the mean cost of a batch and its gradients, by the four steps derived above.

    Parameters
    ----------
    weights, biases, x, cost
        As in `feed_forward`.
    y
        The desired outputs, (n, N_L): one-hot rows, or zeros and ones for the binary cross-entropy.

    Returns
    -------
    cost, weight_gradients, bias_gradients
        The gradients in the order and shapes of `weights` and `biases`.

    Examples
    --------
    >>> import numpy as np
    >>> weights, biases = [np.zeros((2, 3))], [np.zeros(2)]
    >>> x, y = np.ones((1, 3)), np.array([[1.0, 0.0]])
    >>> cost, weight_gradients, bias_gradients = backprop(weights, biases, x, y)
    >>> cost, bias_gradients[0]
    (0.25, array([-0.125,  0.125]))
    """
    activations = feed_forward(weights, biases, x, cost)
    a = activations[-1]
    delta = (a - y) / len(x)
    if cost == "quadratic":
        delta *= a * (1 - a)
    weight_gradients, bias_gradients = [], []
    for i in range(len(weights) - 1, -1, -1):
        a = activations[i]
        weight_gradients.append(delta.T @ a)
        bias_gradients.append(delta.sum(axis=0))
        if i > 0:
            delta = delta @ weights[i] * (a * (1 - a))
    return cost_value(activations[-1], y, cost), weight_gradients[::-1], bias_gradients[::-1]


def sgd_step(
    weights: Sequence[Array],
    biases: Sequence[Array],
    x: Array,
    y: Array,
    rate: float,
    cost: Cost = "quadratic",
) -> float:
    """Run one step of gradient descent in place; return the cost before it.

    Examples
    --------
    >>> import numpy as np
    >>> weights, biases = [np.zeros((2, 3))], [np.zeros(2)]
    >>> x, y = np.ones((1, 3)), np.array([[1.0, 0.0]])
    >>> [round(sgd_step(weights, biases, x, y, rate=1.0), 3) for _ in range(3)]
    [0.25, 0.143, 0.089]
    """
    value, weight_gradients, bias_gradients = backprop(weights, biases, x, y, cost)
    for parameter, gradient in zip([*weights, *biases], [*weight_gradients, *bias_gradients]):
        parameter -= rate * gradient
    return value
