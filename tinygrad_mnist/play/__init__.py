"""A page that shows a network answer, make mistakes, trace the blame and learn."""

from tinygrad_mnist.play.playground import Playground, play
from tinygrad_mnist.play.points import Points, moons, spirals

__all__ = ["Playground", "Points", "moons", "play", "spirals"]


def __dir__() -> list[str]:
    return __all__
