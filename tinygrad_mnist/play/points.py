"""Points in the plane, of two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_mnist.arguments import require_number
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.experiments import hot_dogs
from tinygrad_mnist.typing import Array

_SCALE = (
    0.25  # of the spirals: their points lie up to 12 from the middle, where new sigmoids and tanhs are flat
)
_MOONS = 100  # points of each class


@dataclass(frozen=True, eq=False)
class Points:
    """Points and their classes, to train on and to test with.

    Attributes
    ----------
    name
        Of the data set.
    train, test
        Points (n, 2), float32, and their classes (n,), from 0.
    class_names
        In the order of the classes.

    Raises
    ------
    DataError
        If points or classes have another shape, a point is not finite, or a class has no name.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.play import Points
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> y = np.array([0, 1, 1, 0])
    >>> Points("exclusive or", train=(x, y), test=(x, y), class_names=("equal", "different"))
    Points(exclusive or: 4 train + 4 test, 2 classes)
    """

    name: str
    train: tuple[Array, Array]
    test: tuple[Array, Array]
    class_names: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            x, y = (np.asarray(array) for array in getattr(self, name))
            if x.ndim != 2 or x.shape[1] != 2 or y.shape != (len(x),) or not len(x):
                raise DataError(
                    f"{name} has points of shape {x.shape} and classes of shape {y.shape}: expected (n, 2) "
                    "and (n,), n at least 1"
                )
            with np.errstate(over="ignore"):
                x = x.astype(np.float32)
            if not np.isfinite(x).all():
                raise DataError(f"{name} has a point that is not finite in float32: expected finite numbers")
            count_classes(name, y, len(self.class_names))
            object.__setattr__(self, name, (x, y))

    def __repr__(self) -> str:
        counts = f"{len(self.train[0]):,} train + {len(self.test[0]):,} test"
        return f"Points({self.name}: {counts}, {len(self.class_names)} classes)"


def count_classes(name: str, y: Array, count: int | None = None) -> int:
    """Return the number of classes: that which is given, or the largest class + 1.

    Raises
    ------
    DataError
        If a class is not a whole number from 0 to count - 1.
    """
    if y.dtype.kind not in "ui":
        raise DataError(f"{name} has classes of {y.dtype}: expected whole numbers; write y.astype(int)")
    count = int(y.max()) + 1 if count is None else count
    if y.min() < 0 or y.max() >= count:
        raise DataError(f"{name} has classes from {y.min()} to {y.max()}: expected 0 to {max(0, count - 1)}")
    return count


def spirals(seed: int = hot_dogs.SEED) -> Points:
    """Return two spirals: the hot dogs of ``reproduce hot-dogs``, a quarter as large.

    Parameters
    ----------
    seed
        Of R's random numbers for the training points; the next seed gives the test points.

    Examples
    --------
    >>> spirals()
    Points(spirals: 200 train + 200 test, 2 classes)
    """
    train, test = (_rows(*_drawn(number)) for number in (seed, seed + 1))
    return Points("spirals", train, test, ("not hot dog", "hot dog"))


def moons(seed: int = 0, *, noise: float = 0.1) -> Points:
    """Return two half moons, one reaching into the other.

    Parameters
    ----------
    seed
        Of the training points; the next seed gives the test points.
    noise
        Standard deviation of the distance from the arcs, which have the radius 1.

    Examples
    --------
    >>> moons()
    Points(moons: 200 train + 200 test, 2 classes)
    """
    require_number("noise", noise, low=0)
    train, test = (_half_moons(np.random.default_rng(number), noise) for number in (seed, seed + 1))
    return Points("moons", train, test, ("upper moon", "lower moon"))


def _drawn(seed: int) -> tuple[Array, Array]:
    drawn = hot_dogs.draw(seed)
    return _SCALE * drawn.x, drawn.y[:, 0]


def _half_moons(rng: np.random.Generator, noise: float) -> tuple[Array, Array]:
    angle = rng.uniform(0, np.pi, (2, _MOONS))
    upper = np.stack([np.cos(angle[0]), np.sin(angle[0])], axis=1)
    lower = np.stack([1 - np.cos(angle[1]), 0.5 - np.sin(angle[1])], axis=1)
    x = np.concatenate([upper, lower])
    return _rows(x + noise * rng.standard_normal(x.shape), np.repeat([0, 1], _MOONS))


def _rows(x: Array, y: Array) -> tuple[Array, Array]:
    return x.astype(np.float32), y.astype(np.uint8)
