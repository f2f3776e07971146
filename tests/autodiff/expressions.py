"""Random smooth expressions: the strategy that the package exports."""

from tinygrad_mnist.checking.strategies import expressions as programs

__all__ = ["programs"]
