"""A study in a folder: trials that any number of processes take, each of them finished exactly once.

Optuna keeps the study in a journal.  A trial belongs to the process that has the lock of its folder; the
operating system frees the lock when the process ends in any way, and another process goes on with the trial.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from tinygrad_mnist.arguments import require_choice, require_whole
from tinygrad_mnist.errors import MissingExtraError, SweepError
from tinygrad_mnist.report.plots.parallel import settings_text
from tinygrad_mnist.training.sweeps.space import (
    Range,
    Space,
    cells,
    grid_settings,
    quasi_random_settings,
    require_space,
)

Sampler = Literal["grid", "quasi-random", "tpe"]
JOURNAL = "journal.log"
_DESCRIPTION = "description"  # of the study, in the journal
_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
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

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     good, bad = sweep(lambda trial: 1 / trial.settings["x"], {"x": [4, 0]}, folder)
    >>> good.state, good.value, good.words, good.folder.name
    ('complete', 0.25, 'x 4', 'trial-0000')
    >>> bad.state, bad.value, bad.error
    ('failed', None, 'ZeroDivisionError: division by zero')
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
        return settings_text(self.settings)


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

    Examples
    --------
    >>> import tempfile
    >>> def objective(trial):
    ...     for step in (1, 2):
    ...         trial.report(trial.settings["start"] / step, step)
    ...     return trial.settings["start"] / 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [outcome.values for outcome in sweep(objective, {"start": [4, 8]}, folder)]
    [{1: 4.0, 2: 2.0}, {1: 8.0, 2: 4.0}]
    """

    def __init__(self, trial: Any, settings: dict[str, Any], folder: Path) -> None:
        self.number, self.settings, self.folder, self._trial = trial.number, settings, folder, trial

    def report(self, value: float, step: int) -> None:
        """Note a value on the way, such as the loss after an epoch; once per step."""
        if step not in _trials(self._trial.study)[self.number].intermediate_values:
            self._trial.report(value, step)

    def should_stop(self) -> bool:
        """Return True if the trial is worse than the others' median at this step, with ``prune=True``."""
        return bool(self._trial.should_prune())


class Stopped(Exception):  # noqa: N818  not an error
    """Raised by an objective to end a trial early; it is then "pruned".

    Examples
    --------
    >>> import tempfile
    >>> def objective(trial):
    ...     if trial.settings["lr"] > 1:  # or trial.should_stop(), after a report
    ...         raise Stopped
    ...     return trial.settings["lr"]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [(outcome.state, outcome.value) for outcome in sweep(objective, {"lr": [0.5, 2.0]}, folder)]
    [('complete', 0.5), ('pruned', None)]
    """


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

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sweep(lambda trial: (trial.settings["x"] - 2) ** 2, {"x": [1, 2, 4]}, folder)
    >>> [(outcome.settings["x"], outcome.value) for outcome in found]
    [(1, 1.0), (2, 0.0), (4, 4.0)]
    """
    require_choice("sampler", sampler, get_args(Sampler))
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
    while left := [trial.number for trial in _trials(study) if not trial.state.is_finished()]:
        ended = 0
        for number in left:
            with _locked(place, number) as is_ours:
                if is_ours and not _trials(study)[number].state.is_finished():  # since the first look
                    _run(study, _trial(study, number, place, known, sampler), objective)
                    ended += 1
                    if on_outcome is not None:
                        on_outcome(_outcome(_trials(study)[number], place))
        if not ended:
            time.sleep(_WAIT)
    return _ended(study, place)


def outcomes(folder: str | Path) -> list[Outcome]:
    """Return the trials of a study that have ended, in the order of their numbers.

    Raises
    ------
    SweepError
        If the folder has no sweep.
    MissingExtraError
        If Optuna is not installed.

    Examples
    --------
    Another process can look at a sweep while it runs.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sweep(lambda trial: trial.settings["x"] ** 2, {"x": [-1, 3]}, folder)
    ...     outcomes(folder) == found
    True
    """
    folder = Path(folder)
    if not (folder / JOURNAL).exists():
        raise SweepError(f"{folder} has no sweep: expected the folder of one, with {JOURNAL}")
    return _ended(_opened(folder, prune=False), folder)


def _ended(study: Any, folder: Path) -> list[Outcome]:
    return [_outcome(trial, folder) for trial in _trials(study) if trial.state.is_finished()]


def _outcome(trial: Any, folder: Path) -> Outcome:
    state, noted = _STATES[trial.state.name], trial.user_attrs
    value = trial.value if state == "complete" else None
    place, reported = _place(folder, trial.number), dict(trial.intermediate_values)
    return Outcome(
        trial.number, noted.get("settings", {}), value, state, place, reported, noted.get("error", "")
    )


def _place(folder: Path, number: int) -> Path:
    return folder / f"trial-{number:04d}"


def _trials(study: Any) -> list[Any]:
    """Return the trials as they are in the journal now."""
    return list(study.get_trials(deepcopy=False))


# One trial


@contextmanager
def _locked(folder: Path, number: int) -> Iterator[bool]:
    """Lock a trial while it runs; give False if another process has it."""
    lock = FileLock(f"{_place(folder, number)}.lock", blocking=False)
    with suppress(Timeout):
        lock.acquire()
    try:
        yield lock.is_locked
    finally:
        lock.release()


def _trial(study: Any, number: int, folder: Path, space: dict[str, list[Any] | Range], sampler: str) -> Trial:
    """Take a trial; one that another process began gets the same settings."""
    import optuna

    trial, place = optuna.trial.Trial(study, _trials(study)[number]._trial_id), _place(folder, number)
    if sampler == "grid":
        settings = grid_settings(space, number)
    elif sampler == "quasi-random":
        settings = quasi_random_settings(space, number)
    else:
        settings = {name: _suggested(trial, name, values) for name, values in space.items()}
    trial.set_user_attr("settings", settings)
    place.mkdir(exist_ok=True)
    return Trial(trial, settings, place)


def _run(study: Any, trial: Trial, objective: Callable[[Trial], float]) -> None:
    """Run an objective and tell the study; Ctrl-C leaves the trial to the next process."""
    from optuna.trial import TrialState

    try:
        value = float(objective(trial))
        if math.isnan(value):
            raise ValueError("the objective returned nan: expected a number")
    except Stopped:
        study.tell(trial.number, state=TrialState.PRUNED)
    except Exception as error:
        trial._trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        study.tell(trial.number, state=TrialState.FAIL)
    else:
        study.tell(trial.number, value)


def _suggested(trial: Any, name: str, values: list[Any] | Range) -> Any:
    if not isinstance(values, Range):
        return values[trial.suggest_categorical(name, range(len(values)))]  # a choice may be a list
    suggest = trial.suggest_int if values.is_whole else trial.suggest_float
    return suggest(name, values.low, values.high, log=values.log)


# The study on disk


def _study(folder: Path, described: dict[str, Any]) -> Any:
    """Return the study of a folder with all its trials, new or the one that is there if it is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "start.lock"):
        study = _opened(folder, prune=described["prune"])
        described = json.loads(json.dumps(described))
        if _DESCRIPTION not in study.user_attrs:
            study.set_user_attr(_DESCRIPTION, described)
        there = study.user_attrs[_DESCRIPTION]
        for name, mine in described.items():
            if there.get(name) != mine:
                raise SweepError(
                    f"{folder} has a sweep with {name} {there.get(name)}: expected {mine}; choose another "
                    "folder"
                )
        for _ in range(len(_trials(study)), described["trials"]):
            study.ask()
    return study


def _opened(folder: Path, *, prune: bool) -> Any:
    try:
        import optuna
        import scipy  # noqa: F401  its Halton sequence
        from optuna.storages.journal import JournalFileBackend
    except ImportError as error:
        raise MissingExtraError("a sweep needs Optuna and SciPy: pip install -e '.[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    journal = folder / JOURNAL
    lock: Any = FileLock(f"{journal}.lock")  # freed when its process is killed; Optuna's own waits 30 seconds
    backend = JournalFileBackend(str(journal), lock_obj=lock)
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="sweep",
        load_if_exists=True,
        # Without a seed: processes with equal ones would draw the same first settings.
        sampler=optuna.samplers.TPESampler(),
        pruner=optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner(),
    )
