"""Many trainings at once: one study in a folder, worked on by any number of processes (extra ``sweep``)."""

from tinygrad_mnist.training.sweeps.page import write_sweep_page
from tinygrad_mnist.training.sweeps.space import Range
from tinygrad_mnist.training.sweeps.study import Outcome, Stopped, Trial, outcomes, sweep
from tinygrad_mnist.training.sweeps.trainings import training_objective

__all__ = [
    "Outcome",
    "Range",
    "Stopped",
    "Trial",
    "outcomes",
    "sweep",
    "training_objective",
    "write_sweep_page",
]


def __dir__() -> list[str]:
    return __all__
