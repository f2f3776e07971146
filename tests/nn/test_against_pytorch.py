"""Layers give PyTorch's outputs and gradients for PyTorch's own state dict, eagerly and as programs."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import Tensor, nn

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

LAYERS = {
    "Linear": (lambda f: f.Linear(6, 4), (5, 6)),
    "Linear without bias": (lambda f: f.Linear(6, 4, bias=False), (5, 3, 6)),
    "Sigmoid": (lambda f: f.Sigmoid(), (5, 6)),
    "Tanh": (lambda f: f.Tanh(), (5, 6)),
    "ReLU": (lambda f: f.ReLU(), (5, 6)),
    "LeakyReLU": (lambda f: f.LeakyReLU(), (5, 6)),
    "LeakyReLU 0.2": (lambda f: f.LeakyReLU(0.2), (5, 6)),
    "ELU": (lambda f: f.ELU(), (5, 6)),
    "ELU 0.5": (lambda f: f.ELU(0.5), (5, 6)),
    "GELU": (lambda f: f.GELU(), (5, 6)),
    "GELU tanh": (lambda f: f.GELU(approximate="tanh"), (5, 6)),
    "SiLU": (lambda f: f.SiLU(), (5, 6)),
    "Softplus": (lambda f: f.Softplus(), (5, 6)),
    "Identity": (lambda f: f.Identity(), (5, 6)),
    "Softmax": (lambda f: f.Softmax(dim=1), (5, 6)),
    "LogSoftmax": (lambda f: f.LogSoftmax(dim=0), (5, 6)),
    "Flatten": (lambda f: f.Flatten(), (5, 3, 2)),
    "Unflatten": (lambda f: f.Unflatten(1, (2, 3)), (5, 6)),
    "Unflatten a last axis": (lambda f: f.Unflatten(-1, (2, -1)), (5, 3, 6)),
    "Unflatten to one channel": (lambda f: f.Unflatten(0, (-1, 1)), (5, 3, 6)),
    "LayerNorm": (lambda f: f.LayerNorm(6), (5, 6)),
    "LayerNorm two axes": (lambda f: f.LayerNorm((3, 6), eps=1e-3), (5, 3, 6)),
    "LayerNorm plain": (lambda f: f.LayerNorm(6, elementwise_affine=False), (5, 6)),
    "LayerNorm without bias": (lambda f: f.LayerNorm(6, bias=False), (5, 6)),
    "BatchNorm1d": (lambda f: f.BatchNorm1d(6), (5, 6)),
    "BatchNorm1d of sequences": (lambda f: f.BatchNorm1d(3, momentum=0.3), (5, 3, 4)),
    "BatchNorm1d cumulative": (lambda f: f.BatchNorm1d(6, momentum=None), (5, 6)),
    "BatchNorm1d plain": (lambda f: f.BatchNorm1d(6, affine=False, eps=1e-2), (5, 6)),
    "BatchNorm1d untracked": (lambda f: f.BatchNorm1d(6, track_running_stats=False), (5, 6)),
    "BatchNorm2d": (lambda f: f.BatchNorm2d(3), (5, 3, 4, 2)),
    "Conv2d": (lambda f: f.Conv2d(3, 4, 3), (5, 3, 6, 7)),
    "Conv2d strided": (lambda f: f.Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 2)), (5, 3, 6, 7)),
    "Conv2d dilated": (lambda f: f.Conv2d(3, 4, 2, padding=2, dilation=(2, 3), bias=False), (5, 3, 6, 7)),
    "MaxPool2d": (lambda f: f.MaxPool2d(2), (5, 3, 6, 7)),
    "MaxPool2d overlapping": (lambda f: f.MaxPool2d(3, 2, padding=1, dilation=(1, 2)), (5, 3, 6, 7)),
    "AvgPool2d": (lambda f: f.AvgPool2d(2), (5, 3, 6, 7)),
    "AvgPool2d overlapping": (lambda f: f.AvgPool2d((3, 2), stride=1, padding=1), (5, 3, 6, 7)),
    "LeNet": (
        lambda f: f.Sequential(
            f.Conv2d(1, 2, 3, padding=1), f.ReLU(), f.MaxPool2d(2), f.Flatten(), f.Linear(18, 4)
        ),
        (5, 1, 6, 6),
    ),
    "RNN": (lambda f: f.RNN(6, 4), (3, 5, 6)),
    "RNN relu": (lambda f: f.RNN(6, 4, nonlinearity="relu", bias=False, batch_first=True), (5, 3, 6)),
    "RNN deep": (lambda f: f.RNN(6, 4, num_layers=2), (3, 5, 6)),
    "LSTM": (lambda f: f.LSTM(6, 4), (3, 5, 6)),
    "LSTM deep": (lambda f: f.LSTM(6, 4, num_layers=2, batch_first=True), (5, 3, 6)),
    "LSTM without bias": (lambda f: f.LSTM(6, 4, bias=False), (3, 5, 6)),
    "Sequential": (lambda f: f.Sequential(f.Linear(6, 4), f.LayerNorm(4), f.GELU(), f.Linear(4, 2)), (5, 6)),
    "ModuleList": (lambda f: f.ModuleList([f.Linear(6, 4), f.Tanh()])[0], (5, 6)),
    "ModuleDict": (lambda f: f.ModuleDict({"first": f.Linear(6, 4)})["first"], (5, 6)),
}  # fmt: skip


def pair(make):
    """The layer here and in PyTorch, in float64, with the same parameters."""
    torch.manual_seed(0)
    theirs = make(torch.nn).double()
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    before = tm.get_default_dtype()
    tm.set_default_dtype(np.float64)
    try:
        ours = make(nn)
    finally:
        tm.set_default_dtype(before)
    ours.load_state_dict({name: tensor.numpy() for name, tensor in theirs.state_dict().items()})
    return ours, theirs


def leaves(outputs):
    return [leaf for part in outputs for leaf in leaves(part)] if isinstance(outputs, tuple) else [outputs]


def weighted(outputs, wrap):
    rng = np.random.default_rng(1)
    return sum((leaf * wrap(rng.normal(size=tuple(leaf.shape)))).sum() for leaf in leaves(outputs))


def assert_equal_state(ours, theirs):
    for name, tensor in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], tensor.numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("padding", [None, 0, -1])
def test_an_embedding_gives_the_rows_and_gradients_of_pytorch(padding):
    ours, theirs = pair(lambda f: f.Embedding(5, 3, padding_idx=padding))

    @tm.compile
    def step(numbers):
        ours.zero_grad()
        found = ours(numbers)
        weighted(found, lambda array: array).backward()
        return found, ours.weight.grad

    for seed in range(4):
        numbers = np.random.default_rng(seed).integers(0, 5, (4, 6))
        theirs.zero_grad()
        expected = theirs(torch.tensor(numbers))
        weighted(expected, torch.tensor).backward()
        found, gradient = step(numbers)
        np.testing.assert_array_equal(found.data, expected.detach().numpy())
        np.testing.assert_allclose(gradient, theirs.weight.grad.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_outputs_gradients_and_state_are_those_of_pytorch(name, training):
    make, shape = LAYERS[name]
    ours, theirs = pair(make)
    ours.train(training), theirs.train(training)
    for seed in range(2):  # the second with running statistics that are not the initial ones
        values = np.random.default_rng(seed).normal(size=shape)
        x, their_x = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
        ours.zero_grad(), theirs.zero_grad()
        found, expected = ours(x), theirs(their_x)
        for a, b in zip(leaves(found), leaves(expected), strict=True):
            np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-10, atol=1e-10)
        weighted(found, lambda array: array).backward()
        weighted(expected, torch.tensor).backward()
        np.testing.assert_allclose(x.grad, their_x.grad.numpy(), rtol=1e-9, atol=1e-10)
        for (key, parameter), theirs_parameter in zip(ours.named_parameters(), theirs.parameters()):
            np.testing.assert_allclose(
                parameter.grad, theirs_parameter.grad.numpy(), rtol=1e-9, atol=1e-10, err_msg=key
            )
        assert_equal_state(ours, theirs)


PLAIN = [name for name in LAYERS if "Norm" not in name and not list(LAYERS[name][0](nn).parameters())]


@pytest.mark.parametrize("name", PLAIN)
def test_layers_without_parameters_have_pytorchs_slopes_at_kinks_and_far_out(name):
    make, shape = LAYERS[name]
    points = np.array([0.0, -0.0, 1e-8, -1e-8, 1.0, -1.0, 18.0, -18.0, 300.0, -300.0])
    values = np.resize(points, shape)
    x, their_x = Tensor(values, requires_grad=True), torch.tensor(values, requires_grad=True)
    found, expected = make(nn)(x), make(torch.nn)(their_x)
    np.testing.assert_allclose(found.data, expected.detach().numpy(), rtol=1e-8, atol=1e-300)
    weighted(found, lambda array: array).backward()
    weighted(expected, torch.tensor).backward()
    np.testing.assert_allclose(x.grad, their_x.grad.numpy(), rtol=1e-8, atol=1e-15)


@pytest.mark.parametrize("name", LAYERS)
def test_programs_of_layers_give_the_bits_of_eager_steps(name):
    make, shape = LAYERS[name]
    eager, compiled = pair(make)[0], pair(make)[0]

    def step(model):
        def run(x):
            model.zero_grad()
            outputs = model(x)
            if any(True for _ in model.parameters()):
                weighted(outputs, lambda array: array).backward()
            return outputs, [parameter.grad for parameter in model.parameters()]

        return run

    run, plain = tm.compile(step(compiled)), step(eager)
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=shape)
        (found, gradients), (expected, eager_gradients) = run(x), plain(Tensor(x))
        for a, b in zip(leaves(found), leaves(expected), strict=True):
            np.testing.assert_array_equal(a.data, b.data)
        for a, b in zip(gradients, eager_gradients, strict=True):
            np.testing.assert_array_equal(a, b)
    for key, array in eager.state_dict().items():
        np.testing.assert_array_equal(compiled.state_dict()[key], array)


@pytest.mark.parametrize("name", ["RNN", "LSTM"])
def test_initial_states_are_taken_as_in_pytorch(name):
    ours, theirs = pair(lambda f: getattr(f, name)(6, 4, num_layers=2))
    rng = np.random.default_rng(0)
    x, *states = rng.normal(size=(3, 5, 6)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 5, 4))
    given = tuple(states) if name == "LSTM" else states[0]
    found = ours(x, given)
    expected = theirs(
        torch.tensor(x), tuple(map(torch.tensor, given)) if name == "LSTM" else torch.tensor(given)
    )
    for a, b in zip(leaves(found), leaves(expected), strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-10)
