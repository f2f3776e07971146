"""Pictures of the experiments: each function takes arrays and returns a `Drawing`."""

from tinygrad_mnist.experiments.drawings.curves import (
    accuracies,
    epoch_loss,
    long_loss,
    many_accuracies,
    output_paths,
)
from tinygrad_mnist.experiments.drawings.images import answer_sheet, digits
from tinygrad_mnist.experiments.drawings.points import hidden_sums, jittered, recalls, regions

__all__ = [
    "accuracies",
    "answer_sheet",
    "digits",
    "epoch_loss",
    "hidden_sums",
    "jittered",
    "long_loss",
    "many_accuracies",
    "output_paths",
    "recalls",
    "regions",
]


def __dir__() -> list[str]:
    return __all__
