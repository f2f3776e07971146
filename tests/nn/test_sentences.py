"""Complete error messages of layers and losses for inputs and targets that do not fit."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.snapshots import assert_as_kept
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.nn.perceptrons import layer_sizes
from tinygrad_mnist.nn.requirements import require_loss, require_model

F32 = np.float32


def linear(x, **options):
    return lambda: nn.Linear(4, 3, **options)(x)


def expects(shape, instead):
    return f"Linear expects 4 features in the last axis, got inputs of shape {shape}: {instead}"


LINEAR = [
    (linear(np.ones((2, 5), F32)), expects("(2, 5)", "build it as Linear(5, 3)")),
    (linear(np.ones((5, 2, 2), F32)), expects("(5, 2, 2)", "put nn.Flatten() before it")),
    (linear(np.ones((2, 1, 5), F32)), expects("(2, 1, 5)", "build it as Linear(5, 3)")),
    (linear(np.ones((4, 7), F32)), expects("(4, 7)", "one example per row is x.T")),
    (linear(np.ones((4, 7, 2), F32)), expects("(4, 7, 2)", "build it as Linear(2, 3)")),
    (linear(Tensor(np.ones((4, 7), F32), requires_grad=True) * 1),
     expects("(4, 7)", "build it as Linear(7, 3)")),
    (linear(np.ones(5, F32)), expects("(5,)", "build it as Linear(5, 3)")),
    (lambda: nn.Linear(1, 3)(np.ones(5, F32)),
     "Linear expects 1 features in the last axis, got inputs of shape (5,): build it as Linear(5, 3)"),
    (linear(np.array(1, F32)), expects("()", "build it as Linear(1, 3)")),
    (linear(np.ones((2, 4))), "Linear has float32 weights, the input is float64: pass x.astype(np.float32), "
     "or build it with dtype=np.float64"),
    (linear(np.ones((2, 4), F32), dtype=np.float64), "Linear has float64 weights, the input is float32: pass "
     "x.astype(np.float64), or build it with dtype=np.float32"),
    (linear([1.0]), "Linear got [1.0] for its input: pass np.asarray(x, np.float32)"),
    (linear(None), "Linear got None for its input: return a value from the forward before it"),
    (lambda: nn.Sequential(nn.Linear(4, 3))(np.ones((1, 5), F32)),
     "Sequential/" + expects("(1, 5)", "build it as Linear(5, 3)").replace("Linear ", "Linear[0] ", 1)),
]  # fmt: skip


def output(*shape, scale=1.0):
    return Tensor(np.full(shape, 0.5 * scale), requires_grad=True)


def of_classes(loss, shape, target, instead):
    said = f"{loss} cannot compare an output of shape {shape} with a target of shape {target}: {instead}"
    return lambda: getattr(nn, loss)()(output(*shape), np.zeros(target, int)), said


def of_numbers(loss, shape, target, instead, kind=float):
    said = f"{loss}: target {target} does not match output {shape}: {instead}"
    return lambda: getattr(nn, loss)()(output(*shape), np.zeros(target, kind)), said


def of_probabilities(scale, said):
    message = (
        f"a loss of probabilities was given numbers from {said}: end the network in Softmax or Sigmoid, "
    )
    return lambda: nn.BCELoss()(output(2, scale=scale), np.zeros(2)), message + (
        "or use the loss that takes logits"
    )


ROWS = "give integer labels of shape (8,) or rows of probabilities of (8, 10)"
SWAPPED = "arguments swapped? write CrossEntropyLoss()(output, target), with an output of shape (n, classes)"
LOSSES = [
    of_classes("CrossEntropyLoss", (8, 10), (7,), ROWS),
    of_classes("NLLLoss", (8, 10), (8, 9), ROWS),
    of_classes("QuadraticLoss", (8, 10), (8, 1), "write target[:, 0]"),
    of_classes("CrossEntropyLoss", (8,), (8, 10), SWAPPED),
    of_classes("CrossEntropyLoss", (10,), (2,), ROWS.replace("(8,)", "()").replace("(8, 10)", "(10,)")),
    of_numbers("CrossEntropyLoss", (8, 1), (8,), "write target[:, None]"),
    of_numbers("MSELoss", (8, 1), (8,), "write target[:, None]"),
    of_numbers("MSELoss", (8,), (8, 1), "write target[:, 0]"),
    of_numbers("MSELoss", (8, 10), (8,), "write np.eye(10)[target] for labels", kind=int),
    of_numbers("MSELoss", (8, 10), (8,), "give both one shape"),
    of_numbers("MSELoss", (8, 10), (7,), "give both one shape", kind=int),
    of_numbers("BCELoss", (8, 2), (8, 3), "give both one shape"),
    of_numbers("BCEWithLogitsLoss", (8, 2), (2, 8), "give both one shape"),
    of_probabilities(4, "0 to 2"),
    of_probabilities(-1, "-0.5 to 1"),
    of_probabilities(2.003, "0 to 1.0015"),
    (lambda: nn.NLLLoss()(output(8, 10), np.zeros(8)),
     "NLLLoss takes integer class labels, and these are float64: convert with astype(np.int64)"),
    (lambda: nn.MSELoss()([1.0], np.ones(1)),
     "output is [1.0]: expected a Tensor; write MSELoss()(model(x), target)"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "sentence"), LINEAR + LOSSES, ids=[said[-50:] for _, said in LINEAR + LOSSES]
)
def test_message_names_the_mismatch_and_what_to_write(call, sentence):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == sentence


def test_probabilities_with_rounding_errors_are_accepted():
    for loss, rows in (
        (nn.BCELoss(), np.zeros(2)),
        (nn.CrossEntropyLoss(from_logits=False), np.eye(2)[0]),
    ):
        for numbers in ([1.0009, 0.5], [-0.0009, 0.5]):
            assert np.isfinite(loss(Tensor(numbers), rows).item())


def fails_inside(shape, rng):
    return None + 1


def of_one_argument(shape):
    return np.ones(shape)


INITIALIZERS = ["zero", "Normal", "xavier_unifrom", "glorot_normal", "he_uniform", "qqq", "", 3, None, [1]]
INITIALIZERS += [nn.init.uniform, nn.init.constant, nn.init.xavier_normal, nn.init.kaiming_uniform]
INITIALIZERS += [
    nn.init.normal,
    nn.init.xavier_uniform,
    nn.init.kaiming_normal,
    of_one_argument,
    fails_inside,
]
INITIALIZERS += [lambda shape, rng: np.ones(7), lambda shape, rng: 1.0, nn.init.xavier_uniform()]
SETTINGS = {
    "in_features": lambda: nn.Linear(0, 3),
    "out_features": lambda: nn.Linear(3, 2.5),
    "bias": lambda: nn.Linear(3, 2, bias=1),
    "bias of initial values": lambda: nn.Linear(3, 2, nn.init.zeros),
    "p": lambda: nn.Dropout(1.0),
    "p as text": lambda: nn.Dropout("0.5"),
    "dim": lambda: nn.Softmax(0.5),
    "foreign": lambda: nn.Linear(3, 2, activation="relu"),
    "foreign of a module": lambda: nn.ReLU(inplace=True),
    "an input": lambda: nn.Tanh(np.ones(2)),
    "reduction": lambda: nn.MSELoss(reduction="batchmean"),
    "from_logits": lambda: nn.CrossEntropyLoss(from_logits=1),
    "no forward": lambda: nn.Module()(1),
    "hook": lambda: nn.ReLU().register_forward_hook(3),
    "a class in a sequence": lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU),
    "a list in a sequence": lambda: nn.Sequential([nn.ReLU()]),
    "a tuple in a list": lambda: nn.ModuleList([(nn.ReLU(),)]),
    "a function in a sequence": lambda: nn.Sequential(np.tanh),
    "a number in a list": lambda: nn.ModuleList([3]),
    "a module for a list": lambda: nn.ModuleList(nn.ReLU()),
    "constant": lambda: nn.init.constant(np.inf),
    "constant of an array": lambda: nn.init.constant(np.ones(2)),
    "normal of a shape": lambda: nn.init.normal((3, 2)),
    "uniform": lambda: nn.init.uniform("1"),
    "uniform of a list": lambda: nn.init.uniform([1]),
    "gain of a tensor": lambda: nn.init.xavier_uniform(Tensor(1.0)),
    "gain of xavier_normal": lambda: nn.init.xavier_normal("1"),
    "gain of kaiming_uniform": lambda: nn.init.kaiming_uniform(None),
    "gain of kaiming_normal": lambda: nn.init.kaiming_normal(np.nan),
    "fans of a bias": lambda: nn.Linear(3, 2, bias_init=nn.init.kaiming_normal()),
    "fans of blocks": lambda: nn.init.xavier_normal()((2, 3, 4), 0),
    "state": lambda: nn.Linear(3, 2).load_state_dict([np.ones(2)]),
    "names of a state": lambda: nn.Linear(3, 2).load_state_dict({"b": np.ones(2), "a": np.ones(2)}),
    "shapes of a state": lambda: nn.Linear(1, 1).load_state_dict({"weight": np.ones(2), "bias": np.ones(1)}),
    "NaN in a state": lambda: nn.Linear(1, 1, False).load_state_dict({"weight": np.full((1, 1), np.nan)}),
    "model as a class": lambda: require_model(nn.Linear, "call(model)"),
    "model as a function": lambda: require_model(np.tanh, "call(model)"),
    "model as a loss": lambda: require_model(nn.MSELoss(), "call(model)"),
    "loss as a class": lambda: require_loss(nn.MSELoss, "call(loss)"),
    "loss as text": lambda: require_loss("mse", "call(loss)"),
    "sizes": lambda: layer_sizes((3,)),
    "sizes as text": lambda: layer_sizes("3-x"),
    "a size": lambda: layer_sizes((3, 0)),
    "activation": lambda: nn.perceptron((3, 2), "relu"),
    "final_activation": lambda: nn.perceptron((3, 2), final_activation=nn.ReLU()),
    "biases": lambda: nn.perceptron((3, 2, 1), bias=[True]),
    "num_embeddings": lambda: nn.Embedding(0, 2),
    "embedding_dim": lambda: nn.Embedding(3, 0),
    "padding_idx": lambda: nn.Embedding(3, 2, padding_idx=3),
    "padding_idx below": lambda: nn.Embedding(3, 2, padding_idx=-4),
    "padding_idx at the ends": lambda: (
        nn.Embedding(3, 2, padding_idx=2),
        nn.Embedding(3, 2, padding_idx=-3),
    ),
    "numbers of rows": lambda: nn.Embedding(3, 2)(np.ones(2)),
    "a row too far": lambda: nn.Embedding(3, 2)(np.array([0, 3])),
    "delta": lambda: nn.HuberLoss(delta=0),
    "delta below": lambda: nn.HuberLoss(delta=-0.5),
    "label_smoothing": lambda: nn.CrossEntropyLoss(label_smoothing=1.5),
    "label_smoothing below": lambda: nn.CrossEntropyLoss(label_smoothing=-0.1),
    "label_smoothing at the ends": lambda: [nn.CrossEntropyLoss(label_smoothing=e) for e in (0, 1)],
    "ignore_index": lambda: nn.CrossEntropyLoss(ignore_index=0.5),
    "weight": lambda: nn.CrossEntropyLoss(weight=[1.0, 2.0])(np.ones((2, 3)), np.array([0, 1])),
    "negative_slope": lambda: nn.LeakyReLU("0.1"),
    "approximate": lambda: nn.GELU("erf"),
    "normalized_shape": lambda: nn.LayerNorm(0),
    "eps": lambda: nn.LayerNorm(3, eps=-1.0),
    "elementwise_affine": lambda: nn.LayerNorm(3, elementwise_affine=1),
    "bias of a norm": lambda: nn.LayerNorm(3, bias=1),
    "features of a norm": lambda: nn.LayerNorm(3)(np.ones((2, 4), F32)),
    "num_features": lambda: nn.BatchNorm1d(0),
    "eps of a batch": lambda: nn.BatchNorm1d(3, eps=-1.0),
    "momentum": lambda: nn.BatchNorm1d(3, momentum=-0.1),
    "affine": lambda: nn.BatchNorm1d(3, affine=1),
    "track_running_stats": lambda: nn.BatchNorm1d(3, track_running_stats=1),
    "features of a batch": lambda: nn.BatchNorm1d(3)(np.ones((2, 4), F32)),
    "axes of a batch": lambda: nn.BatchNorm1d(3)(np.ones(3, F32)),
    "one example": lambda: nn.BatchNorm1d(3)(np.ones((1, 3), F32)),
    "input_size": lambda: nn.RNN(0, 2),
    "hidden_size": lambda: nn.LSTM(2, 0),
    "num_layers": lambda: nn.LSTM(2, 2, 0),
    "bias of a sequence": lambda: nn.LSTM(2, 2, bias=1),
    "batch_first": lambda: nn.RNN(2, 2, batch_first=1),
    "nonlinearity": lambda: nn.RNN(2, 2, nonlinearity="sigmoid"),
    "features of a sequence": lambda: nn.RNN(2, 2)(np.ones((4, 1, 3), F32)),
    "an initial state": lambda: nn.RNN(2, 2)(np.ones((4, 1, 2), F32), np.ones((3, 1, 2), F32)),
    "an initial state of another kind": lambda: nn.RNN(2, 2)(np.ones((4, 1, 2), F32), [0.0]),
    "one initial state of two": lambda: nn.LSTM(2, 2)(np.ones((4, 1, 2), F32), np.ones((1, 1, 2), F32)),
    "three initial states of two": lambda: nn.LSTM(2, 2)(
        np.ones((4, 1, 2), F32), [np.ones((1, 1, 2), F32)] * 3
    ),
    "a list for a dict": lambda: nn.ModuleDict([nn.Tanh()]),
    "a key with a dot": lambda: nn.ModuleDict({"a.b": nn.Tanh()}),
    "a key of another kind": lambda: nn.ModuleDict({3: nn.Tanh()}),
    "an operator of a module": lambda: nn.Linear(2, 2) + 1,
    "an optimizer of a module": lambda: optim.SGD(nn.Linear(2, 2), lr=0.1),
}


def said(call):
    try:
        call()
    except Exception as error:
        return re.sub(r"0x\w+|\.py:\d+", "...", f"{type(error).__name__}: {error}")
    return "nothing"


def test_wrong_settings_word_by_word():
    lines = [(name, said(call)) for name, call in SETTINGS.items()]
    for argument in ("weight_init", "bias_init"):
        for i, given in enumerate(INITIALIZERS):
            lines.append((f"{argument} {i}", said(lambda: nn.Linear(3, 2, **{argument: given}))))  # noqa: B023
    text = "\n\n".join(f"{name}\n    {sentence}" for name, sentence in lines)
    assert_as_kept(Path(__file__).parent / "snapshots" / "settings.txt", text + "\n")
