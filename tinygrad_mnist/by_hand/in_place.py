"""The same step of descent with preallocated buffers: the speed that plain NumPy can reach.

The formulas are those of `perceptron`; the results differ by rounding, where sums run in another order.  For
speed:

- every result is written into preallocated memory, most into the memory of an operand;
- a product of matrices is `np.dot`, which is called faster than `np.matmul`;
- a sum along an axis is a product with ones, which the matrix library does faster than `np.add.reduce`;
- a maximum along short rows is taken down the columns of a transposed copy;
- numbers are arrays without axes, which a ufunc takes faster than Python's.

The gradients are computed and then the update from them, as in `perceptron`: scaling delta by the rate would
save a pass over each gradient, but then there is no gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import add, copyto, divide, dot, exp, log, multiply, negative, reciprocal, subtract, vdot
from numpy.typing import NDArray

from tinygrad_mnist.by_hand.perceptron import Cost, require_cost

Array = NDArray[Any]


class InPlaceStep:
    """Step of `sgd_step` for batches of one size, in preallocated memory.

    ``step(x, y)`` updates the weights and biases in place and returns the mean cost before, as a float.

    Parameters
    ----------
    weights, biases
        As in `feed_forward`, all of one floating dtype; x and y must have it too.
    examples
        n, the rows of every batch.
    rate, cost
        As in `sgd_step`.

    Notes
    -----
    For z below -88 (in float32) e**-z overflows to infinity, and the sigmoid becomes the right 0.  Put the
    loop under ``np.errstate(over="ignore")`` against NumPy's warning: entering it at each step would cost
    as much as a small product.

    Examples
    --------
    >>> import numpy as np
    >>> step = InPlaceStep([np.zeros((2, 3))], [np.zeros(2)], examples=1, rate=1.0, cost="quadratic")
    >>> x, y = np.ones((1, 3)), np.array([[1.0, 0.0]])
    >>> [round(step(x, y), 3) for _ in range(3)]
    [0.25, 0.143, 0.089]
    """

    def __init__(
        self, weights: Sequence[Array], biases: Sequence[Array], examples: int, rate: float, cost: Cost
    ) -> None:
        require_cost(cost)
        dtype = weights[0].dtype
        self._one, self._rate, self._n = (np.array(number, dtype) for number in (1, rate, examples))
        self._ones = np.ones(examples, dtype)
        self._weight_gradients = [np.empty_like(W) for W in weights]
        self._bias_gradients = [np.empty_like(b) for b in biases]
        self._updates = list(
            zip([*weights, *biases], [*self._weight_gradients, *self._bias_gradients], strict=True)
        )
        self._a, self._delta, self._slope = (
            [np.empty((examples, len(b)), dtype) for b in biases] for _ in range(3)
        )
        self._forward = [(W.T, b, a) for W, b, a in zip(weights, biases, self._a)]
        gradients = zip(self._weight_gradients[1:], self._bias_gradients[1:], self._delta[1:])
        below = zip(weights[1:], self._a, self._delta, self._slope)
        self._backward = [
            (dW, db, delta, delta.T, W, a, delta_below, slope)
            for (dW, db, delta), (W, a, delta_below, slope) in zip(gradients, below)
        ][::-1]
        self._finish = {
            "quadratic": self._quadratic,
            "cross-entropy": self._cross_entropy,
            "binary cross-entropy": self._binary_cross_entropy,
        }[cost]
        # For the last layer: transposed logits, one number per example as a column and as a vector, ones.
        outputs = len(biases[-1])
        self._logits = np.empty((outputs, examples), dtype)
        self._column = np.empty((examples, 1), dtype)
        self._vector = self._column[:, 0]
        self._ones_in_row = np.ones(outputs, dtype)
        self._ones_everywhere = np.ones((examples, outputs), dtype)

    def __call__(self, x: Array, y: Array) -> float:
        """Run a step on a batch; x: (n, N_0), y: (n, N_L)."""
        a = x
        for W_transposed, b, z in self._forward[:-1]:
            dot(a, W_transposed, z)
            a = self._sigmoid(add(z, b, z))
        W_transposed, b, z = self._forward[-1]
        dot(a, W_transposed, z)
        total = self._finish(add(z, b, z), y)
        self._backpropagate(x)
        for parameter, gradient in self._updates:
            multiply(gradient, self._rate, gradient)
            subtract(parameter, gradient, parameter)
        return total / len(x)

    def _backpropagate(self, x: Array) -> None:
        """Compute all gradients from delta^L."""
        one = self._one
        for dW, db, delta, delta_transposed, W, a, delta_below, slope in self._backward:
            dot(delta_transposed, a, dW)
            dot(self._ones, delta, db)
            dot(delta, W, delta_below)
            subtract(one, a, slope)
            multiply(slope, a, slope)
            multiply(delta_below, slope, delta_below)
        dot(self._delta[0].T, x, self._weight_gradients[0])
        dot(self._ones, self._delta[0], self._bias_gradients[0])

    def _sigmoid(self, z: Array) -> Array:
        negative(z, z)
        exp(z, z)
        add(z, self._one, z)
        return reciprocal(z, z)

    # From z^L to delta^L, left in the last delta; each returns the sum of the costs of the examples.

    def _quadratic(self, z: Array, y: Array) -> float:
        a, delta, slope = self._sigmoid(z), self._delta[-1], self._slope[-1]
        subtract(a, y, delta)
        total = 0.5 * float(vdot(delta, delta))
        divide(delta, self._n, delta)
        subtract(self._one, a, slope)
        multiply(slope, a, slope)
        multiply(delta, slope, delta)
        return total

    def _cross_entropy(self, z: Array, y: Array) -> float:
        """-log a_true = log(sum(e**z)) - z_true, with z lowered by its maximum."""
        a, delta, column = self._slope[-1], self._delta[-1], self._column
        copyto(self._logits, z.T)
        np.maximum.reduce(self._logits, axis=0, out=self._vector)
        subtract(z, column, z)
        exp(z, a)
        dot(a, self._ones_in_row, self._vector)
        divide(a, column, a)
        log(column, column)
        total = float(dot(self._vector, self._ones)) - float(vdot(z, y))
        subtract(a, y, delta)
        divide(delta, self._n, delta)
        return total

    def _binary_cross_entropy(self, z: Array, y: Array) -> float:
        a, delta, truth = self._sigmoid(z), self._delta[-1], self._slope[-1]
        subtract(self._one, y, truth)
        subtract(a, truth, truth)
        np.abs(truth, truth)
        log(truth, truth)
        total = -float(vdot(truth, self._ones_everywhere))
        subtract(a, y, delta)
        divide(delta, self._n, delta)
        return total
