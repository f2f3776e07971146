"""Networks as scikit-learn estimators. Needs the extra `estimator`.

Formulas and data frames need the extra `formula`.
"""

from typing import TYPE_CHECKING

from tinygrad_mnist.errors import MissingExtraError
from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.hints import rooms as _rooms

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

if not TYPE_CHECKING:
    __dir__, __getattr__ = _lookups("estimator", _rooms.ESTIMATOR, __all__)
