"""Floor 5: the optimizer and its learning-rate schedules, under PyTorch's names."""

from tinygrad_mnist.optim.schedules import CosineAnnealingLR, ExponentialLR, Schedule, StepLR
from tinygrad_mnist.optim.sgd import SGD

__all__ = ["SGD", "CosineAnnealingLR", "ExponentialLR", "Schedule", "StepLR"]
