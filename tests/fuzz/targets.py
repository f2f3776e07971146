"""Targets of fuzzing: for each reader its seeds, and one function that reads any bytes with it."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader, load_digits, map_idx, read_idx, write_idx
from tinygrad_mnist.datasets.picture import read_pictures
from tinygrad_mnist.errors import CheckpointError, DataError, DivergenceError
from tinygrad_mnist.files import load_tensors, read_json, save_tensors
from tinygrad_mnist.training import Checkpoints, Epoch, Evaluation, History, Recipe, fit
from tinygrad_mnist.training.checkpoint_files import checksum_of
from tinygrad_mnist.training.run_config import CONFIG, RunOptions, save_config
from tinygrad_mnist.training.run_folder import HISTORY, WEIGHTS, load_run, save_results

FOUND = Path(__file__).parent / "found"
MOST_BYTES = 2**20
PNG_HEAD = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Target:
    """A reader: real small files to start from, and how bytes are read, in a folder that may be written to.

    `read` lets through what it must not: any exception but the reader's own.
    """

    seeds: Callable[[Path], Iterator[bytes]]
    read: Callable[[bytes, Path], None]


def _idx_seeds(folder: Path) -> Iterator[bytes]:
    path = folder / "seed"
    for dtype in ("u1", "i1", "i2", "i4", "f4", "f8"):
        write_idx(path, np.arange(6).reshape(3, 2).astype(dtype))
        yield path.read_bytes()
    write_idx(path, load_digits().test.raw_images[:2])
    yield path.read_bytes()
    yield gzip.compress(path.read_bytes(), mtime=0)


def _read_idx(content: bytes, folder: Path) -> None:
    path = folder / "images"
    for version in (content, gzip.compress(content, 1, mtime=0)):
        path.write_bytes(version)
        array = None
        try:
            array = read_idx(path)
        except DataError as error:
            _require_named(error, path)
        else:
            assert array.nbytes <= 1032 * len(version)
        try:
            mapped = map_idx(path)
        except DataError as error:
            _require_named(error, path)
        else:
            assert mapped.nbytes <= len(version)
            assert array is None or mapped.tobytes() == array.astype(mapped.dtype).tobytes()


def _png_seeds(folder: Path) -> Iterator[bytes]:
    ink = Image.fromarray(np.pad(load_digits().test.raw_images[0] * 15, 2))
    modes = [ink.convert(mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA")]
    for picture in [*modes, Image.fromarray(np.asarray(ink, np.uint16) * 257)]:
        yield _png(picture)
    yield _png(ink, transparency=0, dpi=(72, 72), icc_profile=b"profile")
    yield _png(ink, save_all=True, append_images=[ink.rotate(90)])


def _png(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", **options)
    return file.getvalue()


def _read_png(content: bytes, folder: Path) -> None:
    path = folder / "digit.png"
    for version in (content, with_checksums(content)):
        path.write_bytes(version)
        try:
            images = read_pictures(path, (28, 28))
        except DataError as error:
            _require_named(error, path)
        else:
            assert images.shape == (1, 28, 28)
            assert np.isfinite(images).all()


def with_checksums(content: bytes) -> bytes:
    """Make every checksum of a PNG right: behind a wrong one nothing is looked at."""
    repaired, position = PNG_HEAD, len(PNG_HEAD)
    while position + 12 <= len(content):
        (length,) = struct.unpack_from(">I", content, position)
        chunk = content[position + 4 : min(position + 8 + length, len(content) - 4)]
        repaired += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        position += len(chunk) + 8
    return repaired


def _save_run(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    recipe, digits = Recipe(hidden=(2,)), load_digits()
    model = recipe.build_model(digits.image_shape, digits.classes)
    history = History([Epoch(1, 0.1, 2.5, 0.5, None, None, 100, 0.5)])
    save_results(folder, model, history)
    save_config(folder, recipe, RunOptions(), digits, history, Evaluation(2.5, 0.1, 360))


# The first byte of an input says which file of a run the others are.
_FILES = (CONFIG, WEIGHTS, HISTORY, "other.json", "other.safetensors")


def _checkpoint_seeds(folder: Path) -> Iterator[bytes]:
    run = folder / "seeds"
    _save_run(run)
    (run / "other.json").write_text('{"a": [1, -2.5e3, true, null, "\\u00e9\\n"], "b": {"c": []}}')
    tensors = {
        "a": np.ones((2, 1)),
        "b": np.zeros((0, 3), np.int8),
        "c": np.float32(1),
        "d": np.ones(2, bool),
    }
    save_tensors(run / "other.safetensors", tensors, {"format": "np"})
    for number, name in enumerate(_FILES):
        yield bytes([number]) + (run / name).read_bytes()


def _read_checkpoint(content: bytes, folder: Path) -> None:
    number = content[0] % len(_FILES) if content else 0
    run, name = folder / "run", _FILES[number]
    if not run.exists():
        _save_run(run)
    path = run / name
    kept = path.read_bytes() if path.exists() else b""
    path.write_bytes(content[1:])
    try:
        _read_file(path)
    except CheckpointError as error:
        _require_named(error, run)
    finally:
        path.write_bytes(kept)


def _read_file(path: Path) -> None:
    if path.name in (CONFIG, WEIGHTS):
        model = load_run(path.parent).model
        assert all(np.isfinite(parameter.data).all() for parameter in model.parameters())
    elif path.name == HISTORY:
        repr(History.load(path))
    elif path.name == "other.json":
        repr(read_json(path, max_bytes=MOST_BYTES))
    else:
        tensors, metadata = load_tensors(path, max_bytes=MOST_BYTES)
        assert all(np.isfinite(array).all() for array in tensors.values())
        assert all(isinstance(text, str) for item in metadata.items() for text in item)


def _resume(folder: Path, epochs: int) -> None:
    """Go on from the checkpoints in a folder, with a network that has every kind of state."""
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 3, rng=rng), nn.Dropout(0.5, rng=rng), nn.Linear(3, 2, rng=rng))
    optimizer = optim.SGD(model.parameters(), 0.1, momentum=0.9)
    schedule = optim.CosineAnnealingLR(optimizer, 4)
    train = Loader(rng.standard_normal((6, 2)), [0, 1] * 3, 4, shuffle=True)
    parts = model, nn.CrossEntropyLoss(), optimizer, train
    fit(*parts, epochs=epochs, schedule=schedule, callbacks=[Checkpoints(folder)], backend="eager")


def _resume_seeds(folder: Path) -> Iterator[bytes]:
    saved = folder / "saved"
    _resume(saved, 2)
    for path in sorted(saved.iterdir()):
        yield path.suffix[1:2].encode() + path.read_bytes()


def _read_resume(content: bytes, folder: Path) -> None:
    """The first byte says which of the two files of a checkpoint the others are."""
    name = "step-000000001.json" if content[:1] == b"j" else "step-000000001.safetensors"
    original, saved = folder / "original", folder / "resumed"
    if not original.exists():
        _resume(original, 1)
    for version in (content[1:], with_checksum(content[1:])):
        shutil.rmtree(saved, ignore_errors=True)
        saved.mkdir()
        for path in original.iterdir():
            shutil.copy(path, saved / f"step-000000001{path.suffix}")
        (saved / name).write_bytes(version)
        try:
            with warnings.catch_warnings(action="ignore"):
                _resume(saved, 1)
        except (CheckpointError, DivergenceError) as error:
            _require_named(error, saved)


def with_checksum(content: bytes) -> bytes:
    """Make the checksum of a checkpoint's JSON right, as a forger would."""
    try:
        record = json.loads(content)
        record.pop("checksum", None)
        return json.dumps({**record, "checksum": checksum_of(record)}).encode()
    except (ValueError, AttributeError, TypeError, RecursionError):
        return content


def _require_named(error: Exception, path: Path) -> None:
    assert str(path) in str(error), f"the file is not named: {error}"


TARGETS = {
    "idx": Target(_idx_seeds, _read_idx),
    "checkpoint": Target(_checkpoint_seeds, _read_checkpoint),
    "resume": Target(_resume_seeds, _read_resume),
    "png": Target(_png_seeds, _read_png),
}
