"""The doctor: reasons why a network does not learn, with measurements as evidence."""

from tinygrad_mnist.checking.findings import TrainingDiagnosis, TrainingFinding
from tinygrad_mnist.doctor.callback import Doctor
from tinygrad_mnist.doctor.diagnose import diagnose_training

__all__ = ["Doctor", "TrainingDiagnosis", "TrainingFinding", "diagnose_training"]


def __dir__() -> list[str]:
    return __all__
