"""Time from the start of a process, data included, to an accuracy on MNIST's test images."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tinygrad_mnist.benchmark import trainings
from tinygrad_mnist.benchmark.machine import machine
from tinygrad_mnist.benchmark.tables import BenchmarkTable

EXAMPLES = 60_000
RISING = 0.2  # share of the steps in which the learning rate rises
# The modules that a library needs, and its training.
LIBRARIES: dict[str, tuple[tuple[str, ...], Callable[..., float]]] = {
    "tinygrad_mnist": (("tinygrad_mnist",), trainings.tinygrad_mnist),
    "PyTorch": (("torch",), trainings.pytorch),
    "JAX": (("jax",), trainings.jax_scan),
    "scikit-learn": (("sklearn",), trainings.scikit_learn),
    "Keras": (("keras", "jax"), trainings.keras_fit),
}


@dataclass(frozen=True)
class Goal:
    """An accuracy, and the recipe that reaches it soonest: SGD with Nesterov's momentum of 0.9.

    Rates, batches and epochs were chosen on 10,000 training images that were held out.

    Attributes
    ----------
    lr
        Highest learning rate: the rate rises to it along a line, and falls along another almost to 0.
    is_moved
        True to move each image by at most one pixel along each axis, anew in each epoch.
    adam
        Batch size, rate and epochs for scikit-learn, whose SGD has no such schedule.
    """

    accuracy: float
    hidden: int
    batch_size: int
    lr: float
    epochs: int
    is_moved: bool
    adam: tuple[int, float, int]

    def settings(self, library: str) -> dict[str, Any]:
        """Return what a training run reads."""
        batch_size, lr, epochs = self.batch_size, self.lr, self.epochs
        if library == "scikit-learn":
            batch_size, lr, epochs = self.adam
        return {
            "hidden": self.hidden,
            "batch_size": batch_size,
            "lr": lr,
            "rising": RISING,
            "epochs": epochs,
            "steps": -(-EXAMPLES // batch_size) * epochs,
            "is_moved": self.is_moved,
        }


GOALS = (
    Goal(0.98, 224, 256, 0.7, 3, False, (128, 0.001, 12)),
    Goal(0.985, 256, 256, 0.6, 6, True, (128, 0.001, 14)),
)


@dataclass(frozen=True)
class Race:
    """Trainings of one library to one goal, by several seeds.

    Attributes
    ----------
    seconds, accuracies
        Of each process, from its start to the last test image, and what it reached.
    """

    library: str
    goal: float
    seconds: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)

    def cell(self, base: Race | None) -> tuple[str, ...]:
        """Return the median seconds, their multiple of another library's, and the mean accuracy as text."""
        seconds = statistics.median(self.seconds)
        multiple = [] if base is None else [f"{seconds / statistics.median(base.seconds):.2f}"]
        return f"{seconds:.2f}", *multiple, f"{statistics.mean(self.accuracies):.2%}"


@dataclass(frozen=True)
class AccuracyResults:
    """Results of a run, and its conditions."""

    machine: dict[str, Any]
    threads: int
    races: list[Race]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)


def installed() -> list[str]:
    """Return the names of the libraries that can train here."""
    return [name for name, (modules, _) in LIBRARIES.items() if all(map(importlib.util.find_spec, modules))]


def run_to_accuracy(
    folder: Path,
    threads: int,
    seeds: int = 5,
    goals: Sequence[Goal] = GOALS,
    report: Callable[[str], Any] = lambda text: None,
) -> AccuracyResults:
    """Train to each goal in fresh processes, the libraries in turns for each seed.

    Parameters
    ----------
    folder : Path
        MNIST's four files.
    threads : int
        BLAS threads of each process.
    report : callable, optional
        Called with what runs next.
    """
    races = [(Race(name, goal.accuracy), goal) for goal in goals for name in installed()]
    for seed in range(seeds):
        for race, goal in races:
            report(f"{race.library} to {goal.accuracy:.1%}, seed {seed}")
            seconds, accuracy = _trained(race.library, goal, folder, seed, threads)
            race.seconds.append(seconds)
            race.accuracies.append(accuracy)
    return AccuracyResults(machine(), threads, [race for race, _ in races])


def accuracy_tables(figures: AccuracyResults) -> list[BenchmarkTable]:
    """Return one table: libraries by goals."""
    by_place = {(race.library, race.goal): race for race in figures.races}
    libraries = dict.fromkeys(race.library for race in figures.races)
    goals = dict.fromkeys(race.goal for race in figures.races)
    rows = [
        [(name,), *(by_place[name, goal].cell(by_place.get(("PyTorch", goal))) for goal in goals)]
        for name in libraries
    ]
    multiples = "as multiples of PyTorch's, " if "PyTorch" in libraries else ""
    title = f"Seconds from the start of a process to an accuracy on MNIST ({multiples}and the accuracy)"
    return [BenchmarkTable(title, [("",), *((f"{goal:.1%}",) for goal in goals)], rows)]


def _trained(library: str, goal: Goal, folder: Path, seed: int, threads: int) -> tuple[float, float]:
    """Return the seconds from the start of a process to its accuracy, and the accuracy."""
    training = LIBRARIES[library][1]
    texts = [inspect.getsource(function) for function in (trainings.mnist, trainings.shifted, training)]
    imports = "from pathlib import Path\nimport numpy as np\n"
    arguments = json.dumps(
        {"settings": goal.settings(library), "folder": str(folder), "seed": seed, "threads": threads}
    )
    call = f"import json\nprint({training.__name__}(**json.loads({arguments!r})), flush=True)"
    program = "\n".join(["from __future__ import annotations", imports, *texts, call])
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        accuracy = process.stdout.readline()
        seconds = time.perf_counter() - start
        errors = process.communicate()[1]
    if process.returncode:
        error = subprocess.CalledProcessError(process.returncode, f"the training of {library}")
        error.add_note(errors)
        raise error
    return seconds, float(accuracy)
