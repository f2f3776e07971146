"""A study in a folder: trials that any number of processes take, each of them finished exactly once.

Optuna keeps the study in a journal.  A trial belongs to the process that has the lock of its folder; the
operating system frees the lock when the process ends in any way, and another process goes on with the trial.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from tinygrad_mnist.arguments import require_choice, require_whole
from tinygrad_mnist.errors import MissingExtraError, SweepError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.files.json import read_json
from tinygrad_mnist.training.sweeps.space import (
    Range,
    Space,
    cells,
    grid_settings,
    quasi_random_settings,
    require_space,
)

Sampler = Literal["grid", "quasi-random", "tpe"]
JOURNAL, DESCRIPTION = "journal.log", "sweep.json"
_MOST_BYTES = 1_000_000
_NOTED: dict[str, Any] = {"settings": {}, "error": ""}  # of a trial, in the journal
_WAIT = 0.5  # seconds between looks at trials that other processes have


@dataclass(frozen=True)
class Outcome:
    """A trial that has ended.

    Attributes
    ----------
    number, settings
        Which one it was; settings by name.
    value
        The number to be small; None if the trial failed or was stopped before its end.
    state
        "complete", "pruned" or "failed".
    folder
        The trial's folder.
    values
        Values that it reported, by step.
    error
        Kind and message of the error that failed it; "" if none did.
    """

    number: int
    settings: dict[str, Any]
    value: float | None
    state: str
    folder: Path
    values: dict[int, float]
    error: str = ""

    @property
    def words(self) -> str:
        """The settings as text, numbers to four digits: "lr 0.01, hidden 32"."""
        return ", ".join(f"{name} {setting_text(value)}" for name, value in self.settings.items())


def setting_text(value: Any) -> str:
    """Return a setting as text, a fraction to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Trial:
    """A trial that runs.

    Attributes
    ----------
    number
        Counted from 0 in the study; the same settings in every run with a grid or a quasi-random sequence.
    settings
        By name.
    folder
        Its own folder, which is still there when another process goes on with it.
    """

    def __init__(self, number: int, settings: dict[str, Any], folder: Path, optuna_trial: Any) -> None:
        self.number, self.settings, self.folder = number, settings, folder
        self._trial = optuna_trial
        self._reported = set(optuna_trial.study.trials[number].intermediate_values)

    def report(self, value: float, step: int) -> None:
        """Note a value on the way, such as the loss after an epoch; once per step."""
        if step not in self._reported:
            self._trial.report(value, step)
            self._reported.add(step)

    def should_stop(self) -> bool:
        """Return True if the trial is worse than the others' median at this step, with ``prune=True``."""
        return bool(self._trial.should_prune())


class Stopped(Exception):  # noqa: N818  not an error
    """Raised by an objective to end a trial early; it is then "pruned"."""


def sweep(
    objective: Callable[[Trial], float],
    space: Space,
    folder: str | Path,
    *,
    trials: int | None = None,
    sampler: Sampler = "grid",
    prune: bool = False,
    about: Mapping[str, Any] | None = None,
    on_outcome: Callable[[Outcome], Any] | None = None,
) -> list[Outcome]:
    """Evaluate an objective for many settings, and return all outcomes in the order of their numbers.

    Call it with the same arguments in any number of processes, on any number of machines that share the
    folder: each takes trials until none is left.  Kill any of them at any time: the others, or the next call,
    go on with its trials in the folders of these.

    Parameters
    ----------
    objective
        Function of a `Trial` that returns a number, the smaller the better.
    space
        Choices or a `Range` by the name of a setting.
    folder
        Folder of the study: its journal, and a folder per trial.
    trials
        Number of trials; by default all combinations of a grid.
    sampler
        "grid" for every combination; "quasi-random" for a Halton sequence, which also fills ranges; "tpe" for
        Optuna's tree-structured Parzen estimator, whose settings depend on the results so far, and so on the
        order in which processes finish.
    prune
        Let `Trial.should_stop` compare with the median of the other trials.  Which trials it stops depends on
        the order in which processes finish.
    about
        What else must be equal in every process, such as the settings that do not vary: plain JSON data.
    on_outcome
        Called with each outcome of this process.

    Raises
    ------
    SweepError
        If the folder has another study.
    MissingExtraError
        If Optuna is not installed.
    ValueError
        If the space or another argument does not fit the sampler.
    """
    require_choice("sampler", sampler, ("grid", "quasi-random", "tpe"))
    known = require_space(space, sampler)
    if trials is None and sampler != "grid":
        raise ValueError(
            f"trials is None and the sampler is {sampler}: expected their number; write trials=60"
        )
    total = cells(known) if trials is None else require_whole("trials", trials)
    if sampler == "grid" and total > cells(known):
        raise ValueError(f"trials is {total} and the grid has {cells(known)}: expected at most as many")
    place = Path(folder)
    described = {"space": known, "trials": total, "sampler": sampler, "prune": prune, **(about or {})}
    study = _study(place, described)
    while (taken := _next_trial(study, place, known, total, sampler)) is not None:
        if taken:
            try:
                outcome = _run(study, place, taken.trial, objective)
            finally:
                taken.lock.release()
            if on_outcome is not None and outcome is not None:
                on_outcome(outcome)
        else:
            time.sleep(_WAIT)
    return outcomes(place, study)


def outcomes(folder: str | Path, study: Any = None) -> list[Outcome]:
    """Return the trials of a study that have ended, in the order of their numbers.

    Raises
    ------
    SweepError
        If the folder has no sweep.
    """
    folder, found = Path(folder), []
    if study is None:
        if not (folder / DESCRIPTION).exists():
            raise SweepError(f"{folder} has no sweep: expected the folder of one, with {DESCRIPTION}")
        study = _opened(folder, "grid", prune=False)
    for trial in study.get_trials(deepcopy=False):
        if trial.state.is_finished():
            state = {"complete": "complete", "pruned": "pruned"}.get(trial.state.name.lower(), "failed")
            value = trial.value if state == "complete" else None
            where = folder / f"trial-{trial.number:04d}"
            settings, error = (trial.user_attrs.get(name, empty) for name, empty in _NOTED.items())
            reported = dict(trial.intermediate_values)
            found.append(Outcome(trial.number, settings, value, state, where, reported, error))
    return found


@dataclass(frozen=True)
class _Taken:
    """A trial with the lock that makes it this process's; false if only others have trials that run."""

    trial: Trial | None = None
    lock: Any = None

    def __bool__(self) -> bool:
        return self.trial is not None


def _next_trial(study: Any, folder: Path, space: Any, total: int, sampler: str) -> _Taken | None:
    """A trial whose process is gone, else a new one; nothing if all have ended."""
    import optuna

    with FileLock(folder / "next.lock"):
        all_trials = study.get_trials(deepcopy=False)
        running = [trial for trial in all_trials if not trial.state.is_finished()]
        for trial in running:
            lock = _free_lock(folder, trial.number)
            if lock is not None:
                again = optuna.trial.Trial(study, trial._trial_id)
                return _Taken(_trial(again, folder, space, sampler), lock)
        if len(all_trials) < total:
            trial = study.ask()
            return _Taken(_trial(trial, folder, space, sampler), _free_lock(folder, trial.number))
    return _Taken() if running else None


def _free_lock(folder: Path, number: int) -> Any:
    """The lock of a trial, taken; None if another process has it."""
    place = folder / f"trial-{number:04d}"
    place.mkdir(exist_ok=True)
    lock = FileLock(folder / f"trial-{number:04d}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock


def _trial(trial: Any, folder: Path, space: Any, sampler: str) -> Trial:
    settings = _settings(trial, space, sampler)
    if "settings" not in trial.user_attrs:
        trial.set_user_attr("settings", settings)
    return Trial(trial.number, settings, folder / f"trial-{trial.number:04d}", trial)


def _settings(trial: Any, space: Any, sampler: str) -> dict[str, Any]:
    if sampler == "grid":
        return grid_settings(space, trial.number)
    if sampler == "quasi-random":
        return quasi_random_settings(space, trial.number)
    return {
        name: _suggested(trial, name, values)
        if isinstance(values, Range)
        else values[trial.suggest_categorical(name, range(len(values)))]  # a choice may be a list
        for name, values in space.items()
    }


def _suggested(trial: Any, name: str, values: Range) -> Any:
    is_whole = isinstance(values.low, int) and isinstance(values.high, int)
    suggest = trial.suggest_int if is_whole else trial.suggest_float
    return suggest(name, values.low, values.high, log=values.log)


def _run(
    study: Any, folder: Path, trial: Trial | None, objective: Callable[[Trial], float]
) -> Outcome | None:
    """Run an objective and tell the study; Ctrl-C leaves the trial to the next process."""
    from optuna.trial import TrialState

    assert trial is not None
    try:
        value = _number(objective(trial))
    except Stopped:
        study.tell(trial._trial, state=TrialState.PRUNED)
    except Exception as error:
        trial._trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        study.tell(trial._trial, state=TrialState.FAIL)
    else:
        study.tell(trial._trial, value)
    return next((outcome for outcome in outcomes(folder, study) if outcome.number == trial.number), None)


def _number(value: Any) -> float:
    number = float(value)
    if math.isnan(number):
        raise ValueError("the objective returned nan: expected a number")
    return number


# The study on disk


def _study(folder: Path, described: dict[str, Any]) -> Any:
    """The study of a folder, new or the one that is there, which must be the same."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "next.lock"):
        path = folder / DESCRIPTION
        if not path.exists():
            write_atomically(path, json.dumps(described) + "\n")
        there = read_json(path, max_bytes=_MOST_BYTES)
        described = json.loads(json.dumps(described))
        for name, mine in described.items():
            if there.get(name) != mine:
                raise SweepError(
                    f"{folder} has a sweep with {name} {there.get(name)}: expected {mine}; choose another "
                    "folder"
                )
        return _opened(folder, described["sampler"], prune=described["prune"])


def _opened(folder: Path, sampler: str, *, prune: bool) -> Any:
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError("a sweep needs Optuna: pip install -e '.[sweep]'") from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = folder / JOURNAL
    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=_journal_lock(journal)))
    samplers = optuna.samplers
    return optuna.create_study(
        storage=storage,
        study_name="sweep",
        load_if_exists=True,
        # Without a seed: processes with equal ones would draw the same first settings.
        sampler=samplers.TPESampler() if sampler == "tpe" else samplers.RandomSampler(),
        pruner=optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner(),
    )


def _journal_lock(path: Path) -> Any:
    """A lock that the operating system frees when its process is killed; Optuna's own waits 30 seconds."""
    from optuna.storages.journal._file import BaseJournalFileLock

    class Lock(BaseJournalFileLock):
        def __init__(self) -> None:
            self._lock = FileLock(f"{path}.lock")

        def acquire(self) -> bool:
            self._lock.acquire()
            return True

        def release(self) -> None:
            self._lock.release()

    return Lock()
