"""The pictures of a run, each a function from plain arrays to a matplotlib `Figure`."""

from tinygrad_mnist.report.plots.confusion import MOST_CLASSES, confusion_matrix
from tinygrad_mnist.report.plots.curves import learning_curves
from tinygrad_mnist.report.plots.mistakes import MOST_MISTAKES, worst_mistakes
from tinygrad_mnist.report.plots.style import save
from tinygrad_mnist.report.plots.v_curve import v_curve
from tinygrad_mnist.report.plots.weights import first_layer_weights

__all__ = [
    "MOST_CLASSES",
    "MOST_MISTAKES",
    "confusion_matrix",
    "first_layer_weights",
    "learning_curves",
    "save",
    "v_curve",
    "worst_mistakes",
]
