"""Kernels: one for each group, compiled once for all that are alike, kept on disk; and parts in place."""

import numpy as np
import pytest
from hypothesis import given

pytest.importorskip("numba", reason="native code needs numba: pip install -e '.[native]'")

from tests.autodiff.test_parts import of_parts, parts
from tests.program.native_in_python import as_python, on_native_code
from tests.program.test_native_in_python import assert_near
from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.autodiff.ops.casts import dropout_mask
from tinygrad_mnist.program.native import machine
from tinygrad_mnist.training import make_train_step


@pytest.fixture
def _in_python(monkeypatch):
    monkeypatch.setattr("tinygrad_mnist.program.native.step.compiled_parts", as_python)


@given(parts)
def test_parts_are_right_in_native_code(chosen):
    def step(x):
        leaf = Tensor(x, requires_grad=True)
        inner = leaf * 2.0
        loss = of_parts(chosen, inner)
        loss.backward()
        return loss, leaf.grad

    rng = np.random.default_rng(0)
    batches = rng.standard_normal((3, 4, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tinygrad_mnist.program.native.step.compiled_parts", as_python)
        compiled = on_native_code(step, *batches[:1, None])
        for x in batches:
            assert_near(compiled(x), step(x))


@pytest.mark.usefixtures("_in_python")
def test_array_that_is_read_again_keeps_its_elements():
    """A part is written into a copy where the array before it is still needed."""

    def step(x):
        a = Tensor(x, requires_grad=True)
        b = a * 1.0
        (ops.sum(b[1:] ** 2) + ops.sum(b[:2] ** 3) + ops.sum(b**2)).backward()
        return a.grad, a.grad[1:] * 2.0

    compiled = on_native_code(lambda x: step(x), (np.arange(4.0),))
    for x in np.random.default_rng(0).standard_normal((3, 4)):
        assert_near(compiled(x), step(x))


class Reader(nn.Module):
    """An unrolled network that reads numbers, and its training step."""

    def __init__(self):
        self.cells, self.out = nn.LSTM(2, 3, rng=0), nn.Linear(3, 2, rng=1)

    def forward(self, x):
        return self.out(self.cells(x)[0][-1])


def training(steps):
    """The step of an unrolled network, its batch and its model."""
    model, rng = Reader(), np.random.default_rng(0)
    step = make_train_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.5, momentum=0.9))
    batch = rng.standard_normal((steps, 4, 2), np.float32), rng.integers(0, 2, 4)
    return (lambda x, y: step(x, y)[0]), batch, model


def deep(layers):
    """The step of a perceptron of equal layers, and its batch."""
    model = nn.perceptron([8] * layers + [2], nn.Tanh, rng=0)
    step = make_train_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.5))
    return (lambda x, y: step(x, y)[0]), (np.ones((4, 8), np.float32), np.array([0, 1, 1, 0])), model


@pytest.mark.parametrize("made", [training, deep], ids=["unrolled", "deep"])
def test_longer_network_has_no_more_kernels(made, monkeypatch):

    texts = []

    def noted(sequences, arguments):
        texts.append({kernel.text for sequence in sequences for kernel in sequence})
        assert max(len(kernel.memories) for kernel in sequences[-1][3:]) <= 8  # the first ones are checks
        return as_python(sequences, arguments)

    monkeypatch.setattr("tinygrad_mnist.program.native.step.compiled_parts", noted)
    for length in (6, 15):
        function, batch, _ = made(length)
        on_native_code(function, batch, batch)
    few, many = texts
    assert len(many) <= len(few) + 2  # the rest of equal loops that run together


@pytest.mark.usefixtures("_in_python")
def test_unrolled_network_trains_as_on_numpy():
    function, batch, model = training(9)
    expected, _, reference = training(9)
    compiled = on_native_code(function, batch, batch)
    for _ in range(2):
        expected(*batch)
    for _ in range(4):
        assert_near([compiled(*batch)], [expected(*batch)])
    assert_near([p.data for p in model.parameters()], [p.data for p in reference.parameters()])


def test_kernels_run_as_machine_code():
    shape = (3, 5)

    def step(x, given):
        a = Tensor(x, requires_grad=True)
        loss = ops.sum(ops.tanh(a[1:] @ a.T) * given[0]) + ops.sum(a[:2])
        loss.backward()
        return loss, a.grad

    rng = np.random.default_rng(0)
    batches = [(rng.standard_normal(shape), rng.standard_normal((2, 3))) for _ in range(3)]
    compiled = on_native_code(step, batches[0])
    for batch in batches:
        assert_near(compiled(*batch), step(*batch))


@pytest.mark.usefixtures("_in_python")
def test_lookup_in_equal_elements_is_right():
    def function(labels, x):
        return ops.one_hot(labels, classes=1, dtype=np.float32) * x

    labels, x = np.zeros(5, np.int64), np.arange(5, dtype=np.float32)[:, None]
    assert_near([on_native_code(function, (labels, x))(labels, x)], [function(labels, x)])


@pytest.mark.usefixtures("_in_python")
def test_part_that_is_the_array_itself_is_added_as_it_was():
    """Both gradients begin alike, so they are one value of the program, and it is added to itself."""

    def step(x, w):
        a = Tensor(x, requires_grad=True)
        b = a * 1.0
        c = b[::-1]
        (ops.sum(c[:3] * w) + ops.sum(b[:3] * w)).backward()
        return a.grad

    arrays = np.arange(4.0), np.array([1.0, 10.0, 100.0])
    compiled = on_native_code(step, arrays)
    assert_near([compiled(*arrays)], [step(*arrays)])


@pytest.mark.usefixtures("_in_python")
def test_memory_of_a_result_that_nothing_reads_is_free_once():
    """Random numbers are drawn though nothing reads them, as those of a mask that drops nothing."""
    rng = np.random.default_rng(0)

    def step(x, a):
        v, y = Tensor(x, requires_grad=True), Tensor(a, requires_grad=True)
        y * dropout_mask(y, p=0.0, rng=rng)
        m = ops.diag(ops.reshape(v, (1,)), 1)
        m.backward(np.full(m.shape, 2, np.float32))
        return m + 0.0, y + 0.0, v.grad

    arrays = np.array(3, np.float32), np.ones((1, 1, 1), np.float32)
    compiled = on_native_code(step, arrays)
    assert_near(compiled(*arrays), step(*arrays))


def test_kernel_may_use_vectors_of_512_bits(monkeypatch):
    import numba

    texts = []
    monkeypatch.setattr(machine, "_compiled", lambda text, *_, **__: texts.append(text))
    machine._kernel.__wrapped__("def native(memory):\n    return memory[0]\n")
    things = dict(machine._things())
    exec(texts[0], things)
    dispatcher = numba.njit(things["native"])
    dispatcher.compile((machine._WORDS,))
    (code,) = dispatcher.inspect_llvm().values()
    assert '"prefer-vector-width"="512"' in code
