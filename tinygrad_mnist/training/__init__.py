"""The training loop, its callbacks, recipes, and what a run leaves behind."""

from typing import TYPE_CHECKING

from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.hints import rooms as _rooms
from tinygrad_mnist.training.callbacks import Callback
from tinygrad_mnist.training.checkpoints import Checkpoints
from tinygrad_mnist.training.distributed import MPI
from tinygrad_mnist.training.early_stopping import EarlyStopping
from tinygrad_mnist.training.evaluation import evaluate, predict
from tinygrad_mnist.training.fit import fit
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.loop import Training
from tinygrad_mnist.training.progress import Progress
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.step import make_train_step
from tinygrad_mnist.training.totals import Evaluation

if TYPE_CHECKING:
    from tinygrad_mnist.training.sweeps import sweep

__all__ = [
    "MPI",
    "Callback",
    "Checkpoints",
    "EarlyStopping",
    "Epoch",
    "Evaluation",
    "History",
    "Progress",
    "Recipe",
    "Training",
    "evaluate",
    "fit",
    "make_train_step",
    "predict",
    "sweep",
]

if not TYPE_CHECKING:
    # With a sweep come the doctor and the report, which take longer to import than all the rest.
    _LATER = {"sweep": "tinygrad_mnist.training.sweeps"}
    __dir__, __getattr__ = _lookups("training", _rooms.TRAINING, __all__, _LATER)
