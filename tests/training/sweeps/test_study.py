"""A study in a folder: every trial is finished once, whoever is killed; another study is refused."""

import contextlib
import math
import random
import signal
import subprocess
import sys
import time
from itertools import count

import pytest

optuna = pytest.importorskip("optuna", reason="the sweep extra is not installed")

from optuna.distributions import FloatDistribution, IntDistribution  # noqa: E402

from tests.training.callbacks import Calls  # noqa: E402
from tests.training.jobs import Job  # noqa: E402
from tests.training.sweeps.worker import SPACE, objective  # noqa: E402
from tinygrad_mnist.errors import CheckpointError, MissingExtraError, SweepError  # noqa: E402
from tinygrad_mnist.training.sweeps import study, sweep  # noqa: E402


def squared(trial):
    return (trial.params["x"] - 0.5) ** 2


def interrupted(trial):
    raise KeyboardInterrupt


def plain(found):
    return [(trial.number, trial.params, trial.value, trial.state.name) for trial in found.trials]


def values(found):
    return [trial.value for trial in found.trials]


def states(found):
    return [trial.state.name for trial in found.trials]


def test_a_grid_is_evaluated_in_the_order_of_its_numbers(tmp_path):
    found = sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)
    assert plain(found) == [
        (0, {"x": 0.0}, 0.25, "COMPLETE"),
        (1, {"x": 0.5}, 0.0, "COMPLETE"),
        (2, {"x": 2.0}, 2.25, "COMPLETE"),
    ]


def test_a_finished_study_evaluates_nothing_again(tmp_path):
    first = sweep(squared, {"x": [0.0, 0.5]}, tmp_path)
    assert plain(sweep(lambda trial: 1 / 0, {"x": [0.0, 0.5]}, tmp_path)) == plain(first)


@pytest.mark.parametrize("sampler", ["quasi-random", "tpe"])
def test_ranges_are_sampled_by_the_other_samplers(tmp_path, sampler):
    space = {"x": FloatDistribution(0.0, 2.0), "n": IntDistribution(1, 3), "kind": ["a", "b"]}
    found = sweep(squared, space, tmp_path, trials=8, sampler=sampler).trials
    assert len(found) == 8
    assert all(0 <= trial.params["x"] <= 2 and trial.params["n"] in (1, 2, 3) for trial in found)
    assert len({trial.params["x"] for trial in found}) == 8


def test_quasi_random_settings_are_those_of_the_number(tmp_path):
    space = {"x": FloatDistribution(0.0, 2.0)}
    one, two = (sweep(squared, space, tmp_path / str(n), trials=n, sampler="quasi-random") for n in (3, 6))
    assert plain(one) == plain(two)[:3]


def test_an_objective_that_fails_is_noted_and_the_others_go_on(tmp_path):
    ended = []
    space = {"x": [1.0, 0.0, 2.0]}
    found = sweep(lambda trial: 1 / trial.params["x"], space, tmp_path, on_end=ended.append)
    assert states(found) == ["COMPLETE", "FAIL", "COMPLETE"]
    assert values(found) == [1.0, None, 0.5]
    assert [trial.user_attrs for trial in found.trials] == [
        {}, {"error": "ZeroDivisionError: float division by zero"}, {},
    ]  # fmt: skip
    assert [trial.state.name for trial in ended] == states(found)


def test_an_objective_that_returns_no_number_has_failed(tmp_path):
    returned = {"one": 1.0, "nan": math.nan, "nothing": None, "infinite": math.inf}
    found = sweep(lambda trial: returned[trial.params["x"]], {"x": list(returned)}, tmp_path)
    assert states(found) == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    assert found.trials[1].user_attrs == {"error": "ValueError: The value nan is not acceptable"}
    assert found.trials[2].user_attrs == {
        "error": "TypeError: the objective returned None: expected a number; end it with return"
    }


@pytest.mark.parametrize("sampler", ["grid", "quasi-random", "tpe"])
def test_a_trial_that_is_taken_up_has_the_same_settings(tmp_path, sampler):
    seen, space = [], {"hidden": ["64-32", "8"], "n": [1, None]}

    def once(trial):
        seen.append(trial.params)
        if len(seen) == 1:
            raise KeyboardInterrupt
        return 0.0

    for _ in range(2):
        with contextlib.suppress(KeyboardInterrupt):
            sweep(once, space, tmp_path, trials=1, sampler=sampler)
    assert seen[0] == seen[1]


def test_an_objective_may_stop_a_trial_that_is_worse_than_the_others(tmp_path):
    def falling(trial):
        for step in range(4):
            trial.report(trial.params["x"] / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return trial.params["x"]

    found = sweep(falling, {"x": [1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 9.0]}, tmp_path)
    assert states(found) == ["COMPLETE"] * 6 + ["PRUNED"]
    assert len(found.trials[-1].intermediate_values) < 4


def test_a_trial_that_is_interrupted_is_taken_up_by_the_next_call(tmp_path):
    def second(trial):
        if trial.number == 1:
            raise KeyboardInterrupt
        return squared(trial)

    ended = []
    with pytest.raises(KeyboardInterrupt):
        sweep(second, {"x": [0.0, 0.5, 2.0]}, tmp_path, on_end=ended.append)
    assert [trial.number for trial in ended] == [0]
    assert values(sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)) == [0.25, 0.0, 2.25]


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_training_that_a_signal_ends_early_is_not_a_result(tmp_path, signum):
    def loss(trial, stop=None):
        job = Job(lr=trial.params["lr"])
        steps = count()
        hook = Calls(after_step=lambda _: stop is not None and next(steps) == 4 and signal.raise_signal(stop))
        return job.fit(epochs=2, progress=False, callbacks=[hook])[-1].validation_loss

    space = {"lr": [0.1, 0.2]}
    with pytest.raises(KeyboardInterrupt):
        sweep(lambda trial: loss(trial, signum if trial.number else None), space, tmp_path / "study")
    alone = plain(sweep(loss, space, tmp_path / "alone"))
    assert plain(sweep(loss, space, tmp_path / "study")) == alone


def test_a_record_that_a_full_disk_cut_off_is_lost_alone(tmp_path):
    space = {"x": [0.0, 0.5, 2.0]}
    sweep(squared, space, tmp_path)
    journal, again = tmp_path / "journal.log", []
    journal.write_bytes(journal.read_bytes()[:-5])
    for _ in range(2):
        found = sweep(lambda trial: again.append(trial.number) or squared(trial), space, tmp_path)
        assert values(found) == [0.25, 0.0, 2.25]
    assert again == [2]


@pytest.mark.parametrize("content", [b"no journal", b"no journal\n", b"{}\n", b"[1]\n", b"\xff\n"])
def test_a_journal_that_cannot_be_read_is_refused_by_name(tmp_path, content):
    (tmp_path / "journal.log").write_bytes(content)
    with pytest.raises(SweepError, match=r"journal\.log is damaged, or not of a sweep: expected a record"):
        sweep(squared, {"x": [1.0]}, tmp_path)
    assert (tmp_path / "journal.log").read_bytes().startswith(content)


@pytest.mark.parametrize("name", ["journal.log", "trial-0000"])
def test_links_that_leave_the_folder_are_refused(tmp_path, name):
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match=f"{name} is a link to .*elsewhere"):
        sweep(squared, {"x": [1.0]}, tmp_path / "study")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"space": {"x": [0.0, 1.0]}}, r"with values of x \(0.0,\): expected \(0.0, 1.0\)"),
        ({"space": {"x": [0.0], "y": [1]}}, "has a sweep with settings x: expected x, y"),
        ({"space": {"x": FloatDistribution(0, 1)}, "trials": 1, "sampler": "quasi-random"}, "sampler grid"),
        ({"trials": 1, "sampler": "tpe"}, "has a sweep with sampler grid: expected tpe"),
        ({"about": {"data": "b"}}, "has a sweep with data a: expected b"),
    ],
)
def test_another_study_in_the_folder_is_refused_by_what_differs(tmp_path, settings, said):
    same = {"space": {"x": [0.0]}, "about": {"data": "a"}}
    sweep(squared, folder=tmp_path, **same)
    with pytest.raises(SweepError, match=said):
        sweep(squared, folder=tmp_path, **{**same, **settings})


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampler": "gird"}, "sampler is 'gird': expected one of .* did you mean 'grid'"),
        ({"sampler": "tpe"}, "trials is None and the sampler is tpe: expected their number"),
        ({"trials": 0}, "trials is 0: expected a whole number >= 1"),
        ({"space": {"x": []}}, "expected a list of choices"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, settings, said):
    with pytest.raises(ValueError, match=said):
        sweep(squared, folder=tmp_path, **{"space": {"x": [0.0, 1.0]}, **settings})


@pytest.mark.parametrize("missing", ["optuna", "scipy", "sklearn", "matplotlib"])
def test_without_the_extra_one_sentence_says_what_to_install(monkeypatch, missing):
    for name in [name for name in sys.modules if name.startswith("tinygrad_mnist.training.sweeps")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"a sweep needs .* pip install -e '.\[sweep\]'"):
        import tinygrad_mnist.training.sweeps  # noqa: F401


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
        time.sleep(draws.uniform(2, 4))
        chosen = draws.randrange(workers)
        if processes[chosen].poll() == 0:  # it found nothing left to do
            break
        processes[chosen].send_signal(signal.SIGKILL)
        processes[chosen].wait()
        kills += 1
        processes[chosen] = start()
    assert kills > 0
    assert [process.wait(120) for process in processes] == [0] * workers
    alone = plain(sweep(objective, SPACE, tmp_path / "alone"))
    assert plain(sweep(interrupted, SPACE, tmp_path / "study")) == alone
    assert [state for *_, state in alone] == ["COMPLETE"] * 12
    finished = [path.read_text() for path in tmp_path.glob("study/trial-*/finished")]
    assert finished == ["x"] * 12


def test_a_trial_that_ends_between_look_and_lock_is_not_repeated(tmp_path, monkeypatch):
    space = {"x": [0.0, 0.5]}
    with pytest.raises(KeyboardInterrupt):
        sweep(interrupted, space, tmp_path)
    place, others = study.trial_folder, []

    def end_and_lock(folder, number):
        if not others:
            others.append(number)
            sweep(squared, space, tmp_path)  # another process
        return place(folder, number)

    monkeypatch.setattr(study, "trial_folder", end_and_lock)
    assert values(sweep(lambda trial: 7.0, space, tmp_path)) == [0.25, 0.0]
    assert others


def test_a_start_that_is_interrupted_is_completed_by_the_next(tmp_path, monkeypatch):
    add, calls = optuna.study.Study.add_trial, []

    def second(study, trial):
        calls.append(trial)
        if len(calls) == 2:
            raise KeyboardInterrupt
        add(study, trial)

    monkeypatch.setattr(optuna.study.Study, "add_trial", second)
    with pytest.raises(KeyboardInterrupt):
        sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)
    assert values(sweep(squared, {"x": [0.0, 0.5, 2.0]}, tmp_path)) == [0.25, 0.0, 2.25]


def test_another_process_draws_other_settings(tmp_path):
    """Each call opens the study anew, as another process does."""
    space, drawn = {"x": FloatDistribution(0.0, 1.0)}, []

    def noted(trial):
        drawn.append(trial.params["x"])
        raise KeyboardInterrupt

    for folder in ("one", "two"):
        with pytest.raises(KeyboardInterrupt):
            sweep(noted, space, tmp_path / folder, trials=1, sampler="tpe")
    assert drawn[0] != drawn[1]
