"""Trials as lines across their settings."""

import re

import numpy as np
import pytest

from tinygrad_mnist.report.plots.parallel import HEIGHT, TOP, parallel_coordinates


def heights(drawing):
    """The place of each trial on each axis, from 0 to 1, the worst trial first."""
    (panel,) = drawing.panels
    lines = [line for line in panel.marks if "<g class=" in line]
    points = [re.findall(r"[\d.]+,([\d.]+)", re.search(r' d="([^"]+)"', line)[1]) for line in lines]
    return np.array([[1 - (float(y) - TOP) / HEIGHT for y in line] for line in points])


def test_results_are_on_a_scale_however_few_they_are():
    found = heights(parallel_coordinates([{"x": 1}, {"x": 2}, {"x": 3}], [1.0, 1.1, 2.0], "loss"))
    np.testing.assert_allclose(found[:, 1], [1.0, 0.1, 0.0], atol=1e-4)
    np.testing.assert_allclose(found[:, 0], [1.0, 0.5, 0.0], atol=1e-4)


def test_results_over_more_than_a_decade_are_logarithmic():
    found = heights(parallel_coordinates([{"x": 1}] * 3, [0.01, 0.1, 1.0], "loss"))
    np.testing.assert_allclose(found[:, 1], [1.0, 0.5, 0.0], atol=1e-4)


@pytest.mark.parametrize(
    "values", [[[8], [8, 4], [16]], [(8,), (8, 4), (16,)], [True, None, "a"], ["b", "a", "c"]], ids=repr
)
def test_settings_of_any_kind_have_a_place_each(values):
    drawing = parallel_coordinates([{"hidden": value} for value in values], [1.0, 2.0, 3.0], "loss")
    assert sorted(heights(drawing)[:, 0]) == pytest.approx([0.0, 0.5, 1.0], abs=1e-4)


def test_the_finding_names_the_best_trial():
    drawing = parallel_coordinates([{"lr": 0.123456789}, {"lr": 0.5}], [2.0, 0.98765], "validation loss")
    assert drawing.finding == "2 trials; the best, lr 0.5, has validation loss 0.9877"
