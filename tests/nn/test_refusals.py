"""Layers of other kinds and containers: what they refuse, and with which sentence."""

import numpy as np
import pytest

import tinygrad_mnist as tm
from tinygrad_mnist import nn
from tinygrad_mnist.errors import DTypeError, LabelError, ShapeError

F32 = np.float32


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            nn.LayerNorm(4),
            (5, 3),
            r"last axes \(4,\), got .* \(5, 3\): build it as LayerNorm\(3\)",
        ),
        (nn.LayerNorm((2, 3)), (3,), r"normalizes the last axes \(2, 3\)"),
        (
            nn.BatchNorm1d(4),
            (5, 3),
            r"takes \(n, C\) or \(n, C, length\) with C = 4, got .*\(5, 3\)",
        ),
        (nn.BatchNorm1d(4), (4,), "BatchNorm1d takes"),
        (nn.BatchNorm2d(3), (5, 3), r"BatchNorm2d takes \(n, C, height, width\) with C = 3"),
        (nn.BatchNorm1d(4), (1, 4), r"one value per channel in training.*call eval\(\)"),
        (nn.RNN(3, 2), (5, 3), r"RNN takes \(steps, n, input_size\) with input_size = 3"),
        (nn.LSTM(3, 2, batch_first=True), (5, 2, 4), r"LSTM takes \(n, steps, input_size\)"),
        (nn.LSTM(3, 2), (0, 2, 3), "got inputs of shape"),
    ],
)
def test_an_input_of_another_shape_is_named(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer(np.ones(shape, F32))


def test_an_initial_state_of_another_shape_is_named():
    with pytest.raises(ShapeError, match=r"has shape \(5, 2\): expected \(1, 5, 2\)"):
        nn.RNN(3, 2)(np.ones((4, 5, 3), F32), np.zeros((5, 2), F32))


def test_batch_norm_in_evaluation_takes_single_examples():
    layer = nn.BatchNorm1d(2).eval()
    np.testing.assert_allclose(layer(np.ones((1, 2), F32)).data, 1, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 0


@pytest.mark.parametrize("key", ["training", "a.b", "", 3, "forward"])
def test_a_key_that_means_something_else_is_refused(key):
    for container in (nn.ModuleDict, nn.Sequential):
        with pytest.raises(ValueError, match="expected a text without dots"):
            container({key: nn.ReLU()})


def test_a_dict_of_modules_is_used_like_a_dict():
    heads = nn.ModuleDict({"digit": nn.Linear(3, 2)})
    heads["parity"] = nn.Linear(3, 1)
    assert (list(heads), len(heads), "parity" in heads, "size" in heads) == (
        ["digit", "parity"],
        2,
        True,
        False,
    )
    assert [(key, module.out_features) for key, module in heads.items()] == [("digit", 2), ("parity", 1)]
    heads["parity"] = nn.Linear(3, 2)
    assert [module.out_features for module in heads.values()] == [2, 2]
    del heads["digit"]
    assert heads.keys() == ["parity"]
    with pytest.raises(KeyError):
        _ = heads["digit"]
    with pytest.raises(KeyError):
        del heads["digit"]
    with pytest.raises(TypeError, match="ModuleDict takes modules"):
        heads["size"] = 3


def test_sequential_takes_names_slices_and_more_modules():
    model = nn.Sequential({"hidden": nn.Linear(3, 4, rng=0), "bend": nn.ReLU()})
    assert list(model.state_dict()) == ["hidden.weight", "hidden.bias"]
    model.append(nn.Linear(4, 2, rng=1))
    x = np.ones((5, 3), F32)
    assert model(x).shape == (5, 2)
    np.testing.assert_array_equal(model[:2](x).data, np.maximum(model.hidden(x).data, 0))
    assert model[-1] is list(model)[2]


@pytest.mark.parametrize("compiled", [False, True])
def test_an_embedding_refuses_numbers_that_are_no_rows(compiled):
    layer = nn.Embedding(5, 3, rng=0)
    call = tm.compile(layer) if compiled else layer
    for _ in range(3):
        call(np.array([0, 4]))
    for wrong in ([0, 5], [0, -1]):
        message = rf"number {wrong[1]} at position 1 is out of range: the table has the rows 0 to 4"
        with pytest.raises(LabelError, match=message):
            call(np.array(wrong))
    with pytest.raises(DTypeError, match=r"takes integers, got float64: pass x\.astype\(np\.int64\)"):
        call(np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="padding_idx is 5: expected a number below 5"):
        nn.Embedding(5, 3, padding_idx=5)


@pytest.mark.parametrize(
    "layer",
    [nn.LayerNorm(2), nn.BatchNorm1d(2), nn.BatchNorm2d(2), nn.RNN(2, 3), nn.LSTM(2, 3), nn.Embedding(5, 2)],
    ids=lambda layer: type(layer).__name__,
)
def test_input_that_is_no_array_is_refused(layer):
    for wrong in ([[1, 2]], None):
        with pytest.raises(TypeError, match=rf"{type(layer).__name__} got .* for its input: pass Tensor"):
            layer(wrong)


def test_one_value_per_channel_is_refused_without_statistics_too():
    layer = nn.BatchNorm1d(4, track_running_stats=False)
    with pytest.raises(ShapeError, match="one value per channel in training"):
        layer(np.ones((1, 4), F32))
    assert layer.eval()(np.ones((1, 4), F32)).shape == (1, 4)


@pytest.mark.parametrize("settings", [{}, {"affine": False}, {"track_running_stats": False}])
@pytest.mark.parametrize("training", [True, False])
def test_refused_batch_moves_no_running_statistics(settings, training):
    layer = nn.BatchNorm1d(2, **settings).train(training)
    before = {name: array.copy() for name, array in layer.state_dict().items()}
    what = "statistics" if layer.weight is None else "weights"
    with pytest.raises(DTypeError, match=f"has float32 {what}, the input is float64: pass x"):
        layer(np.arange(6.0).reshape(3, 2))
    after = layer.state_dict()
    assert all(np.array_equal(after[name], array) for name, array in before.items())
