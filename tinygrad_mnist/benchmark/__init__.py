"""Speed of this package next to hand-written NumPy and other frameworks.

All contestants of a row have the same network, loss, batch, dtype (float32) and number of threads, and read
the loss at each step.  They alternate in short rounds, so that a noisy machine is noisy for all.  A number is
the median over rounds, a ratio the median of the ratios within a round.

The command ``bench`` measures all and prints the tables.  The names below time a step of yours beside these.
"""

from tinygrad_mnist.benchmark.contestants import CONTESTANTS
from tinygrad_mnist.benchmark.measure import Contestant, Timing, TrainingStep, compare
from tinygrad_mnist.benchmark.workload import LR, Workload
from tinygrad_mnist.benchmark.workloads import WORKLOADS

__all__ = [
    "CONTESTANTS",
    "LR",
    "WORKLOADS",
    "Contestant",
    "Timing",
    "TrainingStep",
    "Workload",
    "compare",
]


def __dir__() -> list[str]:
    return __all__
