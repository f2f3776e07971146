"""Weights of rows, training bit by bit, early stopping, and scikit-learn's estimators of estimators."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_diabetes
from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, StackingClassifier, StackingRegressor

from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.estimator import NeuralNetwork

FLOWERS = load_iris()
INPUTS, SPECIES = FLOWERS.measurements, FLOWERS.columns()["Species"]
PATIENTS, PROGRESSION = (array[:150] for array in load_diabetes(return_X_y=True))
WHOLE = {"batch_size": None, "epochs": 30}
CASES = {
    "classes": (NeuralNetwork(**WHOLE), INPUTS, SPECIES),
    "two classes": (NeuralNetwork(**WHOLE), INPUTS, SPECIES == "setosa"),
    "numbers": (NeuralNetwork(task="regression", **WHOLE), PATIENTS, PROGRESSION),
    "pairs": (NeuralNetwork(task="regression", **WHOLE), PATIENTS[:, 2:], PATIENTS[:, :2]),
}
every_case = pytest.mark.parametrize(("network", "inputs", "response"), CASES.values(), ids=CASES)


def outputs(network, inputs):
    return network._outputs(inputs)


@every_case
def test_weights_of_rows_are_repetitions(network, inputs, response):
    repeats = np.arange(150) % 3
    weighted = clone(network).fit(inputs, response, sample_weight=repeats)
    repeated = clone(network).fit(np.repeat(inputs, repeats, axis=0), np.repeat(response, repeats, axis=0))
    np.testing.assert_allclose(outputs(weighted, inputs), outputs(repeated, inputs), rtol=1e-8, atol=1e-8)
    assert weighted.loss_ == pytest.approx(repeated.loss_)
    first, second = weighted.history_[-1], repeated.history_[-1]
    assert first.train_loss == pytest.approx(second.train_loss)


@every_case
def test_equal_weights_change_nothing(network, inputs, response):
    plain = clone(network).set_params(batch_size=32, epochs=3).fit(inputs, response)
    equal = clone(network).set_params(batch_size=32, epochs=3).fit(inputs, response, np.full(150, 2.5))
    np.testing.assert_allclose(outputs(equal, inputs), outputs(plain, inputs), rtol=1e-9, atol=1e-9)
    assert equal.history_[-1].train_accuracy == plain.history_[-1].train_accuracy


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(150), "sample_weight (is 0 for all rows|has to be .* non-zero)"),
        (-np.ones(150), "sample_weight has to be one number >= 0 per row"),
        (np.ones(3), "sample_weight has to be one number >= 0 per row"),
        ("heavy", "sample_weight has to be one number >= 0 per row"),
        (np.full(150, np.nan), "sample_weight has to be one number >= 0 per row"),
    ],
)
def test_weights_that_cannot_be_are_refused(weights, message):
    with pytest.raises(DataError, match=message):
        NeuralNetwork(epochs=1).fit(INPUTS, SPECIES, sample_weight=weights)


@every_case
def test_partial_fit_by_epochs_is_fit(network, inputs, response):
    settings = {"batch_size": 32, "epochs": 4}
    whole = clone(network).set_params(**settings).fit(inputs, response)
    steps = clone(network).set_params(**settings)
    classes = np.unique(response) if network.task == "classification" else None
    for _ in range(4):
        steps.partial_fit(inputs, response, classes)
        classes = None
        steps = pickle.loads(pickle.dumps(steps))
    np.testing.assert_array_equal(outputs(steps, inputs), outputs(whole, inputs))
    assert [epoch.epoch for epoch in steps.history_] == [1, 2, 3, 4]
    assert [e.train_loss for e in steps.history_] == [e.train_loss for e in whole.history_]


def test_classes_of_the_first_call_may_be_missing_in_its_rows():
    network = NeuralNetwork()
    network.partial_fit(INPUTS[:100], SPECIES[:100], classes=np.unique(SPECIES))
    network.partial_fit(INPUTS[100:], SPECIES[100:])
    assert network.predict_proba(INPUTS).shape == (150, 3)
    with pytest.raises(DataError, match=r"y has the label .*'rose'.*: expected one of"):
        network.partial_fit(INPUTS[:2], np.array(["rose", "setosa"]))
    with pytest.raises(DataError, match="expected those of the first call"):
        network.partial_fit(INPUTS, SPECIES, classes=["a", "b"])


def test_partial_fit_reads_a_formula():
    columns = FLOWERS.columns()
    network = NeuralNetwork("Species ~ .", epochs=3)
    for _ in range(3):
        network.partial_fit(columns, classes=np.unique(SPECIES))
    whole = NeuralNetwork("Species ~ .", epochs=3).fit(columns)
    np.testing.assert_array_equal(network.predict_proba(columns), whole.predict_proba(columns))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (NeuralNetwork(), r"classes is None: expected all classes at the first call.*np.unique\(y\)"),
        (NeuralNetwork(early_stopping=True), "early_stopping is True: expected False for partial_fit"),
    ],
)
def test_partial_fit_is_refused_with_what_to_write(network, message):
    with pytest.raises(DataError, match=message):
        network.partial_fit(INPUTS, SPECIES)


@every_case
def test_early_stopping_keeps_the_best_epoch(network, inputs, response):
    stopped = clone(network).set_params(
        early_stopping=True, n_iter_no_change=2, epochs=400, lr=0.3, batch_size=8, validation_fraction=0.2
    )
    if network.task == "regression":
        stopped.set_params(lr=0.02)
    history = stopped.fit(inputs, response).history_
    losses = [epoch.validation_loss for epoch in history]
    assert len(history) < 400
    assert np.argmin(losses) == len(losses) - 3
    assert f"the weights of epoch {len(losses) - 2} are put back" in history.stopped
    assert history[0].examples == 120


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation_fraction": 1.5}, "validation_fraction is 1.5: expected a number between 0 and 1"),
        ({"validation_fraction": True}, "validation_fraction is True: expected a number between"),
        ({"validation_fraction": 0.001}, "validation_fraction is 0.001 of 150 examples: .*early_stopping=F"),
        ({"n_iter_no_change": 0}, "n_iter_no_change is 0: expected a whole number, at least 1"),
        ({"early_stopping": "yes"}, "early_stopping is 'yes': expected True or False"),
    ],
)
def test_settings_of_early_stopping_are_checked(settings, message):
    network = NeuralNetwork(**{"early_stopping": True, "epochs": 2, **settings})
    with pytest.raises(DataError, match=message):
        network.fit(INPUTS, SPECIES)


QUICK = {"epochs": 10}
META = {
    "CalibratedClassifierCV": lambda: CalibratedClassifierCV(NeuralNetwork(**QUICK), cv=2),
    "AdaBoostClassifier": lambda: AdaBoostClassifier(
        NeuralNetwork(epochs=30), n_estimators=2, random_state=0
    ),
    "StackingClassifier": lambda: StackingClassifier([("network", NeuralNetwork(**QUICK))], cv=2),
}
OF_NUMBERS = {
    "BaggingRegressor": lambda n: BaggingRegressor(n, n_estimators=2, random_state=0),
    "StackingRegressor": lambda n: StackingRegressor([("network", n)], cv=2),
}


@pytest.mark.parametrize("make", META.values(), ids=META)
def test_estimator_of_estimators_takes_it_for_a_classifier(make):
    assert make().fit(INPUTS, SPECIES).score(INPUTS, SPECIES) > 0.8


@pytest.mark.parametrize("make", OF_NUMBERS.values(), ids=OF_NUMBERS)
def test_estimator_of_estimators_takes_it_for_a_regressor(make):
    network = NeuralNetwork(task="regression", epochs=10)
    assert make(network).fit(PATIENTS, PROGRESSION).score(PATIENTS, PROGRESSION) > 0.2
    with pytest.raises(ValueError, match="should be a regressor"):
        StackingRegressor([("network", NeuralNetwork())]).fit(PATIENTS, PROGRESSION)
