"""ONNX files: what is exported gives the same numbers in ONNX's own evaluator and in onnxruntime."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tests.autodiff.cases import CASES, arrays_for
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.errors import ExportError, MissingExtraError
from tinygrad_mnist.formats import export

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

F32 = np.float32
RANDOM = {"dropout_mask"}


def by_reference(path, *arrays):
    from onnx.reference import ReferenceEvaluator

    reference = ReferenceEvaluator(str(path))
    return reference.run(None, dict(zip(reference.input_names, arrays)))


def session(path):
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3  # initial values of inputs are meant
    return onnxruntime.InferenceSession(str(path), quiet)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.primitive not in RANDOM], ids=lambda case: case.primitive
)
@pytest.mark.parametrize("differentiated", [False, True])
def test_each_op_gives_its_numbers_in_onnx(case, differentiated, tmp_path):
    arrays = arrays_for(case, case.shapes or ((2, 3),) * case.broadcast, np.random.default_rng(0))

    def total(*xs):
        result = case.call(*xs)
        return (result * np.linspace(0.5, 1.5, result.size).reshape(result.shape)).sum()

    def function(*xs):
        return tm.grad(total, tuple(range(len(xs))))(*xs) if differentiated else case.call(*xs)

    export(function, tmp_path / "op.onnx", tuple(arrays), dynamic_batch=False)
    found = by_reference(tmp_path / "op.onnx", *arrays)
    expected = function(*arrays)
    for a, b in zip(found, expected if differentiated else [expected], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13)


def layers():
    """Each layer with an input of three examples."""
    rng = np.random.default_rng(0)
    table, pictures = rng.normal(size=(3, 6)).astype(F32), rng.random((3, 4, 6), dtype=F32)
    yield nn.Linear(6, 4, rng=0), table
    yield nn.Linear(6, 4, bias=False, rng=0), pictures
    yield nn.Sequential(nn.Flatten(), nn.Linear(24, 4, rng=0), nn.Dropout(0.5)).eval(), pictures
    yield nn.Sequential(nn.Linear(6, 4, rng=0), nn.Softmax()), table
    images = rng.random((3, 2, 6, 7), dtype=F32)
    yield nn.Sequential(nn.Unflatten(0, (-1, 1)), nn.Conv2d(1, 2, 3, rng=0)), pictures
    yield nn.Conv2d(2, 4, 3, padding=(1, 0), rng=0), images
    yield nn.Conv2d(2, 4, (2, 3), stride=2, dilation=(2, 1), bias=False, rng=0), images
    yield nn.MaxPool2d(2), images
    yield nn.MaxPool2d(3, 2, padding=1), images
    yield nn.AvgPool2d(2), images
    yield nn.AvgPool2d(3, 2, padding=1), images
    for activation in (nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LogSoftmax):
        yield activation(), table


@pytest.mark.parametrize(("layer", "x"), list(layers()), ids=lambda part: type(part).__name__)
def test_a_layer_gives_its_numbers_for_batches_of_any_length(layer, x, tmp_path):
    export(layer, tmp_path / "layer.onnx", x)
    runtime = session(tmp_path / "layer.onnx")
    (name,) = (given.name for given in runtime.get_inputs())
    for count in (1, 3, 8):
        batch = np.resize(x, (count, *x.shape[1:]))
        expected = layer(batch)
        expected = getattr(expected, "data", expected)
        np.testing.assert_array_max_ulp(by_reference(tmp_path / "layer.onnx", batch)[0], expected, 2)
        np.testing.assert_allclose(runtime.run(None, {name: batch})[0], expected, rtol=1e-6, atol=1e-6)


def test_a_network_needs_no_example_and_names_its_parameters(tmp_path):
    model = nn.Sequential(nn.Linear(6, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    export(model, tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert {"0.weight", "0.bias", "2.weight", "2.bias"} <= {tensor.name for tensor in graph.initializer}
    assert [node.op_type for node in graph.node] == ["Gemm", "Relu", "Gemm", "Identity"]
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert "Linear" in graph.node[0].name


@pytest.mark.parametrize(
    "make",
    [
        lambda parameters: optim.SGD(parameters, lr=0.1),
        lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True),
        lambda parameters: optim.SGD(parameters, lr=0.1, momentum=0.9, dampening=0.5),
    ],
    ids=["sgd", "nesterov", "dampening"],
)
def test_a_training_step_ends_at_the_same_weights_after_100_calls(make, tmp_path):
    model = nn.Sequential(nn.Linear(12, 8, rng=0), nn.Sigmoid(), nn.Linear(8, 5, rng=1))
    optimizer, loss = make(model.parameters()), nn.CrossEntropyLoss()

    @tm.compile
    def step(images, labels):
        optimizer.zero_grad()
        value = loss(model(images), labels)
        value.backward()
        optimizer.step()
        return value

    rng = np.random.default_rng(0)
    batches = [(rng.random((8, 12), dtype=F32), rng.integers(0, 5, 8)) for _ in range(102)]
    for batch in batches[:2]:
        step(*batch)
    export(step, tmp_path / "step.onnx")
    runtime = session(tmp_path / "step.onnx")
    names, kept = [output.name for output in runtime.get_outputs()], {}
    for images, labels in batches[2:]:
        found = dict(zip(names, runtime.run(None, {"images": images, "labels": labels, **kept})))
        kept = {name.removesuffix(".next"): array for name, array in found.items() if name != "output"}
        expected = step(images, labels).item()
        assert found["output"] == pytest.approx(expected, rel=1e-5)
    weights = {"W1": model[0].weight, "b1": model[0].bias, "W2": model[2].weight, "b2": model[2].bias}
    for name, parameter in weights.items():
        np.testing.assert_allclose(kept[name], parameter.data, atol=1e-5)
    slower = runtime.run(
        ["output", "W1.next"], {"images": images, "labels": labels, **kept, "lr": np.zeros((), F32)}
    )
    if optimizer.momentum == 0:
        np.testing.assert_array_equal(slower[1], kept["W1"])


def test_a_step_adds_the_gradients_of_an_embedding_in_onnx(tmp_path):
    model = nn.Sequential(nn.Embedding(9, 5, rng=0), nn.Linear(5, 9, rng=1))
    optimizer = optim.SGD(model.parameters(), lr=0.5)

    @tm.compile
    def step(words, following):
        optimizer.zero_grad()
        value = nn.functional.cross_entropy(model(words), following)
        value.backward()
        optimizer.step()
        return value

    words, following = np.array([[1, 2, 1], [8, 0, 1]]), np.array([[2, 1, 8], [0, 1, 1]])
    step(words, following)
    export(step, tmp_path / "step.onnx")
    runtime = session(tmp_path / "step.onnx")
    found = dict(
        zip(
            [x.name for x in runtime.get_outputs()],
            runtime.run(None, {"words": words, "following": following}),
        )
    )
    assert found["output"] == pytest.approx(step(words, following).item(), rel=1e-5)
    np.testing.assert_allclose(found["W1.next"], model[0].weight.data, atol=1e-6)


@pytest.mark.parametrize(
    "index",
    [
        np.s_[1:], np.s_[:, -1], np.s_[..., None, 0], np.s_[::-1], np.s_[:, 3:0:-2], np.s_[:, None, 1:3],
        np.s_[1, 2:], np.s_[-2], np.s_[:, [0, 2, 2]], np.s_[[1, 0, -1]], np.s_[[0, 1, 2], [3, -1, 0]],
    ],
    ids=str,
)  # fmt: skip
def test_an_index_and_its_gradient_give_their_numbers(index, tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 5))

    def function(x):
        return x[index], tm.grad(lambda x: (x[index] ** 3).sum())(x)

    export(function, tmp_path / "index.onnx", x, dynamic_batch=False)
    for found, expected in zip(by_reference(tmp_path / "index.onnx", x), function(x)):
        np.testing.assert_allclose(found, getattr(expected, "data", expected), rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "inputs", "message"),
    [
        (nn.Dropout(0.5, rng=0), np.ones((3, 2), F32), r"write model\.eval\(\)"),
        (lambda x: x / len(x), np.ones((3, 2)), "write dynamic_batch=False"),
        (lambda x: x.reshape(2, -1) if len(x) == 5 else x, np.ones((3, 2)), "write dynamic_batch=False"),
        (lambda x: (x, np.pi), np.ones((3, 2)), "which is not computed"),
        (lambda x: x[[1, 0]], np.ones((3, 2)), "write dynamic_batch=False"),
        (lambda x: ops.where(np.arange(len(x))[:, None] > 1, x, 0.0), np.ones((3, 2)), "dynamic_batch=False"),
    ],
)
def test_what_has_no_form_is_refused_with_what_to_write(function, inputs, message, tmp_path):
    with pytest.raises(ExportError, match=message):
        export(function, tmp_path / "f.onnx", inputs)
    assert not (tmp_path / "f.onnx").exists()


def test_arguments_that_do_not_fit_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"expected a name that ends in \.onnx or \.py"):
        export(nn.Linear(2, 3), tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"write export\(model, path, images\)"):
        export(nn.Sequential(nn.Flatten(), nn.Linear(2, 3)), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="expected a batch of examples"):
        export(nn.ReLU(), tmp_path / "model.onnx", np.float32(1))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '\.\[onnx\]'"):
        export(nn.Linear(2, 3), tmp_path / "model.onnx")
