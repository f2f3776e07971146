"""Data that stay in their files: the same batches, bounded memory, sentences where a file fails."""

import copy
import gzip
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from tests.training.processes import together
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Concatenated, Loader, image_files, load_mnist, map_idx, rows, write_idx
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training import fit

RNG = np.random.default_rng(7)
ARRAYS = {
    "pixels": RNG.integers(0, 256, (500, 6, 6), np.uint8),
    "floats": RNG.standard_normal((500, 36)).astype(np.float32),
    "wide": RNG.standard_normal((500, 6, 6)),
    "words": RNG.integers(-999, 999, (500, 4), np.int16),
}
LABELS = np.arange(500) % 7


def mapped(folder, array, parts):
    """The array as files, mapped; several of uneven lengths if parts is True."""
    found = []
    for number, part in enumerate(np.split(array, [3, 3, 250]) if parts else [array]):
        write_idx(folder / f"part-{number}", part)
        found.append(map_idx(folder / f"part-{number}"))
    return Concatenated(found) if parts else found[0]


@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("options", [{"shuffle": True, "seed": 5}, {"scale": 1 / 255, "drop_last": True}])
def test_mapped_rows_give_the_batches_of_memory(tmp_path, kind, parts, options):
    array = ARRAYS[kind]
    inputs = mapped(tmp_path, array, parts)
    both = Loader(inputs, LABELS.astype(np.uint8), 64, **options), Loader(array, LABELS, 64, **options)
    for _ in range(2):
        for found, expected in zip(*both, strict=True):
            for one, other in zip(found, expected, strict=True):
                assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    np.testing.assert_array_equal(both[0].rows(1, 2), both[1].rows(1, 2))


def test_order_of_many_rows_is_a_permutation_in_4_bytes():
    order = Loader(np.zeros(70_000), np.zeros(70_000), 10, shuffle=True, seed=5)._order(2)
    assert order.dtype == np.uint32
    np.testing.assert_array_equal(order, np.random.default_rng([5, 2]).permutation(70_000))


VIEWS = {
    "slice": lambda a: a[100:][5:300],
    "every second row": lambda a: a[::2],
    "exchanged axes": lambda a: a[7:].transpose(0, 2, 1),
    "columns": lambda a: a[:, ::2],
    "mirrored": lambda a: a[..., ::-1],
    "windows": lambda a: sliding_window_view(a.ravel()[:800], 4, subok=True)[::2, ::2],
}


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("view", VIEWS)
def test_views_of_any_memory_map_give_the_batches_of_memory(tmp_path, view, mode):
    np.save(tmp_path / "wide.npy", ARRAYS["wide"])
    whole = np.load(tmp_path / "wide.npy", mmap_mode=mode)
    if mode != "r":
        whole[150] = 7  # not yet in the file, or never
    given = VIEWS[view](whole)
    memory, labels = np.array(given), np.arange(len(given))
    for one, other in zip(*(Loader(a, labels, 32, shuffle=True) for a in (given, memory)), strict=True):
        assert one[0].tobytes() == other[0].tobytes()
        assert one[0].flags.c_contiguous


@given(st.data())
def test_arrays_one_behind_the_other_are_indexed_as_one(data):
    lengths = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=4))
    parts = [np.arange(2 * n).reshape(n, 2) + 100 * k for k, n in enumerate(lengths)]
    whole, joined = np.concatenate(parts), Concatenated(parts)
    ends = st.none() | st.integers(-12, 12)
    rows = slice(data.draw(ends), data.draw(ends), data.draw(st.sampled_from([None, 2, -1])))
    np.testing.assert_array_equal(np.asarray(joined[rows]), whole[rows])
    numbers = data.draw(st.lists(st.integers(-len(whole), len(whole) - 1), max_size=5)) if len(whole) else []
    np.testing.assert_array_equal(joined[np.array(numbers, int)], whole[np.array(numbers, int)])


@pytest.fixture
def always_mapped(monkeypatch):
    monkeypatch.setattr(image_files, "SMALL", 0)


def unpacked(folder, parts=1):
    """The gzipped files of a folder, unpacked; those of images and labels in parts of different lengths."""
    for number, path in enumerate(sorted(folder.iterdir())):
        array, plain = rows_of(path), path.with_suffix("")
        path.unlink()
        if parts == 1:
            write_idx(plain, array)
        else:
            plain.mkdir()
            for k, part in enumerate(np.array_split(array, parts + number % 2)):
                write_idx(plain / f"{k}", part)
    return folder


def rows_of(path):
    content = gzip.decompress(path.read_bytes())
    axes = content[3]
    shape = np.frombuffer(content, ">u4", axes, 4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


@pytest.mark.usefixtures("always_mapped")
@pytest.mark.parametrize("parts", [1, 11])
@pytest.mark.parametrize("name", ["tiny", "emnist"])
def test_folder_of_plain_files_is_the_same_data_set(four_files, parts, name):
    if name == "emnist":  # stored with rows and columns exchanged
        for path in four_files.iterdir():
            path.rename(path.with_name(f"emnist-tiny-{path.name.replace('t10k', 'test')}"))
    expected = load_mnist(four_files, validation=3)
    found = load_mnist(unpacked(four_files, parts), validation=3)
    assert isinstance(found.train.raw_images, Concatenated if parts > 1 else np.memmap)
    assert found.checksum() == expected.checksum()
    assert found.framing() == expected.framing()
    for one, other in zip(found.train.loader(5, shuffle=True), expected.train.loader(5, shuffle=True)):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda folder: [part.unlink() for part in folder.iterdir()],
            "-ubyte is an empty folder: expected a",
        ),
        (
            lambda folder: write_idx(folder / "9", np.zeros((1, 9, 7), np.uint8)),
            r"/9 is uint8 of .*\(1, 9, 7\)",
        ),
    ],
    ids=["empty", "another size"],
)
def test_folder_of_parts_that_are_not_a_whole_is_named(four_files, change, said):
    folder = unpacked(four_files, 3)
    change(folder / "train-images-idx3-ubyte")
    with pytest.raises(DataError, match=said):
        load_mnist(folder, validation=3)


def test_file_that_shrinks_while_it_is_read_is_named(tmp_path):
    loader = Loader(mapped(tmp_path, ARRAYS["pixels"], parts=True), LABELS, 50, shuffle=True)
    batches = iter(loader)
    next(batches)
    os.truncate(tmp_path / "part-3", 4000)
    with pytest.raises(DataError, match=r"part-3 has shrunk since it was opened: expected 9016 bytes"):
        list(batches)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda content: gzip.compress(content), "is gzipped: expected an uncompressed file .* gunzip"),
        (lambda content: content[:-1], "promises 18000 bytes of values"),
        (lambda content: content + b"0", "expected 18000 bytes of values from offset 16 .* found more"),
        (lambda content: content[:9], "expected 12 bytes of header at offset 4, found 5"),
    ],
    ids=["gzip", "truncated", "more", "header"],
)
def test_file_that_cannot_be_mapped_is_refused(tmp_path, change, said):
    write_idx(tmp_path / "images", ARRAYS["pixels"])
    (tmp_path / "images").write_bytes(change((tmp_path / "images").read_bytes()))
    with pytest.raises(DataError, match=said):
        map_idx(tmp_path / "images")


FATES = {
    "removed": lambda path: path.unlink(),
    "replaced": lambda path: write_idx(path, 1 + np.zeros_like(ARRAYS["pixels"])),
    "read a little at a time": lambda path: None,
}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
@pytest.mark.parametrize("fate", FATES)
def test_rows_are_those_of_the_map_whatever_becomes_of_its_file(tmp_path, monkeypatch, fate, copied):
    pixels = mapped(tmp_path, ARRAYS["pixels"], parts=False)
    FATES[fate](tmp_path / "part-0")
    if fate == "read a little at a time":  # as network drives do, and any file after 2 GiB
        pread = os.pread
        monkeypatch.setattr(os, "pread", lambda file, n, start: pread(file, min(n, 7), start))
    loader = Loader(pixels, LABELS, 50)
    for each in (loader, copied(loader)):
        found = np.concatenate([inputs for inputs, _ in each])
        np.testing.assert_array_equal(found, ARRAYS["pixels"])


def test_parts_may_differ_in_byte_order_and_have_parts():
    words = ARRAYS["words"]
    inner = Concatenated([words[:7].astype(">i2"), words[7:9]])
    whole = Concatenated([inner, words[9:]])
    assert (len(whole.arrays), whole.dtype) == (3, words.dtype)
    np.testing.assert_array_equal(whole[:], words)


@pytest.mark.parametrize("part", [[1, 2], 1.0, np.array(1.0), np.ma.masked_array([1.0], [True])])
def test_parts_other_than_whole_arrays_of_rows_are_refused(part):
    with pytest.raises(DataError, match=r"^arrays\[1\] is .*: expected an array"):
        Concatenated([np.ones(3), part])


def test_parts_and_labels_that_do_not_fit_are_refused(tmp_path):
    images = mapped(tmp_path, ARRAYS["pixels"], parts=True)
    with pytest.raises(DataError, match="500 inputs and 499 targets: every input needs one target"):
        Loader(images, LABELS[1:], 10)
    with pytest.raises(DataError, match=r"arrays\[1\] is float32 of shape \(500, 36\): expected uint8 of"):
        Concatenated([ARRAYS["pixels"], ARRAYS["floats"]])
    with pytest.raises(DataError, match="arrays is empty"):
        Concatenated([])
    bad = ARRAYS["floats"].copy()
    bad[260, 3] = np.nan
    with pytest.raises(DataError, match="inputs: row 260 holds a value that is not finite in float32"):
        Loader(mapped(tmp_path, bad, parts=True), LABELS, 10)


def test_processes_read_their_share_of_the_rows_alone(tmp_path, monkeypatch):
    images = mapped(tmp_path, ARRAYS["pixels"], parts=False)
    read, take = [], rows._InFile.take

    def noted(self, chosen):
        found = take(self, chosen)
        read.append(len(found))
        return found

    def run(communicator):
        model = nn.Sequential(nn.Flatten(), nn.Linear(36, 7, rng=0))
        data = Loader(images, LABELS, 50, shuffle=True), Loader(images, LABELS, 100)
        optimizer = optim.SGD(model.parameters(), 0.1)
        options = {"epochs": 1, "micro_batches": 8, "distributed": communicator, "progress": False}
        fit(model, nn.CrossEntropyLoss(), optimizer, *data, **options)
        return [array.tobytes() for array in model.state_dict().values()]

    monkeypatch.setattr(rows._InFile, "take", noted)
    alone = run(None)
    opened = 2 * rows._COMPARED
    assert sum(read) == opened + 2 * 500  # training and validation
    read.clear()
    assert together(4, run) == [alone] * 4
    assert sum(read) == 4 * opened + 2 * 500 + 4 * 2 * 500  # each compares all data at the start


PEAK = """
import sys
from pathlib import Path
from tinygrad_mnist.datasets import load_mnist
from tinygrad_mnist.training import Callback, Recipe
from tinygrad_mnist.training.job import run_training

class Short(Callback):
    def after_step(self, training):
        if training.all_steps == 100:
            training.stop("enough")

run_training(Recipe(hidden=(8,), epochs=1, batch_size=128), load_mnist(sys.argv[1], validation=1000),
             Path(sys.argv[1]) / "run", None, [Short()])
print(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1])
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_peak_memory_does_not_grow_with_the_images(tmp_path):
    """The peak counts pages of files too; the order and the labels take 5 bytes per image."""
    peaks = []
    for count in (60_000, 6_000_000):
        folder = tmp_path / str(count)
        folder.mkdir()
        for part, images in (("train", count), ("t10k", 1000)):
            header = b"\0\0\x08\3" + np.array([images, 4, 4], ">u4").tobytes()
            (folder / f"{part}-images-idx3-ubyte").write_bytes(header)
            os.truncate(folder / f"{part}-images-idx3-ubyte", len(header) + 16 * images)  # a hole: all black
            write_idx(folder / f"{part}-labels-idx1-ubyte", np.arange(images, dtype=np.uint8) % 10)
        command = [sys.executable, "-c", PEAK, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[-1]) / 1000)
    assert peaks[1] < peaks[0] + 50, peaks
