"""Memory of reading: at most twice the honest size of a file plus 100 MB, whatever it holds."""

import gzip
import json
import struct
import tracemalloc

import numpy as np
import pytest

from tinygrad_mnist.datasets import load_digits, load_mnist, write_idx
from tinygrad_mnist.datasets.idx import read_idx, read_images
from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files import load_tensors, read_json, read_json_lines, save_tensors
from tinygrad_mnist.training import Evaluation, History, Recipe
from tinygrad_mnist.training.checkpoint_files import MOST_JSON
from tinygrad_mnist.training.run_config import RunOptions, save_config
from tinygrad_mnist.training.run_folder import load_run, save_results

MOST_SURPLUS = 100 * 2**20
pytestmark = pytest.mark.usefixtures("within_a_minute")


def peak_of(read):
    """Return the peak of traced memory, also if `read` refuses."""
    tracemalloc.start()
    try:
        read()
    except (CheckpointError, DataError):
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


MEGABYTES_OF_JSON = {
    "empty lists": lambda: "[" + "[]," * 2_500_000 + "1]",
    "empty objects": lambda: "[" + "{}," * 2_500_000 + "1]",
    "small objects": lambda: "[" + '{"a":1},' * 500_000 + "1]",
    "deep objects": lambda: "[" + ('{"a":' * 60 + "1" + "}" * 60 + ",") * 3000 + "1]",
    "keys": lambda: "{" + ",".join(f'"{i:x}":1' for i in range(600_000)) + "}",
    "numbers": lambda: "[" + "1.5," * 2_000_000 + "1]",
    "a wide letter": lambda: '["' + "a" * 15_000_000 + '\N{GRINNING FACE}"]',
    "a string": lambda: '["' + "a" * 15_000_000 + '"]',
}


@pytest.mark.parametrize("make", MEGABYTES_OF_JSON.values(), ids=MEGABYTES_OF_JSON)
def test_json_takes_bounded_memory(tmp_path, make):
    path = tmp_path / "many.json"
    path.write_text(make(), encoding="utf-8")
    size = path.stat().st_size
    assert size <= MOST_JSON
    assert peak_of(lambda: read_json(path, max_bytes=MOST_JSON)) < 2 * size + MOST_SURPLUS


@pytest.mark.parametrize("line", ["\n", "[]\n", "1\n", '"ab"\n'])
def test_lines_of_json_take_bounded_memory(tmp_path, line):
    path = tmp_path / "many.jsonl"
    path.write_text(line * (6_000_000 // len(line)))
    size = path.stat().st_size
    assert peak_of(lambda: read_json_lines(path, max_bytes=MOST_JSON)) < 2 * size + MOST_SURPLUS


def test_thirty_thousand_epochs_are_read(tmp_path):
    epoch = {f"figure {i}": 0.1 for i in range(8)}
    (tmp_path / "some.json").write_text(json.dumps({"epochs": [epoch] * 30_000}))
    assert len(read_json(tmp_path / "some.json", max_bytes=MOST_JSON)["epochs"]) == 30_000


def test_bound_alone_takes_no_memory(tmp_path):
    (tmp_path / "small.json").write_text("[]")
    assert peak_of(lambda: read_json(tmp_path / "small.json", max_bytes=2**40)) < 2**20


def header(entries):
    content = json.dumps(entries, separators=(",", ":")).encode()
    return struct.pack("<Q", len(content)) + content


EMPTY = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}


@pytest.mark.parametrize(
    "make",
    [
        lambda: {f"{i:x}": EMPTY for i in range(17_000)},
        lambda: {"a": {**EMPTY, "shape": [0] * 500_000}},
        lambda: {"__metadata__": {f"{i:x}": "" for i in range(80_000)}},
    ],
    ids=["tensors", "axes", "texts"],
)
def test_headers_of_tensors_take_bounded_memory(tmp_path, make):
    path = tmp_path / "many.safetensors"
    path.write_bytes(header(make()))
    assert peak_of(lambda: load_tensors(path, max_bytes=2**31)) < MOST_SURPLUS


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_tensors_take_twice_their_size(tmp_path, dtype):
    path = tmp_path / "large.safetensors"
    save_tensors(path, {"a": np.ones(2**25 // np.dtype(dtype).itemsize, dtype)})
    size = path.stat().st_size
    assert peak_of(lambda: load_tensors(path, max_bytes=2**31)) < 2.1 * size


def test_network_takes_three_times_its_size(tmp_path):
    recipe, digits = Recipe(hidden=(2000, 2000)), load_digits()
    model = recipe.build_model(digits.image_shape, digits.classes)
    save_results(tmp_path, model, History())
    save_config(tmp_path, recipe, RunOptions(), digits, History(), Evaluation(2.5, 0.1, 360))
    size = (tmp_path / "weights.safetensors").stat().st_size
    assert peak_of(lambda: load_run(tmp_path)) < 3.1 * size  # the file's arrays, and a layer new and old


def bomb(path, code, shape, itemsize):
    """Write a gzip file of zeros; one member, because repeated ones are a second stream."""
    count = int(np.prod(shape)) * itemsize
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape))
        for _ in range(count // 2**24):
            file.write(bytes(2**24))


@pytest.mark.parametrize(("code", "itemsize"), [(0x08, 1), (0x0B, 2), (0x0E, 8)])
def test_packed_zeros_are_refused_unread(tmp_path, code, itemsize):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    bomb(path, code, (2**28 // 4096 // itemsize, 64, 64), itemsize)
    for read in (read_idx, read_images):
        assert peak_of(lambda read=read: read(path)) < 2**20
        with pytest.raises(DataError, match=r"unpack it with gunzip|expected images, uint8"):
            read(path)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 3, 3), np.int16), r"is int16 of shape \(2, 3, 3\): expected images, uint8 of shape"),
        (np.zeros((2, 3), np.uint8), r"is uint8 of shape \(2, 3\): expected images"),
        (np.zeros((1, 1025, 1024), np.uint8), "has images of 1025 x 1024 pixels: expected at most 1,048,576"),
    ],
)
def test_file_without_images_is_refused_unread(tmp_path, array, message):
    for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"):
        write_idx(tmp_path / name, array)
        with pytest.raises(DataError, match=message):
            read_images(tmp_path / name)
    for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        write_idx(tmp_path / name, np.zeros(len(array), np.uint8))
    with pytest.raises(DataError, match=message):
        load_mnist(tmp_path, validation=0)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float64])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_values_take_their_size_once(tmp_path, dtype, suffix):
    path = tmp_path / f"values{suffix}"
    values = np.frombuffer(np.random.default_rng(0).bytes(2**21), dtype)
    write_idx(path, values)
    assert peak_of(lambda: read_idx(path)) < 1.2 * values.nbytes
    np.testing.assert_array_equal(read_idx(path), values)
