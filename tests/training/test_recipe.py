"""A recipe builds the parts that it describes, from its seed."""

import numpy as np
import pytest

from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files.records import read_record
from tinygrad_mnist.training import Recipe
from tinygrad_mnist.training.fresh import fresh_network


@pytest.mark.parametrize(
    ("settings", "layers"),
    [
        ({}, ["Flatten()", "Linear(6, 128)", "ReLU()", "Linear(128, 4)"]),
        ({"hidden": ()}, ["Flatten()", "Linear(6, 4)"]),
        ({"hidden": (), "loss": "quadratic"}, ["Flatten()", "Linear(6, 4)", "Sigmoid()"]),
        (
            {"hidden": (5, 3), "activation": "tanh", "dropout": 0.25, "loss": "quadratic"},
            ["Flatten()", "Linear(6, 5)", "Tanh()", "Dropout(p=0.25)", "Linear(5, 3)", "Tanh()",
             "Dropout(p=0.25)", "Linear(3, 4)", "Sigmoid()"],
        ),
    ],
)  # fmt: skip
def test_layers_are_those_of_the_recipe(settings, layers):
    recipe = Recipe(**settings)
    model = recipe.build_model((2, 3), 4)
    assert [repr(layer) for layer in model] == layers
    assert recipe.count_parameters((2, 3), 4) == model.num_parameters()
    assert read_record(Recipe, recipe.to_dict(), "recipe") == recipe


def test_weights_and_each_mask_are_drawn_from_the_seed():
    def build(seed):
        return Recipe(hidden=(5, 5), dropout=0.5, seed=seed).build_model((2, 3), 4)

    one, same, other = build(1), build(1), build(2)
    for name, array in one.state_dict().items():
        np.testing.assert_array_equal(array, same.state_dict()[name])
        assert (array != other.state_dict()[name]).any()
    masks = [model[i](np.ones(200)).tolist() for model in (one, same, other) for i in (3, 6)]
    assert masks[:2] == masks[2:4]
    assert len({str(mask) for mask in masks}) == 4


def test_optimizer_schedule_and_loss_follow_the_recipe():
    recipe = Recipe(lr=0.3, momentum=0.5, weight_decay=0.01, epochs=7, loss="quadratic", schedule="cosine")
    optimizer, schedule = recipe.build_optimizer(recipe.build_model((2, 3), 4))
    assert (optimizer.lr, optimizer.momentum, optimizer.weight_decay) == (0.3, 0.5, 0.01)
    assert (optimizer.dampening, optimizer.nesterov) == (0.0, False)
    assert isinstance(schedule, optim.CosineAnnealingLR)
    assert (schedule.T_max, schedule.eta_min, schedule.optimizer) == (7, 0.0, optimizer)
    assert isinstance(recipe.build_loss(), nn.QuadraticLoss)
    optimizer, schedule = Recipe().build_optimizer(nn.Linear(2, 2), steps_per_epoch=9)
    assert isinstance(schedule, optim.OneCycleLR)
    assert (schedule.total_steps, schedule.max_lr, schedule.per_step) == (54, 0.2, True)
    constant = Recipe(schedule="constant", loss="cross-entropy")
    assert constant.build_optimizer(constant.build_model((2, 3), 4))[1] is None
    assert repr(constant.build_loss()) == "CrossEntropyLoss()"


def test_probabilities_sum_to_1_whatever_the_loss():
    outputs = np.array([[0.2, 0.2, 0.4], [0.0, 0.0, 0.0]], np.float32)
    quadratic = Recipe(loss="quadratic").probabilities(outputs)
    np.testing.assert_allclose(quadratic, [[0.25, 0.25, 0.5], [0, 0, 0]])
    softmax = Recipe().probabilities(outputs)
    np.testing.assert_allclose(softmax[0], np.exp(outputs[0]) / np.exp(outputs[0]).sum(), rtol=1e-6)
    np.testing.assert_allclose(softmax[1], [1 / 3] * 3)


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay", "dropout", "seed"])
def test_setting_of_0_is_accepted_and_a_negative_one_refused(name):
    settings = Recipe().to_dict()
    assert getattr(read_record(Recipe, {**settings, name: 0}, "recipe"), name) == 0
    with pytest.raises(CheckpointError, match=f"{name} is -1"):
        read_record(Recipe, {**settings, name: -1 if name == "seed" else -1.0}, "recipe")


@pytest.mark.parametrize("name", ["batch_size", "epochs"])
def test_count_of_1_is_accepted_and_0_refused(name):
    settings = Recipe().to_dict()
    assert getattr(read_record(Recipe, {**settings, name: 1}, "recipe"), name) == 1
    with pytest.raises(CheckpointError, match=f"{name} is 0"):
        read_record(Recipe, {**settings, name: 0}, "recipe")


@pytest.mark.parametrize(
    ("name", "most", "more"),
    [
        ("batch_size", 2**53, 2**53 + 1),
        ("epochs", 2**53, 2**53 + 1),
        ("hidden", [1, 1_000_000], [1, 1_000_001]),
        ("hidden", (1_000_000,), (0,)),
        ("hidden", [3] * 1000, [3] * 1001),
        ("hidden", [5], [True]),
        ("lr", 1e308, float("inf")),
        ("momentum", 1, float("nan")),
        ("dropout", 0, False),
        ("seed", 10**30, 1.0),
    ],
)
def test_saved_setting_is_accepted_up_to_its_bound(name, most, more):
    settings = Recipe().to_dict()
    found = getattr(read_record(Recipe, {**settings, name: most}, "recipe"), name)
    assert found == (tuple(most) if name == "hidden" else most)
    assert type(found) is type(getattr(Recipe(), name))
    with pytest.raises(CheckpointError, match=f"^recipe: {name} (is|has)"):
        read_record(Recipe, {**settings, name: more}, "recipe")


def test_dropout_below_1_is_accepted_and_1_refused():
    settings = Recipe().to_dict()
    assert read_record(Recipe, {**settings, "dropout": 0.99}, "recipe").dropout == 0.99
    with pytest.raises(CheckpointError, match="dropout is 1"):
        read_record(Recipe, {**settings, "dropout": 1.0}, "recipe")


def test_fresh_network_has_the_requested_sizes_and_batch(digits):
    fresh = fresh_network(digits, (64, 12, 10), Recipe(batch_size=7, activation="tanh"))
    assert fresh.subject == "64-12-10, tanh, cross-entropy loss, on 7 images of digits"
    assert (fresh.images.shape, fresh.labels.shape) == ((7, 8, 8), (7,))
    assert [repr(layer) for layer in fresh.model][1::2] == ["Linear(64, 12)", "Linear(12, 10)"]
    again = fresh_network(digits, (64, 12, 10), Recipe(batch_size=7))
    np.testing.assert_array_equal(again.images, fresh.images)
    other = fresh_network(digits, (64, 12, 10), Recipe(batch_size=7, seed=1))
    assert (other.images != fresh.images).any()
    assert fresh_network(digits, None, Recipe(batch_size=1)).subject.startswith("64-30-10, relu")
    assert "on 1 image of" in fresh_network(digits, None, Recipe(batch_size=1)).subject


@pytest.mark.parametrize("sizes", [(63, 12, 10), (64, 12, 9)])
def test_sizes_that_do_not_fit_the_images_are_refused(digits, sizes):
    with pytest.raises(DataError) as caught:
        fresh_network(digits, sizes, Recipe())
    assert str(caught.value) == (
        f"images of digits have 8 x 8 pixels in 10 classes, and {sizes[0]}-12-{sizes[2]} takes {sizes[0]} "
        f"and distinguishes {sizes[2]}: --layers 64-12-10 would fit"
    )


def test_batch_may_have_all_images_at_most(digits):
    count = len(digits.train)
    assert len(fresh_network(digits, None, Recipe(batch_size=count)).images) == count
    with pytest.raises(DataError, match="is more than the"):
        fresh_network(digits, None, Recipe(batch_size=count + 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "mse"}, "loss is 'mse': expected one of 'cross-entropy', 'quadratic'"),
        ({"activation": "gelu"}, "activation is 'gelu': expected one of 'relu', 'sigmoid', 'tanh'"),
        ({"schedule": "stair"}, "schedule is 'stair': expected one of 'constant', 'cosine'"),
        ({"clip_norm": 0}, "clip_norm is 0: expected a finite number > 0"),
        ({"clip_value": -1.0}, "clip_value is -1.0: expected a finite number > 0"),
        ({"ema_decay": 1}, "ema_decay is 1: expected a finite number >= 0 and < 1"),
        ({"decay_biases": 1}, "decay_biases is 1: expected True or False"),
        ({"epochs": 0}, "epochs is 0: expected a whole number >= 1"),
        ({"batch_size": 1.5}, "batch_size is 1.5: expected a whole number >= 1"),
        ({"dropout": 1}, "dropout is 1: expected a finite number >= 0 and < 1"),
        ({"augment": "distortion"}, "augment is 'distortion': expected one of 'distortions'"),
        ({"augment": "distortions(x=1)"}, "distortions has the setting 'x': expected some of rotation"),
        ({"augment": "distortions(scale=2)"}, "scale is 2: expected a finite number >= 0 and < 1"),
        ({"lr": "0.1"}, "lr is '0.1': expected a finite number >= 0"),
    ],
)
def test_impossible_setting_is_named_by_the_recipe(settings, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Recipe(**settings)
