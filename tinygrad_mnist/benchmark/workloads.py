"""All workloads, in the order of the tables."""

from tinygrad_mnist.benchmark.networks import NETWORKS
from tinygrad_mnist.benchmark.perceptrons import PERCEPTRONS
from tinygrad_mnist.benchmark.workload import Workload

WORKLOADS: tuple[Workload, ...] = (*PERCEPTRONS, *NETWORKS)
"""All workloads, in the order of the tables.

Examples
--------
>>> [each.name for each in WORKLOADS if each.batch == 64]
['LSTM 28-64-10, 28 rows', 'transformer of width 32', 'LeNet-5']
"""
