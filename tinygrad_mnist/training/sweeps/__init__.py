"""Many trainings at once: one study in a folder, worked on by any number of processes (extra ``sweep``)."""

from tinygrad_mnist.errors import MissingExtraError

try:
    import matplotlib  # noqa: F401  Optuna's pictures
    import optuna
    import scipy  # noqa: F401  its Halton sequence
    import sklearn  # noqa: F401  the forest of Optuna's fANOVA
except ImportError as error:
    raise MissingExtraError("a sweep needs Optuna and matplotlib: pip install -e '.[sweep]'") from error

from tinygrad_mnist.training.sweeps.page import write_sweep_page
from tinygrad_mnist.training.sweeps.study import sweep
from tinygrad_mnist.training.sweeps.trainings import training_objective

optuna.logging.set_verbosity(optuna.logging.WARNING)

__all__ = ["sweep", "training_objective", "write_sweep_page"]


def __dir__() -> list[str]:
    return __all__
