"""Spaces of settings, and the settings that a number stands for."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.training.sweeps.space import (
    Range,
    cells,
    grid_settings,
    quasi_random_settings,
    require_space,
)

GRID = {"lr": [0.1, 0.2], "width": [8, 16, 32], "loss": ["a", "b"]}


def test_a_grid_has_every_combination_once():
    found = [tuple(grid_settings(GRID, number).values()) for number in range(cells(GRID))]
    assert len(set(found)) == cells(GRID) == 12
    assert found[:3] == [(0.1, 8, "a"), (0.1, 8, "b"), (0.1, 16, "a")]


@given(st.integers(1, 40))
def test_a_quasi_random_sequence_fills_each_setting_evenly(count):
    space = {"x": Range(0.0, 1.0), "y": Range(0.0, 1.0)}
    for name, base in (("x", 2), ("y", 3)):
        values = sorted(quasi_random_settings(space, number)[name] for number in range(count))
        gaps = [b - a for a, b in zip([0.0, *values], [*values, 1.0])]
        assert max(gaps) <= base / (count + 1) * base


@given(st.integers(0, 1000))
def test_numbers_stay_in_their_range(number):
    space = {"whole": Range(2, 5), "log": Range(1e-3, 1.0, log=True), "choice": ["a", "b", "c"]}
    found = quasi_random_settings(space, number)
    assert found["whole"] in (2, 3, 4, 5)
    assert isinstance(found["whole"], int)
    assert 1e-3 <= found["log"] < 1.0
    assert found["choice"] in "abc"


def test_a_logarithmic_range_is_even_in_its_logarithm():
    values = [quasi_random_settings({"lr": Range(1e-4, 1.0, log=True)}, n)["lr"] for n in range(255)]
    below = sum(value < 1e-2 for value in values)
    assert below == pytest.approx(len(values) / 2, abs=2)
    assert math.isclose(sorted(values)[127], 1e-2)


@pytest.mark.parametrize(
    ("space", "sampler", "said"),
    [
        ({}, "grid", "space is empty"),
        ({"lr": []}, "grid", r"lr is \[\]: expected a list of choices or a Range"),
        ({"f": [max]}, "tpe", "f has the choice .*: expected finite numbers, text, truth"),
        ({"lr": [0.1, math.nan]}, "grid", "lr has the choice nan: expected finite numbers"),
        ({"lr": "0.1"}, "grid", "lr is '0.1': expected a list of choices or a Range"),
        ({"lr": Range(1.0, 0.1)}, "tpe", "expected low below high"),
        ({"lr": Range(0.0, 0.1, log=True)}, "tpe", "above 0 with log"),
        ({"lr": Range(0.0, 0.1)}, "grid", "lr is a range, which a grid cannot cover"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space, sampler, said):
    with pytest.raises(ValueError, match=said):
        require_space(space, sampler)


def test_whole_numbers_are_equally_frequent_also_below_zero():
    drawn = [quasi_random_settings({"n": Range(-2, 1)}, number)["n"] for number in range(255)]
    assert sorted(set(drawn)) == [-2, -1, 0, 1]
    assert max(map(drawn.count, (-2, -1, 0, 1))) - min(map(drawn.count, (-2, -1, 0, 1))) <= 1
