"""A study in a folder: trials that any number of processes take, each of them finished exactly once.

Optuna keeps the study in a journal.  A trial belongs to the process that has the lock of its folder; the
operating system frees the lock when the process ends in any way, and another process goes on with the trial.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

import optuna
from filelock import FileLock, Timeout
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.errors import SweepError
from tinygrad_mnist.files import require_file, require_folder
from tinygrad_mnist.training.interrupt import signals_noted
from tinygrad_mnist.training.sweeps.space import Space, described, distributions, planned

Objective = Callable[["SweepTrial"], float]
Sampler = Literal["grid", "quasi-random", "tpe"]
_WAIT = 0.5  # seconds between looks at trials that other processes have


class SweepTrial(Trial):
    """Optuna's trial, whose `params` are the settings, with a folder.

    Attributes
    ----------
    folder : Path
        Its own; still there when another process goes on with the trial.
    """

    def __init__(self, study: optuna.Study, trial_id: int, folder: Path) -> None:
        super().__init__(study, trial_id)
        self.folder = folder


def sweep(
    objective: Objective,
    space: Space,
    folder: str | Path,
    *,
    trials: int | None = None,
    sampler: Sampler = "grid",
    about: Mapping[str, Any] | None = None,
    on_end: Callable[[FrozenTrial], Any] | None = None,
) -> optuna.Study:
    """Evaluate an objective for many settings, and return Optuna's study of all trials.

    Call it with the same arguments in any number of processes, on any number of machines that share the
    folder: each takes trials until none is left.  Kill any of them at any time: the others, or the next call,
    go on with its trials in the folders of these.  Optuna's own tools read ``journal.log`` meanwhile.

    Parameters
    ----------
    objective
        Function of a `SweepTrial`, whose `params` are the settings.  Returns a number, the smaller the
        better; raises ``optuna.TrialPruned`` to end early.  The trials of other errors have failed.
    space
        By the name of a setting: choices, which are numbers, text, truth values or None, or a distribution of
        Optuna.
    folder
        Folder of the study: its journal, and a folder per trial.
    trials
        Number of trials; by default, and at most, all combinations of a grid.
    sampler
        "grid" for every combination; "quasi-random" for a Halton sequence, which also fills ranges; "tpe" for
        Optuna's tree-structured Parzen estimator, whose settings depend on the results so far, and so on the
        order in which processes finish.
    about
        What else must be equal in every process, such as the settings that do not vary.
    on_end
        Called with each trial that this process has ended.

    Raises
    ------
    SweepError
        If the folder has another study, or its journal is damaged.
    CheckpointError
        If a link in the folder leaves it.
    MissingExtraError
        If Optuna or scikit-learn is not installed.
    ValueError
        If the space or another argument does not fit the sampler.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = sweep(lambda trial: 1 / trial.params["x"], {"x": [1, 4, 0]}, folder)
    ...     found = study.trials
    >>> [(trial.params["x"], trial.value, trial.state.name) for trial in found]
    [(1, 1.0, 'COMPLETE'), (4, 0.25, 'COMPLETE'), (0, None, 'FAIL')]
    >>> found[2].user_attrs
    {'error': 'ZeroDivisionError: division by zero'}
    """
    require_choice("sampler", sampler, get_args(Sampler))
    known: dict[str, Any] = distributions(space)
    settings = planned(known, sampler, trials)
    folder = Path(folder)
    own = {**(about or {}), "sampler": sampler, **described(known), "trials": len(settings)}
    study = _started(folder, {name: str(value) for name, value in own.items()}, settings, known)
    while left := [trial.number for trial in _trials(study) if not trial.state.is_finished()]:
        ended = 0
        for number in left:
            place = trial_folder(folder, number)
            with suppress(Timeout), FileLock(place.with_suffix(".lock"), timeout=0):  # else another has it
                if not _trials(study)[number].state.is_finished():  # since the first look
                    require_folder(place, folder)
                    place.mkdir(exist_ok=True)
                    _run(study, number, known, objective, place)
                    ended += 1
                    if on_end is not None:
                        on_end(_trials(study)[number])
        if not ended:
            time.sleep(_WAIT)
    return study


def trial_folder(folder: Path, number: int) -> Path:
    """Return the folder of a trial in that of its study."""
    return folder / f"trial-{number:04d}"


def _trials(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials as they are in the journal now."""
    return study.get_trials(deepcopy=False)


def _started(
    folder: Path, own: dict[str, str], settings: list[dict[str, Any]], space: dict[str, Any]
) -> optuna.Study:
    """Return the study of a folder with all its trials, new or the one that is there if it is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "start.lock"):
        study = _opened(folder / "journal.log")
        there = study.user_attrs
        for name, mine in own.items():
            if there.get(name, mine) != mine:
                raise SweepError(
                    f"{folder} has a sweep with {name} {there[name]}: expected {mine}; choose another folder"
                )
            if name not in there:
                study.set_user_attr(name, mine)
        for params in settings[len(_trials(study)) :]:
            distributions = {name: space[name] for name in params}
            state = TrialState.RUNNING
            study.add_trial(optuna.create_trial(state=state, params=params, distributions=distributions))
    return study


def _opened(journal: Path) -> optuna.Study:
    """Return the study of a journal, which is made if it is missing."""
    require_file(journal, journal.parent)
    lock: Any = FileLock(f"{journal}.lock")  # freed when its process is killed; Optuna's waits 30 seconds
    try:
        storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=lock))
        with lock:  # a full disk may have cut off the last line: the next one would be added to it
            content = journal.read_bytes()
            end = content.rfind(b"\n") + 1
            if content and not end:
                raise ValueError("no record")
            os.truncate(journal, end)
        return optuna.create_study(storage=storage, study_name="sweep", load_if_exists=True)
    except (KeyError, TypeError, ValueError) as error:
        raise SweepError(
            f"{journal} is damaged, or not of a sweep: expected a record in each line; copy it again, or "
            "choose another folder"
        ) from error


def _run(study: optuna.Study, number: int, space: dict[str, Any], objective: Objective, place: Path) -> None:
    """Run a trial and tell the study; Ctrl-C leaves the trial to the next process."""
    trial = SweepTrial(study, _trials(study)[number]._trial_id, place)
    for name, values in space.items():
        trial._suggest(name, values)  # what the trial has already stays
    try:
        study.tell(number, _value(objective, trial), TrialState.COMPLETE)
    except optuna.TrialPruned:
        study.tell(number, state=TrialState.PRUNED)
    except Exception as error:
        trial.set_user_attr("error", f"{type(error).__name__}: {error}")
        study.tell(number, state=TrialState.FAIL)


def _value(objective: Objective, trial: SweepTrial) -> float:
    """Return the value of a trial; not that of a training run which Ctrl-C or SIGTERM has ended early."""
    before = signals_noted()
    try:
        value = objective(trial)
    finally:
        if signals_noted() > before:
            raise KeyboardInterrupt
    if value is None:
        raise TypeError("the objective returned None: expected a number; end it with return")
    return value
