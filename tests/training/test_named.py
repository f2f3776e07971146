"""Optimizers and schedules by name, with settings: read, built, refused."""

import numpy as np
import pytest

from tests.optim.options import CASES, IDS
from tinygrad_mnist import nn, optim
from tinygrad_mnist.training import Recipe
from tinygrad_mnist.training.optimizers import OPTIMIZERS
from tinygrad_mnist.training.schedules import SCHEDULES, named_schedule

EPOCHS = 12
_NAMES = {kind: name for name, kind in OPTIMIZERS.items()}
_OUTSIDE = ("lr", "momentum", "weight_decay")


def rates(make, loss=1.0, lr=0.2):
    """Return the learning rate of each epoch with a schedule, which `make` makes of an optimizer."""
    optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=lr)
    schedule, found = make(optimizer), []
    for _ in range(EPOCHS):
        found.append(optimizer.lr)
        if schedule is not None:
            schedule.after_epoch(loss)
    return found


@pytest.mark.parametrize(("kind", "options"), CASES, ids=IDS)
def test_every_option_of_an_optimizer_is_read_from_its_text(kind, options):
    inside = ", ".join(f"{k}={v!r}" for k, v in options.items() if k not in _OUTSIDE)
    alone = {"lr": 0.01, "momentum": 0.0, "weight_decay": 0.0}
    alone |= {k: v for k, v in options.items() if k in _OUTSIDE}
    text = f"{_NAMES[kind]}({inside})"
    optimizer, _ = Recipe(optimizer=text, schedule="constant", **alone).build_optimizer(nn.Linear(2, 2))
    taken = {k: v for k, v in alone.items() if k in optimizer.OPEN}
    expected = kind(nn.Linear(2, 2).parameters(), **{**taken, **options})
    assert type(optimizer) is kind
    assert optimizer.param_groups[0].settings() == expected.param_groups[0].settings()


def test_nesterov_and_dampening_are_read_from_the_text():
    one, _ = Recipe(optimizer="sgd(nesterov=True)").build_optimizer(nn.Linear(2, 2))
    other, _ = Recipe(optimizer="sgd(dampening=-0.5)").build_optimizer(nn.Linear(2, 2))
    assert (one.nesterov, one.momentum, other.dampening) == (True, 0.9, -0.5)


def chained(optimizer):
    warm_up = optim.LinearLR(optimizer, 0.5, total_iters=3)
    return optim.SequentialLR(optimizer, [warm_up, optim.CosineAnnealingLR(optimizer, EPOCHS - 3)], [3])


SAME = {
    "constant": lambda o: None,
    "cosine": lambda o: optim.CosineAnnealingLR(o, EPOCHS),
    "cosine(T_max=5, eta_min=0.05)": lambda o: optim.CosineAnnealingLR(o, 5, 0.05),
    "step(step_size=4)": lambda o: optim.StepLR(o, 4),
    "step(step_size=2, gamma=0.5)": lambda o: optim.StepLR(o, 2, 0.5),
    "exponential(gamma=0.9)": lambda o: optim.ExponentialLR(o, 0.9),
    "linear": optim.LinearLR,
    "linear(start_factor=0.1, end_factor=0.5, total_iters=4)": lambda o: optim.LinearLR(o, 0.1, 0.5, 4),
    "one-cycle": lambda o: optim.OneCycleLR(o, 0.2, EPOCHS, per_step=False),
    "one-cycle(max_lr=1, pct_start=0.5, div_factor=10)": lambda o: optim.OneCycleLR(
        o, 1, EPOCHS, 0.5, 10, per_step=False
    ),
    "plateau": lambda o: optim.ReduceLROnPlateau(o, patience=2),
    "plateau(factor=0.5, patience=1, cooldown=1)": lambda o: optim.ReduceLROnPlateau(o, 0.5, 1, cooldown=1),
    "warm-up(start_factor=0.5, total_iters=3)": chained,
    "sequential(schedulers=[linear(start_factor=0.5, total_iters=3), cosine], milestones=[3])": chained,
    "sequential(schedulers=(linear(start_factor=0.5, total_iters=3), cosine), milestones=(3,))": chained,
    "sequential(schedulers=[constant, step(step_size=2)], milestones=[5])": lambda o: optim.SequentialLR(
        o, [optim.LRScheduler(o), optim.StepLR(o, 2)], [5]
    ),
}


@pytest.mark.parametrize("text", SAME)
def test_rates_of_a_named_schedule_are_those_of_its_class(text):
    expected = rates(SAME[text])
    assert rates(lambda optimizer: named_schedule(text)(optimizer, EPOCHS)) == expected
    assert len(set(expected)) > 1 or text == "constant"


def test_one_cycle_goes_by_steps_if_their_number_is_given():
    def made(text, steps):
        optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.2)
        return named_schedule(text)(optimizer, EPOCHS, steps)

    for schedule in (made("one-cycle", 5), made("one-cycle(per_step=True)", 5)):
        assert (schedule.per_step, schedule.total_steps, schedule.max_lr) == (True, 5 * EPOCHS, 0.2)
    by_epochs = made("one-cycle(per_step=False)", 5)
    assert (by_epochs.per_step, by_epochs.total_steps) == (False, EPOCHS)
    chain = made("sequential(schedulers=[linear, one-cycle], milestones=[3])", 5)
    assert (chain.per_step, chain.schedulers[1].total_steps) == (False, EPOCHS - 3)


def test_schedule_by_steps_needs_their_number():
    text = "one-cycle(per_step=True, total_steps=40)"
    schedule = named_schedule(text)(optim.SGD(nn.Linear(1, 1).parameters(), lr=0.1), EPOCHS)
    assert (schedule.per_step, schedule.total_steps, schedule.max_lr) == (True, 40, 0.1)
    with pytest.raises(ValueError, match=r"one-cycle has no total_steps: .*write one-cycle\(total_steps="):
        Recipe(schedule="one-cycle(per_step=True)")


def test_biases_without_decay_are_a_group_of_their_own():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    recipe = Recipe(optimizer="adamw", weight_decay=0.1, decay_biases=False)
    weights, biases = recipe.build_optimizer(model)[0].param_groups
    assert (weights.weight_decay, biases.weight_decay) == (0.1, 0.0)
    assert [p.ndim for p in weights.params] == [2, 2]
    assert [p.ndim for p in biases.params] == [1, 1]


WRONG = {
    "adam(eps=1, eps=2)": r"optimizer is 'adam\(eps=1, eps=2\)': expected each setting once",
    "adam(eps=tiny)": "optimizer has eps=tiny: expected a number, True, False, or of sgd, adam",
    "adma": "optimizer is 'adma': expected one of 'sgd', .*; did you mean 'adam'",
    "adam(": "optimizer is 'adam\\(': expected a name, or one with .*; write 'adam' or 'adam\\(setting",
    "": "optimizer is '': expected a name",
    "adam(0.9)": "expected a name, or one with settings in parentheses",
    "adam(amsgrad=true)": "optimizer has true: expected True",
    "adam(**x)": "expected a name",
    "adam()()": "expected a name",
    "adam(eps=1+1)": "expected a name",
    "adam(eps=open('x'))": "expected one of 'sgd'|expected a name",
    "[adam]": "expected a name",
    "'adam'": "expected a name",
    "adam(beta=(0.9, 0.99))": "adam has the setting 'beta': expected some of betas.*; did you mean betas",
    "adam(lr=0.1)": "adam has the setting 'lr': expected it outside the parentheses; leave it out here",
    "sgd(momentum=0.5)": "sgd has the setting 'momentum': expected it outside the parentheses",
    "adam(betas=0.9)": "betas is 0.9: expected two numbers",
    "adam(eps=-1)": "eps is -1: expected a finite number >= 0",
    "adam(eps=1e999)": "eps is inf: expected a finite number >= 0",
    "adam(amsgrad=1)": "amsgrad is 1: expected True or False",
    "adam(betas=sgd)": "betas is sgd: expected two numbers",
    "adam" * 100: "optimizer is 'adam",
    "ädam": "optimizer is 'ädam': expected one of",
    "adam(" * 40: "expected a name",
}


@pytest.mark.parametrize("text", WRONG)
def test_optimizer_that_cannot_be_built_is_refused_with_reason(text):
    with pytest.raises((TypeError, ValueError), match=WRONG[text]):
        Recipe(optimizer=text)


WRONG_SCHEDULES = {
    "warm_up": "schedule is 'warm_up': expected one of .*did you mean 'warm-up'",
    "step": r"step has no step_size: expected it; write step\(step_size=...\)",
    "step(step_size=0)": "step_size is 0: expected a whole number >= 1",
    "cosine(epochs=3)": "cosine has the setting 'epochs'",
    "warm-up(epochs=3)": "warm-up has the setting 'epochs': expected it outside the parentheses",
    "constant(gamma=1)": "constant has the setting 'gamma': expected none",
    "sequential": "sequential has no schedulers: expected it",
    "sequential(schedulers=cosine, milestones=[1])": "schedulers is cosine: expected a list; write",
    "sequential(schedulers=[1], milestones=[1])": r"schedulers is \[1\]: expected a list; write",
    "sequential(schedulers=[linear, cosine], milestones=2)": "milestones is 2: expected a list of epochs",
    "sequential(schedulers=[linear, cosine], milestones=[])": "milestones are .*: expected one less than",
    "sequential(schedulers=[linear, cosine], milestones=[1, 2])": "milestones are .*: expected one less than",
    "sequential(schedulers=[linear, plateau], milestones=[1])": "schedulers has ",
}


@pytest.mark.parametrize("text", WRONG_SCHEDULES)
def test_schedule_that_cannot_be_built_is_refused_with_reason(text):
    with pytest.raises((TypeError, ValueError), match=WRONG_SCHEDULES[text]):
        Recipe(schedule=text)


@pytest.mark.parametrize("value", [None, 3, b"adam", ["adam"], np.str_("adam")])
def test_name_that_is_not_a_text_is_refused(value):
    if value == "adam":
        assert Recipe(optimizer=value).optimizer == "adam"
    else:
        with pytest.raises(ValueError, match=r"optimizer is .*: expected one of"):
            Recipe(optimizer=value)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_name_says_what_it_needs_or_builds(name):
    needed = {"step": "(step_size=2)", "exponential": "(gamma=0.5)"}
    needed["sequential"] = "(schedulers=[linear, cosine], milestones=[2])"
    recipe = Recipe(schedule=name + needed.get(name, ""))
    schedule = recipe.build_optimizer(nn.Linear(2, 2))[1]
    assert (schedule is None) == (name == "constant")
