"""Complete error messages of layers and losses for inputs and targets that do not fit."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn

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
