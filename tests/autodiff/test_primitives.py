"""Every primitive, by its line in cases.py: value, first and second order, broadcasting, float32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tests.autodiff.cases import CASES, arrays_for
from tests.autodiff.oracles import check_first_order, check_second_order
from tinygrad_mnist import Tensor
from tinygrad_mnist.autodiff.primitive import REGISTRY

every_case = pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.primitive}" for i, c in enumerate(CASES)])


def draw_arrays(data, case, dtype=np.float64):
    shapes = (
        case.shapes
        or data.draw(
            mutually_broadcastable_shapes(num_shapes=case.broadcast, max_dims=3, min_side=0, max_side=3)
        ).input_shapes
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed"))
    return arrays_for(case, shapes, rng, dtype)


def test_every_primitive_has_a_case():
    ours = {name for name, p in REGISTRY.items() if p.forward.__module__.startswith("tinygrad_mnist.")}
    assert ours - {"cube"} == {case.primitive for case in CASES}  # cube: a doctest's own


@every_case
@given(data=st.data())
def test_first_order(case, data):
    check_first_order(case.call, draw_arrays(data, case))


@every_case
@given(data=st.data())
def test_second_order(case, data):
    check_second_order(case.call, draw_arrays(data, case))


@every_case
@given(data=st.data())
def test_recording_changes_no_value_and_float32_stays(case, data):
    arrays = draw_arrays(data, case, np.float32)
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    result = case.call(*tensors)
    plain = case.call(*arrays)
    assert result.dtype == np.float32 == plain.dtype
    np.testing.assert_array_equal(result.data, plain)
    if result.requires_grad:
        result.backward(np.ones(result.shape, np.float32))
        assert all(t.grad.dtype == np.float32 and t.grad.shape == t.shape for t in tensors)
        for single, double in zip(tensors, gradients_in_float64(case.call, arrays)):
            largest = np.abs(double).max(initial=1.0)
            np.testing.assert_allclose(single.grad, double, rtol=1e-4, atol=2e-6 * largest)


def gradients_in_float64(call, arrays):
    tensors = [Tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    result = call(*tensors)
    result.backward(np.ones(result.shape))
    return [t.grad for t in tensors]


@every_case
def test_a_rule_returns_the_dtype_of_its_input(case):
    """Not only the stored gradient: the rule itself must not promote, or interior gradients turn float64."""
    shapes = case.shapes or ((2, 3), (1, 3))[: case.broadcast]
    arrays = arrays_for(case, shapes, np.random.default_rng(0), np.float32)
    output = case.call(*[Tensor(a, requires_grad=True) for a in arrays])
    stack = [output]
    while stack:
        node = stack.pop()
        raw = [x.data if isinstance(x, Tensor) else x for x in node.inputs]
        for position, x in enumerate(node.inputs):
            if isinstance(x, Tensor) and x.requires_grad:
                g = np.ones(node.shape, np.float32)
                contribution = node.primitive.rule(position)(g, node.data, *raw, **node.attributes)
                assert contribution.dtype == np.float32, (node.primitive, position)
                stack.append(x)
