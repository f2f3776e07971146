"""Thresholds of the verdict on an entry, each on both sides."""

import numpy as np
import pytest

from tinygrad_mnist import ops
from tinygrad_mnist.checking import check_gradients, judge
from tinygrad_mnist.checking.inputs import open_problem
from tinygrad_mnist.checking.judge import (
    Entries,
    _approach,
    _Entry,
    _first_smooth,
    _settle_in_bulk,
    _shrinks,
    _Slopes,
)
from tinygrad_mnist.checking.numeric import central_entries
from tinygrad_mnist.checking.verdicts import CORRECT, PRECISION, UNTESTED, WRONG


def test_entries_beyond_the_first_are_judged_by_differences(monkeypatch):
    """Too small to tell from rounding: examined one by one or in bulk, none of them is wrong."""
    monkeypatch.setattr(judge, "_ONE_BY_ONE", 20)
    count = 70
    weights = np.full(count, 1e-14)
    weights[0] = 1.0
    report = check_gradients(
        lambda x: ops.sum(ops.astype(x, dtype=np.float64) * weights), np.linspace(0.5, 1.5, count)
    )
    assert report.rows[0].counts == {"correct": 1, "untested": count - 1}


def test_entries_that_disagree_most_are_examined_first(monkeypatch):
    monkeypatch.setattr(judge, "_ONE_BY_ONE", 1)
    slopes = np.array([1000.0, 1.0])
    report = check_gradients(
        lambda x: ops.sum(ops.relu(ops.astype(x, np.float64)) * slopes), np.array([1.0, -1e-7])
    )
    assert report.rows[0].counts == {"correct": 1, "kink": 1}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_slopes_that_differ_by_more_than_their_slack_are_not_one(sign):
    wide = _Slopes(1.0, 2.0 * sign, 2.0 * sign, 2e-5)
    narrow = _Slopes(0.1, wide.left + 3e-5, wide.right + 3e-5, 2e-5)
    near = _Slopes(0.1, wide.left + 1e-5, wide.right + 1e-5, 2e-5)
    assert _first_smooth([wide, narrow]) is narrow
    assert _first_smooth([wide, near]) is wide


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("gap", "bent"), [(9.9, False), (10.1, True)])
def test_slopes_bend_if_their_gap_is_ten_times_the_slack(gap, bent, side):
    assert _Slopes(1.0, 50.0, 50.0 + gap * side, slack=1.0).bent == bent


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(("size", "tell"), [(9.9, False), (-9.9, False), (10.1, True), (-10.1, True)])
def test_slopes_tell_if_one_is_ten_times_the_slack(size, tell, place):
    left, right, r = np.roll([size, 0.0, 0.0], place)
    assert _Slopes(1.0, left, right, slack=1.0).tells(r) == tell


@pytest.mark.parametrize("slack", [0.0, 0.1])
@pytest.mark.parametrize(
    ("share", "margin", "shrinks"),
    [(0.5, 0.01, True), (0.5, -0.01, False), (2.0, -0.01, True), (2.0, 0.01, False)],
)
def test_gap_of_a_bend_shrinks_with_the_step(share, margin, shrinks, slack):
    """It shrinks by half to twice as much, beyond three times the slack."""
    gap = share + (3 * slack if share > 1 else -3 * slack) + margin
    wide, narrow = _Slopes(1.0, 0.0, 4.0, 0.0), _Slopes(0.25, 0.0, gap, slack)
    assert _shrinks([wide, narrow]) == shrinks


def one_entry(**known):
    """An entry at 0 with reverse mode's derivative 0."""
    numbers = ("reverse", "central", "h", "rounding", "allowance", "decider", "verdicts", "contradicted")
    arrays = {name: np.array([known.get(name, 0.0)]) for name in numbers}
    return Entries(positions=np.array([0]), exact=known.get("exact"), **arrays)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("reverse", "central", "verdict"),
    [
        (0.0, 0.0, CORRECT), (1.0, 1 + 0.99e-5, CORRECT), (1.0, 1.09, PRECISION), (1.0, 1.11, WRONG),
        (0.29, 0.0, UNTESTED), (0.0, 0.29, UNTESTED), (0.0, 0.31, WRONG), (0.31, 0.0, WRONG),
    ],
)  # fmt: skip
def test_entry_in_bulk_has_the_verdict_of_its_difference(reverse, central, verdict, sign):
    """Apart by 1e-5, by rounding, by more; and lost below three times the rounding, unless both are 0."""
    entry = one_entry(reverse=sign * reverse, central=sign * central, rounding=0.1)
    _settle_in_bulk(entry, np.array([0]))
    assert (entry.verdicts, entry.decider) == (verdict, sign * central)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("reverse", "rounding", "allowance", "verdict"),
    [
        (1 + 0.99e-9, 0.01, 0.0, CORRECT), (1 + 1.01e-9, 0.01, 0.0, WRONG), (1 - 0.99e-9, 0.2, 0.0, CORRECT),
        (1.01, 0.01, 0.0101, PRECISION), (1.01, 0.01, 0.0099, WRONG),
        (0.901, 0.01, 1.0, PRECISION), (0.899, 0.01, 1.0, WRONG),
        (1.1, 0.099, 0.0, WRONG), (1.1, 0.101, 0.0, "examined"),
    ],
)  # fmt: skip
def test_complex_step_decides_where_a_difference_tells(
    reverse, rounding, allowance, verdict, sign, monkeypatch
):
    """Both are 1: agreement to nine digits, an error that rounding explains, a digit that is right."""
    monkeypatch.setattr(_Entry, "settle", lambda self, *_: self._say(-1, 0.0))
    entry = one_entry(
        reverse=sign * reverse, central=sign, h=1.0, rounding=rounding, allowance=allowance,
        exact=np.array([float(sign)]),
    )  # fmt: skip
    with open_problem(lambda x: ops.sum(x), np.zeros(1)) as problem:
        (x,) = problem.variables.values()
        judge.judge(problem, x, entry, noise=0.0, confirmed=False)
    assert entry.verdicts == (-1 if verdict == "examined" else verdict)


@pytest.mark.parametrize(("exact", "largest"), [(np.zeros(1), 1 / 8), (None, 1 / 8**4)])
@pytest.mark.parametrize(("times", "comes_nearer"), [(0.99, True), (1.01, False)])
def test_narrower_difference_counts_beyond_its_rounding(exact, largest, times, comes_nearer):
    """A central difference of x**3 at 0 is h**2: each eighth of h leaves a 64th."""
    with open_problem(lambda x: ops.sum(x**3), np.zeros(1)) as problem:
        (x,) = problem.variables.values()
        (central,) = central_entries(problem, x, [0], 1e-3)
        entry = one_entry(central=central, h=1e-3, rounding=times * largest * central, exact=exact)
        assert _approach(problem, x, entry, np.array([True])) == comes_nearer


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("off", "verdict"), [(0.029, PRECISION), (0.031, WRONG)])
def test_difference_of_two_steps_is_doubt_of_either_sign(sign, off, verdict):
    with open_problem(lambda x: ops.sum(x), np.zeros(1)) as problem:
        (x,) = problem.variables.values()
        entry = _Entry(problem, x, one_entry(reverse=1 + off, h=1.0), 0, noise=0.0)
        wide, narrow = 1 + 0.009 * sign, 1.0
        entry.slopes = lambda h: _Slopes(h, *[wide if h == 16 else narrow] * 2, slack=1e-3)
        entry._settle_in_noise(np.nan, confirmed=False)
        assert entry.entries.verdicts == verdict


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("reverse", "slope", "verdict"),
    [(1.0, 0.901, PRECISION), (1.0, 0.899, UNTESTED), (0.901, 1.0, PRECISION), (0.899, 1.0, UNTESTED)],
)
def test_rounding_that_leaves_no_digit_right_is_untested(reverse, slope, verdict, sign):
    with open_problem(lambda x: ops.sum(x), np.zeros(1)) as problem:
        (x,) = problem.variables.values()
        entry = _Entry(problem, x, one_entry(reverse=sign * reverse, h=1.0), 0, noise=0.0)
        slopes = _Slopes(1.0, sign * slope, sign * slope, slack=1.0)
        entry._settle_smooth(np.nan, confirmed=False, s=slopes, crossed=False)
        assert entry.entries.verdicts == verdict


@pytest.mark.parametrize(
    ("reverse", "central", "exact", "confirmed", "verdict"),
    [
        (0.0, 0.0, 0.0, True, CORRECT), (0.0, 0.0, np.nan, True, CORRECT), (0.0, 0.0, 2.0, True, WRONG),
        (0.0, 1.0, 0.0, True, UNTESTED), (0.0, 1.0, np.nan, True, UNTESTED),
        (1.0, 0.0, np.nan, True, UNTESTED),
        (0.0, 0.0, 2.0, False, UNTESTED), (0.0, 0.0, 0.9, True, UNTESTED), (0.0, 0.0, 1.1, True, WRONG),
        (1.0, 0.0, np.inf, True, UNTESTED), (np.inf, 0.0, 1.0, True, UNTESTED),
    ],
)  # fmt: skip
def test_entry_lost_in_noise_is_judged_by_the_complex_step(reverse, central, exact, confirmed, verdict):
    with open_problem(lambda x: ops.sum(x), np.zeros(1)) as problem:
        (x,) = problem.variables.values()
        known = one_entry(reverse=reverse, central=central, exact=np.array([exact]), allowance=1.0)
        entry = _Entry(problem, x, known, 0, noise=0.0)
        entry.slopes = lambda h: _Slopes(h, 0.0, 0.0, slack=np.inf)
        entry._settle_in_noise(exact, confirmed)
        assert known.verdicts == verdict
