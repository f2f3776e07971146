"""Optimizers in trainings: resumed to the bit, and chosen by name."""

import functools
import re

import numpy as np
import pytest
from click.testing import CliRunner

from tests.training.jobs import EPOCHS, Job, Killed, killed_after
from tinygrad_mnist import nn, optim
from tinygrad_mnist.cli import main
from tinygrad_mnist.cli.console import TrainingProgress
from tinygrad_mnist.datasets.augment import Distortions
from tinygrad_mnist.training import Checkpoints, History, evaluate
from tinygrad_mnist.training.optimizers import OPTIMIZERS
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run_config import read_settings
from tinygrad_mnist.training.run_folder import load_run
from tinygrad_mnist.training.schedules import named_schedule


def job(kind, seed=1):
    made = Job(seed=seed)
    made.optimizer = kind(made.model.parameters(), lr=0.01, weight_decay=0.01)
    made.schedule = optim.CosineAnnealingLR(made.optimizer, EPOCHS)
    return made


def weights(made):
    states = [state for group in made.optimizer.param_groups for state in group.states]
    arrays = [array for state in states for array in state.arrays().values()]
    return [a.tobytes() for a in [*made.model.state_dict().values(), *arrays]], [s.steps for s in states]


@pytest.mark.long
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
    optimizer, _ = Recipe(
        optimizer=name, lr=0.02, weight_decay=0.1, momentum=0.5, schedule="constant"
    ).build_optimizer(nn.Linear(2, 2))
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


EVERYTHING = (
    *("--optimizer", "adam(betas=(0.8, 0.99), amsgrad=True)", "--weight-decay", "0.01", "--no-decay-biases"),
    *("--schedule", "sequential(schedulers=(linear(total_iters=1), cosine), milestones=(1,))"),
    *("--clip-norm", "0.5", "--clip-value", "0.1", "--ema-decay", "0.98", "--early-stopping", "1"),
    *("--augment", "distortions(rotation=15)"),
)


def run(*arguments):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    started = ["train", "--dataset", "digits", "--layers", "64-8-10", "--epochs", 3, *EVERYTHING]
    assert run(*started, "--output", folder).exit_code == 0
    return folder, started


def test_command_takes_every_setting_of_the_training(whole):
    recipe = read_settings(whole[0]).recipe
    assert (recipe.optimizer, recipe.lr) == ("adam(betas=(0.8, 0.99), amsgrad=True)", 0.001)
    assert (recipe.clip_norm, recipe.clip_value, recipe.ema_decay) == (0.5, 0.1, 0.98)
    assert (recipe.decay_biases, recipe.early_stopping) == (False, 1)
    assert repr(recipe.build_transform()) == repr(Distortions(rotation=15))
    page = (whole[0] / "report.html").read_text(encoding="utf-8")
    for row in (
        "adam (betas 0.8 and 0.99; amsgrad yes)", "sequential (", "decay of the averaged weights", "0.98",
        "largest norm of the gradient", "distortions (rotation 15)", "Distorted training images",
    ):  # fmt: skip
        assert row in page


def test_run_with_every_setting_resumes_to_the_same_files(whole, tmp_path, monkeypatch):
    folder, started = whole

    def kill(self, training):
        if training.all_steps == 100:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(TrainingProgress, "after_step", kill)
        with pytest.raises(Killed):
            run(*started, "--checkpoint-steps", 30, "--output", tmp_path / "run")
    assert run("train", "--resume", tmp_path / "run").exit_code == 0
    for name in ("weights.safetensors", "history.jsonl"):
        assert (folder / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_averages_are_saved_and_loaded_from_best_checkpoint(whole, digits):
    folder, _ = whole
    final, best, last = (load_run(folder, weights) for weights in ("final", "best", "last"))
    losses = [epoch.validation_loss for epoch in History.load(folder / "history.jsonl").epochs]

    def loss(trained):
        return evaluate(trained.model, nn.CrossEntropyLoss(), digits.validation.loader(1000)).loss

    assert loss(final) == loss(best) == min(losses)
    assert loss(last) == losses[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--optimizer", "adma"], "optimizer is 'adma': expected one of 'sgd', .* did you mean 'adam'"),
        (["--optimizer", "adam(eps=-1)"], "eps is -1: expected a finite number >= 0"),
        (["--schedule", "step"], "step has no step_size: expected it; write step"),
        (["--clip-norm", "0"], "--clip-norm"),
        (["--ema-decay", "1"], "--ema-decay"),
    ],
)
def test_command_refuses_settings_before_a_folder_is_made(options, message, tmp_path):
    result = run("train", "--dataset", "digits", *options, "--output", tmp_path / "run")
    assert result.exit_code == 2
    assert re.search(message, " ".join(result.output.split()))
    assert not (tmp_path / "run").exists()


def test_estimator_refuses_an_unknown_optimizer():
    estimator = pytest.importorskip("tinygrad_mnist.estimator")
    with pytest.raises(
        ValueError, match=r"optimizer is 'adma': expected one of 'sgd', 'adam', .*mean 'adam'"
    ):
        estimator.NeuralNetwork(optimizer="adma").fit(np.ones((4, 2)), [0, 1, 0, 1])


def in_phases(optimizer):
    warm_up = optim.LinearLR(optimizer, 0.1, total_iters=4, per_step=True)
    return optim.SequentialLR(optimizer, [warm_up, optim.OneCycleLR(optimizer, 0.1, 20)], [4])


SCHEDULED = {
    "per step": in_phases,
    "plateau": lambda optimizer: optim.ReduceLROnPlateau(optimizer, patience=0, threshold=0.5),
    "per epoch": lambda optimizer: named_schedule("warm-up")(optimizer, EPOCHS),
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


@pytest.mark.parametrize("name", ["constant", "cosine", "warm-up", "one-cycle", "plateau"])
def test_recipe_follows_the_schedule_of_its_name(name):
    optimizer, schedule = Recipe(schedule=name, epochs=10).build_optimizer(nn.Linear(2, 2))
    for _ in range(10 if schedule else 0):
        schedule.after_epoch(1.0)
    assert (optimizer.lr < 0.1) == (name != "constant")
