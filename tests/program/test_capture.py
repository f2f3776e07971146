"""What a program cannot repeat is refused, with the line; what cannot be seen is found by comparing."""

import threading

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.program.networks import batch, classifier, quadratic
from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.errors import CaptureError, ShapeError
from tinygrad_mnist.program import compile

X = np.linspace(-1, 1, 6).reshape(2, 3)


def branch(x):
    return x if x.sum() > 0 else -x


def test_capture_error_names_the_line_and_a_remedy():
    with pytest.raises(CaptureError) as error:
        compile(branch)(X)
    assert "return x if x.sum() > 0 else -x" in str(error.value)
    assert "ops.where" in str(error.value)


@pytest.mark.parametrize(
    "look",
    [
        lambda x: x * float(x.sum()),
        lambda x: x * int(x.sum()),
        lambda x: x * x.sum().item(),
        lambda x: x if x.sum().item() > 0 else -x,
        lambda x: x * (x.data > 0),
        lambda x: x * x.numpy(),
        lambda x: x * np.array(x.tolist()),
        lambda x: x[x.argmax(axis=0)],
        lambda x: x * np.argmax(x),
        lambda x: x[np.array([0, 1])][Tensor(np.array([0, 1]))],
        lambda x: f"{x.sum():.3f}",
    ],
)
def test_values_in_between_are_not_shown(look):
    with pytest.raises(CaptureError):
        compile(look)(X)


@pytest.mark.parametrize(
    "masked",
    [
        lambda x: x * np.isfinite(x),
        lambda x: x * ((x > 0) & ~np.isnan(x)),
        lambda x: (x > 0) | (x < -1),
        lambda x: np.logical_not(np.signbit(x)) * x,
    ],
)
def test_masks_are_arrays_that_follow_the_values(masked):
    compiled = compile(masked)
    for values in ([1.0, -2.0], [-1.0, 2.0], [np.nan, -3.0], [-0.0, 0.0]):
        x, plain = Tensor(np.array(values)), masked(np.array(values))
        found = compiled(x)
        assert type(found) is type(masked(x))
        np.testing.assert_array_equal(np.asarray(found), plain)


def test_trace_gives_the_program_and_changes_nothing():
    model = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Dropout(0.5, rng=np.random.default_rng(1)))
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x, generator = np.ones((2, 3), np.float32), model[1].rng

    def step(x):
        loss = (model(x) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    before = [p.data.copy() for p in model.parameters()], generator.bit_generator.state
    serials = [p.serial for p in model.parameters()]
    compiled = compile(step)
    traced = compiled.trace(x)
    assert "-=" in traced.derivation
    assert all(np.array_equal(p.data, q) for p, q in zip(model.parameters(), before[0]))
    assert [p.serial for p in model.parameters()] == serials
    assert [p.grad for p in model.parameters()] == [None, None]
    assert [s.velocity for s in optimizer.param_groups[0].states] == [None, None]
    assert generator.bit_generator.state == before[1]
    with pytest.raises(CaptureError, match="has not been called yet"):
        _ = compiled.program


def test_refused_function_has_changed_nothing():
    training = classifier(dropout=0.5, momentum=0.9)

    def step(x, y):
        return float(training.step(x, y))

    x, y = batch(np.random.default_rng(0), training)
    training.step(x, y)
    rng = training.model[3].rng
    before = training.state(), rng.bit_generator.state, training.model[1].weight.grad
    with pytest.raises(CaptureError):
        compile(step)(x, y)
    assert (training.state(), rng.bit_generator.state) == before[:2]
    assert training.model[1].weight.grad is before[2]


def test_error_of_the_function_is_raised():
    with pytest.raises(ShapeError, match="matmul"):
        compile(lambda x: x @ x)(X)


@pytest.mark.parametrize("kind", ["counter", "array"])
def test_python_side_computation_is_found_at_the_second_call(kind):
    count, array = [0], np.zeros(3)

    def function(x):
        count[0] += 1
        if kind == "counter":
            return x * count[0]
        return x * (array + 1)  # computed outside of ops, and changed between the calls

    compiled = compile(function)
    compiled(X)
    array += 1
    with pytest.raises(CaptureError, match="output 0"):
        compiled(X)


def test_check_finds_it_at_once_or_later():
    factor = [1.0]
    compiled = compile(lambda x: x * factor[0])
    for _ in range(3):
        compiled(X)
    compiled.check(X)
    factor[0] = 2.0
    with pytest.raises(CaptureError, match="output 0"):
        compiled.check(X)


def test_arrays_from_outside_are_read_where_they_lie():
    table = np.ones(3)
    compiled = compile(lambda x: x * table)
    for i in range(5):
        table[:] = i
        np.testing.assert_array_equal(compiled(X).data, X * i)


def test_shape_dtype_layout_and_value_have_separate_programs():
    compiled = compile(lambda x, power, flip=False: (x**power)[::-1] if flip else x**power)
    for _ in range(3):
        for x in (X, X.astype(np.float32), X[:1], np.asfortranarray(X), X[:, :2]):
            for power in (2, 3, 2.0):
                np.testing.assert_array_equal(compiled(x, power).data, x**power, strict=True)
                np.testing.assert_array_equal(compiled(x, power, flip=True).data, (x**power)[::-1])
    assert len(compiled._programs) == 30


def test_equal_numbers_of_other_kinds_are_not_one_number():
    def function(x):
        return x * 2, x * 2.0, x + 1, x + True, x + 1.0

    compiled = compile(function)
    for i in range(4):
        x = np.arange(3) + i
        for found, expected in zip(compiled(x), function(Tensor(x))):
            np.testing.assert_array_equal(found.data, expected.data, strict=True)


def test_outside_arrays_that_cannot_be_written_are_read():
    locked, repeated = np.arange(3.0), np.broadcast_to(np.array(2.5), (3,))
    locked.setflags(write=False)
    compiled = compile(lambda x: x * locked + repeated)
    for i in range(4):
        np.testing.assert_array_equal(compiled(np.ones(3) + i).data, (1 + i) * locked + repeated)


def test_numpy_calls_of_an_op_have_the_defaults_of_numpy():
    @primitive
    def statistics(x):
        parts = [np.sum(x, axis=0), np.max(x, axis=0), x.sum(0), np.add.reduce(x), np.minimum.reduce(x, 1)]
        return np.concatenate([*parts, np.clip(x, -0.5, 0.5)[0], np.squeeze(x[:1]), np.where(x > 0, x, 1)[0]])

    statistics.vjps(None)
    try:
        compiled = compile(lambda x: statistics(x) * 2)
        for i in range(4):
            x = np.random.default_rng(i).normal(size=(3, 3))
            np.testing.assert_array_equal(compiled(x).data, statistics(x) * 2, strict=True)
        assert "statistics" not in compiled.program.source  # its calls are noted
    finally:
        del REGISTRY["statistics"]


INDICES = {
    "equal": [2, 2, 2],
    "one": [3],
    "rising": [1, 2, 3],
    "falling": [3, 2, 1],
    "every second": [0, 2, 4],
    "falling by two": [4, 2, 0],
    "uneven": [0, 1, 3],
    "from the end": [-1, -2],
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_constant_indices_and_numbers_are_printed_as_they_are(index):
    compiled = compile(lambda x: x[index] * np.array(index, float))
    for i in range(3):
        x = np.arange(5.0) ** 2 + i
        np.testing.assert_array_equal(compiled(x).data, x[index] * index)
    namespace = {}
    exec(compiled.program.source, namespace)
    states = [state.get() for state in compiled.program.states]
    np.testing.assert_array_equal(namespace["build"](*states)(x), x[index] * index)


def test_old_programs_are_forgotten():
    compiled = compile(lambda x: x + 1)
    for n in range(1, 60):
        assert compiled(np.ones(n)).shape == (n,)
    assert len(compiled._programs) < 40


def test_lists_and_dicts_of_arrays_go_in_and_out():
    def function(parameters, *, data):
        return {"all": [p * data["x"] for p in parameters], "shape": data["x"].shape, "none": None}

    compiled = compile(function)
    for i in range(4):
        found = compiled([X, X + i], data={"x": X, "name": "a"})
        assert (found["shape"], found["none"]) == ((2, 3), None)
        np.testing.assert_array_equal(found["all"][1].data, (X + i) * X)


def test_tensors_and_arrays_are_both_welcome():
    compiled = compile(lambda x: x.sum(axis=0))
    for _ in range(3):
        for x in (X, Tensor(X)):
            np.testing.assert_array_equal(compiled(x).data, X.sum(axis=0))


def test_arguments_that_need_a_gradient_are_refused():
    with pytest.raises(CaptureError, match=r"tm\.grad"):
        compile(lambda x: x * x)(Tensor(X, requires_grad=True))
    with pytest.raises(CaptureError, match="set"):
        compile(lambda x: X)({1, 2})


def test_transforms_inside():
    def function(x):
        value, gradient = tm.value_and_grad(lambda v: np.sum(np.tanh(v) ** 3))(x)
        return value, gradient, tm.grad(lambda v: np.sum(v**3) * v[0, 0])(x)

    compiled = compile(function)
    for i in range(4):
        x = X + 0.1 * i
        for found, expected in zip(compiled(x), function(x)):
            np.testing.assert_array_equal(found.data, expected)


def test_compiled_inside_compiled():
    inner = compile(lambda x: x * 2)
    outer = compile(lambda x: inner(x) + 1)
    for i in range(4):
        np.testing.assert_array_equal(outer(X + i).data, (X + i) * 2 + 1)


def test_untraceable_op_is_called_as_a_whole():
    @primitive
    def sorted_rows(x):
        return np.sort(np.asarray(x), axis=-1)

    sorted_rows.vjps(None)
    try:
        compiled = compile(lambda x: sorted_rows(x) * 2)
        rng = np.random.default_rng(0)
        for _ in range(4):
            x = rng.random((4, 5))
            np.testing.assert_array_equal(compiled(x).data, np.sort(x) * 2)
    finally:
        del REGISTRY["sorted_rows"]


def test_two_threads_on_one_compiled_function():
    compiled = compile(lambda x: ops.tanh(x @ x.T).sum(axis=0) * 2)
    inputs = [np.random.default_rng(i).random((40, 40)) for i in range(2)]
    expected = [compiled.function(Tensor(x)).data for x in inputs]
    wrong = []

    def work(i):
        wrong.extend(i for _ in range(300) if not np.array_equal(compiled(inputs[i]).data, expected[i]))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_floating_point_warnings_are_those_of_eager():
    compiled = compile(lambda x: ops.sigmoid(x))  # e ** 1000 overflows on the way, which sigmoid hides
    for _ in range(4):
        compiled(np.array([-1000.0]))
    compiled = compile(lambda x: ops.log(x))
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="divide by zero"):
            compiled(np.array([0.0]))
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        compiled(np.array([0.0]))


def test_source_shows_names_shapes_and_memory():
    training = quadratic()
    compiled = compile(training.step)
    compiled(*batch(np.random.default_rng(0), training))
    source = compiled.program.source
    assert "W1: (5, 6) float32, 0.weight" in source
    assert "(7, 5) float32 Sequential/Linear[0]" in source
    assert f"{compiled.program.bytes_after:,} bytes" in source
    assert "def step(x, y, lr=0.3):" in source
