"""Smallest error of a gradient that is found: by function, place, and size of the slope.

A snapshot has a line per error: the number of entries with each verdict, the entry that is shown, notes.
"""

from pathlib import Path

import numpy as np
import pytest

from tests.snapshots import assert_as_kept
from tinygrad_mnist import ops
from tinygrad_mnist.autodiff.primitive import REGISTRY, primitive
from tinygrad_mnist.checking import check_gradients

SNAPSHOTS = Path(__file__).parent / "snapshots"
ERRORS = [0.0, 1e-7, 3e-5, 1e-2, -2.0, 1e6]  # as a share of each entry
POINTS = np.array([0.0, -3e-3, 0.3, 2.0])
WEIGHTS = np.array([1.0, -1e-3, 1e-8])
EACH_WEIGHT = np.tile(WEIGHTS, len(POINTS))

# Of arithmetic that IEEE 754 fixes to the last bit, so that every machine finds the same.
FUNCTIONS = {
    "square": lambda x: x * x,
    "bend": lambda x: x / (1.0 + x * x),
    "sharp bend": lambda x: 100.0 * x / (1.0 + 1e4 * x * x),
    "kink": lambda x: x + 2.0 * ops.abs(x),
    "two kinks": lambda x: ops.abs(x - 1e-5) - ops.abs(x + 1e-5) + x,
    "kink on a bend": lambda x: ops.abs(x) * x + ops.relu(x),
    "pole": lambda x: 1.0 / (x + 0.1),
    "root at 0": lambda x: ops.sqrt(ops.abs(x)),
    "large constant": lambda x: x * x + 1e4,
    "constant": lambda x: x * 0.0 + 1.0,
    "single precision": lambda x: x.astype(np.float32).astype(np.float64) * 2.0,
}
CASES = [
    *((name, "complex step") for name in FUNCTIONS),
    *((name, "differences alone") for name in FUNCTIONS),
    *((name, "ignored imaginary parts") for name in ("square", "sharp bend", "kink on a bend")),
]


@pytest.fixture
def passing():
    """Ops that return what they are given: with an error in the gradient, and without imaginary parts."""

    def off(x, *, by):
        return x * 1.0

    def real(x):
        return x.real * 1.0

    # Only in the pass that is checked: the rule by itself, with other gradients, is right.
    primitive(off).vjps(lambda g, y, x, *, by: g * (1 + by if np.array_equal(g, EACH_WEIGHT) else 1))
    primitive(real).vjps(lambda g, y, x: g * 1.0)
    yield (
        REGISTRY["off"],
        {
            "complex step": lambda x: x * 1.0,
            "ignored imaginary parts": REGISTRY["real"],
            "differences alone": lambda x: ops.astype(x, np.float64),
        },
    )
    del REGISTRY["off"], REGISTRY["real"]


def told(report):
    (row,) = report.rows
    place = "" if row.verdict in ("correct", "precision") else f", shows {row.worst[0]}"
    counts = " ".join(f"{number} {verdict}" for verdict, number in row.counts.items())
    return "; ".join([f"{counts}{place}", *(note.split(",")[0] for note in report.notes)])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "mode"), CASES)
def test_errors_of_each_size_have_their_verdicts(name, mode, passing):
    off, modes = passing
    function, before = FUNCTIONS[name], modes[mode]
    lines = []
    with np.errstate(all="ignore"):
        for by in ERRORS:
            report = check_gradients(
                lambda x, by=by: ops.sum(off(function(before(x)), by=by) * EACH_WEIGHT),
                np.repeat(POINTS, len(WEIGHTS)),
            )
            lines.append(f"off by {by:g}: {told(report)}")
    assert_as_kept(SNAPSHOTS / f"errors-{name}-{mode}.txt".replace(" ", "-"), "\n".join(lines) + "\n")
