"""Derivatives without backpropagation, to hold it against: central differences and the complex step."""

import numpy as np

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor


def central_gradient(function, arrays, position, step=1e-5):
    """d function / d arrays[position], entry by entry; function: arrays -> number."""
    result = np.zeros(arrays[position].shape)
    for index in np.ndindex(result.shape):
        ends = []
        for sign in (1, -1):
            moved = [a.copy() for a in arrays]
            moved[position][index] += sign * step
            ends.append(function(*moved))
        result[index] = (ends[0] - ends[1]) / (2 * step)
    return result


def complex_step_gradient(function, arrays, position, step=1e-30):
    """Im f(x + ih) / h: no subtraction, so exact to rounding (W. Squire and G. Trapp, 1998).

    The real part of f(x + ih) has to be f(x).
    """
    result = np.zeros(arrays[position].shape)
    expected = function(*arrays)
    for index in np.ndindex(result.shape):
        moved = [a.astype(complex) if i == position else a for i, a in enumerate(arrays)]
        moved[position][index] += 1j * step
        value = function(*moved)
        np.testing.assert_allclose(np.real(value), expected, rtol=1e-12, atol=1e-12)
        result[index] = np.imag(value) / step
    return result


def weighted(function, arrays, seed=0):
    """A scalar function that depends on every entry of the result of `function`, each in its own way."""
    shape = np.shape(function(*arrays))
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, shape)
    return lambda *inputs: (function(*inputs) * weights).sum()


def assert_close(actual, expected, relative, absolute, what):
    """Each entry by itself; `absolute` is what the rounding of the oracle explains."""
    np.testing.assert_allclose(actual, expected, rtol=relative, atol=absolute, err_msg=what)


def rounding_of_differences(value):
    """What rounding in a function's value becomes when it is divided by the step, with room for sums."""
    return 1e-9 * max(1.0, abs(value))


def check_first_order(function, arrays, complex_step=True):
    """Reverse mode against both oracles, for every input, in float64."""
    scalar = weighted(function, arrays)
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    value = scalar(*tensors)
    value.backward()
    rounding = rounding_of_differences(value.item())
    for position, tensor in enumerate(tensors):
        numeric = central_gradient(scalar, arrays, position)
        assert_close(tensor.grad, numeric, 1e-6, rounding, f"input {position} against central differences")
        if complex_step:
            exact = complex_step_gradient(scalar, arrays, position)
            tiny = 1e-15 * max(1.0, np.abs(exact).max(initial=0))  # a term of 1 that cancels leaves so much
            assert_close(tensor.grad, exact, 1e-9, tiny, f"input {position} against the complex step")


def check_second_order(function, arrays):
    """The gradient of <gradient, v> against central differences of the complex step along v."""
    scalar = weighted(function, arrays)
    rng = np.random.default_rng(1)
    directions = [rng.standard_normal(a.shape) for a in arrays]

    def slope(*moved):
        return np.imag(scalar(*(a + 1e-30j * d for a, d in zip(moved, directions)))) / 1e-30

    for position, product in enumerate(tm.hvp(scalar, tuple(arrays), tuple(directions))):
        numeric = central_gradient(slope, arrays, position)
        rounding = rounding_of_differences(slope(*arrays))
        assert_close(product, numeric, 1e-5, rounding, f"second order, input {position}")
