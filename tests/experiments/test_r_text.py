"""Numbers as R writes them: the expected texts are from R."""

import pytest

from tinygrad_mnist.experiments.r_text import column, significant


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (151.05496948720400, 15, "151.054969487204"),
        (23.39616901140000, 15, "23.3961690114"),
        (0.853333333333333333, 15, "0.853333333333333"),
        (-0.943045982396918, 15, "-0.943045982396918"),
        (1.0, 15, "1"),
        (0.0, 15, "0"),
        (0.2233, 15, "0.2233"),
        (100000.0, 15, "1e+05"),
        (123456.0, 15, "123456"),
        (0.0001, 15, "1e-04"),
        (0.00012345, 7, "0.00012345"),
        (1 / 3, 7, "0.3333333"),
    ],
)
def test_a_number_has_no_more_digits_than_it_needs(value, digits, text):
    assert significant(value, digits) == text


def test_a_column_shares_its_decimals():
    assert column([0.0790837469870936, 0.000833644977371914]) == ["0.079083747", "0.000833645"]
    assert column([0.5, 0.25]) == ["0.50", "0.25"]
    assert column([]) == []
