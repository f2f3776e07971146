"""Many training runs at once: one study in a folder, for any number of processes (extra ``sweep``)."""

from importlib.util import find_spec

from tinygrad_mnist.errors import MissingExtraError

# matplotlib is for Optuna's pictures, SciPy for the Halton sequence, scikit-learn for the forest of fANOVA.
# Each is imported where it is used: a worker starts in half the time without them.
if not all(map(find_spec, ("optuna", "matplotlib", "scipy", "sklearn"))):
    raise MissingExtraError("a sweep needs Optuna and matplotlib: pip install -e '.[sweep]'")

import optuna

from tinygrad_mnist.training.sweeps.page import write_sweep_page
from tinygrad_mnist.training.sweeps.study import sweep
from tinygrad_mnist.training.sweeps.trainings import training_objective

optuna.logging.set_verbosity(optuna.logging.WARNING)

__all__ = ["sweep", "training_objective", "write_sweep_page"]


def __dir__() -> list[str]:
    return __all__
