from __future__ import annotations

import contextlib
import os
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import DataError

COUNTS = st.integers(1, 40)
BATCH_SIZES = st.integers(1, 45)
SEEDS = st.integers(0, 2**32)


def epoch_of(loader: Loader) -> NDArray[Any]:
    return np.concatenate([targets for _, targets in loader])


@given(count=COUNTS, batch_size=BATCH_SIZES, seed=SEEDS, shuffle=st.booleans())
def test_rows_come_once_with_their_targets(count: int, batch_size: int, seed: int, shuffle: bool) -> None:
    loader = Loader(np.arange(count) * 2, np.arange(count), batch_size, shuffle=shuffle, seed=seed)
    for _ in range(2):
        batches = list(loader)
        assert len(batches) == len(loader)
        assert all(len(inputs) == batch_size for inputs, _ in batches[:-1])
        inputs, targets = (np.concatenate(part) for part in zip(*batches))
        np.testing.assert_array_equal(inputs, targets * 2)
        np.testing.assert_array_equal(np.sort(targets), np.arange(count))
        assert shuffle or (targets == np.arange(count)).all()


@given(count=COUNTS, batch_size=BATCH_SIZES, shuffle=st.booleans())
def test_drop_last_leaves_full_batches_only(count: int, batch_size: int, shuffle: bool) -> None:
    rows = np.arange(count)
    if batch_size > count:
        with pytest.raises(DataError, match=f"batch_size {batch_size} with drop_last .* {count} rows"):
            Loader(rows, rows, batch_size, drop_last=True)
        return
    loader = Loader(rows, rows, batch_size, shuffle=shuffle, drop_last=True)
    sizes = [len(inputs) for inputs, _ in loader]
    assert sizes == [batch_size] * (count // batch_size)
    assert len(sizes) == len(loader)


@given(seed=SEEDS, epochs=st.integers(1, 4))
def test_order_is_a_function_of_seed_and_epoch(seed: int, epochs: int) -> None:
    rows = np.arange(100)
    first, again, other = (Loader(rows, rows, 7, shuffle=True, seed=s) for s in (seed, seed, seed + 1))
    orders = [epoch_of(first) for _ in range(epochs + 1)]
    assert first.epoch == epochs + 1
    assert len({order.tobytes() for order in orders}) == epochs + 1
    assert (epoch_of(other) != orders[0]).any()
    again.epoch = epochs
    np.testing.assert_array_equal(epoch_of(again), orders[epochs])
    np.testing.assert_array_equal(orders[epochs], np.random.default_rng([seed, epochs]).permutation(100))


def test_abandoned_epoch_counts_and_two_run_at_once() -> None:
    rows = np.arange(50)
    loader = Loader(rows, rows, 50, shuffle=True)
    left, right = iter(loader), iter(loader)
    fresh = Loader(rows, rows, 50, shuffle=True)
    assert loader.epoch == 2
    np.testing.assert_array_equal(next(left)[1], epoch_of(fresh))
    np.testing.assert_array_equal(next(right)[1], epoch_of(fresh))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shuffle", [False, True])
def test_pixels_stay_bytes_and_batches_are_scaled(dtype: type[np.floating[Any]], shuffle: bool) -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(64, 2, 2)
    loader = Loader(pixels, pixels[:, 0, 0], 64, shuffle=shuffle, scale=1 / 255, dtype=dtype)
    assert loader.inputs is pixels
    inputs, targets = next(iter(loader))
    assert inputs.dtype == dtype
    assert targets.dtype == np.int64
    assert (inputs.min(), inputs.max()) == (0, 1)
    np.testing.assert_allclose(inputs[:, 0, 0] * 255, targets, rtol=1e-6)


def test_inputs_of_any_kind_are_converted_and_scaled() -> None:
    inputs, targets = next(iter(Loader([1, 2], [0.5, 1.5], 2)))
    assert inputs.dtype == targets.dtype == np.float32
    for source in ([1.0, 2.0], [1, 2]):
        inputs, _ = next(iter(Loader(source, [0, 1], 2, scale=0.5)))
        assert inputs.dtype == np.float32
        assert inputs.tolist() == [0.5, 1.0]


def test_column_major_inputs_are_copied_once() -> None:
    columns = np.asfortranarray(np.arange(12.0).reshape(4, 3))  # the memory order of data frames
    loader = Loader(columns, np.arange(4), 2, shuffle=True, seed=0, dtype=np.float64)
    assert loader.inputs.flags.c_contiguous
    for inputs, targets in loader:
        np.testing.assert_array_equal(inputs, columns[targets])


def test_unshuffled_float_batches_are_read_only_views() -> None:
    source = np.ones((6, 2), np.float32)
    loader = Loader(source, np.zeros(6, np.int64), 4)
    assert all(np.shares_memory(inputs, source) for inputs, _ in loader)
    shuffled = Loader(source, np.zeros(6, np.int64), 4, shuffle=True)
    assert not any(np.shares_memory(inputs, source) for inputs, _ in shuffled)
    scaled = Loader(source, np.zeros(6, np.int64), 4, scale=3.0)
    assert not any(np.shares_memory(inputs, source) for inputs, _ in scaled)
    assert (source == 1).all()


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8, np.int64])
def test_writing_to_a_batch_never_changes_the_data(dtype: Any, shuffle: bool) -> None:
    inputs, targets = np.ones((6, 2), dtype), np.ones(6, np.int64)
    for batch in Loader(inputs, targets, 4, shuffle=shuffle):
        for array in batch:
            with contextlib.suppress(ValueError):  # "assignment destination is read-only"
                array[0] = 99
    assert (inputs == 1).all()
    assert (targets == 1).all()
    inputs[0], targets[0] = 2, 2  # the caller's own arrays stay writable


ROWS = np.zeros((3, 2))
BAD = {
    "lengths": (ROWS, np.zeros(4, int), 1, r"3 inputs and 4 targets"),
    "empty": (np.zeros((0, 2)), np.zeros(0, int), 1, r"no rows"),
    "batch of none": (ROWS, np.zeros(3, int), 0, r"batch_size is 0: expected at least 1"),
    "nan": (np.array([[0, 1], [np.nan, 1], [np.inf, 0]]), np.zeros(3, int), 1, r"inputs: row 1 holds"),
    "infinite": (np.array([0, 1, -np.inf]), np.zeros(3, int), 1, r"inputs: row 2 holds"),
    "too large for float32": (np.array([0, 1e300, 0]), np.zeros(3, int), 1, r"row 1 .* in float32"),
    "nan target": (ROWS, np.array([np.nan, 0, 0]), 1, r"targets: row 0 holds"),
    "words": (np.array(["a", "b", "c"]), np.zeros(3, int), 1, r"inputs: expected rows of real numbers"),
    "words as labels": (
        np.zeros((3, 2)),
        ["a", "b", "c"],
        1,
        r"write np.unique\(targets, return_inverse=True",
    ),
    "a scalar": (np.float64(1), np.zeros(1, int), 1, r"float64 of shape \(\)"),
}


@pytest.mark.parametrize(("inputs", "targets", "batch_size", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_the_reason(
    inputs: Any, targets: Any, batch_size: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Loader(inputs, targets, batch_size)


def test_integers_stay_integers_in_an_integer_dtype() -> None:
    tokens, labels = np.arange(12, dtype=np.uint8).reshape(6, 2), np.linspace(0, 1, 6)
    (inputs, targets), *_ = Loader(tokens, labels, 4, dtype=np.int64)
    np.testing.assert_array_equal(inputs, tokens[:4])
    assert (inputs.dtype, targets.dtype) == (np.int64, np.float64)
    for wrong in ({"inputs": tokens / 2}, {"inputs": tokens, "scale": 0.5}):
        with pytest.raises(DataError, match="dtype is int64: expected a floating one for inputs"):
            Loader(targets=labels, batch_size=4, dtype=np.int64, **wrong)


def test_dtype_of_other_things_than_numbers_is_refused() -> None:
    with pytest.raises(DataError, match="dtype is bool: expected a floating one"):
        Loader([1], [0], 1, dtype=bool)


def test_repr_shows_batches_rows_and_order() -> None:
    rows = np.zeros((1005, 2)), np.zeros(1005, int)
    assert repr(Loader(*rows, 10)) == "Loader(101 batches of 10 of 1,005 rows, in order)"
    shuffled = Loader(*rows, 10, shuffle=True, seed=3, drop_last=True)
    assert repr(shuffled) == "Loader(100 batches of 10 of 1,005 rows, shuffled by seed 3)"


def shaken(inputs: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    return inputs + rng.normal(size=inputs.shape).astype(inputs.dtype)


def test_transform_draws_by_seed_epoch_and_batch() -> None:
    rows, labels = np.arange(20.0).reshape(10, 2), np.arange(10)
    plain, loader, resumed = (
        Loader(rows, labels, 4, shuffle=True, seed=3, transform=t) for t in (None, shaken, shaken)
    )
    epochs = [list(loader) for _ in range(2)]
    for epoch, batches in enumerate(epochs):
        for number, ((inputs, targets), own) in enumerate(zip(plain, batches, strict=True)):
            generator = np.random.default_rng([3, epoch, number])
            np.testing.assert_array_equal(own[0], shaken(inputs, generator))
            np.testing.assert_array_equal(own[1], targets)
    resumed.epoch = 1
    for own, other in zip(epochs[1], resumed, strict=True):
        np.testing.assert_array_equal(own[0], other[0])
    assert "transform" not in plain.settings()
    assert loader.settings()["transform"] == "<function shaken>"  # no address: another process has others


@pytest.mark.parametrize(("cores", "is_ahead"), [(1, False), (2, True)])
def test_transform_runs_ahead_if_blas_leaves_a_core_free(
    monkeypatch: pytest.MonkeyPatch, cores: int, is_ahead: bool
) -> None:
    threads = set()

    def noted(inputs: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        threads.add(threading.current_thread())
        return inputs + rng.random(inputs.shape)

    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    with threadpool_limits(1):
        batches = list(Loader(np.zeros((8, 2)), np.zeros(8, int), 2, seed=3, transform=noted))
    assert (threading.current_thread() not in threads) == is_ahead
    numbers = [np.random.default_rng([3, 0, batch]).random((2, 2)) for batch in range(4)]
    np.testing.assert_array_equal([inputs for inputs, _ in batches], numbers)


def test_transform_runs_one_batch_ahead_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_mnist.datasets.loader._has_free_core", lambda: True)
    threads = []

    def noted(inputs: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
        threads.append(threading.current_thread())
        if len(threads) == 3:
            raise ValueError("the third batch")
        return inputs

    batches = iter(Loader(np.zeros((8, 2)), np.zeros(8, int), 2, transform=noted))
    next(batches)
    assert threading.current_thread() not in threads
    next(batches)
    with pytest.raises(ValueError, match="the third batch"):
        next(batches)
    assert len(threads) == 3
    assert not threads[0].is_alive()
    abandoned = iter(Loader(np.zeros((8, 2)), np.zeros(8, int), 2, transform=noted))
    next(abandoned)
    abandoned.close()  # type: ignore[attr-defined]
    assert not threads[-1].is_alive()


@pytest.mark.parametrize("transform", [3, np.random.Generator])
def test_transform_that_is_not_a_function_is_refused(transform: Any) -> None:
    with pytest.raises(TypeError, match=r"transform is .*: expected a function; write transform=augment."):
        Loader(ROWS, np.zeros(3, int), 1, transform=transform)


@pytest.mark.parametrize("changed", [None, ROWS[:2]])
def test_transform_that_returns_no_batch_is_refused(changed: Any) -> None:
    loader = Loader(ROWS, np.zeros(3, int), 3, transform=lambda inputs, rng: changed)
    with pytest.raises(DataError, match=r"transform returned .*: expected 3 rows, as many as targets"):
        list(loader)
