"""Sentences of what a program cannot repeat: what, where, why, and what to write instead, word by word."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from tests.program.networks import batch, classifier, quadratic
from tests.snapshots import assert_as_kept
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.autodiff.ops.casts import dropout_mask
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile

X = np.linspace(-1, 1, 6).reshape(2, 3)
WEIGHT = Tensor(np.ones((2, 3)), requires_grad=True, name="w")
LAYER = nn.Dropout(0.5, rng=np.random.default_rng(0))
GENERATOR = np.random.default_rng(0)
TABLE = np.ones((2, 3))


def gradient(x):
    """The gradient of the weight, as a function sees it."""
    WEIGHT.grad = None
    (x * WEIGHT).sum().backward()
    return WEIGHT.grad


def into_a_plain_array(x):
    np.add(gradient(x), 1, out=TABLE)
    return x


def into_a_view(x):
    g = gradient(x)
    row = g[0]
    g += 1
    return row


def into_what_others_hold(x):
    y = x > 0
    part = y.T
    part[0] = True
    return part


def added_at_a_view(x):
    g = gradient(x)
    row = g[0]
    np.add.at(g, ([0], [0]), 1.0)
    return row


def taken_into_what_others_hold(x):
    y = x > 0
    np.take(gradient(x), np.array([0, 1]), axis=0, out=y.T.T)
    return y


def adds_to_a_list(x):
    x["rows"].append(1)
    return x["a"] * 2


IN_BETWEEN = {
    "branch": lambda x: x if x.sum() > 0 else -x,
    "float": lambda x: x * float(x.sum()),
    "int": lambda x: x * int(x.sum()),
    "complex": lambda x: x * complex(gradient(x).sum()),
    "range": lambda x: range(gradient(x).sum()),
    "format": lambda x: f"{gradient(x):.3f}",
    "item": lambda x: x * x.sum().item(),
    "item of a gradient": lambda x: gradient(x).item(),
    "number": lambda x: x if x.sum().item() > 0 else -x,
    "method of a number": lambda x: x.sum().item().is_integer(),
    "bool of a gradient": lambda x: x if gradient(x).sum() > 0 else -x,
    "int of a gradient": lambda x: int(gradient(x).sum()),
    "text of a tensor": lambda x: f"{x}",
    "data": lambda x: x * (x.data > 0),
    "numpy": lambda x: x * x.numpy(),
    "tolist": lambda x: np.array(gradient(x).tolist()),
    "asarray": lambda x: np.asarray(gradient(x)),
    "method": lambda x: gradient(x).tobytes(),
    "function": lambda x: np.histogram(gradient(x)),
    "function of a module": lambda x: np.linalg.matrix_rank(gradient(x)),
    "reduceat": lambda x: np.add.reduceat(gradient(x), [0]),
    "settings": lambda x: np.exp(gradient(x), dtype=np.float64),
    "two results": lambda x: np.modf(gradient(x)),
    "reduction": lambda x: np.add.reduce(gradient(x), dtype=np.float64),
    "product": lambda x: np.dot(gradient(x), 2.0),
    "product into": lambda x: np.matmul(gradient(x), gradient(x).T, out=np.ones((2, 2))),
    "index": lambda x: gradient(x)[gradient(x) > 0],
    "index of a tensor": lambda x: x[x > 0],
    "pickle": lambda x: gradient(x).__reduce_ex__(2),
    "plain array": into_a_plain_array,
    "view": into_a_view,
    "held": into_what_others_hold,
    "added at a view": added_at_a_view,
    "taken into a view": taken_into_what_others_hold,
    "double precision": lambda x: x * dropout_mask(x, p=0.5, rng=GENERATOR).sum() * GENERATOR.random(),
    "random": lambda x: x * GENERATOR.random((2, 3)),
    "attribute": lambda x: (setattr(LAYER, "p", 0.25), x * 2)[1],
    "parameter": lambda x: (setattr(WEIGHT, "requires_grad", False), x * 2)[1],
    "result": lambda x: {1, 2},
    "array as a result": lambda x: [x, np.eye(2)],
    "container as a result": lambda x: defaultdict(list, a=x),
    "key of a result": lambda x: {x: 1},
}
ARGUMENTS = {
    "set": (lambda x: X, {1, 2}),
    "gradient": (lambda x: x * x, WEIGHT),
    "unnamed": (lambda x: x * x, Tensor(X, requires_grad=True)),
    "container": (lambda x: x["a"], defaultdict(list, a=X)),
    "key": (lambda x: x, {(1, None, ops.tanh, frozenset({2})): X, (nn.ReLU(), (object(),)): X}),
    "changed": (adds_to_a_list, {"a": X, "rows": [X]}),
}


def sentence(call, *arguments):
    """What a call is refused with; lines of files move, so that they are left out."""
    before = WEIGHT.requires_grad
    try:
        call(*arguments)
    except CaptureError as error:
        return re.sub(r"\.py:\d+|0x\w+", "", str(error))
    finally:
        WEIGHT.requires_grad = before
    return "not refused"


def sentences():
    for name, function in IN_BETWEEN.items():
        yield name, sentence(compile(function), X)
    for name, (function, argument) in ARGUMENTS.items():
        yield f"{name} as an argument", sentence(compile(function), argument)
    training = quadratic(momentum=0.9)
    step = compile(training.step)
    x, y = batch(np.random.default_rng(0), training)
    yield "not called", sentence(lambda: step.program)
    yield "single use", sentence(step.check, x, y)
    eager = compile(classifier().step, backend="eager")
    yield "program of eager", sentence(lambda: eager.program)
    yield "check of eager", sentence(eager.check)
    yield "trace of eager", sentence(eager.trace)
    count = [0]

    def counted(x):
        count[0] += 1
        return [x * 2, x * count[0], count[0]]

    compiled = compile(counted)
    compiled(X)
    yield "different", sentence(compiled, X)


def test_unrepeatable_code_raises_the_kept_sentence():
    text = "\n\n".join(f"{name}\n    {said}" for name, said in sentences())
    assert "not refused" not in text
    assert_as_kept(Path(__file__).parent / "snapshots" / "sentences.txt", text + "\n")
