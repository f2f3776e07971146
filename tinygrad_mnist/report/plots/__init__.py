"""Pictures of a run: each function takes plain arrays and returns a `Drawing`."""

from tinygrad_mnist.report.plots.confusion import MOST_CLASSES, confusion_counts, confusion_matrix
from tinygrad_mnist.report.plots.distorted import MOST_DISTORTED, distorted_images
from tinygrad_mnist.report.plots.images import images
from tinygrad_mnist.report.plots.learning import learning_curves
from tinygrad_mnist.report.plots.lines import lines
from tinygrad_mnist.report.plots.misread import MOST_MISREAD, misread_images
from tinygrad_mnist.report.plots.step_sizes import v_curve
from tinygrad_mnist.report.plots.weights import first_layer_weights

__all__ = [
    "MOST_CLASSES",
    "MOST_DISTORTED",
    "MOST_MISREAD",
    "confusion_counts",
    "confusion_matrix",
    "distorted_images",
    "first_layer_weights",
    "images",
    "learning_curves",
    "lines",
    "misread_images",
    "v_curve",
]


def __dir__() -> list[str]:
    return __all__
