"""Wrong arguments are refused in a sentence: what was given, what is expected, one thing to write."""

import inspect
import re

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn, ops, optim, primitive
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.autograd import grad as slope
from tinygrad_mnist.checking import check_gradients, diagnose
from tinygrad_mnist.errors import DTypeError, GradientError, ShapeError
from tinygrad_mnist.graph import draw, to_dot, to_html, to_mermaid, to_svg, to_text

VECTOR = np.array([1.0, 2.0])
BATCH = np.ones((2, 3), np.float32)


def tensor():
    return Tensor(np.ones((2, 3)), requires_grad=True, name="x")


def loss():
    x = tensor()
    return (x * x).sum()


def model():
    return nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=0))


def outputs(*shape):
    return Tensor(np.full(shape, 0.5), requires_grad=True)


def refuses(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        (None, "write Tensor([1.0, 2.0])"),
        ("a", "write Tensor([1.0, 2.0])"),
        (b"ab", "write Tensor([1.0, 2.0])"),
        (["1", "2"], "write Tensor([1.0, 2.0])"),
        ({1: 2}, "build one Tensor for each entry"),
        ({1, 2}, "write Tensor(list(data))"),
        ({1: 2}.values(), "write Tensor(list(data))"),
        ((i for i in range(3)), "write Tensor(list(data))"),
        ([None, 1.0], "write Tensor(np.asarray(data, float))"),
        (np.array([1, None]), "write Tensor(np.asarray(data, float))"),
        (np.datetime64("2020-01-01"), "write Tensor([1.0, 2.0])"),
        (len, "data is the function len"),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", str(value))[-40:],
)
def test_data_that_are_not_numbers_are_refused(data, advice):
    refuses(lambda: Tensor(data), DTypeError, "expected numbers")
    refuses(lambda: Tensor(data), DTypeError, advice)


def test_rows_of_different_lengths_are_refused():
    refuses(lambda: Tensor([[1.0], [1.0, 2.0]]), ShapeError, "rows of different lengths")


@pytest.mark.parametrize(
    "value", [np.float32, "float32", np.dtype(float), 1, 0, "yes", None, [True]], ids=str
)
def test_requires_grad_other_than_a_boolean_is_refused(value):
    refuses(lambda: Tensor([1.0], requires_grad=value), TypeError, "requires_grad is")
    refuses(lambda: setattr(Tensor([1.0]), "requires_grad", value), TypeError, "expected True or False")


@pytest.mark.parametrize("setting", [np.float32, True, False, "w"], ids=str)
@pytest.mark.parametrize("kind", [Tensor, nn.Parameter])
def test_settings_of_a_tensor_are_given_by_name(kind, setting):
    expected = f"{kind.__name__}() got 2 positional arguments: expected data, then by name requires_grad="
    refuses(lambda: kind([1.0], setting), TypeError, expected)
    assert list(inspect.signature(kind).parameters) == ["data", "requires_grad", "dtype", "name"]


# Seeds, settings and initial values


def test_a_seed_is_taken_where_a_generator_is():
    for seed in (0, 5, np.int64(5), [1, 2]):
        first, second = (nn.Linear(3, 4, rng=rng) for rng in (seed, np.random.default_rng(seed)))
        np.testing.assert_array_equal(first.weight.data, second.weight.data)
    masks = [nn.Dropout(0.5, rng=rng)(np.ones(64, np.float32)) for rng in (0, np.random.default_rng(0))]
    np.testing.assert_array_equal(*masks)
    drawn = [nn.init.xavier_uniform()((2, 3), rng) for rng in (7, np.random.default_rng(7))]
    np.testing.assert_array_equal(*drawn)


@pytest.mark.parametrize("layer", [lambda rng: nn.Linear(3, 4, rng=rng), lambda rng: nn.Dropout(rng=rng)])
@pytest.mark.parametrize(("rng", "error"), [("a", TypeError), (1.5, TypeError), (-1, ValueError)])
def test_an_rng_that_is_not_a_seed_is_refused(layer, rng, error):
    refuses(lambda: layer(rng), error, f"rng is {rng!r}: expected a seed")


SETTINGS = [
    (lambda: nn.Linear("784", 10), TypeError, "in_features is '784': expected a whole number >= 1"),
    (lambda: nn.Linear(784, 10.0), TypeError, "out_features is 10.0: expected a whole number >= 1"),
    (lambda: nn.Linear(0, 10), ValueError, "in_features is 0: expected a whole number >= 1"),
    (lambda: nn.Linear(3), TypeError, "Linear() is missing out_features"),
    (lambda: nn.Linear(3, 4, "relu"), TypeError, "bias is 'relu': expected True or False"),
    (lambda: nn.Dropout("0.5"), TypeError, "p is '0.5': expected a finite number >= 0 and < 1"),
    (lambda: nn.Dropout(1), ValueError, "p is 1: expected a finite number >= 0 and < 1"),
    (lambda: nn.Softmax("1"), TypeError, "dim is '1': expected a whole number"),
    (lambda: nn.ReLU(VECTOR), TypeError, "build it, then apply it, ReLU()(...)"),
    (lambda: nn.CrossEntropyLoss(VECTOR, VECTOR), TypeError, "to apply it write CrossEntropyLoss()(...)"),
    (lambda: nn.CrossEntropyLoss(from_logits="no"), TypeError, "from_logits is 'no': expected True or False"),
    (lambda: nn.Sequential([nn.ReLU()]), TypeError, "write Sequential(*modules)"),
    (lambda: nn.Sequential(np.tanh), TypeError, "write a Module whose forward calls it"),
    (lambda: optim.SGD([tensor()], lr="0.1"), TypeError, "lr is '0.1': expected a finite number >= 0"),
    (lambda: optim.SGD([tensor()], lr=True), TypeError, "lr is True: expected a finite number >= 0"),
    (lambda: optim.SGD([tensor()], 0.1, momentum=None), TypeError, "momentum is None: expected a finite"),
    (lambda: optim.SGD([tensor()], 0.1, nesterov=1), TypeError, "nesterov is 1: expected True or False"),
    (lambda: optim.SGD(model(), lr=0.1), TypeError, "write SGD(model.parameters(), lr=0.1)"),
    (lambda: optim.SGD(model().parameters, lr=0.1), TypeError, "write SGD(model.parameters(), lr=0.1)"),
    (lambda: optim.SGD(0.1, model().parameters()), TypeError, "params is 0.1: expected the model's"),
    (lambda: optim.SGD(model().named_parameters(), lr=0.1), TypeError, "named_parameters() gives pairs"),
    (lambda: optim.SGD(model().state_dict(), lr=0.1), TypeError, "write model.parameters()"),
    (lambda: optim.SGD([tensor() * 2], lr=0.1), TypeError, "expected leaf tensors"),
    (lambda: optim.StepLR(optim.SGD([tensor()], 0.1), "5"), TypeError, "step_size is '5': expected a whole"),
    (lambda: optim.StepLR([tensor()], 5), TypeError, "expected an optimizer; write SGD(..., lr=0.1)"),
    (lambda: optim.ExponentialLR(optim.SGD([tensor()], 0.1), "a"), TypeError, "gamma is 'a': expected"),
    (lambda: optim.CosineAnnealingLR(optim.SGD([tensor()], 0.1), 2.5), TypeError, "T_max is 2.5: expected"),
]


@pytest.mark.parametrize(("call", "error", "message"), SETTINGS, ids=[row[2][:40] for row in SETTINGS])
def test_a_wrong_setting_is_refused(call, error, message):
    refuses(call, error, message)


@pytest.mark.parametrize(
    ("initializer", "message"),
    [
        (nn.init.xavier_uniform, "expected what it returns; write nn.init.xavier_uniform()"),
        (nn.init.uniform, "expected what it returns; write nn.init.uniform(0.1)"),
        ("xavier", "expected a function of nn.init; write `nn.init.xavier_uniform()`"),
        ("he_normal", "write `nn.init.kaiming_normal()`"),
        ("kaiming_normal", "write nn.init.kaiming_normal()"),
        (np.ones((4, 3)), "is an array of shape (4, 3): expected a function of nn.init"),
        (0.1, "is 0.1: expected a function of nn.init"),
        (lambda shape: np.ones(shape), "expected a function of (shape, rng)"),
    ],
    ids=lambda value: re.sub(" at 0x.*", "", str(value))[-40:],
)
def test_an_initializer_that_is_not_one_is_refused(initializer, message):
    for argument in ("weight_init", "bias_init"):
        refuses(lambda name=argument: nn.Linear(3, 4, **{name: initializer}), TypeError, message)


def test_initial_values_of_another_shape_are_refused():
    turned = nn.Linear
    refuses(
        lambda: turned(3, 4, weight_init=lambda shape, rng: np.ones(shape[::-1])),
        ShapeError, "weight_init returned values of shape (3, 4): expected (4, 3)",
    )  # fmt: skip
    refuses(
        lambda: nn.init.xavier_uniform(turned(3, 4).weight), TypeError, "gain is a Parameter of shape (4, 3)"
    )


def test_zeros_are_written_with_and_without_a_call():
    for zeros in (nn.init.zeros, nn.init.zeros()):
        assert not nn.Linear(3, 4, bias_init=zeros).bias.data.any()


# Inputs of layers, ops and losses

INPUTS = [
    (lambda: ops.sum(tensor(), [0, 1]), TypeError, "axis is [0, 1]: expected a whole number or a tuple"),
    (lambda: ops.sum(tensor(), [0, 1]), TypeError, "write axis=(0, 1)"),
    (lambda: tensor().mean(axis="a"), TypeError, "axis is 'a': expected a whole number or a tuple"),
    (lambda: tensor().sum(0, 1), TypeError, "keepdims is 1: expected True or False; several axes are one"),
    (lambda: ops.max(tensor(), 0, 1), TypeError, "keepdims is 1: expected True or False; several axes"),
    (lambda: tensor().astype(str), DTypeError, "dtype is <U0: expected one of numbers"),
    (lambda: ops.stack([tensor(), loss()]), ShapeError, "stack takes arrays of one shape, got (2, 3) and ()"),
    (lambda: tensor().exp(1), TypeError, "Tensor.exp() takes 1 positional argument but 2 were given"),
    (lambda: primitive(np.exp), TypeError, "forward is the function exp: expected a Python function"),
    (lambda: model().load_state_dict("a.npz"), TypeError, "model.load_state_dict(dict(np.load(path)))"),
    (
        lambda: model()(np.ones((2, 3))),
        DTypeError,
        "Sequential/Linear[0] has float32 weights, the input is "
        "float64: pass x.astype(np.float32), or build it with dtype=np.float64",
    ),
    (
        lambda: nn.Linear(3, 4)(np.ones((2, 3), int)),
        DTypeError,
        "the input is int64: pass x.astype(np.float32)",
    ),
    (
        lambda: model()(np.ones((2, 5), np.float32)),
        ShapeError,
        "Sequential/Linear[0] expects 3 features in the "
        "last axis, got inputs of shape (2, 5): build it as Linear(5, 4)",
    ),
    (lambda: nn.Linear(4, 2)(np.ones((5, 2, 2), np.float32)), ShapeError, "put nn.Flatten() before it"),
    (lambda: nn.Linear(4, 2)(np.ones((4, 7), np.float32)), ShapeError, "one example per row is x.T"),
    (lambda: nn.Linear(3, 4)([[1.0, 2.0, 3.0]]), TypeError, "pass np.asarray(x, np.float32)"),
    (lambda: nn.Linear(3, 4)(None), TypeError, "return a value from the forward before it"),
    (lambda: ops.softmax([1.0, 2.0]), TypeError, "softmax takes Tensors and arrays, not a list"),
    (lambda: ops.relu(None), TypeError, "relu takes Tensors and arrays, not a NoneType"),
    (lambda: tensor() + [1.0, 2.0, 3.0], TypeError, "add takes Tensors and arrays, not a list"),  # noqa: RUF005
    (lambda: tensor() * len, TypeError, "call it first"),
    (lambda: ops.add(tensor()), TypeError, "add() is missing b: expected add(a, b)"),
    (lambda: ops.exp(tensor(), tensor()), TypeError, "exp() got 2 positional arguments: expected exp(x)"),
    (lambda: ops.reshape(tensor()), TypeError, "reshape() is missing shape=: expected reshape(x, shape=...)"),
    (lambda: ops.exp(x=VECTOR, y=1), TypeError, "exp() takes its inputs by position: expected exp(x)"),
    (
        lambda: Tensor(np.ones(3)) + Tensor(np.ones(2)),
        ShapeError,
        "add: shapes (3,) and (2,) do not broadcast; compare from the right: lengths must be equal or 1",
    ),
    (
        lambda: tensor() + np.ones(2),
        ShapeError,
        "add: shapes x (2, 3) and (2,) do not broadcast; if (2,) are "
        "numbers of the rows, write [:, None] behind them",
    ),
    (
        lambda: ops.maximum(np.ones(5), tensor()),
        ShapeError,
        "maximum: shapes (5,) and x (2, 3) do not broadcast",
    ),
    (
        lambda: tensor() @ tensor(),
        ShapeError,
        "the inner lengths 3 and 2 differ; transpose the second: a @ b.T",
    ),
    (
        lambda: ops.concatenate(tensor(), tensor(), 0),
        ShapeError,
        "give the axis by name: concatenate(..., axis=0)",
    ),
    (
        lambda: tensor() * np.ones(3, np.float32),
        DTypeError,
        "write .astype(np.float32) behind what is not float32",
    ),
    (
        lambda: nn.CrossEntropyLoss()(np.zeros(8, int), outputs(8, 10)),
        ShapeError,
        "arguments swapped? write CrossEntropyLoss()(output, target)",
    ),
    (lambda: nn.CrossEntropyLoss()(outputs(8, 10), np.zeros((8, 1), int)), ShapeError, "write target[:, 0]"),
    (
        lambda: nn.CrossEntropyLoss()([[1.0]], [0]),
        TypeError,
        "expected a Tensor; write CrossEntropyLoss()(model(x)",
    ),
    (
        lambda: nn.MSELoss()(outputs(8, 10), np.zeros(8, int)),
        ShapeError,
        "write np.eye(10)[target] for labels",
    ),
    (lambda: nn.MSELoss()(outputs(8), np.zeros((8, 1))), ShapeError, "write target[:, 0]"),
    *(
        (
            lambda kind=kind: kind()(outputs(8, 1), np.ones(8)),
            ShapeError,
            "target (8,) does not match output (8, 1): write target[:, None]",
        )
        for kind in (nn.MSELoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.QuadraticLoss)
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), INPUTS, ids=[row[2][-40:] for row in INPUTS])
def test_a_wrong_input_is_refused(call, error, message):
    refuses(call, error, message)


REDUCING = [ops.sum, ops.mean, ops.max, ops.min, ops.logsumexp, ops.softmax, ops.log_softmax]


@pytest.mark.parametrize("op", REDUCING, ids=lambda op: op.name)
def test_an_axis_is_taken_by_position(op):
    for x in (tensor(), tensor().data):
        np.testing.assert_array_equal(np.array(op(x, 0).tolist()), np.array(op(x, axis=0).tolist()))


def test_other_settings_are_taken_by_position():
    x = tensor()
    assert ops.sum(x, 0, True).shape == (1, 3)
    assert ops.sum(x, 0, keepdims=True).shape == (1, 3)
    assert ops.reshape(x, (3, 2)).shape == (3, 2)
    assert ops.transpose(x, (1, 0)).shape == (3, 2)
    assert ops.broadcast_to(x, (4, 2, 3)).shape == (4, 2, 3)
    assert ops.clip(x, 2.0, 3.0).data.min() == 2.0
    ops.sum(ops.sum(x, 0)).backward()
    np.testing.assert_array_equal(x.grad, np.ones((2, 3)))


@pytest.mark.parametrize("as_input", [np.asarray, lambda a: Tensor(a, requires_grad=True)])
def test_joined_arrays_are_given_one_by_one_or_as_a_sequence(as_input):
    a, b = as_input(np.array([1.0, 2.0])), as_input(np.array([3.0, 4.0]))
    for joined in (ops.concatenate(a, b), ops.concatenate([a, b]), ops.concatenate((a, b), 0),
                   ops.concatenate([a, b], axis=-1)):  # fmt: skip
        np.testing.assert_array_equal(joined.tolist(), [1.0, 2.0, 3.0, 4.0])
    for stacked in (ops.stack(a, b, axis=1), ops.stack([a, b], 1), ops.stack((a, b), axis=1)):
        np.testing.assert_array_equal(stacked.tolist(), [[1.0, 3.0], [2.0, 4.0]])
    assert ops.stack([1.0, 2.0]).tolist() == [1.0, 2.0]


# Transforms and rules

TRANSFORMS = [
    (lambda: slope(np.sum), TypeError, "for the gradient of a function write tm.grad(f)(x)"),
    (lambda: slope(loss()), TypeError, "grad() is missing inputs"),
    *(
        (lambda kind=kind: kind(loss()), TypeError, f"{kind.__name__} takes a function, and was given")
        for kind in (
            tm.grad,
            tm.value_and_grad,
            tm.jacobian,
            tm.hessian,
            tm.vjp,
        )
    ),
    (
        lambda: tm.grad(loss(), tensor()),
        TypeError,
        "for a computed Tensor y write tm.autograd.grad(y, x)",
    ),
    (lambda: tm.jvp(np.exp, VECTOR, VECTOR), TypeError, "write jvp(f, (x,), (t,))"),
    (
        lambda: tm.hvp(np.sum, (VECTOR,), VECTOR),
        TypeError,
        "tangents is an array of shape (2,): expected a "
        "tuple with one entry per argument; write hvp(f, (x,), (t,))",
    ),
    (
        lambda: tm.grad(np.sum)(np.array([1, 2])),
        DTypeError,
        "argument 0 is int64: expected floats; pass x.astype(float)",
    ),
    (lambda: tm.grad(np.multiply, 1)(1.0, np.array(2)), DTypeError, "argument 1 is int64"),
    (
        lambda: tm.grad(len)({"w": 1.0, "kind": "relu"}),
        DTypeError,
        "argument 0 holds 'relu': expected floats; keep settings out of the differentiated argument",
    ),
    (lambda: tm.grad(len)(None), DTypeError, "argument 0 holds None"),
    (lambda: tm.grad(np.sum, "x")(VECTOR), TypeError, "argnums is 'x': expected a whole number"),
    (lambda: tm.grad(np.sum, argnum=0), TypeError, "grad() takes argnums=, not argnum="),
    (lambda: tm.jacobian(np.sum, argnum=0), TypeError, "jacobian() takes argnums=, not argnum="),
    (lambda: Tensor(2.0).backward(), GradientError, "build x as Tensor(x, requires_grad=True)"),
    (
        lambda: slope(slope(loss(), tensor())[0], tensor()),
        GradientError,
        "does not depend on input 0",
    ),
    (
        lambda: loss().backward(retain_graph=True),
        TypeError,
        "a graph can be run backward any number of times",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), TRANSFORMS, ids=[row[2][-40:] for row in TRANSFORMS])
def test_a_wrong_call_of_a_transform_is_refused(call, error, message):
    refuses(call, error, message)


def test_a_gradient_of_a_gradient_names_create_graph():
    x = tensor()
    (g,) = slope((x * x).sum(), x)
    refuses(lambda: slope(g.sum(), x), GradientError, "write grad(y, x, create_graph=True) there")


@pytest.fixture
def scaled():
    @primitive
    def scaled(v, w, *, power=1):
        return v * w**power

    yield scaled
    del REGISTRY["scaled"]


@pytest.mark.parametrize(
    ("rule", "error", "message"),
    [
        (lambda g, y: g, TypeError, "the rule of scaled for v: "),
        (lambda g, y, v, w: g, TypeError, "write lambda g, y, v, w, *, power: ..."),
        (lambda g, y, v, w, *, power: None, GradientError, "the rule of scaled for v returned None"),
        (lambda g, y, v, w, *, power: 3, GradientError, "return an array or Tensor of the input's shape"),
    ],
)
def test_a_rule_that_does_not_fit_is_told_how_it_is_written(scaled, rule, error, message):
    scaled.vjps(rule, None)
    refuses(lambda: scaled(Tensor(2.0, requires_grad=True), 3.0).backward(), error, message)


def test_an_error_inside_a_rule_is_left_alone(scaled):
    scaled.vjps(lambda g, y, v, w, *, power: g + "text", None)
    with pytest.raises(TypeError) as caught:
        scaled(Tensor(2.0, requires_grad=True), 3.0).backward()
    assert "write lambda" not in str(caught.value)


# Drawings and checks


@pytest.mark.parametrize("render", [to_dot, to_text, to_mermaid, to_html, to_svg])
def test_a_renderer_takes_a_tensor(render):
    from tinygrad_mnist.graph import Graph

    y = loss()
    assert render(y) == render(Graph.of(y))


CHECKS = [
    (lambda: to_dot(model()), TypeError, "draw its result, draw(model(x), path)"),
    (lambda: draw(model(), "never.txt"), TypeError, "draw its result, draw(model(x), path)"),
    (lambda: draw(3, "never.txt"), TypeError, "output is 3: expected a Tensor"),
    (lambda: check_gradients(loss(), tensor()), TypeError, "for a computed Tensor y write diagnose(y)"),
    (lambda: check_gradients(3), TypeError, "write check_gradients(lambda x: (x**2).sum(), x)"),
    (
        lambda: check_gradients(model(), nn.MSELoss(), BATCH, BATCH),
        TypeError,
        "expected one pair, inputs and targets",
    ),
    (lambda: check_gradients(model(), nn.MSELoss, (BATCH, BATCH)), TypeError, "did you mean MSELoss()?"),
    (lambda: check_gradients(model()), TypeError, "write check_gradients(model, loss, (inputs, targets))"),
    (lambda: diagnose(model()), TypeError, "write diagnose(loss(model(x), target))"),
]


@pytest.mark.parametrize(("call", "error", "message"), CHECKS, ids=[row[2][-40:] for row in CHECKS])
def test_a_wrong_call_of_a_drawing_or_check_is_refused(call, error, message):
    refuses(call, error, message)


# Where an op was recorded


class Own(nn.Module):
    """A module of a user, with layers of the package inside."""

    def __init__(self):
        self.layer = nn.Linear(3, 2, rng=0)

    def forward(self, x):
        return self.layer(x)  # the line of a user's forward


def test_the_origin_of_an_op_is_the_users_line():
    x = np.ones((2, 3), np.float32)
    y = Own()(x)
    z = nn.Sequential(nn.Linear(3, 2, rng=0), nn.Sequential(nn.Tanh()))(x)  # the line of a user's call
    value = nn.CrossEntropyLoss(from_logits=False)(nn.Softmax()(y) * 1.0, [0, 1])  # the line of a loss
    found = [(y, "users forward"), (z, "users call"), (value, "of a loss"), (value.inputs[0], "of a loss")]
    for tensor, line in found:
        assert line.replace("users", "user's") in tensor._origin()
        assert "test_refusals.py:" in tensor._origin()


def test_diagnose_numbers_ops_within_the_graph():
    first, second = (diagnose(loss()).verdicts for _ in range(2))
    assert first == second == {"multiply_1": "correct", "sum_2": "correct"}
