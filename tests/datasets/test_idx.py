from __future__ import annotations

import errno
import gzip
import os
import re
import struct
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from tinygrad_mnist.datasets import idx, map_idx, read_idx, write_idx
from tinygrad_mnist.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

SUFFIXES = st.sampled_from(["", ".gz"])
DTYPES = st.sampled_from(["u1", "i1", "<i2", ">i2", "<i4", ">i4", "<f4", ">f4", "<f8", ">f8"])
SHAPES = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
ARRAYS = hnp.arrays(DTYPES, SHAPES)
SAMPLE = np.arange(6, dtype=np.int16).reshape(2, 3)


def same(left: NDArray[Any], right: NDArray[Any]) -> bool:
    return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")


@given(array=ARRAYS, suffix=SUFFIXES)
def test_written_content_is_read_back(scratch: Path, array: NDArray[Any], suffix: str) -> None:
    path = scratch / f"array{suffix}"
    write_idx(path, array)
    result = read_idx(path)
    assert same(result, array.astype(array.dtype.newbyteorder("=")))
    assert result.dtype.isnative
    assert result.flags.writeable
    assert result.flags.c_contiguous
    if not suffix:
        assert same(map_idx(path).astype(result.dtype), result)


def test_written_bytes_follow_the_format(scratch: Path) -> None:
    write_idx(scratch / "plain", SAMPLE.T)
    values = struct.pack(">6h", 0, 3, 1, 4, 2, 5)
    assert (scratch / "plain").read_bytes() == b"\0\0\x0b\2" + struct.pack(">2I", 3, 2) + values


def test_gzip_is_detected_by_content_and_written_without_time(scratch: Path) -> None:
    write_idx(scratch / "one.gz", SAMPLE)
    content = (scratch / "one.gz").read_bytes()
    assert content[3:8] == bytes(5)
    (scratch / "renamed").write_bytes(content)
    assert same(read_idx(scratch / "renamed"), SAMPLE)
    write_idx(scratch / "plain", SAMPLE)
    (scratch / "plain.gz").write_bytes((scratch / "plain").read_bytes())
    assert same(read_idx(scratch / "plain.gz"), SAMPLE)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_truncations_are_refused(scratch: Path, suffix: str) -> None:
    path = scratch / f"truncated{suffix}"
    write_idx(path, SAMPLE)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError, match=re.escape(str(path))):
            read_idx(path)


@given(data=st.data(), suffix=SUFFIXES, array=ARRAYS)
def test_corruption_is_harmless_or_refused(
    scratch: Path, data: st.DataObject, suffix: str, array: NDArray[Any]
) -> None:
    path = scratch / f"corrupt{suffix}"
    write_idx(path, array)
    original, content = read_idx(path), bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        result = read_idx(path)
    except DataError:
        return
    assert result.nbytes <= len(content) if suffix == "" else same(result, original)


@given(content=st.binary(max_size=40), zipped=st.booleans())
def test_any_bytes_give_an_array_or_a_data_error(scratch: Path, content: bytes, zipped: bool) -> None:
    path = scratch / "any"
    header = b"\0\0\x08"  # so that more than the first check is reached
    path.write_bytes(gzip.compress(header + content) if zipped else header + content)
    for read in (read_idx, map_idx):
        try:
            read(path)
        except DataError as error:
            assert str(path) in str(error)  # noqa: PT017


BAD = {
    "magic": (b"\1\2\x08\1" + bytes(4), r"two zero bytes at offset 0, found 0x0102"),
    "dtype code": (b"\0\0\x0a\1" + bytes(4), r"dtype code .* at offset 2, found 0x0a"),
    "too many axes": (b"\0\0\x08\x41" + bytes(260), r"at most 64 axes at offset 3, found 65"),
    "empty": (b"", r"4 bytes of header at offset 0, found 0"),
    "truncated sizes": (b"\0\0\x08\2" + bytes(5), r"8 bytes of header at offset 4, found 5"),
    "truncated values": (b"\0\0\x08\1\0\0\0\4abc", r"promises 4 bytes .* at most 3"),
    "trailing bytes": (b"\0\0\x08\1\0\0\0\2abc", r"expected 2 bytes of values from offset 8 .* found more"),
    "huge": (b"\0\0\x0e\3" + b"\xff" * 12, r"promises \d+ bytes .* at most 0"),
    "huge but empty": (b"\0\0\x0e\3" + bytes(4) + b"\xff" * 8, r"expected at most 2147483648 bytes"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_damaged_files_are_refused_with_the_reason(scratch: Path, content: bytes, message: str) -> None:
    path = scratch / "bad"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


BAD_GZIP = {
    "truncated values": (gzip.compress(b"\0\0\x08\1\0\0\0\4abc"), r"expected 4 bytes .* found 3"),
    "trailing bytes": (
        gzip.compress(b"\0\0\x08\1\0\0\0\2" + bytes(10**6)),
        r"expected 2 bytes .* found more",
    ),
    "huge": (gzip.compress(b"\0\0\x08\1\xff\xff\xff\xff"), r"promises 4294967295 bytes .* at most"),
    "checksum": (
        gzip.compress(b"\0\0\x08\1\0\0\0\1a")[:-8] + bytes(8),
        r"whole gzip stream, found .*: incorrect data check",
    ),
    "bytes after the stream": (gzip.compress(b"\0\0\x08\1\0\0\0\1a") + b"junk", "bytes after its end"),
    "two streams": (gzip.compress(b"\0\0\x08\1\0\0\0\1a") + gzip.compress(b""), "bytes after its end"),
    "truncated stream": (gzip.compress(b"\0\0\x08\1\0\0\0\1a")[:-9], "its end is missing"),
    "no deflate": (b"\x1f\x8b" + b"\xff" * 30, r"found before offset 32: Error -3"),
}


@pytest.mark.parametrize(("content", "message"), BAD_GZIP.values(), ids=BAD_GZIP)
def test_damaged_gzip_files_are_refused_with_the_reason(scratch: Path, content: bytes, message: str) -> None:
    path = scratch / "bad.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(path)


@given(st.binary(min_size=1, max_size=9), st.integers(1, 2**19), st.sampled_from([1, 3, 100, 2**16]))
def test_any_ratio_and_any_step_give_the_same(scratch: Path, unit: bytes, count: int, step: int) -> None:
    content = np.frombuffer(
        (unit * (count // len(unit) + 1))[: count if step > 99 else count % 999], np.uint8
    )
    write_idx(scratch / "array.gz", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idx, "_STEP", step)
        assert same(read_idx(scratch / "array.gz"), content)


def test_gzip_bomb_is_read_up_to_its_promise(scratch: Path) -> None:
    path = scratch / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0\0\x08\1\0\0\0\2" + bytes(2**28)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"expected 2 bytes of values from offset 8 .* found more"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("promise", [b"\0\0\x08\3" + b"\xff" * 12, b"\0\0\x08\1\x7f\xff\xff\xff"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_promise_beyond_the_file_size_allocates_nothing(
    scratch: Path, promise: bytes, pack: Callable[[bytes], bytes]
) -> None:
    path = scratch / "promise"
    path.write_bytes(pack(promise + bytes(1000)))
    tracemalloc.start()
    with pytest.raises(DataError, match="the header promises"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize("where", ["name", "padding"])
def test_long_gzip_name_or_padding_is_refused_quickly(scratch: Path, where: str) -> None:
    path = scratch / "long.gz"
    content = gzip.compress(b"\0\0\x08\1\0\0\0\1a")
    if where == "name":
        path.write_bytes(content[:3] + b"\x08" + content[4:10] + b"n" * 2**26 + b"\0" + content[10:])
    else:
        path.write_bytes(content)
        os.truncate(path, 2**30)
    if where == "name":
        assert read_idx(path).tobytes() == b"a"
    else:
        with pytest.raises(DataError, match="bytes after its end"):
            read_idx(path)
    path.unlink()


def test_more_than_two_gibibytes_are_refused_unread(scratch: Path) -> None:
    path = scratch / "sparse"
    path.write_bytes(b"\0\0\x08\1" + struct.pack(">I", 2**31 + 1))
    os.truncate(path, 8 + 2**31 + 1)
    with pytest.raises(DataError, match=r"at most 2147483648 bytes \(2 GiB\)"):
        read_idx(path)
    path.unlink()


def test_files_that_cannot_be_opened_are_named(scratch: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        read_idx(scratch / "absent")
    with pytest.raises(DataError, match="Is a directory"):
        read_idx(scratch)
    os.mkfifo(scratch / "pipe")
    with pytest.raises(DataError, match="Not a regular file"):
        read_idx(scratch / "pipe")
    with pytest.raises(DataError, match="null byte"):
        read_idx(scratch / "\0")
    with pytest.raises(DataError, match="the folder is missing"):
        write_idx(scratch / "absent" / "file", SAMPLE)


def test_file_without_permission_is_named(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, flags: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(os, "open", refuse)  # mode bits do not stop root
    with pytest.raises(DataError, match="Permission denied"):
        read_idx(scratch / "closed")


def test_array_that_idx_cannot_hold_is_refused(scratch: Path) -> None:
    with pytest.raises(DataError, match="not int64; convert with astype"):
        write_idx(scratch / "wide", np.zeros(2, np.int64))
    with pytest.raises(DataError, match=r"an axis of IDX holds at most 2\*\*32 - 1"):
        write_idx(scratch / "long", np.empty((2**32, 0), np.uint8))
