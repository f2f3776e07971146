"""Native code gives what NumPy gives, but for rounding: losses, optimizers, masks, checks, shared memory."""

import numpy as np
import pytest

from tests.program.networks import batch, binary, classifier, quadratic
from tinygrad_mnist import Tensor, nn, no_grad, ops, optim, primitive
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.errors import LabelError
from tinygrad_mnist.program import compile

pytest.importorskip("numba")

MAKERS = {
    "quadratic": quadratic,
    "binary": lambda: binary(momentum=0.9, nesterov=True),
    "relu": lambda: classifier(weight_decay=0.01),
    "sigmoid": lambda: classifier(activation=nn.Sigmoid, momentum=0.9, dampening=0.2),
    "float64": lambda: quadratic(dtype=np.float64, momentum=0.5),
}


def on_native_code(function, *first):
    """The function as native code, whether that is faster or not."""
    compiled = compile(function)
    for arguments in first:
        compiled(*arguments)
    binding = compiled.program.bind("native")
    compiled._entries = {compiled.program.trace.call.structure: [binding.enter]}
    return compiled


@pytest.mark.long
@pytest.mark.parametrize("name", MAKERS)
def test_fifty_steps_lie_within_the_rounding_of_eager(name):
    """As near to a run in float64 as eager is, within a factor of two and a few units in the last place."""
    eager, native = MAKERS[name](), MAKERS[name]()
    rng = np.random.default_rng(1)
    batches = [batch(rng, eager) for _ in range(50)]
    for b in batches[:2]:
        eager.step(*b)
    step = on_native_code(native.step, *batches[:3])  # with momentum the first call is no program yet
    eager.step(*batches[2])
    for i, b in enumerate(batches[3:]):
        eager.optimizer.lr = native.optimizer.lr = 0.3 / (1 + i)
        eager.step(*b), step(*b)
    epsilon = np.finfo(next(iter(eager.model.parameters())).dtype).eps
    for p, q in zip(native.model.parameters(), eager.model.parameters()):
        assert np.abs(p.data - q.data).max() <= 50 * epsilon * np.abs(q.data).max()


def test_labels_are_checked_before_anything_is_changed():
    training = classifier()
    rng = np.random.default_rng(0)
    step = on_native_code(training.step, batch(rng, training), batch(rng, training))
    before = training.state()
    x, y = batch(rng, training)
    for wrong in (3, -1, 2**40):
        with pytest.raises(LabelError, match="example 4"):
            step(x, np.where(np.arange(7) == 4, wrong, y))
        assert training.state() == before


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", ">i8", "u1"])
def test_labels_are_read_whatever_their_integers(dtype):
    def function(labels, x):
        return ops.one_hot(labels, classes=3, dtype=np.float32) * x

    labels, x = np.array([2, 0, 1, 1], dtype), np.full((4, 1), 2, np.float32)
    compiled = on_native_code(function, (labels, x))
    np.testing.assert_array_equal(compiled(labels, x), function(labels, x))


def test_outputs_are_kept_and_arguments_may_share_memory():
    def function(a, b):
        return ops.tanh(a + b) * 2, ops.sum(a * b, axis=0), ops.softmax(a @ b)

    rng = np.random.default_rng(0)
    pool = [rng.random((4, 4)) for _ in range(3)]
    compiled = on_native_code(function, (pool[0], pool[1]), (pool[1], pool[2]))
    kept = []
    for i, j in [(0, 0), (1, 1), (2, 0), (0, 2)]:
        found = compiled(pool[i], pool[j])
        kept.append((found, [x.data.copy() for x in found]))
        for x, expected in zip(found, function(Tensor(pool[i]), Tensor(pool[j]))):
            np.testing.assert_allclose(x.data, expected.data, rtol=1e-12)
        pool.append(found[0].data)
    for found, before in kept:
        assert all(x.data.tobytes() == y.tobytes() for x, y in zip(found, before))


def assert_near(compiled, function, *arguments):
    for found, expected in zip(compiled(*arguments), function(*map(Tensor, arguments)), strict=True):
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-15)


def test_arrays_from_outside_are_right_uniform_or_not():
    table = np.arange(12.0).reshape(4, 3)
    same, row, turned = np.full((4, 3), 2.5), np.array([1.0, -2.0, 4.0]), np.arange(12.0).reshape(3, 4).T

    def function(x):
        by_array = [ops.tanh(x * table) + 1, ops.exp(x * same), x * row - table, ops.sum(x + turned, axis=0)]
        chosen = [ops.where(table > 4, x, 0.0), ops.where(same < 0, x, table), x[[2, 2]], x[[0, 3]]]
        return [*by_array, *chosen, x * np.eye(4, 3), x + np.ones((4, 3)), ops.softmax(x + row)]

    rng = np.random.default_rng(0)
    drawn = [(rng.normal(size=(4, 3)),) for _ in range(4)]
    compiled = on_native_code(function, *drawn[:2])
    for arguments in drawn:
        assert_near(compiled, function, *arguments)


def test_arrays_inside_of_an_op_are_right_uniform_or_not():
    @primitive
    def weighted(x):
        by_place = x * np.array([1.0, -2.0, 4.0]) + np.arange(12.0).reshape(4, 3)
        return np.where(x > 0, by_place, np.full((4, 3), 2.5)) + np.ones((4, 3)) * x

    def function(x):
        return [ops.tanh(weighted(x)) * 2, x + 1]

    weighted.vjps(None)
    try:
        rng = np.random.default_rng(0)
        drawn = [(rng.normal(size=(4, 3)),) for _ in range(4)]
        compiled = on_native_code(function, *drawn[:2])
        for arguments in drawn:
            assert_near(compiled, function, *arguments)
        assert "weighted" not in compiled.program.source  # its calls are noted
    finally:
        del REGISTRY["weighted"]


LAYOUTS = {
    "gaps": lambda a: a[::2, ::2],
    "backwards": lambda a: a[::-1, :3],
    "transposed with gaps": lambda a: a.T[:5],
    "repeated": lambda a: np.broadcast_to(a[0, :3], (5, 3)),
    "by columns": np.asfortranarray,
}


@pytest.mark.parametrize("lay", LAYOUTS.values(), ids=LAYOUTS)
def test_arguments_are_read_however_they_lie(lay):
    def function(x, y):
        return ops.tanh(x) * 2 + y, ops.sum(x * y, axis=0), x @ y.T, ops.softmax(y)

    rng = np.random.default_rng(0)
    drawn = [(lay(rng.normal(size=(10, 6))), lay(rng.normal(size=(10, 6))).copy()) for _ in range(4)]
    compiled = on_native_code(function, *drawn[:2])
    for arguments in drawn:
        assert_near(compiled, function, *arguments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_functions_are_right_for_all_kinds_of_numbers(dtype):
    """Within a few units in the last place of NumPy's, and the same at the special values."""

    def function(x):
        return [ops.exp(x), ops.tanh(x), ops.sigmoid(x), ops.log(x), ops.log1p(x), ops.sqrt(x), ops.relu(x)]

    rng = np.random.default_rng(0)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 1e-30, 88.0, -88.0, 104.0, -104.0, 1e30, -1e30]
    special += [1e-310, 5e-324, 1e-40, 1e-45]  # below the smallest normal number
    x = np.concatenate(
        [special, rng.normal(size=2000), rng.uniform(-90, 90, 2000), 10 ** rng.uniform(-9, 9, 2000)]
    )
    x = x.astype(dtype)
    with np.errstate(all="ignore"):
        compiled = on_native_code(function, (x,), (x,))
        for found, expected in zip(compiled(x), function(x)):
            np.testing.assert_array_max_ulp(found.data[18:], expected[18:].astype(dtype), 16)
            tiny = np.finfo(dtype).tiny
            np.testing.assert_allclose(found.data[:18], expected[:18], rtol=1e-6, atol=tiny)


@pytest.mark.parametrize("first", [ops.tanh, lambda x: ops.sort(x, axis=0)], ids=["native", "NumPy"])
def test_argument_in_the_memory_of_a_state_gives_the_eager_step(first):
    def made():
        w = Tensor(np.arange(16.0).reshape(4, 4) / 16, requires_grad=True)

        def step(x):
            outputs = first(x)
            with no_grad():
                w.__isub__(ops.tanh(x.T))
                w.__iadd__(ops.exp(-x) * 0.1)
            return [outputs * 2, x * w]

        return w, step

    (w, eager), (v, function) = made(), made()
    rng = np.random.default_rng(0)
    drawn = [rng.normal(size=(4, 4)) for _ in range(4)]
    compiled = on_native_code(function, drawn[:1], drawn[1:2])
    eager(Tensor(drawn[0])), eager(Tensor(drawn[1]))
    for choose in (lambda w: drawn[2], lambda w: w.data, lambda w: w.data.T, lambda w: drawn[3].T):
        for found, expected in zip(compiled(choose(v)), eager(Tensor(choose(w))), strict=True):
            np.testing.assert_allclose(found.data, expected.data, rtol=1e-12)
        np.testing.assert_allclose(v.data, w.data, rtol=1e-12)


def test_empty_batch_is_left_to_numpy():
    """Nothing is computed, so nothing is compiled."""
    compiled = compile(lambda x: (ops.tanh(x) * 2).sum(), backend="native")
    assert [compiled(np.zeros((0, 4))).item() for _ in range(4)] == [0.0] * 4
    weight = Tensor(np.eye(4), requires_grad=True)
    optimizer = optim.SGD([weight], 0.1, momentum=0.9)

    @compile(backend="native")
    def step(x, labels):
        optimizer.zero_grad()
        loss = nn.CrossEntropyLoss(reduction="sum")(x @ weight, labels)
        loss.backward()
        optimizer.step()
        return loss

    assert [step(np.zeros((0, 4)), np.zeros(0, int)).item() for _ in range(4)] == [0.0] * 4
    np.testing.assert_array_equal(weight.data, np.eye(4))
