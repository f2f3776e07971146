"""The five articles that this project comes from, as experiments that anyone can run again."""

from __future__ import annotations

from tinygrad_mnist.experiments import chapter_1, chapter_6, flowers, hot_dogs, rouze, two_layer
from tinygrad_mnist.experiments.experiment import Experiment, Figure, Result, Setting
from tinygrad_mnist.experiments.workers import Workers

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (chapter_6, hot_dogs, flowers, two_layer, rouze, chapter_1)
}

__all__ = ["EXPERIMENTS", "Experiment", "Figure", "Result", "Setting", "Workers"]
