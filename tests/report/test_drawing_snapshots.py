"""Drawings of each kind, mark by mark, as files that contain their last state."""

import re
from pathlib import Path

import numpy as np
import pytest

from tests.report.figures import FIGURES, HISTORY
from tests.snapshots import assert_as_kept
from tinygrad_mnist.checking.slopes import Line
from tinygrad_mnist.checking.v_curve import Curve, VCurve
from tinygrad_mnist.report import plots

SNAPSHOTS = Path(__file__).parent / "snapshots"
STEPS = tuple(10.0**-power for power in range(0, 17, 4))
# Round figures: measured ones differ in their last bits between processors.
V = VCurve(
    "x", (1,), 2.0, -8.0, "reverse mode", True, STEPS,
    (
        Curve("forward", (1.0, 1e-4, 1e-8, 1e-4, 1.0), Line(1.0, 0.0, 1e-8, 1.0),
              Line(-1.0, -16.0, 1e-16, 1e-8), 1e-8, 1e-8),
        Curve("central", (1e-2, 1e-10, 1e-9, 1e-5, 1.0), Line(2.0, -2.0, 1e-4, 1.0), None, 1e-4, 1e-10),
        Curve("richardson", (np.nan,) * 5, None, None, np.nan, np.nan),
        Curve("complex", (1e-2, 1e-10, 0.0, 0.0, 0.0), Line(2.0, -2.0, 1e-6, 1.0), None, 1e-8, 0.0),
    ),
)  # fmt: skip
EXACT = VCurve(
    "x", (), 0.0, 0.0, "reverse mode", False, STEPS, (Curve("complex", (0.0,) * 5, None, None, 1.0, 0.0),)
)
COUNTS = [[950, 0, 12], [3, 81, 0], [0, 0, 0]]
SHARES = [[0.1, 0.9, 0.0], [0.0005, 0.0, 0.9995]]

DRAWINGS = {
    "curves": lambda: plots.learning_curves(HISTORY, chance=0.915),
    "curves-logarithmic": lambda: plots.learning_curves(
        [{"epoch": e, "train_loss": 10.0**-e, "validation_loss": float("inf")} for e in (1, 2, 3)]
    ),
    "confusion": lambda: plots.confusion_matrix(
        COUNTS, ["cat", "a long name of a dog", "cow"], "test images"
    ),
    "confusion-list": lambda: plots.confusion_matrix(np.eye(31, dtype=int)[:, ::-1] * np.arange(31)),
    "misread": lambda: plots.misread_images(np.eye(4).reshape(2, 2, 4), [0, 1], SHARES),
    "misread-names": lambda: plots.misread_images(np.ones((1, 2, 2)), [2], SHARES[:1], ["cat", "dog", "cow"]),
    "distorted": lambda: plots.distorted_images(np.eye(4).reshape(2, 2, 4), np.ones((3, 2, 2, 4))),
    "weights": lambda: plots.first_layer_weights(np.arange(-8.0, 12).reshape(2, 10), (2, 5), ["cat", "dog"]),
    "weights-many": lambda: plots.first_layer_weights(np.ones((13, 4)), (2, 2), limit=12 + 1),
    "v": lambda: plots.v_curve(V),
    "v-exact": lambda: plots.v_curve(EXACT),
    **{
        name: FIGURES[name]
        for name in ("curves, loss below 0", "curves, chance", "loss by epoch", "accuracies", "hidden sums")
    },
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_marks_of_a_drawing(name):
    """Pixels are tested elsewhere: their bytes depend on the version of a library."""
    text = DRAWINGS[name]().to_svg()
    text = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r'base64,[^"]*|(?<=id=")m\w+|(?<=url\(#)m\w+', "...", text)
    assert_as_kept(SNAPSHOTS / f"{re.sub('[, ]+', '-', name)}.svg", text.replace("><", ">\n<"))
