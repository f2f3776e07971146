"""Names from other libraries are answered with code to write, and that code runs."""

import re

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, hints, nn, no_grad, ops, optim
from tinygrad_mnist.autodiff.numpy_protocol import PLAIN
from tinygrad_mnist.autodiff.primitive import ANSWERS
from tinygrad_mnist.hints import keywords, layers, networks, numpy_functions, package, rooms, tensors
from tinygrad_mnist.training import Epoch, History

MODEL = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
OPTIMIZER = optim.SGD(MODEL.parameters(), lr=0.1)
DIGITS = tm.datasets.load_digits()
HISTORY = History([Epoch(1, 0.1, 2.0, 0.5, 1.5, 0.5, 100)])
OWNERS = [
    (Tensor(1.0), tensors.TENSOR),
    (ops, tensors.OPS),
    (tm, package.TOP_LEVEL),
    (tm.datasets, rooms.DATASETS),
    (tm.training, rooms.TRAINING),
    (tm.autograd, rooms.AUTOGRAD),
    (nn, layers.NN),
    (nn.functional, layers.FUNCTIONAL),
    (DIGITS, rooms.DATASET),
    (DIGITS.train, rooms.SPLIT),
    (tm.datasets.load_iris(), rooms.IRIS),
    (DIGITS.train.loader(32), rooms.LOADER),
    (HISTORY, rooms.HISTORY),
    (HISTORY[0], rooms.EPOCH),
    (nn.init, networks.INIT),
    (nn.utils, networks.UTILS),
    (MODEL, networks.MODULE),
    (optim, networks.OPTIM),
    (OPTIMIZER, networks.OPTIMIZER),
    (optim.StepLR(OPTIMIZER, 1), networks.SCHEDULE),
    (optim.EMA(MODEL.parameters()), networks.EMA),
]
NAMES = [(owner, name, advice) for owner, table in OWNERS for name, advice in table.items()]


def namespace(tmp_path):
    """Names that the code in the tables refers to."""
    draw = np.random.default_rng(0).uniform
    x, y = (Tensor(draw(0.5, 1.5, (3, 3)), requires_grad=True) for _ in range(2))
    model = nn.Sequential(nn.Linear(3, 3, rng=0, dtype=np.float64), nn.ReLU())
    tm.save(model, tmp_path / "model.safetensors")
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loss = nn.CrossEntropyLoss()
    data = np.ones((4, 3)), np.array([0, 1, 2, 0])
    return {
        "np": np, "nn": nn, "ops": ops, "optim": optim, "tm": tm, "Tensor": Tensor,
        "no_grad": no_grad, "x": x, "y": y, "labels": np.array([0, 1, 2]), "mask": x.data > 1, "model": model,
        "optimizer": optimizer, "ema": optim.EMA(model.parameters()), "schedule": optim.StepLR(optimizer, 1),
        "path": tmp_path / "model.safetensors", "part": model.state_dict(),
        "loss": loss, "output": x, "target": y, "program": tm.program, "training": tm.training,
        "graph": tm.graph, "function": lambda t: t * 2, "Loader": tm.datasets.Loader,
        "split": DIGITS.train, "data": DIGITS, "iris": tm.datasets.load_iris(), "history": HISTORY,
        "loader": DIGITS.train.loader(32), "batches": [data], "module": model,
        "Module": nn.Module, "params": list(model.parameters()),
    }  # fmt: skip


def snippets(advice):
    return [code for code in re.findall(r"`([^`]+)`", advice) if "..." not in code and code != "@"]


def follow(code, names):
    if code == "loss.backward()":
        code = "loss(model(batches[0][0]), batches[0][1]).backward()"
    exec(f"{code} pass" if code.endswith(":") else code, names)


@pytest.mark.parametrize(("owner", "name", "advice"), NAMES, ids=lambda value: str(value)[:20])
def test_foreign_name_is_answered_with_code_that_runs(owner, name, advice, tmp_path):
    assert not hasattr(owner, name), f"{name} exists: take it out of its table in tinygrad_mnist/hints"
    with pytest.raises(AttributeError, match=re.escape(f"has no attribute {name!r}: {advice}")):
        getattr(owner, name)
    names = namespace(tmp_path)
    for code in snippets(advice):
        follow(code, names)


@pytest.mark.parametrize("remark", [*keywords.REMARKS.values()], ids=lambda remark: remark[:20])
def test_advice_for_a_keyword_runs(remark, tmp_path):
    for code in snippets(remark):
        follow(code, namespace(tmp_path))


def test_foreign_names_are_hidden_from_dir():
    assert not set(tensors.TENSOR) & set(dir(Tensor(1.0)))
    assert "reshape" in dir(Tensor(1.0))
    assert not set(networks.MODULE) & set(dir(MODEL))


def test_attribute_hides_a_foreign_name():
    class Block(nn.Module):
        def __init__(self):
            self.layers = [nn.Linear(2, 3)]

        def to(self):
            return "here"

    assert len(Block().layers) == 1
    assert Block().to() == "here"


@pytest.mark.parametrize(("owner", "name", "near"), [
    (tm, "Tensr", "Tensor"), (ops, "matmull", "matmul"), (nn, "Lineaer", "Linear"),
    (optim, "SDG", "SGD"), (nn.init, "unifrm", "uniform"),
])  # fmt: skip
def test_misspelt_name_is_answered_with_a_similar_one(owner, name, near):
    with pytest.raises(AttributeError, match=f"did you mean {near}"):
        getattr(owner, name)


def test_missing_name_without_similar_ones_is_plain():
    with pytest.raises(AttributeError, match=r"^ops has no attribute 'qqqq'$"):
        _ = ops.qqqq
    assert (
        str(hints.missing("ops", "_private", {}, lambda: ["_private"])) == "ops has no attribute '_private'"
    )


@pytest.mark.parametrize("name", ["isnan", "zeros_like", "argmax", "unique", "meshgrid", "empty", "int8"])
def test_name_of_numpy_is_answered_with_it(name):
    with pytest.raises(AttributeError, match=f"write `np.{name}`: arrays are made by NumPy"):
        getattr(tm, name)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("masked_fill", "write `ops.where(mask, 0.0, x)`"),
        ("cosine_similarity", layers.FUNCTIONAL["cosine_similarity"]),
        ("dropout", "write `nn.functional.dropout`"),
    ],
)
def test_function_of_pytorch_is_answered_at_the_top_as_in_its_room(name, advice):
    with pytest.raises(AttributeError, match=re.escape(f"no attribute {name!r}: {advice}")):
        getattr(tm, name)


def test_function_of_a_layer_is_answered_in_nn():
    for name in nn.functional.__all__:
        with pytest.raises(AttributeError, match=f"write `nn.functional.{name}`"):
            getattr(nn, name)
    for name in set(ops.__all__) - set(nn.functional.__all__):
        with pytest.raises(AttributeError, match=f"write `ops.{name}`|: "):
            getattr(nn.functional, name)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("from tinygrad_mnist.nn import Dense", r"nn has no 'Dense' to import: write `nn.Linear\(3, 4\)`"),
        ("from tinygrad_mnist.datasets import Loader, DataLoader", r"write `tm.datasets.Loader\("),
        ("from tinygrad_mnist import keras", "layers are in `nn`"),
        ("from tinygrad_mnist.optim import lr_scheduler", "the schedules are here"),
        ("from tinygrad_mnist.training import ModelCheckpoint as M", "training.Checkpoints"),
        ("from tinygrad_mnist.nn.functional import interpolate", "ops.repeat"),
        ("from tinygrad_mnist.autograd import Function", "tm.primitive"),
    ],
)
def test_name_that_is_imported_is_answered(line, advice):
    with pytest.raises(ImportError, match=advice):
        exec(line, {})


def test_name_without_advice_is_imported_as_ever():
    with pytest.raises(ImportError, match=r"cannot import name 'qqqq' from 'tinygrad_mnist.nn'"):
        exec("from tinygrad_mnist.nn import qqqq", {})
    exec("from tinygrad_mnist.nn import functional, utils, init, Linear", {})


def test_every_op_and_array_method_is_answered_on_a_tensor():
    x = Tensor(np.ones((2, 2)))
    names = {*ops.__all__, *(name for name in dir(np.ndarray) if not name.startswith("_"))}
    assert not {name for name in names if not hasattr(x, name) and name not in tensors.TENSOR}


def test_setting_that_would_change_nothing_is_refused():
    model = nn.Sequential(nn.Linear(2, 3))
    with pytest.raises(AttributeError, match=r"write `model.requires_grad_\(False\)`"):
        model[0].trainable = False
    optimizer = optim.Adam(model.parameters())
    with pytest.raises(AttributeError, match=r"write `optimizer.lr`"):
        optimizer.learning_rate = 0.1
    model.layers = [1]
    assert (model.layers, optimizer.lr) == ([1], 0.001)


def test_loss_of_a_history_by_name_is_answered():
    with pytest.raises(TypeError, match=r"write \[epoch.train_loss for epoch in history\]"):
        HISTORY["loss"]


@pytest.mark.parametrize("name", rooms.NETWORK)
def test_attribute_of_another_estimator_is_answered_with_code(name):
    estimator = pytest.importorskip("tinygrad_mnist.estimator")
    rows, labels = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    network = estimator.NeuralNetwork(hidden=2, epochs=1).fit(rows, labels)
    assert name not in dir(network)
    with pytest.raises(AttributeError, match=re.escape(rooms.NETWORK[name])):
        getattr(network, name)
    for code in snippets(rooms.NETWORK[name]):
        exec(code, {"network": network, "rows": rows, "np": np, "nn": nn, "tm": tm})


@pytest.mark.parametrize("name", rooms.ESTIMATOR)
def test_other_estimator_is_answered(name):
    estimator = pytest.importorskip("tinygrad_mnist.estimator")
    with pytest.raises(ImportError, match=re.escape(rooms.ESTIMATOR[name])):
        exec(f"from tinygrad_mnist.estimator import {name}", {})
    eval(
        rooms.ESTIMATOR[name].removeprefix("write "),
        vars(estimator) | {"NeuralNetwork": estimator.NeuralNetwork},
    )


# NumPy's functions

VECTOR = np.array([0.7, 1.9, 1.2])
OTHER = np.array([1.5, 0.4, 2.2])
MATRIX = np.array([[0.7, 1.9, 1.2], [1.4, 0.3, 0.8], [2.0, 1.1, 0.6]])
HOLES = np.array([0.7, np.nan, 1.2])
LABELS = np.array([[2], [0], [1]])
OF_TWO = (
    *("append", "divmod", "float_power", "floor_divide", "fmod", "hypot", "linalg.outer", "remainder"),
    *("vdot", "vecdot"),
)
WITH_ARGUMENTS = {
    "column_stack": lambda f, x, y: f([x, y]),
    "take_along_axis": lambda f, x, y: f(x, LABELS, axis=1),
    **dict.fromkeys(OF_TWO, lambda f, x, y: f(x, y)),
}
MATRICES = {"fliplr", "linalg.diagonal", "linalg.trace", "rot90", "take_along_axis", "vdot", "vecdot"}
STEPS = {"divmod", "floor_divide", "trunc"}  # without slope
BY_HAND = {"kron", "linalg.matmul"}  # their arguments say how to write them


def numpy_function(name):
    found = np
    for part in name.split("."):
        found = getattr(found, part)
    return found


@pytest.mark.parametrize("name", sorted(set(numpy_functions.RECIPES) - BY_HAND))
def test_recipe_computes_what_the_numpy_function_does(name):
    function = numpy_function(name)
    x = MATRIX if name in MATRICES else HOLES if name.startswith("nan") else VECTOR
    y = MATRIX.T if name in MATRICES else OTHER
    call = WITH_ARGUMENTS.get(name, lambda f, x, y: f(x))
    given = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
    with pytest.raises(TypeError, match=re.escape(f"np.{name} has no gradient rule here: ")):
        call(function, *given)
    code = snippets(numpy_functions.RECIPES[name])[0]
    found = eval(code, {"x": given[0], "y": given[1], "labels": LABELS, "np": np, "ops": ops})
    expected = call(function, x, y)
    for mine, right in zip(found, expected) if isinstance(found, list) else [(found, expected)]:
        np.testing.assert_allclose(mine.data, right, rtol=1e-12)
        assert mine.requires_grad or name in STEPS


def test_function_with_an_op_has_no_recipe():
    names = {function.__name__ for function in (*ANSWERS, *PLAIN)}
    assert not names & (set(numpy_functions.RECIPES) | numpy_functions.ON_ARRAYS)


@pytest.mark.parametrize("name", sorted(numpy_functions.ON_ARRAYS))
def test_function_without_derivative_is_sent_to_the_array(name):
    with pytest.raises(TypeError, match=re.escape(f"write `np.{name}(x.data)`")):
        tm.autodiff.numpy_protocol.call(getattr(np, name), (Tensor(VECTOR, requires_grad=True),), {})


def test_ufunc_of_another_library_is_named_without_np():
    special = pytest.importorskip("scipy.special._ufuncs", reason="SciPy is not installed")
    x = Tensor([0.3, 0.6], requires_grad=True)
    for name, advice in numpy_functions.SCIPY.items():
        function = getattr(special, name)
        arguments = (x, x) if function.nin == 2 else (x,)
        with pytest.raises(
            TypeError, match=re.escape(f"{name} has no gradient rule here: {advice}")
        ) as caught:
            function(*arguments)
        assert not str(caught.value).startswith("np.")
        found = eval(snippets(advice)[0], {"x": x, "y": x, "ops": ops})
        np.testing.assert_allclose(found.data, function(*(t.data for t in arguments)), rtol=1e-12)


# Keywords

CALLS = [
    (lambda x: x.sum(dim=0), "Tensor.sum() takes axis=, not dim="),
    (lambda x: x.mean(1, keepdim=True), "Tensor.mean() takes keepdims=, not keepdim="),
    (lambda x: x.max(dims=0), "Tensor.max() takes axis=, not dims="),
    (lambda x: x.min(axsi=0), "Tensor.min() does not take axsi=: did you mean axis=?"),
    (lambda x: x.argmax(dim=0), "Tensor.argmax() takes axis=, not dim="),
    (lambda x: x.clip(low=0), "Tensor.clip() takes min=, not low="),
    (lambda x: x.flatten(start=1), "Tensor.flatten() takes start_dim=, not start="),
    (lambda x: ops.sum(x, dim=0), "sum() takes axis=, not dim="),
    (lambda x: ops.softmax(x.data, dim=0), "softmax() takes axis=, not dim="),
    (lambda x: ops.clip(x, high=0), "clip() takes max=, not high="),
    (lambda x: ops.exp(x, out=x.data), "exp() does not take out=: assign the result"),
    (lambda x: np.sum(x, where=x.data > 0), "on a Tensor np.sum() does not take where=: select first"),
    (lambda x: np.mean(x, dtype=float), "on a Tensor np.mean() does not take dtype=: convert the Tensor"),
    (lambda x: nn.Softmax(axis=1), "Softmax() takes dim=, not axis="),
    (lambda x: nn.Dropout(rate=0.5), "Dropout() takes p=, not rate="),
    (lambda x: nn.Linear(in_dim=3, out_dim=4), "Linear() takes in_features=, not in_dim="),
    (lambda x: nn.Linear(3, 4, activation="relu"), "Linear() does not take activation=: give the activation"),
    (lambda x: nn.ReLU(inplace=True), "ReLU() does not take inplace=: leave it out"),
    (lambda x: nn.MSELoss(reductions="sum"), "MSELoss() does not take reductions=: did you mean reduction=?"),
    (lambda x: optim.SGD([x], learning_rate=0.1), "SGD() takes lr=, not learning_rate="),
    (lambda x: tm.compile(np.sum, mode="max-autotune"), "compile() takes backend=, not mode="),
    (lambda x: tm.compile(np.sum, fullgraph=True), "compile() does not take fullgraph=: leave it out"),
    (lambda x: nn.MaxPool2d(2, ceil_mode=True), "MaxPool2d() does not take ceil_mode=: pad the last axes"),
    (lambda x: optim.StepLR(OPTIMIZER, step_siz=2), "StepLR() does not take step_siz=: did you mean"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), CALLS, ids=[message[:30] for _, message in CALLS])
def test_foreign_keyword_is_answered_with_the_word_used_here(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call(Tensor(np.ones((2, 3)), requires_grad=True))


def test_type_error_inside_a_hinted_function_is_unchanged():
    @hints.hinted
    def inner(a):
        return a + "text"

    with pytest.raises(TypeError, match="unsupported operand"):
        inner(1)
    with pytest.raises(TypeError, match=r"inner\(\) got 2 positional arguments: expected a$"):
        inner(1, 2)
    with pytest.raises(TypeError, match=r"inner\(\) is missing a: it takes a$"):
        inner()


def test_size_is_a_number_and_called_says_what_to_write():
    x = Tensor(np.ones((2, 3)))
    assert (x.size, x.size * 2, type(x.size + 1)) == (6, 12, int)
    with pytest.raises(TypeError, match=r"number of elements, 6: .* write x\.shape\[1\]"):
        x.size(1)
    with pytest.raises(TypeError, match=r"write x\.shape$"):
        x.size()


def test_every_op_is_named_at_the_top():
    for name in ops.__all__:
        if not hasattr(tm, name):
            with pytest.raises(AttributeError, match=r"has no attribute .*write `"):
                getattr(tm, name)


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda: MODEL.zero_grad(set_to_none=True), "leave it out: gradients become None"),
        (lambda: OPTIMIZER.zero_grad(set_to_none=True), "leave it out: gradients become None"),
        (lambda: MODEL.load_state_dict({}, strict=False), "for a part of the names write `model.load"),
    ],
)
def test_keywords_of_pytorch_are_answered(call, advice):
    with pytest.raises(TypeError, match=advice):
        call()
