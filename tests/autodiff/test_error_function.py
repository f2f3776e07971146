"""The error function against Python's own, to the last digits, on both sides of each change of formula."""

import math

import numpy as np
import pytest

from tinygrad_mnist import ops

GRID = np.unique([*np.linspace(-9, 9, 1801), *np.linspace(-1.01, 1.01, 203), 1e-300, 1e-8, 8.0, -8.0])


def test_error_function_equals_pythons_to_the_last_digits():
    expected = np.array([math.erf(x) for x in GRID])
    np.testing.assert_allclose(ops.erf(GRID), expected, rtol=4e-16, atol=1e-300)


def test_its_rest_to_1_has_as_many_digits_as_float64_leaves():
    x = np.linspace(1, 6, 501)
    rest = np.array([math.erfc(number) for number in x])
    np.testing.assert_allclose(1 - ops.erf(x), rest, atol=3e-16)


def test_single_precision_is_off_by_three_units_at_most_odd_and_within_1():
    x = np.unique([*GRID, *np.linspace(-4.5, 4.5, 90_001), 1e-38]).astype(np.float32)
    found = ops.erf(x)
    np.testing.assert_allclose(found, [math.erf(float(number)) for number in x], rtol=1.8e-7)
    np.testing.assert_array_equal(ops.erf(-x), -found)
    special = np.array([np.nan, np.inf, -np.inf, 4.0], np.float32)
    np.testing.assert_array_equal(ops.erf(special), np.array([np.nan, 1, -1, 1], np.float32))


@pytest.mark.parametrize(("dtype", "digits"), [(np.float16, 1e-3), (np.float32, 2e-7), (np.float64, 1e-15)])
def test_each_precision_keeps_its_dtype(dtype, digits):
    x = np.linspace(-4, 4, 33).astype(dtype)
    found = ops.erf(x)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, [math.erf(float(number)) for number in x], rtol=digits)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.int64])
def test_whole_numbers_become_float64(dtype):
    found = ops.erf(np.array([0, 1], dtype))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, [0.0, math.erf(1.0)], rtol=1e-15)


@pytest.mark.parametrize("x", [-7.0, -0.5, 0.0, 0.5, 0.999, 1.001, 3.0])
def test_complex_step_gives_slope_of_error_function(x):
    found = ops.erf(np.array([x + 1e-30j]))
    assert found.real == pytest.approx(math.erf(x), rel=1e-15)
    assert found.imag / 1e-30 == pytest.approx(
        2 / math.sqrt(math.pi) * math.exp(-x * x), rel=1e-13, abs=1e-15
    )
