"""Optimizers in trainings: resumed to the bit, and chosen by name."""

import functools

import numpy as np
import pytest
from click.testing import CliRunner

from tests.training.jobs import EPOCHS, Job, Killed, killed_after
from tinygrad_mnist import nn, optim
from tinygrad_mnist.cli import main
from tinygrad_mnist.training import Checkpoints
from tinygrad_mnist.training.optimizers import OPTIMIZERS
from tinygrad_mnist.training.recipe import SCHEDULES, Recipe
from tinygrad_mnist.training.run_folder import read_settings


def job(kind, seed=1):
    made = Job(seed=seed)
    made.optimizer = kind(made.model.parameters(), lr=0.01, weight_decay=0.01)
    made.schedule = optim.CosineAnnealingLR(made.optimizer, EPOCHS)
    return made


def weights(made):
    states = [state for group in made.optimizer.param_groups for state in group.states]
    arrays = [array for state in states for array in state.arrays().values()]
    return [a.tobytes() for a in [*made.model.state_dict().values(), *arrays]], [s.steps for s in states]


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("steps", [4, 20])
def test_killed_training_ends_at_the_same_bits(name, steps, tmp_path):
    whole = job(OPTIMIZERS[name])
    whole.fit()
    killed = job(OPTIMIZERS[name])
    with pytest.raises(Killed):
        killed.fit(Checkpoints(tmp_path, every_steps=3), callbacks=[killed_after(steps)])
    resumed = job(OPTIMIZERS[name])
    resumed.fit(Checkpoints(tmp_path, every_steps=3))
    assert weights(resumed) == weights(whole)


def test_optimizer_arrays_fit_a_checkpoint_of_a_large_network(tmp_path):
    def made():
        large = Job(hidden=40_000)
        large.optimizer = optim.Adam(large.model.parameters(), lr=0.01, amsgrad=True)
        large.schedule = None
        return large

    made().fit(Checkpoints(tmp_path), epochs=1)
    assert made().fit(Checkpoints(tmp_path), epochs=1).epochs


def test_another_optimizer_is_refused_on_resuming(tmp_path):
    job(optim.Adam).fit(Checkpoints(tmp_path))
    with pytest.raises(ValueError, match="optimizer is AdamW: expected Adam, as at its first step"):
        job(optim.AdamW).fit(Checkpoints(tmp_path), epochs=EPOCHS + 1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_recipe_builds_the_optimizer_of_its_name(name):
    optimizer, _ = Recipe(optimizer=name, lr=0.02, weight_decay=0.1, momentum=0.5).build_optimizer(
        nn.Linear(2, 2)
    )
    assert type(optimizer) is OPTIMIZERS[name]
    assert (optimizer.lr, optimizer.weight_decay) == (0.02, 0.1)
    assert getattr(optimizer, "momentum", 0.5) == 0.5


def test_command_trains_and_resumes_with_adam(tmp_path):
    run = tmp_path / "run"
    options = ["train", "--dataset", "digits", "--epochs", "1", "--optimizer", "adam", "--output", str(run)]
    result = CliRunner().invoke(main, options, catch_exceptions=False)
    assert result.exit_code == 0
    recipe = read_settings(run).recipe
    assert (recipe.optimizer, recipe.lr, recipe.momentum) == ("adam", 0.001, 0.0)
    result = CliRunner().invoke(main, [*options[:-1], str(tmp_path / "no"), "--momentum", "0.5"])
    assert "--momentum is 0.5: expected none with adam; leave it out" in " ".join(result.output.split())


@pytest.mark.parametrize("optimizer", ["adam", optim.AdamW, functools.partial(optim.RMSprop, centered=True)])
def test_estimator_learns_with_another_optimizer(optimizer):
    estimator = pytest.importorskip("tinygrad_mnist.estimator")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 2))
    network = estimator.NeuralNetwork(hidden=8, optimizer=optimizer, lr=0.05, epochs=60)
    assert network.fit(x, x[:, 0] * x[:, 1] > 0).score(x, x[:, 0] * x[:, 1] > 0) > 0.9


def test_estimator_refuses_an_unknown_optimizer():
    estimator = pytest.importorskip("tinygrad_mnist.estimator")
    with pytest.raises(ValueError, match="optimizer is 'adma': expected one of sgd, adam, adamw"):
        estimator.NeuralNetwork(optimizer="adma").fit(np.ones((4, 2)), [0, 1, 0, 1])


def in_phases(optimizer):
    warm_up = optim.LinearLR(optimizer, 0.1, total_iters=4, per_step=True)
    return optim.SequentialLR(optimizer, [warm_up, optim.OneCycleLR(optimizer, 0.1, 20)], [4])


SCHEDULED = {
    "per step": in_phases,
    "plateau": lambda optimizer: optim.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5),
    "per epoch": lambda optimizer: SCHEDULES["warm-up"](optimizer, EPOCHS),
}


@pytest.mark.parametrize("schedule", SCHEDULED)
@pytest.mark.parametrize("steps", [4, 20])
def test_killed_training_follows_its_schedule_afterwards(schedule, steps, tmp_path):
    def made():
        scheduled = job(optim.Adam)
        scheduled.schedule = SCHEDULED[schedule](scheduled.optimizer)
        return scheduled

    whole, killed, resumed = made(), made(), made()
    rates = [epoch.learning_rate for epoch in whole.fit()]
    with pytest.raises(Killed):
        killed.fit(Checkpoints(tmp_path, every_steps=3), callbacks=[killed_after(steps)])
    assert [epoch.learning_rate for epoch in resumed.fit(Checkpoints(tmp_path, every_steps=3))] == rates
    assert weights(resumed) == weights(whole)
    assert resumed.schedule.state_dict() == whole.schedule.state_dict()
    assert len(set(rates)) > 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_recipe_follows_the_schedule_of_its_name(name):
    optimizer, schedule = Recipe(schedule=name, epochs=10).build_optimizer(nn.Linear(2, 2))
    for _ in range(10 if schedule else 0):
        schedule.after_epoch(1.0)
    assert (optimizer.lr < 0.1) == (name != "constant")
