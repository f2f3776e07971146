"""Every primitive, by its line in cases.py: value, first and second order, broadcasting, float32."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tests.autodiff.cases import CASES, arrays_for
from tests.autodiff.oracles import check_first_order, check_second_order
from tinygrad_mnist import Tensor
from tinygrad_mnist.autodiff.primitive import REGISTRY

every_case = pytest.mark.parametrize("case", CASES, ids=[f"{i}-{c.primitive}" for i, c in enumerate(CASES)])


def draw_arrays(data, case, dtype=np.float64):
    """Arrays for a case; where its shapes are given, only their order of values is left to draw."""
    shapes, seeds = case.shapes, max(1, settings.default.max_examples // 10)
    if not shapes:
        drawn = mutually_broadcastable_shapes(num_shapes=case.broadcast, max_dims=3, min_side=0, max_side=3)
        shapes, seeds = data.draw(drawn).input_shapes, 2**32
    rng = np.random.default_rng(data.draw(st.integers(0, seeds - 1), label="seed"))
    return arrays_for(case, shapes, rng, dtype)


def test_primitives_all_have_a_case():
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
def test_rule_returns_the_dtype_of_its_input(case):
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


def works_by_element(forward, inputs, attributes):
    """True where inputs broadcast, and each element of the result is that of the elements of the inputs."""
    first, axes = inputs[0], max(x.ndim for x in inputs)
    inputs = [np.stack([first, first]).reshape(2, *(1,) * (axes - first.ndim), *first.shape), *inputs[1:]]
    try:
        result = forward(*inputs, **attributes)
        wide = np.broadcast_arrays(*inputs)
        single = [forward(*(x[i] for x in wide), **attributes) for i in np.ndindex(result.shape)]
    except Exception:
        return False
    return result.shape == wide[0].shape and np.allclose(np.reshape(single, result.shape), result)


def only_moves(forward, inputs, attributes):
    """True where the result has elements of the inputs alone, and at negative inputs their negatives."""
    if any(x.dtype.kind != "f" for x in inputs):
        return False
    result = forward(*inputs, **attributes)
    known = np.concatenate([x.ravel() for x in inputs])
    return np.isin(result, known).all() and (forward(*(-x for x in inputs), **attributes) == -result).all()


@every_case
def test_facts_of_an_op_are_those_of_its_forward(case, monkeypatch):
    shapes = case.shapes or ((2, 3), (1, 3))[: case.broadcast]
    op = REGISTRY[case.primitive]
    forward, calls = op.forward, []
    monkeypatch.setattr(
        op, "forward", lambda *x, **settings: calls.append((x, settings)) or forward(*x, **settings)
    )
    case.call(*[Tensor(a, requires_grad=True) for a in arrays_for(case, shapes, np.random.default_rng(0))])
    inputs, settings = [np.asarray(x) for x in calls[0][0]], calls[0][1]
    moves = only_moves(forward, inputs, settings)
    assert op.moves_elements == moves
    assert op.elementwise == (not moves and works_by_element(forward, inputs, settings))


def test_product_counts_two_flops_per_term():
    y, x, weight = np.ones((4, 3)), np.ones((4, 5)), np.ones((3, 5))
    assert REGISTRY["matmul"].flops(y, x, weight.T) == REGISTRY["linear"].flops(y, x, weight, None) == 120


def test_flops_are_one_per_element_of_the_largest_array():
    assert REGISTRY["sum"].flops(np.ones(()), np.ones((4, 5))) == 20
    assert REGISTRY["add"].flops(np.ones((4, 5)), np.ones(5), 2.0) == 20
    assert REGISTRY["reshape"].flops(np.ones(20), np.ones((4, 5))) == 0
