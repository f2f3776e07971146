"""R's random numbers and number formats against values that R prints."""

import numpy as np
import pytest

from tinygrad_mnist.experiments.r_language import RRandom, column, significant


def test_uniform_numbers_equal_runif():
    assert [f"{u:.7f}" for u in RRandom(42).uniform(3)] == ["0.9148060", "0.9370754", "0.2861395"]
    low_and_high = RRandom(42).uniform(2, -1.0, 3.0)
    assert low_and_high == pytest.approx(-1 + 4 * RRandom(42).uniform(2))


def test_normal_numbers_equal_rnorm():
    assert [f"{z:.7f}" for z in RRandom(1).normal(3)] == ["-0.6264538", "0.1836433", "-0.8356286"]
    assert RRandom(1).normal(2, mean=5.0, sd=2.0) == pytest.approx(5 + 2 * RRandom(1).normal(2))


def test_sample_equals_that_of_r_since_version_3_6():
    order = RRandom(123).sample(60_000)
    assert order[:5].tolist() == [51663, 57870, 2986, 58486, 29925]
    assert np.array_equal(np.sort(order), np.arange(1, 60_001))


def test_sample_before_version_3_6_rounds():
    stream = RRandom(42, rounding=True)
    places = np.floor(RRandom(42).uniform(3) * [10, 9, 8]).astype(int)
    rest, expected = list(range(1, 11)), []
    for place in places:
        expected.append(rest[place])
        rest[place] = rest[-1]
        rest.pop()
    assert stream.sample(10, 3).tolist() == expected
    assert stream.sample(10, 3).tolist() != RRandom(42).sample(10, 3).tolist()


def test_matrix_is_filled_column_by_column():
    matrix = RRandom(1).normal_matrix(2, 3)
    assert matrix.shape == (2, 3)
    assert np.array_equal(matrix.T.ravel(), RRandom(1).normal(6))


@pytest.mark.parametrize("count", [1, 5, 5000, 33_000])
def test_numbers_drawn_ahead_for_a_shuffle_are_used_next(count):
    """The number after a shuffle is the next one of the stream, for any length of the blocks."""
    stream = RRandom(9)
    stream.sample(count)
    after = stream.uniform(3)
    everything = RRandom(9).uniform(4 * count + 100)
    places = np.flatnonzero(everything == after[0])
    assert len(places) == 1
    assert np.array_equal(everything[places[0] :][:3], after)
    again = RRandom(9)
    assert np.array_equal(np.concatenate([again.uniform(7), again.uniform(5)]), everything[:12])


def test_sample_of_two_draws_as_r_does():
    """A choice among one needs no bits, and still takes a piece of 16, as powers of two below 65536 do."""
    stream, pieces = RRandom(3), (65536 * RRandom(3).uniform(4)).astype(int)
    first = stream.sample(2)
    assert first[0] == 1 + (pieces[0] & 1)
    assert stream.uniform(1) == RRandom(3).uniform(3)[2]


def test_negative_seed_counts_modulo_two_to_the_32():
    assert np.array_equal(RRandom(-1).uniform(3), RRandom(2**32 - 1).uniform(3))


def test_shuffle_permutes_with_one_number_per_position():
    stream = RRandom(5)
    order = stream.shuffle(np.arange(6))
    assert sorted(order.tolist()) == list(range(6))
    expected = list(range(6))
    for place, u in enumerate(RRandom(5).uniform(5), 1):
        other = int(u * (place + 1))
        expected[place], expected[other] = expected[other], expected[place]
    assert order.tolist() == expected
    assert stream.uniform(1) == RRandom(5).uniform(6)[5]


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
def test_number_is_written_without_needless_digits(value, digits, text):
    assert significant(value, digits) == text


def test_column_shares_its_decimals():
    assert column([0.0790837469870936, 0.000833644977371914]) == ["0.079083747", "0.000833645"]
    assert column([0.5, 0.25]) == ["0.50", "0.25"]
    assert column([]) == []
