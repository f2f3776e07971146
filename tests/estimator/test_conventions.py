"""scikit-learn takes the network for one of its own."""

import pickle

import numpy as np
import polars
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from tinygrad_mnist import nn
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.estimator import NeuralNetwork

FLOWERS = load_iris()
INPUTS, SPECIES = FLOWERS.measurements, FLOWERS.columns()["Species"]

ESTIMATORS = [
    NeuralNetwork(),
    NeuralNetwork(hidden=(4, 3), activation="tanh", schedule="cosine", weight_decay=1e-3, epochs=60),
    NeuralNetwork(task="regression"),
    NeuralNetwork(hidden=0, task="regression", epochs=60),
]


@pytest.mark.long
@parametrize_with_checks(ESTIMATORS)
def test_estimator_passes_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_tags_name_classifier_or_regressor():
    assert is_classifier(NeuralNetwork())
    assert is_regressor(NeuralNetwork(task="regression"))
    assert hasattr(NeuralNetwork(), "predict_proba")
    assert not hasattr(NeuralNetwork(task="regression"), "predict_proba")


def test_estimator_works_in_a_pipeline_and_a_search():
    pipeline = make_pipeline(StandardScaler(), NeuralNetwork(standardize=False, epochs=100))
    assert cross_val_score(pipeline, INPUTS, SPECIES, cv=5).min() > 0.9
    search = GridSearchCV(NeuralNetwork(epochs=40), {"hidden": [0, (4, 4)], "lr": [0.1, 1e-6]})
    search.fit(INPUTS, SPECIES)
    assert search.best_params_["lr"] == 0.1
    assert search.best_score_ > 0.93


def test_clone_is_untrained_and_copy_is_trained():
    network = NeuralNetwork("Species ~ .", FLOWERS.columns(), hidden=3, epochs=20).fit()
    copied = pickle.loads(pickle.dumps(network))
    np.testing.assert_array_equal(copied.predict_proba(), network.predict_proba())
    fresh = clone(network)
    with pytest.raises(NotFittedError):
        fresh.predict()
    np.testing.assert_array_equal(fresh.fit().predict_proba(), network.predict_proba())


def test_random_state_determines_the_network():
    def probabilities(random_state):
        return NeuralNetwork(epochs=3, random_state=random_state).fit(INPUTS, SPECIES).predict_proba(INPUTS)

    np.testing.assert_array_equal(probabilities(1), probabilities(1))
    assert (probabilities(1) != probabilities(2)).any()
    generator = np.random.RandomState(5)
    assert (probabilities(generator) != probabilities(generator)).any()


def test_regression_scores_like_least_squares():
    patients, progression = load_diabetes(return_X_y=True)
    straight = NeuralNetwork(hidden=0, task="regression", batch_size=None, epochs=500).fit(
        patients, progression
    )
    ones = np.column_stack([np.ones(len(patients)), patients])
    best = ones @ np.linalg.lstsq(ones, progression)[0]
    explained = 1 - ((progression - best) ** 2).sum() / ((progression - progression.mean()) ** 2).sum()
    assert straight.score(patients, progression) == pytest.approx(explained, abs=1e-4)
    assert straight.loss_ == pytest.approx(1 - straight.score(patients, progression), rel=1e-9)


def test_defaults_learn_handwritten_digits():
    digits = load_digits(return_X_y=True)
    assert cross_val_score(NeuralNetwork(epochs=60), *digits, cv=3).mean() > 0.92


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_default_rate_suits_a_wide_layer(activation):
    patients, progression = load_diabetes(return_X_y=True)
    network = NeuralNetwork(hidden=100, activation=activation, task="regression", epochs=60)
    assert network.fit(patients, progression).loss_ < 0.9


def test_finite_divergence_causes_a_warning():
    patients, progression = load_diabetes(return_X_y=True)
    network = NeuralNetwork(hidden=0, task="regression", lr=10.0, epochs=1)
    with pytest.warns(
        ConvergenceWarning, match="diverged at the learning rate 10.0; use a lower one"
    ) as caught:
        network.fit(patients, progression)
    assert caught[0].filename == __file__


def test_logistic_regression_finds_the_maximum_of_the_likelihood():
    from sklearn.linear_model import LogisticRegression

    kept = SPECIES != "setosa"
    inputs, labels = StandardScaler().fit_transform(INPUTS[kept]), SPECIES[kept]
    decay = 0.01  # of all parameters; scikit-learn leaves the intercept out, so it is a column here
    with_ones = np.column_stack([np.ones(len(inputs)), inputs])
    reference = LogisticRegression(C=1 / (decay * len(inputs)), fit_intercept=False, tol=1e-10, max_iter=1000)
    reference.fit(with_ones, labels)
    network = NeuralNetwork(
        hidden=0, weight_decay=decay, batch_size=None, epochs=2000, lr=0.5, standardize=False
    )
    network.fit(inputs, labels)
    np.testing.assert_allclose(
        network.predict_proba(inputs), reference.predict_proba(with_ones), atol=1e-6, rtol=0
    )
    np.testing.assert_array_equal(network.classes_, reference.classes_)


def test_two_classes_share_one_output():
    binary = NeuralNetwork(hidden=0, epochs=1).fit(INPUTS, SPECIES == "setosa")
    assert binary.model_[-1].weight.shape == (1, 4)
    assert type(binary._head.loss).__name__ == "BCEWithLogitsLoss"
    several = NeuralNetwork(hidden=(7, 6), epochs=1).fit(INPUTS, SPECIES)
    assert [layer.weight.shape for layer in list(several.model_)[::2]] == [(7, 4), (6, 7), (3, 6)]


def test_loss_includes_the_weight_penalty():
    settings = {"hidden": 0, "epochs": 5, "batch_size": None}
    network = NeuralNetwork(weight_decay=0.1, **settings).fit(INPUTS, SPECIES)
    probabilities = network.predict_proba(INPUTS)
    right = probabilities[np.arange(150), FLOWERS.species]
    squares = sum((parameter.data**2).sum() for parameter in network.model_.parameters())
    assert network.loss_ == pytest.approx(-np.log(right).mean() + 0.05 * squares, rel=1e-12)


def test_schedule_lowers_the_rate():
    network = NeuralNetwork(schedule="cosine", epochs=10).fit(INPUTS, SPECIES)
    rates = [epoch.learning_rate for epoch in network.history_]
    assert rates[0] == NeuralNetwork().lr
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] < 0.01


def test_inputs_in_any_unit_give_the_same_predictions():
    metres = INPUTS * np.array([0.01, 1000.0, 1.0, 10.0]) + np.array([5.0, -1e4, 0.0, 3.0])
    one = NeuralNetwork(epochs=20).fit(INPUTS, SPECIES).predict_proba(INPUTS)
    other = NeuralNetwork(epochs=20).fit(metres, SPECIES).predict_proba(metres)
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_constant_columns_and_responses_are_handled():
    constant = np.column_stack([INPUTS, np.full(150, 0.1)])
    network = NeuralNetwork(epochs=5).fit(constant, SPECIES)
    assert np.isfinite(network.predict_proba(constant)).all()
    flat = NeuralNetwork(epochs=5, task="regression").fit(INPUTS, np.full(150, 0.1))
    np.testing.assert_allclose(flat.predict(INPUTS), 0.1, atol=2)


def test_regression_of_several_numbers_has_no_accuracy():
    pair = INPUTS[:, :2]
    network = NeuralNetwork(task="regression").fit(INPUTS[:, 2:], pair)
    assert network.predict(INPUTS[:, 2:]).shape == (150, 2)
    assert network.score(INPUTS[:, 2:], pair) > 0.4
    assert {epoch.train_accuracy for epoch in network.history_} == {None}


def test_frames_without_a_formula_keep_their_names():
    names = FLOWERS.measurement_names
    frame = polars.DataFrame(dict(zip(names, INPUTS.T)))
    network = NeuralNetwork(epochs=10).fit(frame, SPECIES)
    assert network.feature_names_in_.tolist() == list(names)
    with pytest.raises(ValueError, match="feature names"):
        network.predict(frame.select(reversed(names)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": -2}, "hidden is -2: expected the size of a layer"),
        ({"hidden": (3, 0)}, "hidden is"),
        ({"hidden": 2.5}, "hidden is 2.5"),
        ({"activation": "sigmod"}, "activation is 'sigmod': expected one of relu, sigmoid, tanh"),
        ({"schedule": "stair"}, "schedule is 'stair': expected one of 'constant', 'cosine'"),
        ({"schedule": "step"}, r"step has no step_size: expected it; write step\(step_size=...\)"),
        ({"optimizer": "adam(beta=0.9)"}, "adam has the setting 'beta': .*did you mean betas"),
        ({"decay_biases": "no"}, "decay_biases is 'no': expected True or False"),
        ({"clip_norm": 0}, "clip_norm is 0: expected a finite number > 0"),
        ({"clip_value": "1"}, "clip_value is '1': expected a finite number > 0"),
        ({"ema_decay": 1.0}, "ema_decay is 1.0: expected a finite number >= 0 and < 1"),
        ({"task": "clustering"}, "task is 'clustering': expected one of classification, regression"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": "auto"}, "batch_size is 'auto': expected a whole number, at least 1"),
        ({"epochs": -3}, "epochs is -3: expected a whole number, at least 1"),
        ({"epochs": 2.5}, "epochs is 2.5"),
        ({"verbose": "loud"}, "verbose is 'loud'"),
        ({"hidden": True}, "hidden is True"),
        ({"lr": -1}, "lr"),
        ({"lr": "adaptive"}, "lr is 'adaptive': expected a finite number"),
    ],
)
def test_impossible_settings_are_refused_by_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        NeuralNetwork(**settings).fit(INPUTS, SPECIES)


def test_hidden_sizes_may_be_an_array():
    network = NeuralNetwork(hidden=np.array([4, 3]), epochs=1).fit(INPUTS, SPECIES)
    assert [layer.weight.shape for layer in list(network.model_)[::2]] == [(4, 4), (3, 4), (3, 3)]


def test_repr_shows_the_activation_of_the_training():
    network = NeuralNetwork(activation=nn.Tanh, epochs=1).fit(INPUTS, SPECIES)
    assert "4-20-3, tanh" in repr(network.set_params(activation="relu"))


def test_score_of_weighted_rows_equals_repeated_rows():
    repeats = np.arange(150) % 3
    network = NeuralNetwork(epochs=5, hidden=1).fit(INPUTS, SPECIES)
    repeated = network.score(np.repeat(INPUTS, repeats, axis=0), np.repeat(SPECIES, repeats))
    assert network.score(INPUTS, SPECIES, sample_weight=repeats) == pytest.approx(repeated)


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_inputs_with_overflowing_squares_are_standardized(scale):
    one = NeuralNetwork(epochs=20).fit(INPUTS, SPECIES).predict_proba(INPUTS)
    other = NeuralNetwork(epochs=20).fit(INPUTS * scale, SPECIES).predict_proba(INPUTS * scale)
    np.testing.assert_allclose(one, other, atol=1e-9)


def test_repr_and_verbose_show_the_training(capsys):
    network = NeuralNetwork(hidden=(4,), epochs=10, verbose=5)
    assert repr(network) == "NeuralNetwork(epochs=10, hidden=(4,), verbose=5)"
    network.fit(INPUTS, SPECIES)
    assert repr(network).splitlines()[1] == "  4-4-3, sigmoid: setosa, versicolor, virginica"
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 5", "epoch 10"]
    assert f"{network.history_[9].train_loss:.6f}" in lines[1]
