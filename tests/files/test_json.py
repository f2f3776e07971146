"""JSON is read as it was written, or refused by file and place."""

import json
import math
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files import finite_or_text, read_json, read_json_lines

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**128), 2**128)
    | st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("settings") / "settings.json"


@given(value=VALUES, ascii_only=st.booleans())
def test_written_content_is_read_back(path, value, ascii_only):
    path.write_text(json.dumps(value, ensure_ascii=ascii_only), encoding="utf-8", errors="surrogatepass")
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # a lone surrogate is not UTF-8
        with pytest.raises(CheckpointError, match="not UTF-8"):
            read_json(path, max_bytes=10**6)
    else:
        assert read_json(path, max_bytes=10**6) == value


@given(values=st.lists(VALUES, min_size=1))
def test_lines_are_read_separately(path, values):
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    assert read_json_lines(path, max_bytes=10**6) == values


def test_no_lines(path):
    path.write_bytes(b"")
    assert read_json_lines(path, max_bytes=10) == []


BAD = {
    "missing": (None, "No such file or directory"),
    "empty": (b"", r"Expecting value \(line 1, column 1, offset 0\)"),
    "two values": (b"{} {}", r"Extra data \(line 1, column 4, offset 3\)"),
    "cut off": (b'{"a": [1,\n 2', r"Expecting ',' delimiter \(line 2, column 3, offset 12\)"),
    "offset in bytes": ('{"é": }'.encode(), r"Expecting value \(line 1, column 7, offset 7\)"),
    "mark of order": (b"\xef\xbb\xbf{}", "BOM"),
    "UTF-16": ("{}".encode("utf-16"), "not UTF-8 at offset 0"),
    "half of a pair": (b'"\xed\xa0\x80"', "not UTF-8 at offset 1"),
    "NaN": (b'{"NaN": [0, NaN]}', r"NaN is not a JSON number \(line 1, column 13, offset 12\)"),
    "infinity": (b"[-Infinity]", r"-Infinity is not a JSON number \(line 1, column 2, offset 1\)"),
    "infinite float": (b"[1, 2e999]", r"a number too large \(line 1, column 5, offset 4\)"),
    "long integer": (b"-" + b"1" * 40, r"an integer of more than 40 digits \(line 1, column 1, offset 0\)"),
    "longer than Python reads": (b"1" * 5000, "an integer of more than 40 digits"),
    "deep lists": (b"[" * 65 + b"]" * 65, r"more than 64 levels \(line 1, column 65, offset 64\)"),
    "deep objects": (b'{"a":' * 100_000, "more than 64 levels"),
    "too large": (b" " * 1_000_001, "1000001 bytes where at most 1000000 are expected"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_damaged_files_are_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "settings.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"settings\.json.*{message}"):
        read_json(path, max_bytes=1_000_000)


def test_64_levels_and_40_digits_are_read(path):
    path.write_text("[" * 64 + "1" * 40 + "]" * 64)
    value = read_json(path, max_bytes=1000)
    for _ in range(64):
        (value,) = value
    assert value == int("1" * 40)


def test_long_flat_arrays_are_read(path):
    path.write_text(json.dumps([[{}]] * 100))
    assert read_json(path, max_bytes=1000) == [[{}]] * 100


def test_words_in_a_string_are_not_numbers(path):
    path.write_text(json.dumps(['NaN "Infinity" 1e999 [[[', "1" * 50]))
    assert read_json(path, max_bytes=1000) == ['NaN "Infinity" 1e999 [[[', "1" * 50]


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize("repeated", ['"\\"', '\\"', '"', "\\", "[]", "1e", "NaN ", "\n", '{"":', "-"])
def test_megabyte_of_any_bytes_is_refused_quickly(path, repeated):
    path.write_text('"' + repeated * (2**20 // len(repeated)))
    with pytest.raises(CheckpointError):
        read_json(path, max_bytes=2**21)


@pytest.mark.usefixtures("within_a_minute")
def test_path_that_is_not_a_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("", "Is a directory"), ("pipe", "Not a regular file"), ("\0", "null")):
        with pytest.raises(CheckpointError, match=message):
            read_json(tmp_path / name, max_bytes=100)
    with pytest.raises(CheckpointError, match="Not a regular file"):
        read_json((tmp_path / "/dev/zero"), max_bytes=100)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_written_as_text(value):
    record = finite_or_text({"loss": value, "accuracy": 0.5, "examples": 3, "missing": None})
    assert float(record.pop("loss")) == pytest.approx(value, nan_ok=True)
    assert record == {"accuracy": 0.5, "examples": 3, "missing": None}
