"""Spaces of settings, and the settings that a number stands for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("optuna", reason="the sweep extra is not installed")

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from tinygrad_mnist.training.sweeps.space import distributions, planned

GRID = {"lr": [0.1, 0.2], "width": [8, 16, 32], "loss": ["a", "b"]}


def quasi_random(space, count):
    return planned(space, "quasi-random", count)


@pytest.mark.parametrize(("trials", "count"), [(None, 12), (5, 5), (100, 12)])
def test_a_grid_has_every_combination_once(trials, count):
    space = {name: CategoricalDistribution(values) for name, values in GRID.items()}
    found = [tuple(settings.values()) for settings in planned(space, "grid", trials)]
    assert len(set(found)) == len(found) == count
    assert found[:3] == [(0.1, 8, "a"), (0.1, 8, "b"), (0.1, 16, "a")]


@given(st.integers(1, 40))
def test_a_quasi_random_sequence_fills_each_setting_evenly(count):
    found = quasi_random({"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(0.0, 1.0)}, count)
    for name, base in (("x", 2), ("y", 3)):
        values = sorted(settings[name] for settings in found)
        gaps = [b - a for a, b in zip([0.0, *values], [*values, 1.0])]
        assert max(gaps) <= base / (count + 1) * base


def test_numbers_stay_in_their_range():
    space = {
        "whole": IntDistribution(2, 5),
        "log": FloatDistribution(1e-3, 1.0, log=True),
        "choice": CategoricalDistribution(["a", "b", "c"]),
    }
    for found in quasi_random(space, 1000):
        assert found["whole"] in (2, 3, 4, 5)
        assert isinstance(found["whole"], int)
        assert 1e-3 <= found["log"] < 1.0
        assert found["choice"] in "abc"


def test_a_logarithmic_range_is_even_in_its_logarithm():
    found = quasi_random({"lr": FloatDistribution(1e-4, 1.0, log=True)}, 255)
    values = sorted(settings["lr"] for settings in found)
    assert sum(value < 1e-2 for value in values) == pytest.approx(len(values) / 2, abs=2)
    assert math.isclose(values[127], 1e-2)


@pytest.mark.parametrize(("low", "high", "log"), [(-2, 1, False), (1, 8, True)])
def test_whole_numbers_are_drawn_to_both_ends(low, high, log):
    drawn = [settings["n"] for settings in quasi_random({"n": IntDistribution(low, high, log=log)}, 255)]
    assert sorted(set(drawn)) == list(range(low, high + 1))
    counts = [drawn.count(number) for number in range(low, high + 1)]
    assert counts == sorted(counts, reverse=True) if log else max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    "steps",
    [IntDistribution(0, 100, step=20), IntDistribution(1, 7, step=3), FloatDistribution(0, 1, step=0.25)],
)
def test_each_step_of_a_range_is_drawn_equally_often(steps):
    drawn = [settings["x"] for settings in quasi_random({"x": steps}, 255)]
    count = round((steps.high - steps.low) / steps.step) + 1
    expected = [steps.low + number * steps.step for number in range(count)]
    assert sorted(set(drawn)) == expected
    counts = [drawn.count(value) for value in expected]
    assert max(counts) - min(counts) <= 1


def test_numbers_of_numpy_are_choices():
    found = distributions({"n": [np.int64(3), np.float32(0.5), np.True_]})
    assert [type(choice) for choice in found["n"].choices] == [int, float, bool]


def test_a_range_is_refused_for_a_grid():
    with pytest.raises(ValueError, match="lr is a range, which a grid cannot cover"):
        planned({"lr": FloatDistribution(0.0, 0.1)}, "grid", None)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({}, r"space is \{\}: expected settings by name"),
        ([("lr", [0.1])], "space is .*: expected settings by name"),
        ({1: [2, 3]}, "space is .*: expected settings by name"),
        ({"lr": []}, r"lr is \[\]: expected a list of choices"),
        ({"lr": "0.1"}, "lr is '0.1': expected a list of choices"),
        ({"lr": 0.1}, "lr is 0.1: expected a list of choices"),
        ({"f": [max]}, "f has the choice .*: expected finite numbers, text, truth"),
        ({"betas": [(0.9, 0.99)]}, "betas has the choice .*: expected finite numbers, text, truth"),
        ({"lr": [0.1, math.nan]}, "lr has the choice nan: expected finite numbers"),
        ({"lr": [0.1, math.inf]}, "lr has the choice inf: expected finite numbers"),
        ({"x": CategoricalDistribution([1, True])}, "x has choices that equal 1 and are of other kinds"),
        ({"x": [1, True]}, "x has choices that equal 1 and are of other kinds"),
        ({"x": [0.0, "a", 0]}, "x has choices that equal 0.0 and are of other kinds"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space, said):
    with pytest.raises(ValueError, match=said):
        distributions(space)
