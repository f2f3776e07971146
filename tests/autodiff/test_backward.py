"""How a graph is walked: depth, memory, staleness, fan-out, what is not computed, and what is refused."""

import gc
import threading
import weakref

import numpy as np
import pytest

from tinygrad_mnist import Tensor, autograd, nn, no_grad, ops, optim, primitive, scope
from tinygrad_mnist.autodiff.modes import CALL, path_of
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.errors import GradientError, ShapeError, StaleGradientError


@pytest.fixture
def own_primitives():
    before = set(REGISTRY)
    yield
    for name in set(REGISTRY) - before:
        del REGISTRY[name]


def test_chain_of_100_000_ops_is_differentiated_and_freed():
    x = y = Tensor(1.0, requires_grad=True)
    for _ in range(100_000):
        y = y + 1e-5
    y.backward()
    assert x.grad == 1.0
    watched = weakref.ref(y)
    del y
    assert watched() is None


def test_graphs_leave_nothing_for_the_cycle_collector():
    gc.collect()
    gc.disable()
    try:
        x = y = Tensor(np.ones(3), requires_grad=True)
        for _ in range(1000):
            y = ops.tanh(y * x)
        loss = y.sum()
        loss.backward()
        autograd.grad(loss, x, create_graph=True)
        watched = weakref.ref(loss)
        del loss, y
        assert watched() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_parameter_changed_after_the_forward_pass_raises():
    weight = Tensor([1.0, 2.0], requires_grad=True, name="weight")
    loss = (weight * weight).sum()
    loss.backward()
    optim.SGD([weight], lr=0.1).step()
    with pytest.raises(StaleGradientError, match=r"weight was changed in place after multiply had read it"):
        loss.backward()
    (weight * weight).sum().backward()  # a new forward pass is fine


@pytest.mark.parametrize(
    "change",
    [
        lambda w: w.data.__isub__(1) is None or setattr(w, "data", w.data),
        lambda w: setattr(w, "data", w.data - 1),
        lambda w: w.__isub__(1),
        lambda w: w.__imul__(2),
    ],
    ids=["data -=", "data =", "w -=", "w *="],
)
def test_every_change_of_a_tensor_is_noticed(change):
    weight = Tensor([1.0, 2.0], requires_grad=True)
    loss = (weight * weight).sum()
    with no_grad():
        change(weight)
    with pytest.raises(StaleGradientError):
        loss.backward()


def test_changed_constant_of_an_op_makes_the_graph_stale():
    weight, mask = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0, 0.0])
    loss = (weight * mask).sum()
    mask.data = [0.0, 1.0]
    with pytest.raises(StaleGradientError):
        loss.backward()


def test_data_of_a_computed_tensor_cannot_be_assigned():
    x = Tensor(1.0, requires_grad=True)
    y = ops.exp(x)
    with pytest.raises(ValueError, match="read-only"):
        y.data *= 2
    with pytest.raises(GradientError, match="only the data of a leaf can be assigned"):
        y.data = 2.0
    y.backward()
    assert x.grad == pytest.approx(np.e)


def test_gradients_add_up_at_a_fan_out_and_over_calls():
    x = Tensor(3.0, requires_grad=True)
    y = x * x + x
    y.backward()
    assert x.grad == 7.0
    y.backward()
    assert x.grad == 14.0


def test_topological_order_with_shared_subexpressions():
    a = Tensor(1.0, requires_grad=True)
    b = a + a
    c = b + b
    (c * b).backward()  # c b = 8 a**2
    assert a.grad == 16.0


def test_stored_gradients_belong_to_their_tensor_alone():
    a, b = Tensor(np.ones(3), requires_grad=True), Tensor(np.ones(3), requires_grad=True)
    seed = np.ones(3)
    (a + b).backward(seed)
    a.grad *= 5
    np.testing.assert_array_equal(b.grad, 1)
    np.testing.assert_array_equal(seed, 1)
    c = Tensor(np.ones(3), requires_grad=True)
    c.sum().backward()
    c.grad[0] = 7.0  # not the read-only view that the broadcast made
    held = c.grad
    c.sum().backward()
    assert held[0] == 7.0


def test_rule_that_returns_an_input_does_not_share_its_memory(own_primitives):
    @primitive
    def half_square(x):
        return x * x / 2

    half_square.vjps(lambda g, y, x: x)
    x = Tensor(np.ones(2), requires_grad=True)
    half_square(x).backward(np.ones(2))
    x.grad *= 10
    np.testing.assert_array_equal(x.data, 1)


def test_batch_of_images_gets_no_gradient(monkeypatch):
    computed = []
    rules = REGISTRY["linear"].rules
    spies = tuple(lambda *a, i=i, **k: computed.append(i) or rules[i](*a, **k) for i in range(3))
    monkeypatch.setattr(REGISTRY["linear"], "rules", spies)
    model = nn.Sequential(nn.Linear(4, 3), nn.Sigmoid(), nn.Linear(3, 2))
    images = Tensor(np.ones((5, 4), np.float32))
    nn.CrossEntropyLoss()(model(images), np.zeros(5, int)).backward()
    assert computed == [0, 1, 2, 1, 2]  # the second layer's input, but not the first's
    assert images.grad is None


def test_grad_runs_only_rules_that_lead_to_its_inputs(monkeypatch):
    used = []
    rules = REGISTRY["multiply"].rules
    spies = tuple(lambda *a, i=i, **k: used.append(i) or rules[i](*a, **k) for i in range(2))
    monkeypatch.setattr(REGISTRY["multiply"], "rules", spies)
    a, b = Tensor(2.0, requires_grad=True), Tensor(3.0, requires_grad=True)
    assert autograd.grad(a * b, b)[0].item() == 2.0
    assert used == [1]


def test_grad_of_an_inner_tensor_and_through_it():
    x = Tensor(2.0, requires_grad=True)
    h = x * x
    y = h * h * x
    assert [g.item() for g in autograd.grad(y, [h, x])] == [2 * 4 * 2, 5 * 16]
    assert x.grad is None


def test_retain_grad_stores_the_gradient_of_an_inner_tensor():
    x = Tensor(2.0, requires_grad=True)
    h = (x * x).retain_grad()
    (3 * h).backward()
    assert h.grad == 3.0
    assert x.grad == 12.0


def test_impossible_rule_shape_is_refused_with_op_and_line(own_primitives):
    @primitive
    def broken(x):
        return x + 0

    broken.vjps(lambda g, y, x: g[:1])
    x = Tensor(np.ones(3), requires_grad=True)
    with scope("encoder"):
        y = broken(x).sum()  # the line that the error shows
    with pytest.raises(ShapeError, match=r"gradient of shape \(1,\) for an input of shape \(3,\)") as caught:
        y.backward()
    (note,) = caught.value.__notes__
    assert "rule of broken for its input 0" in note
    assert "in encoder" in note
    assert "test_backward.py" in note
    assert "the line that the error shows" in note


def test_primitives_without_rules_are_refused(own_primitives):
    @primitive
    def ruleless(x):
        return x

    with pytest.raises(GradientError, match=r"ruleless has no rules: declare them with ruleless\.vjps"):
        ruleless(Tensor(1.0, requires_grad=True))
    with pytest.raises(GradientError, match="has 1 inputs and was given 2 rules"):
        ruleless.vjps(lambda g, y, x: g, lambda g, y, x: g)
    with pytest.raises(ValueError, match="there is a primitive named 'add' already"):

        @primitive
        def add(a, b):
            return a + b


def test_backward_needs_a_scalar_or_a_gradient_of_the_right_shape():
    x = Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    y = x * 2
    with pytest.raises(
        GradientError, match=r"multiply \(.*\) has shape \(2, 3\): a backward pass starts from a scalar"
    ):
        y.backward()
    with pytest.raises(ShapeError, match=r"a gradient of shape \(3,\) does not fit multiply"):
        y.backward(np.ones(3))
    y.backward(np.full((2, 3), 0.5))
    np.testing.assert_array_equal(x.grad, 1.0)


def test_nothing_to_differentiate_is_said():
    with pytest.raises(GradientError, match="no tensor behind it has requires_grad=True"):
        (Tensor(1.0) * 2).backward()
    x = Tensor(1.0, requires_grad=True)
    with no_grad():
        y = x * 2
    assert not y.requires_grad
    with pytest.raises(GradientError, match="under no_grad"):
        y.backward()
    with pytest.raises(GradientError, match="does not depend on input 0, w"):
        autograd.grad(x * 2, Tensor(1.0, requires_grad=True, name="w"))


def test_modes_and_scopes_belong_to_their_thread():
    inside, done = threading.Event(), threading.Event()
    seen = []

    def other():
        inside.wait(10)
        seen.append(((Tensor(1.0, requires_grad=True) * 2).requires_grad, path_of(CALL.get())))
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad(), scope("mine"):
        inside.set()
        done.wait(10)
    thread.join(10)
    assert seen == [(True, "")]


def test_create_graph_records_gradients_in_the_scope_of_their_op():
    x = Tensor(2.0, requires_grad=True)
    with scope("encoder"):
        y = ops.exp(x)
    (g,) = autograd.grad(y, x, create_graph=True)
    assert g.scope == "encoder"
    assert CALL.get() is None
    with no_grad():  # differentiating a recorded graph works there too
        assert autograd.grad(y, x, create_graph=True)[0].requires_grad


def test_failed_backward_changes_no_gradient():
    w, b = Tensor(1.0, requires_grad=True), Tensor(1.0, requires_grad=True)
    loss = w * w + b
    with no_grad():
        w -= 0.5
    with pytest.raises(StaleGradientError):
        loss.backward()
    assert b.grad is None


@pytest.mark.parametrize("returned", [None, 1.0])
def test_rule_that_returns_no_array_is_named(returned, own_primitives):
    @primitive
    def odd(x):
        return x * 1

    odd.vjps(lambda g, y, x: returned)
    with pytest.raises(GradientError, match=f"the rule of odd for x returned {returned}") as caught:
        odd(Tensor(1.0, requires_grad=True)).backward()
    assert "in the rule of odd for its input 0" in caught.value.__notes__[0]


def test_primitive_is_redefined_in_place_with_keyword_settings(own_primitives):
    for factor in (2.0, 3.0):  # a notebook cell run twice

        @primitive
        def scaled(x, *, factor=factor):
            return factor * x

        scaled.vjps(lambda g, y, x, *, factor: factor * g)
    x = Tensor(1.0, requires_grad=True)
    scaled(x).backward()
    assert x.grad == 3.0
    with pytest.raises(ValueError, match="settings are keyword-only"):

        @primitive
        def positional(x, factor=2.0):
            return factor * x


def test_given_gradient_is_checked_and_differentiated_too():
    x, v = Tensor([1.0, 2.0], requires_grad=True), Tensor([1.0, 1.0], requires_grad=True)
    (g,) = autograd.grad(x * x, x, grad_outputs=v, create_graph=True)
    assert autograd.grad(g.sum(), v)[0].tolist() == [2.0, 4.0]
    with pytest.raises(ShapeError, match=r"a gradient of shape \(5, 2\) does not fit"):
        autograd.grad(x * x, x, grad_outputs=Tensor(np.ones((5, 2))), create_graph=True)
    with pytest.raises(GradientError, match="input 0 is not a Tensor with requires_grad=True"):
        autograd.grad(x * x, Tensor(1.0))


def test_failing_rule_restores_modes(own_primitives):
    @primitive
    def explosive(x):
        return x * 1

    explosive.vjps(lambda g, y, x: 1 / 0)
    x = Tensor(1.0, requires_grad=True)
    with scope("a"):
        y = explosive(x)
    with no_grad():
        with pytest.raises(ZeroDivisionError):
            autograd.grad(y, x, create_graph=True)
        assert CALL.get() is None
        assert not (x * 2).requires_grad


@pytest.mark.parametrize("exponent", [np.array([2, 0, 3], np.int8), np.array([True, False, True])])
def test_power_with_integer_exponents_keeps_its_precision(exponent):
    """Also where the gradient is differentiated again, and where the base is the array of integers."""
    x = Tensor(np.array([0.5, 2.0, -1.5], np.float32), requires_grad=True)
    (first,) = autograd.grad((x**exponent).sum(), x, create_graph=True)
    (second,) = autograd.grad(first.sum(), x)
    b = exponent.astype(np.float32)
    np.testing.assert_allclose(first.data, b * x.data ** (b - 1))
    np.testing.assert_allclose(second.data, b * (b - 1) * x.data ** np.maximum(b - 2, 0))
    (slope,) = autograd.grad(((exponent + exponent) ** abs(x)).sum(), x, create_graph=True)
    assert first.dtype == second.dtype == slope.dtype == np.float32
