"""Speed of this package next to hand-written NumPy and other frameworks.

All contestants of a row have the same network, loss, batch, dtype (float32) and number of threads, and read
the loss at each step.  They alternate in short rounds, so that a noisy machine is noisy for all.  A number is
the median over rounds, a ratio the median of the ratios within a round.
"""

from tinygrad_mnist.benchmark.contestants import CONTESTANTS
from tinygrad_mnist.benchmark.measure import Contestant, Timing, TrainingStep, compare
from tinygrad_mnist.benchmark.results import BenchmarkResults, run
from tinygrad_mnist.benchmark.scaling import ScalingResults, run_scaling
from tinygrad_mnist.benchmark.scaling_report import scaling_picture, scaling_tables
from tinygrad_mnist.benchmark.tables import BenchmarkTable, conditions, markdown, tables
from tinygrad_mnist.benchmark.to_accuracy import AccuracyResults, accuracy_tables, run_to_accuracy
from tinygrad_mnist.benchmark.workload import LR, Workload
from tinygrad_mnist.benchmark.workloads import WORKLOADS

__all__ = [
    "CONTESTANTS",
    "LR",
    "WORKLOADS",
    "AccuracyResults",
    "BenchmarkResults",
    "BenchmarkTable",
    "Contestant",
    "ScalingResults",
    "Timing",
    "TrainingStep",
    "Workload",
    "accuracy_tables",
    "compare",
    "conditions",
    "markdown",
    "run",
    "run_scaling",
    "run_to_accuracy",
    "scaling_picture",
    "scaling_tables",
    "tables",
]


def __dir__() -> list[str]:
    return __all__
