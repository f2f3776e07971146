"""A learner's folder: a file per exercise, and the state of all in `learn.json`.

A folder with exercises of its own, ``NN_name/exercise.toml``, is a class's set: its tasks are copied beside
them.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files import read_json, write_atomically
from tinygrad_mnist.files.records import Whole, read_record
from tinygrad_mnist.learn.exercise import OURS, Exercise, read_set
from tinygrad_mnist.learn.outcome import Outcome
from tinygrad_mnist.learn.process import grade, grade_all

STATE = "learn.json"
_LARGEST = 1_000_000  # bytes of a state


@dataclass(frozen=True)
class Progress:
    """Progress of a learner in one exercise."""

    exercise: str
    solved: bool = False
    hints: Annotated[int, Whole(low=0)] = 0  # shown so far


@dataclass(frozen=True)
class _State:
    version: Annotated[int, Whole(high=1)]
    exercises: tuple[Progress, ...]


def set_of(folder: Path) -> list[Exercise]:
    """Return the exercises that a folder brings with it, else those of the package."""
    return (read_set(folder) if folder.is_dir() else []) or read_set(OURS)


def has_exercises(path: Path, exercises: Path | None = None) -> bool:
    """Return whether a folder has a set, a learner's state or, collected by a teacher, a learner's files."""
    if (path / STATE).exists() or (path.is_dir() and read_set(path)):
        return True
    return any((path / f"{each.name}.py").exists() for each in read_set(exercises or OURS))


class WorkFolder:
    """A learner's folder.

    Parameters
    ----------
    path : Path
        Made if it is missing. Tasks that are not there yet are copied into it; a learner's file stays.
    exercises : Path, optional
        Folder with another set.

    Raises
    ------
    DataError
        If the path is a file, or the set in it is damaged.
    CheckpointError
        If its state is damaged.
    """

    def __init__(self, path: Path, exercises: Path | None = None) -> None:
        if path.exists() and not path.is_dir():
            raise DataError(f"FOLDER is {path}, a file: expected a folder; write another name")
        self.path = path
        self.exercises = set_of(path) if exercises is None else read_set(exercises)
        if not self.exercises:
            raise DataError(f"--set is {exercises}: expected a folder with exercises, NN_name/exercise.toml")
        self._progress = self._read()
        path.mkdir(parents=True, exist_ok=True)
        for exercise in self.exercises:
            if exercise.name not in self._progress:
                if not self.file(exercise).exists():
                    write_atomically(self.file(exercise), exercise.task.read_bytes())
                self._progress[exercise.name] = Progress(exercise.name)
        self._write()

    def file(self, exercise: Exercise) -> Path:
        """Return the learner's file of an exercise."""
        return self.path / f"{exercise.name}.py"

    def progress(self, exercise: Exercise) -> Progress:
        """Return the progress in an exercise."""
        return self._progress[exercise.name]

    def find(self, number: int | None) -> Exercise:
        """Return the exercise of a number; for None the next one that is not solved.

        Raises
        ------
        DataError
            If there is no such exercise, or all are solved.
        """
        if number is None:
            following = self.next()
            if following is None:
                raise DataError("all exercises are solved: write the number of the one that you mean")
            return following
        for exercise in self.exercises:
            if exercise.number == number:
                return exercise
        most = [exercise.number for exercise in self.exercises]
        raise DataError(f"N is {number}: expected a number from {min(most)} to {max(most)}")

    def next(self) -> Exercise | None:
        """Return the first exercise that is not solved."""
        return next((each for each in self.exercises if not self.progress(each).solved), None)

    def check(self, exercise: Exercise) -> Outcome:
        """Check a learner's file, and keep the outcome."""
        outcome = grade(exercise, self.file(exercise))
        self._keep(exercise, solved=outcome.passed)
        return outcome

    def check_all(self) -> list[tuple[Exercise, Outcome]]:
        """Check all files, and keep the outcomes."""
        outcomes = grade_all((exercise, self.file(exercise)) for exercise in self.exercises)
        results = list(zip(self.exercises, outcomes))
        for exercise, outcome in results:
            self._keep(exercise, solved=outcome.passed)
        return results

    def hint(self, exercise: Exercise) -> tuple[int, str] | None:
        """Return the number and the text of the next hint; after the last one, the last again."""
        if not exercise.hints:
            return None
        shown = min(self.progress(exercise).hints + 1, len(exercise.hints))
        self._keep(exercise, hints=shown)
        return shown, exercise.hints[shown - 1]

    def solution(self, exercise: Exercise) -> str:
        """Return a right answer.

        Raises
        ------
        DataError
            If the exercise is neither solved nor are all its hints shown, or the set has no solution.
        """
        progress = self.progress(exercise)
        if not (progress.solved or progress.hints >= len(exercise.hints)):
            left = len(exercise.hints) - progress.hints
            raise DataError(
                f"exercise {exercise.number} is not solved, and {left} of its hints "
                f"{'is' if left == 1 else 'are'} not shown: write `learn hint {exercise.number}`"
            )
        if not exercise.solution.is_file():
            raise DataError(
                f"this set comes without a solution of exercise {exercise.number}: ask its teacher"
            )
        return exercise.solution.read_text("utf-8")

    def reset(self, exercise: Exercise) -> Path | None:
        """Write the task again; return where the learner's version lies now, None if there was none."""
        path, kept = self.file(exercise), None
        if path.exists():
            names = (path.with_name(f"{exercise.name}.mine{n}.py") for n in itertools.count(1))
            kept = next(name for name in names if not name.exists())
            path.rename(kept)
        write_atomically(path, exercise.task.read_bytes())
        self._keep(exercise, solved=False, hints=0)
        return kept

    def _keep(self, exercise: Exercise, **changes: Any) -> None:
        self._progress[exercise.name] = replace(self.progress(exercise), **changes)
        self._write()

    def _read(self) -> dict[str, Progress]:
        path = self.path / STATE
        if not path.exists():
            return {}
        try:
            state = read_record(_State, read_json(path, max_bytes=_LARGEST), str(path))
        except CheckpointError as error:
            raise CheckpointError(
                f"{error}; delete {path}, and your files are checked anew: they stay as they are"
            ) from error
        known = {exercise.name for exercise in self.exercises}
        return {each.exercise: each for each in state.exercises if each.exercise in known}

    def _write(self) -> None:
        state = _State(1, tuple(self._progress[each.name] for each in self.exercises))
        text = json.dumps(asdict(state), indent=1) + "\n"
        path = self.path / STATE
        if not path.exists() or path.read_text("utf-8") != text:
            write_atomically(path, text)
