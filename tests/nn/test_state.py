"""Buffers, hooks, apply, freezing: what belongs to a module besides its parameters."""

import copy

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import CaptureError, CheckpointError
from tinygrad_mnist.files import save_tensors

F32 = np.float32


class Counter(nn.Module):
    """Counts its calls and keeps a running mean of its inputs in training."""

    def __init__(self):
        self.layer = nn.Linear(3, 2, rng=0)
        self.register_buffer("mean", np.zeros(3, F32))
        self.calls = nn.Buffer(0)

    def forward(self, x):
        if self.training:
            self.mean *= 0.9
            self.mean += 0.1 * x.mean(axis=0)
            self.calls += 1
        return self.layer(x - self.mean)


def batches(count=5):
    rng = np.random.default_rng(0)
    return [rng.random((4, 3), dtype=F32) for _ in range(count)]


def test_buffers_are_state_and_not_parameters():
    model = Counter()
    assert [name for name, _ in model.named_parameters()] == ["layer.weight", "layer.bias"]
    assert [name for name, _ in model.named_buffers()] == ["mean", "calls"]
    assert list(model.buffers()) == [model.mean, model.calls]
    assert list(model.state_dict()) == ["layer.weight", "layer.bias", "mean", "calls"]
    assert not model.mean.requires_grad
    assert model.calls.dtype == np.int64
    assert model.num_parameters() == 8


def test_a_buffer_has_an_array_of_its_own():
    array = np.ones(2)
    buffer = nn.Buffer(array)
    buffer += 1
    assert array.tolist() == [1, 1]
    assert buffer.data.tolist() == [2, 2]


@pytest.mark.parametrize("backend", ["numpy", "native", "eager"])
def test_buffers_change_in_programs_as_in_eager_calls(backend):
    if backend == "native":
        pytest.importorskip("numba", reason="numba is not installed")
    plain, compiled = Counter(), Counter()
    step = tm.compile(compiled, backend=backend)
    for x in batches():
        expected, found = plain(tm.Tensor(x)), step(x)
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-6)
    assert compiled.calls.item() == 5
    for name, array in plain.state_dict().items():
        np.testing.assert_allclose(compiled.state_dict()[name], array, rtol=1e-6)
        if backend == "numpy":
            np.testing.assert_array_equal(compiled.state_dict()[name], array)


def test_a_state_goes_into_another_model():
    model, other = Counter(), Counter()
    model(tm.Tensor(batches()[0]))
    other.load_state_dict(model.state_dict())
    assert other.calls.item() == 1
    assert copy.deepcopy(other).calls.item() == 1
    np.testing.assert_array_equal(other.mean.data, model.mean.data)
    with pytest.raises(CheckpointError, match="missing: mean"):
        other.load_state_dict({k: v for k, v in model.state_dict().items() if k != "mean"})


def test_a_trial_puts_buffers_back():
    model = Counter()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with nn.preserved(model, None, optimizer):
        model(tm.Tensor(batches()[0]))
        assert model.calls.item() == 1
    assert model.calls.item() == 0
    assert model.mean.data.tolist() == [0, 0, 0]


def test_buffers_come_back_with_a_checkpoint(tmp_path):
    from tinygrad_mnist import training

    def fit(model, epochs, callbacks=()):
        optimizer, data = optim.SGD(model.parameters(), lr=0.1), [(x, x[:, :2]) for x in batches()]
        training.fit(model, nn.MSELoss(), optimizer, data, epochs=epochs, callbacks=callbacks)
        return model

    straight = fit(Counter(), 3)
    fit(Counter(), 1, [training.Checkpoints(tmp_path)])
    resumed = fit(Counter(), 3, [training.Checkpoints(tmp_path)])
    for name, array in straight.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], array)


def test_a_hook_sees_and_may_change_what_comes_out():
    layer, seen = nn.Linear(3, 2, rng=0), []
    x = batches()[0]
    plain = layer(x).data
    hook = layer.register_forward_hook(lambda *given: seen.append(given))
    doubled = layer.register_forward_hook(lambda module, inputs, output: output * 2)
    np.testing.assert_array_equal(layer(x).data, plain * 2)
    module, inputs, output = seen[0]
    assert module is layer
    assert inputs[0] is x
    np.testing.assert_array_equal(output.data, plain)
    doubled.remove()
    hook.remove()
    hook.remove()
    np.testing.assert_array_equal(layer(x).data, plain)
    assert len(seen) == 1


def test_settings_of_a_forward_are_given_by_name():
    class Scaled(nn.Module):
        def __init__(self):
            self.inner = nn.Linear(2, 2, rng=0)

        def forward(self, x, scale=1.0, *, shift=0.0):
            return self.inner(x) * scale + shift

    model, x = Scaled(), np.ones((3, 2), np.float32)
    expected = model(x).data * 2.0 + 1.0
    assert (model(x, scale=2.0, shift=1.0).data == expected).all()
    assert (tm.compile(lambda v: model(v, scale=2.0, shift=1.0))(x).data == expected).all()
    assert (model(x=x).data == model(x).data).all()


def test_a_hook_belongs_to_one_module():
    first, second = nn.ReLU(), nn.ReLU()
    with first.register_forward_hook(lambda module, inputs, output: output + 1):
        assert first(np.ones(1)).tolist() == [2]
        assert second(np.ones(1)).tolist() == [1]
    assert first(np.ones(1)).tolist() == [1]


def test_a_compiled_function_refuses_hooks():
    layer = nn.Linear(3, 2, rng=0)
    step = tm.compile(layer)
    x = batches()[0]
    for _ in range(3):
        step(x)
    with (
        layer.register_forward_hook(lambda module, inputs, output: None),
        pytest.raises(CaptureError, match="a forward hook of Linear was asked for while a program"),
    ):
        step(x)
    step(x)


def test_something_else_than_a_function_is_no_hook():
    with pytest.raises(TypeError, match=r"hook is 3: expected a function of module, inputs and output"):
        nn.ReLU().register_forward_hook(3)


def test_apply_reaches_all_modules_the_outermost_last():
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    met = []
    assert model.apply(lambda module: met.append(type(module).__name__)) is model
    assert met == ["Linear", "ReLU", "Sequential", "Sequential"]


def test_freezing_a_module_freezes_all_its_parameters():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    assert model.requires_grad_(False) is model
    assert not any(p.requires_grad for p in model.parameters())
    model[1].requires_grad_()
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, True]


@pytest.mark.parametrize("value", [tm.Tensor(np.ones((2, 3))), np.ones((2, 3)), [[1.0]], 3])
def test_a_plain_value_does_not_take_the_place_of_a_parameter(value):
    layer = nn.Linear(3, 2)
    with pytest.raises(
        TypeError, match=r"weight is a Parameter of Linear.*write module\.weight\.data = values"
    ):
        layer.weight = value
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    model = Counter()
    with pytest.raises(TypeError, match=r"mean is a Buffer of Counter.*nn\.Buffer\(values\)"):
        model.mean = value


def test_another_parameter_takes_the_place_of_one():
    layer = nn.Linear(3, 2)
    layer.weight = nn.Parameter(np.ones((2, 3), F32))
    layer.bias = None
    assert layer(np.ones((1, 3), F32)).data.tolist() == [[3, 3]]
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    layer.bias = nn.Parameter(np.ones(2, F32))
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


@pytest.mark.parametrize(
    ("bias", "said"),
    [
        (np.array([1e300, 0.0]), "bias holds numbers beyond float32"),
        (np.array([1j, 0.0]), "bias is complex128 in the saved state: expected real numbers"),
        (np.array(["a", "b"]), "bias is <U1 in the saved state: expected real numbers"),
    ],
)
def test_state_that_would_change_on_the_way_is_refused_as_a_whole(bias, said):
    layer = nn.Linear(3, 2, rng=0)
    before = layer.state_dict()
    with pytest.raises(CheckpointError, match=said):
        layer.load_state_dict({"weight": np.zeros((2, 3)), "bias": bias})
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_state_is_taken_from_lists_and_from_arrays_of_other_libraries():
    layer = nn.Linear(3, 2, rng=0)
    layer.load_state_dict({"weight": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "bias": memoryview(np.ones(2))})
    assert layer.weight.data.sum() == 21
    assert layer.weight.dtype == np.float32


def tied(framework=nn):
    """A table whose rows are also the weights of the output, as in language models."""

    class Tied(framework.Module):
        def __init__(self):
            super().__init__()
            self.table = framework.Embedding(5, 3)
            self.inner = framework.ModuleList([framework.Linear(3, 3)])
            self.head = framework.Linear(3, 5, bias=False)
            self.head.weight = self.table.weight

    return Tied()


def test_shared_parameter_is_loaded_by_any_of_its_names():
    state = tied().state_dict()
    assert list(state) == ["table.weight", "inner.0.weight", "inner.0.bias"]
    model, under_all_names = tied(), {**state, "head.weight": state["table.weight"]}
    model.load_state_dict(under_all_names)
    np.testing.assert_array_equal(model.head.weight.data, state["table.weight"])
    other = tied()
    del under_all_names["table.weight"]
    other.load_state_dict(under_all_names)
    np.testing.assert_array_equal(other.table.weight.data, state["table.weight"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"head.weight": np.zeros((5, 3))}, "head.weight is table.weight here, and they differ"),
        ({"inner.1.weight": np.zeros(3)}, r"missing: none; unknown: inner\.1\.weight"),
        ({"table.weight.data": np.zeros(3)}, r"missing: none; unknown: table\.weight\.data"),
    ],
)
def test_names_that_say_something_else_are_refused(change, said):
    model = tied()
    with pytest.raises(CheckpointError, match=said):
        model.load_state_dict({**model.state_dict(), **change})


def test_tied_weights_go_to_pytorch_and_back(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.torch import load_model, save_model

    model, theirs = tied(), tied(torch.nn)
    save_model(theirs, tmp_path / "theirs.safetensors")
    tm.load(model, tmp_path / "theirs.safetensors")
    np.testing.assert_array_equal(model.head.weight.data, theirs.table.weight.detach().numpy())
    tm.save(tied(), tmp_path / "ours.safetensors")
    assert load_model(theirs, tmp_path / "ours.safetensors") == (set(), [])


def test_file_of_integers_is_refused_under_any_name_of_a_shared_parameter(tmp_path):
    model, state = tied(), tied().state_dict()
    whole = state.pop("table.weight").astype(np.int32)
    save_tensors(tmp_path / "whole.safetensors", {**state, "head.weight": whole})
    with pytest.raises(CheckpointError, match=r"table\.weight is int32 in the file and float32 here"):
        tm.load(model, tmp_path / "whole.safetensors")
