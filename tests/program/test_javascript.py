"""A program as JavaScript gives in Node and in a browser what NumPy gives: layers, losses, optimizers."""

import copy
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, reject
from hypothesis import strategies as st

from tests.program.networks import batch, classifier, quadratic
from tests.program.printed_expressions import expressions, inputs
from tests.program.test_printed_code_runs import arrays, outcome, step_of
from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.errors import CaptureError, DTypeError
from tinygrad_mnist.program import compile

CLOSE = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-5}
DOUBLE = {"rng": 0, "dtype": np.float64}


def agree(node, step, *arguments, times=100, by_itself=False):
    """Call a step as often in Node as in NumPy, and compare the last results and what has changed.

    By itself the program in Node takes no numbers: its settings are those of the capture.
    """
    compiled = compile(step)
    for _ in range(2):
        compiled(*arguments)
    program, text = compiled.program, compiled.program.javascript
    states = [state.get() for state in program.states]
    before = [x.copy() for x in states], copy.deepcopy(program.recording.generators)
    numbers = []
    for _ in range(times):
        numbers.append([] if by_itself else [number.get() for number in program.numbers])
        expected = compiled(*arguments)
    assert compiled.program is program
    found, changed = node.run(text, *before, arguments, numbers)
    assert_close(found, arrays(expected))
    assert_close(changed, [x.reshape(-1) for x in states])


def assert_close(found, expected):
    """Within the rounding of a dtype; 1 is the least scale."""
    found = found if isinstance(found, list) else [found]
    assert [np.shape(x) for x in found] == [(x.size,) if x.ndim else () for x in expected]
    for one, other in zip(found, expected):
        assert is_close(one, other.ravel(), CLOSE.get(other.dtype, 0)).all()


def is_close(found, expected, error):
    with np.errstate(invalid="ignore"):
        near = np.abs(found - expected) <= error * np.maximum(1, np.abs(expected))
    return (near & np.isfinite(expected)) | (found == expected) | (np.isnan(found) & np.isnan(expected))


def trained(layer, shape, turn=lambda x: x):
    """A step of training for a layer and what comes before it."""
    x = Tensor(np.random.default_rng(1).uniform(-1, 1, shape), requires_grad=True, name="x")
    optimizer = optim.SGD([x, *layer.parameters()], lr=0.05, momentum=0.5)

    def step(target):
        optimizer.zero_grad()
        loss = ((turn(layer(x)) - target) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return step


ROWS, IMAGES, SEQUENCE = (4, 3), (2, 3, 6, 6), (3, 2, 3)
LAYERS = {
    "AvgPool2d": (nn.AvgPool2d(2), IMAGES),
    "BatchNorm1d": (nn.BatchNorm1d(3, dtype=np.float64), ROWS),
    "BatchNorm2d": (nn.BatchNorm2d(3, dtype=np.float64), IMAGES),
    "Conv2d": (nn.Conv2d(3, 2, 3, padding=1, **DOUBLE), IMAGES),
    "Conv2d, stride": (nn.Conv2d(3, 2, 2, stride=2, bias=False, **DOUBLE), IMAGES),
    "Dropout": (nn.Dropout(0.3, rng=3), (5, 7)),
    "ELU": (nn.ELU(), ROWS),
    "Flatten": (nn.Flatten(), (4, 3, 2)),
    "GELU": (nn.GELU(), ROWS),
    "Identity": (nn.Identity(), ROWS),
    "LSTM": (nn.LSTM(3, 2, **DOUBLE), SEQUENCE),
    "LayerNorm": (nn.LayerNorm(3, dtype=np.float64), ROWS),
    "LeakyReLU": (nn.LeakyReLU(), ROWS),
    "Linear": (nn.Linear(3, 5, **DOUBLE), ROWS),
    "Linear of stacks": (nn.Linear(3, 5, **DOUBLE), (2, 4, 3)),
    "LogSoftmax": (nn.LogSoftmax(), ROWS),
    "MaxPool2d": (nn.MaxPool2d(2), IMAGES),
    "RNN": (nn.RNN(3, 2, **DOUBLE), SEQUENCE),
    "ReLU": (nn.ReLU(), ROWS),
    "SiLU": (nn.SiLU(), ROWS),
    "Sigmoid": (nn.Sigmoid(), ROWS),
    "Softmax": (nn.Softmax(), ROWS),
    "Softplus": (nn.Softplus(), ROWS),
    "Tanh": (nn.Tanh(), ROWS),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layer_is_trained_as_in_numpy(engine, name):
    layer, shape = LAYERS[name]
    turn = (lambda result: result[0]) if name in ("LSTM", "RNN") else (lambda result: result)
    agree(engine, trained(layer, shape, turn), np.array(0.25))


def test_embedding_is_trained_as_in_numpy(engine):
    layer = nn.Embedding(7, 3, padding_idx=2, **DOUBLE)
    optimizer = optim.SGD(layer.parameters(), lr=0.05)

    def step(numbers):
        optimizer.zero_grad()
        loss = (layer(numbers) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    agree(engine, step, np.array([[1, 2, 1], [6, 0, 1]]))


LABELS, REAL = np.array([0, -100, 1, 2]), np.random.default_rng(2).random(ROWS)
LOSSES = {
    "BCE": (nn.BCELoss(), REAL),
    "BCE, weight": (nn.BCELoss(weight=np.array([1.0, 2.0, 0.5]), reduction="sum"), REAL),
    "BCEWithLogits": (nn.BCEWithLogitsLoss(pos_weight=np.array([1.0, 2.0, 3.0])), REAL),
    "CrossEntropy": (nn.CrossEntropyLoss(), np.array([0, 2, 1, 2])),
    "CrossEntropy, all": (
        nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0], ignore_index=-100, label_smoothing=0.1),
        LABELS,
    ),
    "CrossEntropy of rows": (nn.CrossEntropyLoss(), REAL / REAL.sum(1, keepdims=True)),
    "Huber": (nn.HuberLoss(delta=0.3), REAL),
    "L1": (nn.L1Loss(), REAL),
    "MSE": (nn.MSELoss(), REAL),
    "NLL": (nn.NLLLoss(weight=[1.0, 2.0, 3.0], ignore_index=-100), LABELS),
    "Quadratic": (nn.QuadraticLoss(), REAL),
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_made_less_as_in_numpy(engine, name):
    loss, target = LOSSES[name]
    x = Tensor(np.random.default_rng(1).uniform(0.2, 0.8, ROWS), requires_grad=True)
    optimizer = optim.SGD([x], lr=0.01)

    def step(target):
        optimizer.zero_grad()
        found = loss(x, target)
        found.backward()
        optimizer.step()
        return found

    agree(engine, step, target)


OPTIMIZERS = {
    "SGD": (optim.SGD, {}),
    "SGD, momentum": (optim.SGD, {"momentum": 0.9, "weight_decay": 0.01, "dampening": 0.5}),
    "SGD, nesterov": (optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "Adagrad": (optim.Adagrad, {"weight_decay": 0.01}),
    "Adam": (optim.Adam, {"lr": 0.01, "weight_decay": 0.01}),
    "AdamW": (optim.AdamW, {"lr": 0.01}),
    "RMSprop": (optim.RMSprop, {"lr": 0.01}),
    "RMSprop, momentum": (optim.RMSprop, {"lr": 0.01, "momentum": 0.9, "centered": True}),
}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, np.float64) for name in OPTIMIZERS), ("SGD", np.float32), ("Adam", np.float32)],
)
def test_optimizer_updates_as_in_numpy(engine, name, dtype):
    optimizer, options = OPTIMIZERS[name]
    maker = classifier if dtype is np.float32 else quadratic
    training = maker(dtype=dtype, optimizer=optimizer, **options)
    agree(engine, training.step, *batch(np.random.default_rng(0), training))


def test_averages_and_clipping_are_those_of_numpy(engine):
    training = classifier(dtype=np.float64, dropout=0.3)
    ema = optim.EMA(training.model.parameters(), decay=0.9)

    def step(x, y):
        training.optimizer.zero_grad()
        training.loss(training.model(x), y).backward()
        nn.utils.clip_grad_value_(training.model.parameters(), 0.2)
        norm = nn.utils.clip_grad_norm_(training.model.parameters(), 0.1)
        training.optimizer.step()
        ema.update()
        return norm, *(p.grad for p in training.model.parameters())

    agree(engine, step, *batch(np.random.default_rng(0), training))


def test_updates_are_counted_where_a_call_gives_no_numbers(node):
    training, other = (quadratic(dtype=np.float64, optimizer=optim.Adam) for _ in range(2))

    def step(x, y):
        one = training.step(x, y)
        training.step(x, y)
        return one, other.step(x, y)

    agree(node, step, *batch(np.random.default_rng(0), training), times=5, by_itself=True)


V, I = np.linspace(0.3, 0.7, 4), np.array([0, 2, 0])
OPS = {
    "arctan2": lambda x: ops.arctan2(x, V),
    "cumprod": lambda x: ops.cumprod(x, axis=1),
    "cumsum": lambda x: ops.cumsum(x),
    "diag": ops.diag,
    "einsum": lambda x: ops.einsum("ij,kj->ik", x, x) + ops.einsum("ij,j->i", x, V),
    "erf": ops.erf,
    "flip": lambda x: ops.flip(x, 0),
    "getitem": lambda x: x[I, 1:],
    "getitem by a mask": lambda x: x[np.array([True, False, True])],
    "logaddexp": lambda x: ops.logaddexp(x, V),
    "matmul of stacks": lambda x: ops.reshape(x, shape=(3, 2, 2)) @ ops.reshape(x, shape=(3, 2, 2)),
    "norm": lambda x: ops.norm(x, axis=1),
    "outer": lambda x: ops.outer(x[0], V),
    "pad": lambda x: ops.pad(x, ((1, 1), (0, 2))),
    "power": lambda x: x**2.5 + 2**x,
    "prod": lambda x: ops.prod(x, axis=0),
    "repeat": lambda x: ops.repeat(x, 2, axis=1),
    "roll": lambda x: ops.roll(x, 1, axis=1),
    "sort": lambda x: ops.sort(x, axis=0),
    "split": lambda x: ops.split(x, 2, axis=1)[0],
    "std": lambda x: ops.std(x, axis=0),
    "take": lambda x: ops.take(x, I, axis=0),
    "tensordot": lambda x: ops.tensordot(x, ops.reshape(x, shape=(2, 4, 3, 1)[1:]), axes=1),
    "tile and triangle": lambda x: ops.tile(ops.tril(x), (2, 1)),
}


@pytest.mark.parametrize("name", OPS)
def test_op_is_that_of_numpy(node, name):
    op = OPS[name]

    def step(x):
        tensor = Tensor(x, requires_grad=True)
        result = op(tensor)
        (result * result).sum().backward()
        return result, tensor.grad

    agree(node, step, np.random.default_rng(0).uniform(0.2, 0.8, (3, 4)), times=1)


SHAPES = [
    *[((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 5)), ((5, 3), (3, 7)), ((1, 3), (3, 1)), ((6, 9), (9, 13))],
    *[((3,), (2, 3, 4)), ((2, 4, 3), (3,)), ((2, 5, 3), (3, 4)), ((2, 1, 5, 3), (4, 3, 6))],
    *[((0, 3), (3, 4)), ((3, 0), (0, 4))],
]


@pytest.mark.parametrize(
    "layout", [np.asarray, np.asfortranarray, lambda x: np.ascontiguousarray(x[::-1])[::-1]]
)
def test_products_of_matrices_vectors_and_stacks(node, layout):
    rng = np.random.default_rng(0)
    given = [layout(rng.standard_normal(shape)) for pair in SHAPES for shape in pair]

    def step(*arrays):
        pairs = list(zip(arrays[::2], arrays[1::2]))
        return *(a @ b for a, b in pairs), *(np.dot(a, b) for a, b in pairs)

    agree(node, step, *given, times=1)


SPECIAL = np.array([-1e300, -2.7, -0.5, -0.0, 0.0, 0.3, 1.0, 2.5, 1e20, np.inf, -np.inf, np.nan])
OF_ONE = """
absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cosh exp exp2 expm1 floor isfinite isinf isnan
log log10 log1p log2 logical_not negative positive reciprocal sign sinh sqrt square tanh trunc
"""
OF_TWO = """
add arctan2 divide equal greater greater_equal less less_equal logaddexp logical_and logical_or logical_xor
maximum minimum multiply not_equal power subtract
"""


def test_special_values_are_those_of_numpy(node):
    def step(x, y):
        of_one = [getattr(np, name)(x) for name in OF_ONE.split()]
        of_two = [getattr(np, name)(x, y) for name in OF_TWO.split()]
        return *of_one, *of_two, x.max(), x.min(axis=0), 1 / (x * y), np.sort(x), np.argsort(x, kind="stable")

    with np.errstate(all="ignore"):
        agree(node, step, *map(np.ascontiguousarray, np.meshgrid(SPECIAL, SPECIAL)), times=1)


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.int8])
def test_whole_numbers_are_those_of_numpy(node, dtype):
    def step(x):
        zeros = x * 0
        return x * x * x, -zeros, 1 / zeros, 1 / -zeros, np.square(x), (x / 3).astype(dtype), x**2, x.sum()

    with np.errstate(all="ignore"):
        largest = {np.int64: 2**17, np.int32: 2**30 + 5, np.int8: 127}[dtype]
        agree(node, step, np.array([-3, 0, 7, 11, largest], dtype), times=1)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32])
def test_numbers_that_a_dtype_cannot_hold_are_compared(node, dtype):
    def step(x):
        return [
            getattr(np, name)(x, number)
            for name in ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
            for number in (300, -1, 2**32, -(2**40), 5)
        ]

    agree(node, step, np.array([0, 5, 44, 127], dtype), times=1)


@given(text=expressions(), dtype=st.sampled_from([np.float64, np.float32]))
def test_expression_gives_its_numbers_or_is_refused(node, text, dtype):
    """Each is compared where a change of the last bit of the inputs does not change it more."""
    step, given_arrays = step_of(text), inputs(dtype, 1)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = outcome(step, *given_arrays)
        assume(expected is not None)
        compiled = compile(step)
        try:
            compiled(*inputs(dtype)), compiled(*inputs(dtype))
            program = compiled.program.javascript
        except (DTypeError, CaptureError):
            reject()
        turned = [np.nextafter(x, side).astype(dtype) for side in (-9, 9) for x in given_arrays]
        near = [outcome(step, *turned[:2]), outcome(step, *turned[2:])]
        states = [state.get() for state in compiled.program.states]
        found, _ = node.run(program, states, (), given_arrays)
        is_single = dtype is np.float32 or "float32" in text
        for i, (one, other) in enumerate(zip(found if isinstance(found, list) else [found], expected)):
            steady = [n is not None and is_close(n[i] * 1.0, other, 1e-14) for n in near]
            if dtype is np.float32 or np.all(steady):
                assert np.size(one) == other.size
                assert is_close(one, other.ravel(), 1e-5 if is_single else 1e-12).all()
