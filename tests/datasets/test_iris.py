"""Fisher's flowers, with R's values."""

import numpy as np

from tinygrad_mnist.datasets import load_iris


def test_flowers_equal_those_of_r():
    flowers = load_iris()
    assert len(flowers) == 150
    assert flowers.measurement_names == ("Sepal.Length", "Sepal.Width", "Petal.Length", "Petal.Width")
    assert flowers.species_names == ("setosa", "versicolor", "virginica")
    assert np.bincount(flowers.species).tolist() == [50, 50, 50]
    assert flowers.measurements.mean(axis=0).round(6).tolist() == [5.843333, 3.057333, 3.758, 1.199333]


def test_two_flowers_differ_from_the_uci_copy():
    flowers = load_iris()
    assert flowers.measurements[34].tolist() == [4.9, 3.1, 1.5, 0.2]
    assert flowers.measurements[37].tolist() == [4.9, 3.6, 1.4, 0.1]
