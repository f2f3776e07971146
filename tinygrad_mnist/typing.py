"""Types for annotations in all rooms."""

from typing import Any, TypeAlias

from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""NumPy array of any shape and dtype."""
