"""The training loop, recipes, and what a run leaves behind."""

from tinygrad_mnist.training.checkpoints import Checkpoints
from tinygrad_mnist.training.doctor import Diagnosis, Finding, diagnose_training
from tinygrad_mnist.training.evaluation import evaluate, predict
from tinygrad_mnist.training.fit import fit
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.loop import Progress
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.step import train_step, training_step
from tinygrad_mnist.training.totals import Evaluation

__all__ = [
    "Checkpoints",
    "Diagnosis",
    "Epoch",
    "Evaluation",
    "Finding",
    "History",
    "Progress",
    "Recipe",
    "diagnose_training",
    "evaluate",
    "fit",
    "predict",
    "train_step",
    "training_step",
]
