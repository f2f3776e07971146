"""Random programs on native code, whose text is run as the Python that it is: without a compiler."""

import warnings
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings

from tests.fuzz.operation_programs import programs
from tests.fuzz.operations import Replica
from tests.program.native_in_python import as_python
from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.native import step

pytestmark = pytest.mark.long
TOLERANCES = {"float16": 2e-2, "float32": 1e-4, "float64": 1e-9}  # sums run in another order


def leaves(tree):
    if isinstance(tree, list | tuple | dict):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(part)
    else:
        yield tree


def assert_near(found, expected):
    for x, y in zip(leaves(found), leaves(expected), strict=True):
        if x is None or y is None:
            assert x is y
            continue
        mine, its = (np.asarray(getattr(value, "data", value)) for value in (x, y))
        assert (mine.shape, mine.dtype) == (its.shape, its.dtype)
        if its.dtype.kind == "f" and np.isfinite(its).all():
            tolerance = TOLERANCES[its.dtype.name]
            largest = np.abs(its).max(initial=1e-30)
            np.testing.assert_allclose(mine, its, rtol=tolerance, atol=100 * tolerance * largest)


@settings(max_examples=300, derandomize=True)
@given(programs())
def test_random_programs_on_native_code_compute_what_eager_does(program):
    eager, replayed = Replica(program), Replica(program)
    with (
        patch.object(step, "compiled_parts", as_python),
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        compiled = compile(replayed)
        for fresh in (0, 1):
            eager(*eager.arguments(fresh))
            compiled(*replayed.arguments(fresh))
        try:
            binding = compiled.program.bind("native")
        except CaptureError:  # an op that native code refuses
            return
        compiled._entries = {compiled.program.trace.call.structure: [binding.enter]}
        for fresh in (0, 1, 2, 1):
            expected = eager(*eager.arguments(fresh))
            assert_near(compiled(*replayed.arguments(fresh)), expected)
            assert_near(replayed.state(), eager.state())
