"""Fisher's iris flowers, bundled with this package."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints.rooms import NotInIris
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = Path(__file__).parent / "iris" / "iris.csv"


@dataclass(frozen=True, eq=False)
class Iris(NotInIris):
    """150 flowers, 50 of each species.

    Attributes
    ----------
    measurements : ndarray of float64, shape (150, 4)
        Lengths and widths in centimetres.
    species : ndarray of int64, shape (150,)
        0, 1, 2 for the names in `species_names`.
    measurement_names, species_names : tuples of str
        R's names: ``"Sepal.Length"`` and so on; ``"setosa"``, ``"versicolor"``, ``"virginica"``.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_iris
    >>> flowers = load_iris()
    >>> flowers.measurements[flowers.species == 0].mean(axis=0).round(2)  # of setosa, in centimetres
    array([5.01, 3.43, 1.46, 0.25])
    >>> list(flowers.columns())
    ['Sepal.Length', 'Sepal.Width', 'Petal.Length', 'Petal.Width', 'Species']
    """

    measurements: NDArray[np.float64]
    species: NDArray[np.int64]
    measurement_names: tuple[str, ...]
    species_names: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of flowers."""
        return len(self.species)

    def columns(self) -> dict[str, Array]:
        """Return the table by column, in R's order, for a data frame or the ``data`` of a formula."""
        measured = dict(zip(self.measurement_names, self.measurements.T))
        return {**measured, "Species": np.asarray(self.species_names)[self.species]}


@hinted
def load_iris() -> Iris:
    """Load the flowers with the values and in the order of R's data set ``iris``.

    Notes
    -----
    Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7
    (1936), 179-188. ``iris/SOURCE.md`` lists the differences of the UCI copy.

    Examples
    --------
    >>> flowers = load_iris()
    >>> flowers.measurements[34], flowers.species_names[flowers.species[34]]
    (array([4.9, 3.1, 1.5, 0.2]), 'setosa')
    """
    with _FILE.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    names = tuple(dict.fromkeys(row[-1] for row in rows))
    measurements = np.array([[float(cell) for cell in row[:-1]] for row in rows])
    species = np.array([names.index(row[-1]) for row in rows], np.int64)
    return Iris(measurements, species, tuple(header[:-1]), names)
