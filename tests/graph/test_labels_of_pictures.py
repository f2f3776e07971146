"""Labels of pictures that the reader gives without any: each has the class that the network reads in it."""

from types import SimpleNamespace

import numpy as np

from tinygrad_mnist.cli.graph_command import _classes_of


def test_each_picture_without_a_label_has_the_class_that_is_read_in_it():
    probabilities = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    trained = SimpleNamespace(probabilities=lambda images: probabilities, class_names=None, classes=2)
    assert _classes_of(None, trained, np.zeros((3, 2, 2))).tolist() == [1, 0, 1]
    assert _classes_of("0", trained, np.zeros((3, 2, 2))).tolist() == [0, 0, 0]
