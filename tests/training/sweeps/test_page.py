"""The page of a sweep, and its picture: trials as lines across their settings."""

import re

import numpy as np
import pytest

pytest.importorskip("optuna", reason="the sweep extra is not installed")

from optuna.distributions import FloatDistribution

from tinygrad_mnist.training.sweeps import sweep, write_sweep_page
from tinygrad_mnist.training.sweeps.page import _HEIGHT, _TOP, parallel_coordinates


def swept(folder, space, results, **options):
    return sweep(lambda trial, place: results[trial.number], space, folder, trials=len(results), **options)


def drawing_of(study):
    return parallel_coordinates(sorted(study.trials, key=lambda trial: trial.value))


def heights(drawing):
    """The place of each trial on each axis, from 0 to 1, the worst trial first."""
    (panel,) = drawing.panels
    lines = [line for line in panel.marks if "<g class=" in line]
    points = [re.findall(r"[\d.]+,([\d.]+)", re.search(r' d="([^"]+)"', line)[1]) for line in lines]
    return np.array([[1 - (float(y) - _TOP) / _HEIGHT for y in line] for line in points])


def test_results_are_on_a_scale_and_choices_evenly_spaced(tmp_path):
    found = heights(drawing_of(swept(tmp_path, {"x": [1, 10, None]}, [1.0, 1.1, 2.0])))
    np.testing.assert_allclose(found[:, 1], [1.0, 0.1, 0.0], atol=1e-4)
    np.testing.assert_allclose(found[:, 0], [1.0, 0.5, 0.0], atol=1e-4)


def test_results_over_more_than_a_decade_are_logarithmic(tmp_path):
    found = heights(drawing_of(swept(tmp_path, {"x": [1, 2, 3]}, [0.01, 0.1, 1.0])))
    np.testing.assert_allclose(found[:, 1], [1.0, 0.5, 0.0], atol=1e-4)


def test_a_range_has_its_own_scale(tmp_path):
    space = {"lr": FloatDistribution(0.01, 100.0, log=True)}
    found = heights(drawing_of(swept(tmp_path, space, [3.0, 2.0, 1.0], sampler="quasi-random")))
    np.testing.assert_allclose(found[:, 0], [0.5, 0.25, 0.75], atol=1e-4)


def test_the_finding_names_the_best_trial(tmp_path):
    drawing = drawing_of(swept(tmp_path, {"lr": [0.123456789, 0.5]}, [2.0, 0.98765]))
    assert drawing.finding == "2 trials; the best, lr 0.5, has validation loss 0.9877"


def page_of(folder, study):
    return write_sweep_page(folder, study).read_text(encoding="utf-8")


def test_the_setting_that_explains_the_results_matters_most(tmp_path):
    space = {"little": [1, 2], "much": ["a", "b", "c"]}
    page = page_of(tmp_path, swept(tmp_path, space, [1.0, 2.0, 3.0, 1.01, 2.01, 3.01]))
    matters = re.findall(r'<th scope="row">(\w+)</th>\s*<td class="number">(\d+)%', page)
    assert [name for name, _ in matters] == ["much", "little"]
    assert int(matters[0][1]) > 90


@pytest.mark.parametrize("results", [[1.0], [1.0, 1.0], [1.0, float("inf")]])
def test_results_without_a_difference_have_a_page(tmp_path, results):
    page = page_of(tmp_path, swept(tmp_path, {"x": [1, 2]}, results))
    assert "Trial 0: x 1." in page
    assert "What matters" not in page


def test_a_sweep_of_failures_says_why(tmp_path):
    page = page_of(tmp_path, sweep(lambda trial, place: 1 / 0, {"x": [1, 2]}, tmp_path))
    assert page.count("fail: ZeroDivisionError: division by zero") == 2
