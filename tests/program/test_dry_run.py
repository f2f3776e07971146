"""A capture is a dry run: it changes nothing outside, and its gradients behave as arrays do."""

import copy

import numpy as np
import pytest

from tinygrad_mnist import Tensor, autograd, nn, ops, optim
from tinygrad_mnist.errors import CaptureError, ShapeError
from tinygrad_mnist.program import compile


def parameter(shape=(3, 2)):
    values = np.random.default_rng(0).standard_normal(shape, np.float32)
    return Tensor(values, requires_grad=True, name="w")


def batches(count=5):
    return list(np.random.default_rng(1).standard_normal((count, 4, 3), np.float32))


def require_equal(train):
    """Run a training eagerly and compiled; compare what it returns."""
    assert train(compile) == train(lambda function: lambda x: function(Tensor(x)))


def changes_the_gradient_from_before(w, x):
    w.grad *= 0.5
    return (x @ w).sum()


def requires_a_gradient_inside(w, x):
    w.requires_grad = False
    w.requires_grad = True
    return (x @ w).sum()


@pytest.mark.parametrize("change", [changes_the_gradient_from_before, requires_a_gradient_inside])
def test_refused_change_has_not_happened(change):
    w = parameter()
    w.grad = np.ones((3, 2), np.float32)
    data, grad = w.data, w.grad
    with pytest.raises(CaptureError, match=r"test_dry_run.py:\d+: w\."):
        compile(lambda x: change(w, x))(batches()[0])
    assert w.data.base is data.base or w.data is data
    assert w.requires_grad
    assert np.array_equal(grad, np.ones((3, 2)))


def test_refused_function_leaves_lists_unchanged():
    w = parameter()
    optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
    state = optimizer.param_groups[0].states[0]
    velocity = state.velocity = np.ones((3, 2), np.float32)

    @compile
    def step(x):
        state.velocity = np.zeros((3, 2), np.float32)
        return (x @ w).sum()

    with pytest.raises(CaptureError, match="velocity"):
        step(batches()[0])
    assert state.velocity is velocity


def halved(w, c):
    w.grad *= 0.5


def row_cleared(w, c):
    w.grad[0] = 0


def replaced_then_changed(w, c):
    g = w.grad * 2
    w.grad = g
    g += 1


def set_to_an_array(w, c):
    w.grad = c


def made_double(w, c):
    w.grad = w.grad * np.full((3, 2), 0.3)


def set_to_the_parameter(w, c):
    w.grad = w


GRADIENTS = [halved, row_cleared, replaced_then_changed, set_to_an_array, made_double, set_to_the_parameter]


@pytest.mark.parametrize("change", GRADIENTS)
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gradient_changed_inside_gives_the_eager_bits(change, transposed, momentum):
    def train(run):
        w, c = parameter(), np.ones((3, 2), np.float32)
        optimizer = optim.SGD([w], lr=0.1, momentum=momentum)

        @run
        def step(x):
            optimizer.zero_grad()
            y = x @ w if not transposed else (w.T @ x.T).T
            (ops.tanh(y) * w.sum()).sum().backward()
            change(w, c)
            optimizer.step()
            return w.grad

        steps = []
        for x in batches():
            g = step(x)
            steps += [g.tobytes(), w.data.tobytes()]
            g += 1  # a result is nobody's gradient
            c += 1
        return steps

    require_equal(train)


def test_assigned_gradient_is_owned_by_the_tensor():
    w, c = parameter(), np.ones((3, 2))
    w.grad = c
    c[0] = 5
    assert w.grad.dtype == np.float32
    assert np.array_equal(w.grad, np.ones((3, 2)))
    kept = w.grad
    w.grad += 1
    assert w.grad is kept
    with pytest.raises(ShapeError, match=r"\(2,\) does not fit w of \(3, 2\)"):
        w.grad = np.ones(2)


def test_numbers_of_numpy_come_back_as_such():
    w = parameter()

    def step(x):
        w.grad = None
        (x @ w).sum().backward()
        return w.grad.sum(), w.grad[0, 1], w.grad.max(axis=0), w.grad.sum(keepdims=True)

    compiled = compile(step)
    for x in batches():
        expected = step(Tensor(x))
        assert [type(part) for part in compiled(x)] == [type(part) for part in expected]


def test_results_keep_the_layout_of_the_function():
    w = parameter()
    compiled = compile(lambda x: (x @ w).T)
    assert [compiled(x).data.strides for x in batches()] == [(4, 8)] * 5


def test_velocity_in_double_precision_gives_the_eager_bits():
    def train(run):
        w = parameter()
        optimizer = optim.SGD([w], lr=0.1, momentum=0.9)
        optimizer.param_groups[0].states[0].velocity = np.full((3, 2), 0.3)

        @run
        def step(x):
            optimizer.zero_grad()
            (ops.tanh(x @ w) * w.sum()).sum().backward()
            optimizer.step()
            return w.sum()

        return [(step(x).item(), w.data.tobytes()) for x in batches(12)]

    require_equal(train)


def test_parameter_without_axes_trains_with_momentum():
    def train(run):
        w = Tensor(np.float32(0.3), requires_grad=True)
        optimizer = optim.SGD([w], lr=0.01, momentum=0.9, weight_decay=0.1)

        @run
        def step(x):
            optimizer.zero_grad()
            (x * w * w).sum().backward()
            optimizer.step()
            return w * 1.0

        results = [step(x).item() for x in batches()]
        assert type(optimizer.param_groups[0].states[0].velocity) is np.ndarray
        return results

    require_equal(train)


def test_compiled_function_inside_another_is_inlined():
    def train(run):
        w = parameter()
        optimizer = optim.SGD([w], lr=0.1)
        inner = run(lambda x: ops.tanh(x @ w).sum())

        def step(x):
            optimizer.zero_grad()
            loss = inner(x)
            loss.backward()
            optimizer.step()
            return loss

        step = run(step)
        return [step(Tensor(x)).item() for x in batches()]

    require_equal(train)


def test_refusal_names_the_line_of_the_function():
    w = parameter()
    with pytest.raises(CaptureError, match=r"test_dry_run.py:\d+: .*copy.deepcopy\(w\)"):
        compile(lambda x: (x @ copy.deepcopy(w)).sum())(batches()[0])


@pytest.mark.parametrize("updates", [False, True])
def test_each_call_clears_the_gradients_cleared_at_the_start(updates):
    w = parameter()
    optimizer = optim.SGD([w], lr=0.1)

    @compile
    def step(x):
        optimizer.zero_grad()
        loss = (x @ w).sum()
        if updates:
            loss.backward()
            optimizer.step()
        return loss

    for x in batches():
        w.grad = np.ones((3, 2), np.float32)
        step(x)
        assert w.grad is None


def test_gradient_that_is_only_read_stays_the_same_array():
    w = parameter()
    w.grad = np.ones((3, 2), np.float32)
    before = w.grad
    step = compile(lambda x: (x @ Tensor(w.grad)).sum())
    for x in batches():
        step(x)
        assert w.grad is before


def test_gradients_by_autograd_are_part_of_a_program():
    def train(run):
        w = parameter()
        step = run(lambda x: autograd.grad((ops.tanh(x @ w) * w.sum()).sum(), [w])[0])
        return [step(x).data.tobytes() for x in batches()]

    require_equal(train)


@pytest.mark.parametrize("reached_by", ["a variable", "a module", "numpy"])
def test_random_numbers_drawn_by_numpy_are_refused_undrawn(reached_by):
    class Noise(nn.Module):
        def __init__(self):
            super().__init__()
            self.rng = np.random.default_rng(0)

        def forward(self, x):
            return x + self.rng.random((4, 3), np.float32)

    rng, module = np.random.default_rng(0), Noise()
    functions = {
        "a variable": lambda x: x + rng.random((4, 3), np.float32),
        "a module": lambda x: module(x),
        "numpy": lambda x: x + np.random.rand(4, 3).astype(np.float32),  # noqa: NPY002  that is the point
    }
    generators = rng.bit_generator, module.rng.bit_generator, np.random.get_bit_generator()
    before = [repr(generator.state) for generator in generators]
    with pytest.raises(CaptureError, match="random numbers are drawn"):
        compile(functions[reached_by])(batches()[0])
    assert [repr(generator.state) for generator in generators] == before
