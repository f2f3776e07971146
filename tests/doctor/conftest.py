"""A small training, as in the tests of the room training."""

from tests.training.conftest import training

__all__ = ["training"]
