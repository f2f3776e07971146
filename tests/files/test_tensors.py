"""Tensors come back as they were saved, or are refused by file, tensor and offset."""

import json
import os
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files import load_tensors, save_tensors

DTYPES = st.sampled_from(
    ["?", "u1", "i1", "<u2", ">i2", "<u4", ">i4", "<u8", "<i8", "<f2", ">f4", "<f8", "c8"]
)
FINITE = {"allow_nan": False, "allow_infinity": False}
ARRAYS = hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4), elements=FINITE)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
NAMES = TEXTS.filter(lambda name: name != "__metadata__")
MOST = 2**20
MODEL = {"1.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "1.bias": np.ones(2, np.float32)}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("tensors") / "weights.safetensors"


@given(tensors=st.dictionaries(NAMES, ARRAYS, max_size=4), metadata=st.dictionaries(TEXTS, TEXTS, max_size=3))
def test_saved_tensors_are_loaded_back(path, tensors, metadata):
    save_tensors(path, tensors, metadata)
    found, texts = load_tensors(path, max_bytes=MOST)
    assert texts == metadata
    assert found.keys() == tensors.keys()
    for name, array in found.items():
        assert array.dtype == tensors[name].dtype.newbyteorder("=")
        assert array.dtype.isnative
        assert array.flags.writeable
        np.testing.assert_array_equal(array, tensors[name])
        assert array.shape == tensors[name].shape


def test_views_are_saved_with_their_values(path):
    array = np.arange(24.0).reshape(2, 3, 4)
    views = {"turned": array.T, "stepped": array[:, ::-2], "one": array[1, 2, 3]}
    save_tensors(path, views)
    found, _ = load_tensors(path, max_bytes=MOST)
    for name, view in views.items():
        np.testing.assert_array_equal(found[name], view)
        assert found[name].shape == view.shape


def test_failed_save_keeps_the_old_file(path):
    save_tensors(path, MODEL)
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"weights.safetensors: cannot be saved: .*complex128"):
        save_tensors(path, {"a": np.zeros(2, complex)})
    with pytest.raises(CheckpointError, match="expected at most 1048576"):
        save_tensors(path, MODEL, {"notes": "x" * 2**20})
    assert path.read_bytes() == before


def file(header, values=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + values


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}


BAD = {
    "missing": (None, "No such file"),
    "empty": (b"", "a header of 0 bytes at offset 8, and the file has 0"),
    "seven bytes": (bytes(7), "and the file has 7"),
    "header past the end": (
        struct.pack("<Q", 100) + b"{}",
        "a header of 100 bytes at offset 8, and the file has 10",
    ),
    "header of 2**64": (b"\xff" * 8 + b"{}", "a header of 18446744073709551615 bytes"),
    "large header": (
        file(b" " * 2**20 + b"{}"),
        "a header of 1048578 bytes at offset 8, expected at most 1048576",
    ),
    "too large": (file({}, bytes(5 * 2**20)), r"5242890 bytes where at most 5242880 are expected"),
    "no JSON": (file(b"{"), "EOF while parsing .*header at offset 8"),
    "no UTF-8": (file(b"\xff{}"), "invalid UTF-8"),
    "a list": (file([]), "invalid type: sequence"),
    "deep": (file(b'{"a":' + b"[" * 100_000), "recursion limit exceeded"),
    "deep beside": (file(b'{"a":{"z":' + b"[" * 126 + b"]" * 126 + b"}}"), "recursion limit|missing field"),
    "long integer beside": (
        file(b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"z":' + b"1" * 9999 + b"}}"),
        "damaged",
    ),
    "truncated values": (
        file({"a": entry()}, bytes(7)),
        r"not fully covered .*values from offset \d+ to \d+",
    ),
    "trailing bytes": (file({"a": entry()}, bytes(9)), "not fully covered"),
    "hole": (file({"a": entry(), "b": entry(begin=9, end=17)}, bytes(17)), "invalid offset for tensor `b`"),
    "overlap": (
        file({"a": entry(), "b": entry(begin=4, end=12)}, bytes(12)),
        "invalid offset for tensor `b`",
    ),
    "negative offset": (file({"a": entry(begin=-1, end=7)}, bytes(8)), "integer `-1`"),
    "overflowing offset": (file({"a": entry(end=2**64)}, bytes(8)), "damaged"),
    "backwards": (file({"a": entry(begin=8, end=0)}, bytes(8)), "invalid"),
    "another size": (file({"a": entry(shape=(3,))}, bytes(8)), "invalid shape"),
    "overflowing shape": (file({"a": entry(shape=(2**40, 2**40))}, bytes(8)), "overflow"),
    "negative shape": (file({"a": entry(shape=(-2,))}, bytes(8)), "integer `-2`"),
    "huge but empty": (
        file({"a": entry(shape=(0, 2**62), end=0)}),
        r"'a' at offset \d+: a shape that NumPy does not have",
    ),
    "too many axes": (file({"a": entry(shape=(1,) * 65 + (2,))}, bytes(8)), "'a' at offset .* 64, found 66"),
    "unknown dtype": (file({"a": entry("F33")}, bytes(8)), "unknown variant `F33`"),
    "dtype that NumPy lacks": (
        file({"a": entry("BF16", (4,))}, bytes(8)),
        r"'a' at offset \d+: values of dtype BF16",
    ),
    "metadata of numbers": (file({"__metadata__": {"a": 1}}), "expected a string"),
    "two metadata": (file(b'{"__metadata__":{},"__metadata__":{}}'), "duplicate field"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_damaged_files_are_refused_with_the_reason(tmp_path, content, message):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"weights\.safetensors.*{message}"):
        load_tensors(path, max_bytes=5 * 2**20)


@pytest.mark.usefixtures("within_a_minute")
def test_path_that_is_not_a_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for name, message in (("", "Is a directory"), ("pipe", "Not a regular file")):
        with pytest.raises(CheckpointError, match=message):
            load_tensors(tmp_path / name, max_bytes=100)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_value_that_is_not_finite_is_named_by_position(path, dtype, value):
    array = np.zeros((2, 3), dtype)
    array[1, 1] = value
    save_tensors(path, {"first": np.zeros(3), "second": array})
    with pytest.raises(
        CheckpointError, match=r"second holds NaN or infinity: .* at index 4 \(offset \d+\)"
    ) as caught:
        load_tensors(path, max_bytes=MOST)
    offset = int(str(caught.value).rpartition(" ")[2].removesuffix(")"))
    assert not np.isfinite(np.frombuffer(path.read_bytes(), dtype, count=1, offset=offset)).any()


def test_every_truncation_and_extension_is_refused(path):
    save_tensors(path, MODEL)
    content = path.read_bytes()
    for changed in [*(content[:length] for length in range(len(content))), content + b"\0", content * 2]:
        path.write_bytes(changed)
        with pytest.raises(CheckpointError, match=r"weights\.safetensors"):
            load_tensors(path, max_bytes=MOST)


@given(data=st.data())
def test_changed_byte_is_harmless_or_refused(path, data):
    save_tensors(path, MODEL)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        found, _ = load_tensors(path, max_bytes=MOST)
    except CheckpointError as error:
        assert str(path) in str(error)  # noqa: PT017
    else:
        assert sum(array.nbytes for array in found.values()) == 32
        assert all(np.isfinite(array).all() for array in found.values() if array.dtype.kind in "fc")


def test_file_above_the_bound_is_not_read(path):
    os.truncate(path, 2**33)
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="8589934592 bytes where at most 1048576 are expected"):
        load_tensors(path, max_bytes=MOST)
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
    path.unlink()
