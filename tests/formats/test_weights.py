"""Files of weights: read by PyTorch as they are, and the reverse."""

import numpy as np
import pytest

from tinygrad_mnist import load, nn, save
from tinygrad_mnist.errors import CheckpointError

F32 = np.float32


def network(framework):
    return framework.Sequential(
        framework.Linear(6, 5), framework.ReLU(), framework.Linear(5, 4), framework.Sigmoid()
    )


def test_what_is_saved_is_read_back(tmp_path):
    model = network(nn)
    save(model, tmp_path / "model.safetensors")
    again = network(nn)
    assert load(again, str(tmp_path / "model.safetensors")) is again
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], array)


def test_pytorch_reads_the_file_and_gives_the_same_outputs(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.torch import load_file

    model, theirs = network(nn), network(torch.nn)
    save(model, tmp_path / "model.safetensors")
    theirs.load_state_dict(load_file(tmp_path / "model.safetensors"))
    x = np.random.default_rng(0).normal(size=(3, 6)).astype(F32)
    np.testing.assert_allclose(theirs(torch.from_numpy(x)).detach().numpy(), model(x).data, atol=1e-6)


def test_a_file_of_pytorch_is_read_and_gives_the_same_outputs(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from safetensors.torch import save_file

    theirs = network(torch.nn)
    save_file(theirs.state_dict(), tmp_path / "model.safetensors")
    model = load(network(nn), tmp_path / "model.safetensors")
    x = np.random.default_rng(0).normal(size=(3, 6)).astype(F32)
    np.testing.assert_allclose(theirs(torch.from_numpy(x)).detach().numpy(), model(x).data, atol=1e-6)


def test_what_could_not_be_read_is_not_written(tmp_path):
    model = nn.Sequential(nn.Linear(5, 4))
    model[0].register_buffer("mask", np.triu(np.full((4, 4), -np.inf), 1))
    with pytest.raises(CheckpointError, match=r"^0\.mask holds NaN or infinity, .* a plain array"):
        save(model, tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_file_that_does_not_fit_changes_nothing(tmp_path):
    save(nn.Linear(5, 4), tmp_path / "other.safetensors")
    model = nn.Linear(6, 4, rng=0)
    before = model.weight.data.copy()
    with pytest.raises(CheckpointError, match=r"other\.safetensors: weight has shape \(4, 5\)"):
        load(model, tmp_path / "other.safetensors")
    np.testing.assert_array_equal(model.weight.data, before)


@pytest.mark.parametrize("label", ["I32", "U32"])
def test_a_file_whose_label_says_other_numbers_of_the_same_size_is_refused(label, tmp_path):
    path = tmp_path / "model.safetensors"
    save(nn.Linear(6, 4), path)
    path.write_bytes(path.read_bytes().replace(b'"F32"', f'"{label}"'.encode(), 1))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: .* is u?int32 in the file and float32"):
        load(nn.Linear(6, 4), path)


def test_a_file_far_larger_than_the_model_is_not_read(tmp_path):
    save(nn.Linear(1000, 1000), tmp_path / "large.safetensors")
    with pytest.raises(CheckpointError, match=r"large\.safetensors"):
        load(nn.Linear(2, 2), tmp_path / "large.safetensors")


@pytest.mark.parametrize("function", [save, load])
def test_swapped_arguments_and_other_names_are_refused(function, tmp_path):
    with pytest.raises(TypeError, match=rf"write {function.__name__}\(model, 'model\.safetensors'\)"):
        function("model.safetensors", nn.Linear(2, 3))
    with pytest.raises(ValueError, match=r"expected a name that ends in \.safetensors"):
        function(nn.Linear(2, 3), tmp_path / "model.pt")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"none\.safetensors"):
        load(nn.Linear(2, 3), tmp_path / "none.safetensors")


def test_layouts_of_keras_are_transposes():
    """A dense kernel is (in, out), a convolution's (height, width, in, out)."""
    dense, convolution = nn.Linear(6, 5).state_dict(), nn.Conv2d(3, 8, (5, 4)).state_dict()
    assert dense["weight"].T.shape == (6, 5)
    assert convolution["weight"].transpose(2, 3, 1, 0).shape == (5, 4, 3, 8)
    kernel = np.random.default_rng(0).normal(size=(5, 4, 3, 8))
    layer = nn.Conv2d(3, 8, (5, 4), dtype=np.float64)
    layer.load_state_dict({"weight": kernel.transpose(3, 2, 0, 1), "bias": np.zeros(8)})
    image = np.random.default_rng(1).normal(size=(1, 3, 5, 4))
    expected = np.einsum("chw,hwco->o", image[0], kernel)
    np.testing.assert_allclose(layer(image).data[0, :, 0, 0], expected, rtol=1e-12)
