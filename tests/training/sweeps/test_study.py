"""A study in a folder: every trial is finished once, whoever is killed; another study is refused."""

import contextlib
import math
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.training.sweeps.worker import SPACE, objective
from tinygrad_mnist.errors import MissingExtraError, SweepError
from tinygrad_mnist.training.sweeps import Range, Stopped, outcomes, study, sweep

optuna = pytest.importorskip("optuna", reason="the sweep extra is not installed")


def squared(trial):
    return (trial.settings["x"] - 0.5) ** 2


def plain(found):
    return [(outcome.number, outcome.settings, outcome.value, outcome.state) for outcome in found]


def test_a_grid_is_evaluated_in_the_order_of_its_numbers(tmp_path):
    found = sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)
    assert plain(found) == [
        (0, {"x": 0.0}, 0.25, "complete"),
        (1, {"x": 0.5}, 0.0, "complete"),
        (2, {"x": 2.0}, 2.25, "complete"),
    ]
    assert plain(outcomes(tmp_path)) == plain(found)


def test_a_finished_study_evaluates_nothing_again(tmp_path):
    first = sweep(squared, {"x": [0.0, 0.5]}, tmp_path)
    assert plain(sweep(lambda trial: 1 / 0, {"x": [0.0, 0.5]}, tmp_path)) == plain(first)


@pytest.mark.parametrize("sampler", ["quasi-random", "tpe"])
def test_ranges_are_sampled_by_the_other_samplers(tmp_path, sampler):
    space = {"x": Range(0.0, 2.0), "n": Range(1, 3), "kind": ["a", "b"]}
    found = sweep(squared, space, tmp_path, trials=8, sampler=sampler)
    assert len(found) == 8
    assert all(0 <= outcome.settings["x"] <= 2 and outcome.settings["n"] in (1, 2, 3) for outcome in found)
    assert len({outcome.settings["x"] for outcome in found}) == 8


def test_quasi_random_settings_are_those_of_the_number(tmp_path):
    space = {"x": Range(0.0, 2.0)}
    one, two = (sweep(squared, space, tmp_path / str(n), trials=n, sampler="quasi-random") for n in (3, 6))
    assert [o.settings for o in one] == [o.settings for o in two[:3]]


def test_an_objective_that_fails_is_noted_and_the_others_go_on(tmp_path):
    found = sweep(lambda trial: 1 / trial.settings["x"], {"x": [1.0, 0.0, 2.0]}, tmp_path)
    assert [outcome.state for outcome in found] == ["complete", "failed", "complete"]
    assert [outcome.value for outcome in found] == [1.0, None, 0.5]
    assert [outcome.error for outcome in found] == ["", "ZeroDivisionError: float division by zero", ""]


def test_an_objective_that_returns_no_number_has_failed(tmp_path):
    returned = {"one": 1.0, "nan": math.nan, "nothing": None, "infinite": math.inf}
    found = sweep(lambda trial: returned[trial.settings["x"]], {"x": list(returned)}, tmp_path)
    assert [outcome.state for outcome in found] == ["complete", "failed", "failed", "complete"]
    assert found[1].error == "ValueError: the objective returned nan: expected a number"


@pytest.mark.parametrize("sampler", ["grid", "quasi-random", "tpe"])
def test_a_trial_that_is_taken_up_has_the_same_settings(tmp_path, sampler):
    seen, space = [], {"hidden": [(1, 2), (3,)], "n": [1, 2]}

    def objective(trial):
        seen.append(trial.settings)
        if len(seen) == 1:
            raise KeyboardInterrupt
        return 0.0

    for _ in range(2):
        with contextlib.suppress(KeyboardInterrupt):
            sweep(objective, space, tmp_path, trials=1, sampler=sampler)
    assert seen[0] == seen[1]
    assert isinstance(seen[0]["hidden"], tuple)


def test_a_folder_without_a_sweep_is_refused(tmp_path):
    with pytest.raises(SweepError, match="has no sweep: expected the folder of one"):
        outcomes(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_objective_may_stop_a_trial_that_is_worse_than_the_others(tmp_path):
    def falling(trial):
        for step in range(4):
            trial.report(trial.settings["x"] / (step + 1), step)
            if trial.should_stop():
                raise Stopped
        return trial.settings["x"]

    found = sweep(falling, {"x": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.0]}, tmp_path, prune=True)
    assert [outcome.state for outcome in found] == ["complete"] * 6 + ["pruned"]
    assert len(found[-1].values) < 4


def test_a_trial_that_is_interrupted_is_taken_up_by_the_next_call(tmp_path):
    def interrupted(trial):
        if trial.number == 1:
            raise KeyboardInterrupt
        return squared(trial)

    with pytest.raises(KeyboardInterrupt):
        sweep(interrupted, {"x": [0.0, 0.5, 2.0]}, tmp_path)
    assert [outcome.number for outcome in outcomes(tmp_path)] == [0]
    found = sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)
    assert [outcome.value for outcome in found] == [0.25, 0.0, 2.25]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"space": {"x": [0.0, 1.0]}}, "has a sweep with space"),
        ({"space": {"x": [0.0]}, "prune": True}, "has a sweep with prune False: expected True"),
        ({"space": {"x": [0.0]}, "about": {"data": "b"}}, "has a sweep with data a: expected b"),
    ],
)
def test_another_study_in_the_folder_is_refused_by_what_differs(tmp_path, settings, said):
    sweep(squared, {"x": [0.0]}, tmp_path, about={"data": "a"})
    with pytest.raises(SweepError, match=said):
        sweep(squared, folder=tmp_path, **{"about": {"data": "a"}, **settings})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampler": "gird"}, "sampler is 'gird': expected one of .* did you mean 'grid'"),
        ({"sampler": "tpe"}, "trials is None and the sampler is tpe: expected their number"),
        ({"trials": 3}, "trials is 3 and the grid has 2: expected at most as many"),
        ({"trials": 0}, "trials is 0: expected a whole number >= 1"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, settings, said):
    with pytest.raises(ValueError, match=said):
        sweep(squared, {"x": [0.0, 1.0]}, tmp_path, **settings)


@pytest.mark.parametrize("missing", ["optuna", "scipy"])
def test_without_the_extra_one_sentence_says_what_to_install(tmp_path, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"Optuna and SciPy: pip install -e '.\[sweep\]'"):
        sweep(squared, {"x": [0.0]}, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_that_are_killed_lose_nothing_and_do_nothing_twice(tmp_path, workers):
    def start():
        return subprocess.Popen(
            [sys.executable, "-m", "tests.training.sweeps.worker", str(tmp_path / "study")]
        )

    draws, kills = random.Random(workers), 0
    processes = [start() for _ in range(workers)]
    while kills < 5:
        time.sleep(draws.uniform(0.5, 1.5))
        chosen = draws.randrange(workers)
        if processes[chosen].poll() == 0:  # it found nothing left to do
            break
        processes[chosen].send_signal(signal.SIGKILL)
        processes[chosen].wait()
        kills += 1
        processes[chosen] = start()
    assert kills > 0
    assert [process.wait(120) for process in processes] == [0] * workers
    found = outcomes(tmp_path / "study")
    assert {outcome.state for outcome in found} == {"complete"}
    assert [outcome.number for outcome in found] == list(range(12))
    assert all((outcome.folder / "finished").read_text() == "x" for outcome in found)
    assert plain(found) == plain(sweep(objective, SPACE, tmp_path / "alone"))


def test_a_trial_that_ends_between_look_and_lock_is_not_repeated(tmp_path, monkeypatch):
    def interrupted(trial):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(interrupted, {"x": [0.0, 0.5]}, tmp_path)
    lock = study._locked

    def end_and_lock(folder, number):
        other = study._opened(folder, prune=False)
        if not other.trials[0].state.is_finished():
            other.tell(0, 7.0)
        return lock(folder, number)

    monkeypatch.setattr(study, "_locked", end_and_lock)
    assert [outcome.value for outcome in sweep(squared, {"x": [0.0, 0.5]}, tmp_path)] == [7.0, 0.0]


def test_a_start_that_is_interrupted_is_completed_by_the_next(tmp_path, monkeypatch):
    ask, calls = optuna.study.Study.ask, []

    def interrupted(study):
        calls.append(study)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return ask(study)

    monkeypatch.setattr(optuna.study.Study, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)
    assert outcomes(tmp_path) == []
    assert [o.value for o in sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)] == [0.25, 0.0, 2.25]


def test_another_process_draws_other_settings(tmp_path):
    """Each call opens the study anew, as another process does."""
    space, drawn = {"x": Range(0.0, 1.0)}, []

    def interrupted(trial):
        drawn.append(trial.settings["x"])
        raise KeyboardInterrupt

    for folder in ("one", "two"):
        with pytest.raises(KeyboardInterrupt):
            sweep(interrupted, space, tmp_path / folder, trials=1, sampler="tpe")
    assert drawn[0] != drawn[1]
