"""A network as one object that fits and predicts, by scikit-learn's conventions; needs the extra `estimator`.

A formula and the data frames it reads need the extra `formula`.
"""

from tinygrad_mnist.errors import MissingExtraError

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise MissingExtraError(
        "NeuralNetwork is a scikit-learn estimator: pip install -e '.[estimator]'"
    ) from error

from tinygrad_mnist.estimator.formula import Design
from tinygrad_mnist.estimator.frames import as_pandas
from tinygrad_mnist.estimator.neural_network import NeuralNetwork

__all__ = ["Design", "NeuralNetwork", "as_pandas"]


def __dir__() -> list[str]:
    return __all__
