"""All workloads, in the order of the tables."""

from tinygrad_mnist.benchmark.networks import NETWORKS
from tinygrad_mnist.benchmark.perceptrons import PERCEPTRONS
from tinygrad_mnist.benchmark.workload import Workload

WORKLOADS: tuple[Workload, ...] = (*PERCEPTRONS, *NETWORKS)
