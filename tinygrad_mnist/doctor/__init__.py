"""The doctor: why a network does not learn, with the evidence in numbers."""

from tinygrad_mnist.training.doctor.checks import diagnose_training
from tinygrad_mnist.training.doctor.finding import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose_training"]
