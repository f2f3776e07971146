"""Right rules are never called wrong, on random graphs with and without kinks, in float64 and float32."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.checking import check_gradients, diagnose
from tinygrad_mnist.checking import strategies as own

KINKS = {
    "relu": ops.relu,
    "abs": abs,
    "clip": lambda x: ops.clip(x, min=-0.5, max=0.5),
    "max": lambda x: ops.max(x, axis=-1, keepdims=True) if x.ndim else x,
    "min": ops.min,
    "relu - relu": lambda x: ops.relu(x - 0.25) - ops.relu(0.25 - x),
}
KINKS_OF_TWO = {"maximum": ops.maximum, "minimum": ops.minimum}


def assert_no_alarm(function, arrays, dtype):
    arrays = [np.asarray(a, dtype) for a in arrays]
    tensors = [Tensor(a, requires_grad=True, name=f"x{i}") for i, a in enumerate(arrays)]
    diagnosis = diagnose(function(*tensors))
    assert diagnosis.ok, diagnosis
    report = check_gradients(function, *arrays)
    assert not report.wrong, report


dtypes = st.sampled_from([np.float64, np.float32])


@given(own.expressions(), dtypes)
def test_smooth_graphs_raise_no_alarm(expression, dtype):
    assert_no_alarm(expression, expression.leaves(), dtype)


@given(own.expressions(20, unary=KINKS, binary=KINKS_OF_TWO), dtypes, st.booleans())
def test_graphs_with_kinks_raise_no_alarm(expression, dtype, on_a_grid):
    leaves = expression.leaves()
    if on_a_grid:  # ties, zeros and borders, exactly
        leaves = [np.round(4 * x) / 4 for x in leaves]
    assert_no_alarm(expression, leaves, dtype)


@given(own.mlps(smooth=False), st.booleans())
def test_networks_raise_no_alarm(mlp, on_a_grid):
    model, loss, (x, y) = mlp
    if on_a_grid:
        x = np.round(x)
        for parameter in model.parameters():
            parameter.data = np.round(2 * parameter.data) / 2
    diagnosis = diagnose(loss(model(x), y))
    assert diagnosis.ok, diagnosis
    report = check_gradients(model, loss, (x, y))
    assert not report.wrong, report
