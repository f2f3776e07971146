"""How fast this package is, side by side with the same written by hand and by other frameworks.

All contestants of a row have the same network, loss, batch, dtype (float32) and number of threads, fetch the
loss at each step, and take turns in short rounds, so that a noisy machine is noisy for all.  A figure is the
median over rounds, a ratio the median of the ratios within a round.
"""

from tinygrad_mnist.benchmark.contestants import CONTESTANTS
from tinygrad_mnist.benchmark.measure import Contestant, Row, compare
from tinygrad_mnist.benchmark.results import Figures, run
from tinygrad_mnist.benchmark.tables import Table, conditions, markdown, tables
from tinygrad_mnist.benchmark.workloads import RATE, SETUPS, Setup

__all__ = [
    "CONTESTANTS",
    "RATE",
    "SETUPS",
    "Contestant",
    "Figures",
    "Row",
    "Setup",
    "Table",
    "compare",
    "conditions",
    "markdown",
    "run",
    "tables",
]
