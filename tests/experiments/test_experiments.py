"""Experiments: in full if that takes seconds, else in their short form."""

import os
from types import SimpleNamespace

import numpy as np
import pytest
from joblib import parallel_config

from tinygrad_mnist import nn
from tinygrad_mnist.datasets.augment import Distortions
from tinygrad_mnist.errors import ProcessError
from tinygrad_mnist.experiments import (
    EXPERIMENTS,
    ExperimentOptions,
    chapter_1,
    chapter_6,
    flowers,
    hot_dogs,
    record,
    rouze,
    two_layer,
)
from tinygrad_mnist.experiments.experiment import Comparison, ExperimentResult, in_parallel
from tinygrad_mnist.experiments.networks import LinearInFours


def figures(result, *, judged=True):
    return {figure.name: figure for figure in result.figures if figure.holds is not None or not judged}


def off(result):
    return [figure for figure in result.figures if figure.holds is False]


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_short_form_of_each_experiment_holds(name, mnist_folder, tmp_path):
    result = EXPERIMENTS[name].run(ExperimentOptions(tmp_path, mnist_folder, quick=True))
    assert off(result) == []
    assert len(figures(result)) >= 1, "a short form that checks nothing shows nothing"
    assert any(section.picture is not None for section in result.sections)


def test_chapter_6_prints_every_digit_of_the_article(mnist_folder, tmp_path):
    result = chapter_6.run(ExperimentOptions(tmp_path, mnist_folder, quick=True))
    assert off(result) == []
    judged = figures(result)
    assert judged["iteration 10: errors"].ours == "10 of 10 equal"
    assert judged["the guess becomes 5 at iteration"].ours == "56"
    assert judged["gradient check of the step"].ours == "blames 2.bias"
    assert "0.161683526706662" in result.listing


def test_gradient_step_is_not_blamed(mnist_folder, monkeypatch):
    """The check of the article's step can also accept a step."""
    published = chapter_6.step_of
    monkeypatch.setattr(
        chapter_6, "step_of", lambda model, as_published: published(model, as_published=False)
    )
    image = chapter_6.raw(chapter_6.pixels(chapter_6.mnist(mnist_folder).train.raw_images[:1])) / 255
    assert chapter_6.blamed(chapter_6.check(1, image)) == "none"


def test_iris_prints_every_digit_of_the_article(tmp_path):
    result = flowers.run(ExperimentOptions(tmp_path))
    assert off(result) == []
    printed = [line.split("\t")[1] for line in result.listing.splitlines()]
    assert printed == [f"Loss {loss}" for loss in flowers.LOSSES]


def test_two_layers_have_the_published_losses_of_two_epochs(mnist_folder, tmp_path):
    _, losses = two_layer.train(ExperimentOptions(tmp_path, mnist_folder), 2)
    assert [round(loss, 5) for loss in losses] == [1.73623, 0.63927]


def test_hot_dogs_have_the_published_points_and_regression():
    draws = hot_dogs.draw(42)
    assert hot_dogs._rows(draws) == list(hot_dogs.PRINTED_ROWS)
    beta = hot_dogs.logistic_regression(draws.x, draws.y)
    right = (beta[0] + draws.x @ beta[1:] > 0) == (draws.y[:, 0] == 1)
    assert right.sum() == 134
    design = np.column_stack([np.ones(200), draws.x])
    probabilities = 1 / (1 + np.exp(-design @ beta))
    assert (
        np.abs(design.T @ (probabilities - draws.y[:, 0])).max() < 1e-10
    )  # the likelihood is at its maximum


def test_another_seed_changes_numbers_and_is_not_judged(tmp_path):
    result = flowers.run(ExperimentOptions(tmp_path, r_seed=43))
    assert figures(result) == {}
    assert result.holds
    losses = [figure.ours for figure in result.figures if figure.name.startswith("loss")]
    assert losses != list(flowers.LOSSES)
    assert all(figure.published == loss for figure, loss in zip(result.figures, flowers.LOSSES))


def test_chapter_1_has_the_published_shapes_and_lost_digits():
    weights = chapter_1.first_weights(chapter_1.RRandom(1), (784, 30, 10))
    assert [(w.shape, b.shape) for w, b in weights] == [((30, 784), (30,)), ((10, 30), (10,))]
    assert len(chapter_1.first_weights(chapter_1.RRandom(1), (784, 10))) == 1
    recalls = np.array([[0.9, 0.1], [0.9, 0.0], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1], [0.9, 0.9]])
    assert chapter_1.lost_digits(recalls) == "1"
    assert chapter_1.lost_digits(np.ones((4, 10))) == "none"


def test_raw_pixels_saturate_the_hidden_units(mnist_folder):
    trained = rouze.train(mnist_folder, 1, True, 1)
    assert 0.25 < trained.accuracies[0] < 0.6
    sums = rouze.hidden_sums(mnist_folder, 1, rouze.raw)
    assert (np.abs(sums) > rouze.SATURATED).mean() > 0.98


def test_linear_in_fours_differs_from_linear_by_rounding():
    rng = np.random.default_rng(0)
    weight, bias, x = rng.normal(size=(10, 28)), rng.normal(size=10), rng.normal(size=(1, 28))
    layer = LinearInFours(weight, bias)
    assert layer(x).data == pytest.approx(x @ weight.T + bias, rel=1e-12)
    loss = nn.QuadraticLoss()(layer(x), np.array([3]))
    loss.backward()
    assert layer.weight.grad == pytest.approx(np.outer(layer(x).data[0] - np.eye(10)[3], x), rel=1e-12)


def test_distortions_fade_in_the_last_epochs_of_a_resumed_training_too():
    distort = Distortions(rotation=12.0)
    now = []
    for resumed in (False, True):
        fading = record.Fading(distort, 2)
        for epoch in range(3 if resumed else 1, 6):
            if epoch == 1 or (resumed and epoch == 3):
                fading.before_training(SimpleNamespace(epochs=5, epoch=epoch))
            now.append(fading.now.rotation)
            fading.after_epoch(SimpleNamespace(epochs=5), SimpleNamespace(epoch=epoch))
    assert now == pytest.approx([12, 12, 12, 8, 4, 12, 8, 4])
    assert fading.now.smoothing == distort.smoothing


def test_comparison_shows_its_condition_and_verdict(tmp_path):
    options = ExperimentOptions(tmp_path)
    right = options.exact("a", ["1", "2"], ["1", "2"])
    wrong = options.exact("b", ["1", "2", "3"], ["1", "9", "3"])
    assert (right.holds, right.ours) == (True, "2 of 2 equal")
    assert (wrong.holds, wrong.ours) == (False, "2 of 3 equal, not 9 where 2 is")
    assert options.same("c", "-", "56", "57").holds is False
    assert options.within("d", "-", "-", [0.3, 0.51], 0.3, 0.5).holds is False
    assert options.within("d", "-", "-", 0.3, 0.3, 0.5).demand == "30 to 50 %"
    assert options.within("d", "-", "-", 0.91, 0.9, 1.0).demand == "over 90 %"
    assert options.within("d", "-", "-", 0.2, 0, 0.5).demand == "below 50 %"
    result = ExperimentResult([right, wrong, Comparison("e", "-", "-", "1")], [])
    assert not result.holds
    assert [row[-1] for row in result.table().rows] == ["holds", "OFF", ""]
    with pytest.raises(ValueError, match="zip"):
        options.exact("too few", ["1", "2"], ["1"])


def test_processes_give_the_results_of_one_and_have_one_thread():
    tasks = [(3, 2), (10, 7)]
    with parallel_config("loky", n_jobs=2, inner_max_num_threads=1):
        assert in_parallel(divmod, tasks) == [(1, 1), (1, 3)]
        assert in_parallel(os.getenv, [("OPENBLAS_NUM_THREADS",)] * 2) == ["1", "1"]
        assert os.getpid() not in in_parallel(os.getpid, [()] * 2)
    assert in_parallel(divmod, tasks) == [(1, 1), (1, 3)]


def test_process_that_is_killed_is_named():
    with parallel_config("loky", n_jobs=2), pytest.raises(ProcessError, match=r"was killed.*--jobs 1"):
        in_parallel(os._exit, [(1,)] * 2)
