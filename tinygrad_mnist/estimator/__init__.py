"""Networks as scikit-learn estimators. Needs the extra `estimator`.

Formulas and data frames need the extra `formula`.
"""

from typing import TYPE_CHECKING, Any

from tinygrad_mnist.errors import MissingExtraError
from tinygrad_mnist.hints import missing as _missing
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


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        raise _missing("estimator", name, _rooms.ESTIMATOR, lambda: __all__)
