"""Optimizers, schedules, clipping and averages of an estimator: those of the house, and with partial_fit."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.estimator import NeuralNetwork

FLOWERS = load_iris()
INPUTS, SPECIES = FLOWERS.measurements, FLOWERS.columns()["Species"]
SETTINGS = {
    "hidden": 4,
    "epochs": 4,
    "lr": 0.02,
    "weight_decay": 0.1,
    "optimizer": "adamw(betas=(0.8, 0.9), amsgrad=True)",
    "schedule": "sequential(schedulers=[linear(total_iters=2), step(step_size=1)], milestones=[2])",
    "decay_biases": False,
    "clip_norm": 0.5,
    "clip_value": 0.2,
    "ema_decay": 0.9,
}


def weights(network):
    return [parameter.data.copy() for parameter in network.model_.parameters()]


def by_hand():
    """Return the averages that a person's own training with these settings ends with."""
    network = NeuralNetwork(hidden=4, epochs=1, lr=0.0).fit(INPUTS, SPECIES)  # its first weights, its batches
    loader = network._loader(network._examples(INPUTS, SPECIES, None))
    params = list(network.model_.parameters())
    groups = [{"params": params[::2]}, {"params": params[1::2], "weight_decay": 0.0}]
    optimizer = optim.AdamW(groups, 0.02, (0.8, 0.9), weight_decay=0.1, amsgrad=True)
    parts = [optim.LinearLR(optimizer, total_iters=2), optim.StepLR(optimizer, 1)]
    schedule, ema = optim.SequentialLR(optimizer, parts, [2]), optim.EMA(params, 0.9)
    for _ in range(4):
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(network.model_(inputs), targets).backward()
            nn.utils.clip_grad_value_(optimizer.params, 0.2)
            nn.utils.clip_grad_norm_(optimizer.params, 0.5)
            optimizer.step()
            ema.update()
        schedule.step()
    return [state.average for state in ema.states]


def test_every_setting_trains_as_a_loop_written_by_hand():
    network = NeuralNetwork(**SETTINGS).fit(INPUTS, SPECIES)
    assert all(map(np.array_equal, weights(network), by_hand()))


@pytest.mark.parametrize(
    "name", ["decay_biases", "clip_norm", "clip_value", "ema_decay", "optimizer", "schedule"]
)
def test_every_setting_changes_the_network(name):
    default = NeuralNetwork().get_params()[name]
    one = NeuralNetwork(**SETTINGS).fit(INPUTS, SPECIES)
    other = clone(one).set_params(**{name: default}).fit(INPUTS, SPECIES)
    assert not all(map(np.array_equal, weights(one), weights(other)))


def test_partial_fit_by_epochs_is_fit_with_every_setting():
    whole = NeuralNetwork(**SETTINGS).fit(INPUTS, SPECIES)
    steps, classes = NeuralNetwork(**SETTINGS), np.unique(SPECIES)
    for _ in range(4):
        steps = pickle.loads(pickle.dumps(steps.partial_fit(INPUTS, SPECIES, classes)))
    assert all(map(np.array_equal, weights(whole), weights(steps)))


def test_loss_has_the_decay_of_each_group_alone():
    network = NeuralNetwork(hidden=3, epochs=2, weight_decay=0.5, decay_biases=False).fit(INPUTS, SPECIES)
    everything = clone(network).set_params(decay_biases=True, epochs=2).fit(INPUTS, SPECIES)
    squares = sum(float(np.sum(array**2)) for array in weights(network) if array.ndim == 2)
    plain = -np.mean(np.log(network.predict_proba(INPUTS)[np.arange(150), np.arange(150) // 50]))
    assert network.loss_ == pytest.approx(plain + 0.25 * squares)
    assert network.loss_ != everything.loss_


def test_early_stopping_compares_the_averages():
    settings = {**SETTINGS, "epochs": 60, "lr": 0.3, "schedule": "constant", "early_stopping": True}
    network = NeuralNetwork(**settings, n_iter_no_change=3, validation_fraction=0.3).fit(INPUTS, SPECIES)
    _, held_out = network._examples(INPUTS, SPECIES, None).split(0.3, network._seed, stratified=True)
    best = min(epoch.validation_loss for epoch in network.history_)
    rows = np.arange(len(held_out.inputs)), np.searchsorted(network.classes_, held_out.response)
    assert -np.mean(np.log(network.predict_proba(held_out.inputs)[rows])) == pytest.approx(best)


def grouped(params, lr, weight_decay):
    params = list(params)
    groups = [{"params": params[::2]}, {"params": params[1::2], "lr": 10 * lr}]
    return optim.Adam(groups, lr, weight_decay=weight_decay)


def test_callable_makes_groups_of_parameters():
    network = NeuralNetwork(hidden=4, epochs=5, lr=0.01, optimizer=grouped).fit(INPUTS, SPECIES)
    assert [group.lr for group in network._optimizer.param_groups] == [0.01, 0.1]


def test_search_takes_names_with_settings():
    grid = {"optimizer": ["sgd", "adam(amsgrad=True)"], "schedule": ["constant", "step(step_size=2)"]}
    search = GridSearchCV(NeuralNetwork(hidden=3, epochs=3), grid, cv=2).fit(INPUTS, SPECIES)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
