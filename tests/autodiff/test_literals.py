"""Values as code: the shortest text that makes the same value again."""

import numpy as np
import pytest

from tinygrad_mnist.autodiff.expression import Expression, applied, index_text, literal_text, number_beside

INT, FLOAT = np.int64, np.float64
TEXTS = [
    (np.arange(3), "np.arange(3)"),
    (np.arange(2), "np.arange(2)"),
    (np.arange(0, 6, 2), "np.arange(0, 6, 2)"),
    (np.arange(1, 4), "np.arange(1, 4, 1)"),
    (np.arange(-1, 2), "np.arange(-1, 2, 1)"),
    (np.arange(3, dtype=np.int8), "np.arange(3, dtype=np.int8)"),
    (np.arange(6).reshape(2, 3), "np.arange(6).reshape((2, 3))"),
    (np.array([2, 1, 0]), "np.array([2, 1, 0], np.int64)"),
    (np.array([0, 1, 3]), "np.array([0, 1, 3], np.int64)"),
    (np.array([5]), "np.full((1,), 5, np.int64)"),
    (np.array([0.0, 1.0]), "np.array([0.0, 1.0], np.float64)"),
    (np.ones(3), "np.ones(3, np.float64)"),
    (np.ones((2, 1)), "np.full((2, 1), 1.0, np.float64)"),
    (np.full(2, 2.0), "np.full((2,), 2.0, np.float64)"),
    (np.zeros(2), "np.full((2,), 0.0, np.float64)"),
    (np.array([0.0, -0.0]), "np.array([0.0, -0.0], np.float64)"),
    (np.zeros(0), "np.array([], np.float64)"),
    (np.zeros((0, 2)), "np.array([], np.float64).reshape((0, 2))"),
    (np.array(2.0), "np.asarray(2.0, np.float64)"),
    (np.eye(2), "np.eye(2, dtype=np.float64)"),
    (np.eye(2, 3), "np.array([1.0, 0.0, 0.0, 0.0, 1.0, 0.0], np.float64).reshape((2, 3))"),
    (np.array([[1.0]]), "np.full((1, 1), 1.0, np.float64)"),
    (np.float32(0.1), "np.float32(0.1)"),
    (np.True_, "np.bool(True)"),
    (True, "True"),
    (1 - 0j, "complex(1.0, 0.0)"),
    (np.inf, "np.inf"),
    (-np.inf, "-np.inf"),
    (np.nan, "np.nan"),
    (slice(1, None), "slice(1, None, None)"),
    ([1, 2.0], "[1, 2.0]"),
    ((1,), "(1,)"),
    ((), "()"),
    ([], "[]"),
    ((1, "a"), "(1, 'a')"),
    ({"a": np.dtype(FLOAT)}, "{'a': np.float64}"),
    (np.float16, "np.float16"),
]


@pytest.mark.parametrize(("value", "text"), TEXTS, ids=[text for _, text in TEXTS])
def test_value_is_written_as_the_shortest_equal_code(value, text):
    assert literal_text(value) == text
    made = eval(text, {"np": np})
    assert type(made) is type(value)
    if isinstance(value, np.ndarray | float):
        np.testing.assert_array_equal(made, value, strict=isinstance(value, np.ndarray))


BESIDE = [
    (FLOAT(1.0), [np.dtype(FLOAT)], "1"),
    (FLOAT(999_999.0), [np.dtype(FLOAT)], "999999"),
    (FLOAT(-1_000_000.0), [np.dtype(FLOAT)], "-1000000.0"),
    (FLOAT(1.0), [], "1.0"),
    (FLOAT(1 / 128), [np.dtype(FLOAT)], "1 / 128"),
    (FLOAT(-1 / 128), [np.dtype(FLOAT)], "1 / -128"),
    (FLOAT(0.125), [np.dtype(FLOAT)], "0.125"),
    (FLOAT(0.1), [np.dtype(FLOAT)], "0.1"),
    (np.float32(1 / 3), [np.dtype(np.float32)], "1 / 3"),
    (np.float32(0.1), [np.dtype(np.float32)], "0.1"),
    (FLOAT(0.1), [np.dtype(np.float32)], "np.float64(0.1)"),
    (INT(3), [np.dtype(INT)], "3"),
    (FLOAT(np.nan), [np.dtype(FLOAT)], "np.nan"),
    (FLOAT(np.inf), [np.dtype(FLOAT)], "np.inf"),
]


@pytest.mark.parametrize(("number", "others", "text"), BESIDE)
def test_number_next_to_arrays_is_in_its_shortest_form(number, others, text):
    found = number_beside(number, others)
    assert found.text == text
    product = applied("multiply", [Expression("x"), found]).text
    assert product == (f"x * ({text})" if "/" in text else f"x * {text}")


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (3, "3"),
        (np.int8(-1), "-1"),
        (np.True_, "True"),
        (False, "False"),
        (slice(None), ":"),
        (slice(1, None), "1:"),
        (slice(None, np.int64(2)), ":2"),
        (slice(None, None, -1), "::-1"),
        ((None, ..., 0), "None, ..., 0"),
        ((slice(0, 2), [1, 2]), "0:2, A"),
        ((), "()"),
    ],
)
def test_index_is_written_as_between_brackets(index, text):
    assert index_text(index, lambda part: "A") == text
