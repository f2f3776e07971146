"""The files that a learner saves, as they are saved."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tinygrad_mnist.learn.exercise import Exercise
from tinygrad_mnist.learn.work_folder import WorkFolder

_PAUSE = 0.3  # seconds between two looks: below what a person notices


def saved(work: WorkFolder) -> Iterator[Exercise]:
    """Yield an exercise whenever its file has been saved; never ends.

    Times and sizes are compared: no library is needed, and it works on network drives too.
    """
    seen = {exercise.name: _stamp(work, exercise) for exercise in work.exercises}
    while True:
        for exercise in work.exercises:
            stamp = _stamp(work, exercise)
            if stamp != seen[exercise.name]:
                seen[exercise.name] = stamp
                if stamp is not None:  # an editor may replace a file: for a moment there is none
                    yield exercise
        time.sleep(_PAUSE)


def _stamp(work: WorkFolder, exercise: Exercise) -> tuple[int, int] | None:
    try:
        status = work.file(exercise).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
