"""The five articles that this project comes from, and the record, as experiments that can be run again."""

from __future__ import annotations

from tinygrad_mnist.experiments import chapter_1, chapter_6, flowers, hot_dogs, record, rouze, two_layer
from tinygrad_mnist.experiments.experiment import Comparison, Experiment, ExperimentOptions, ExperimentResult

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT
    for module in (chapter_6, hot_dogs, flowers, two_layer, rouze, chapter_1, record)
}
"""All experiments by name.

Examples
--------
>>> list(EXPERIMENTS)
['chapter-6', 'hot-dogs', 'iris', 'two-layer', 'rouze', 'chapter-1', 'record']
>>> EXPERIMENTS["rouze"].network
'784-30-10 sigmoid network, quadratic cost, batches of 10, rate 0.1, raw pixels, 30 epochs'
"""

__all__ = ["EXPERIMENTS", "Comparison", "Experiment", "ExperimentOptions", "ExperimentResult"]


def __dir__() -> list[str]:
    return __all__
