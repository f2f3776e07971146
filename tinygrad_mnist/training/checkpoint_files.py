"""The files of checkpoints: the state of training in a folder, whole or not there at all.

step-000001407.safetensors   parameters and arrays of the optimizer
step-000001407.json          everything else, with the checksums of both

Each file is written under a temporary name and renamed at the end, the JSON last.  A checkpoint exists once
its JSON does; an earlier interruption leaves the previous checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files import load_tensors, read_json, save_tensors, write_atomically
from tinygrad_mnist.files.records import ADDED, Whole, read_record
from tinygrad_mnist.typing import Array

FORMAT = 2
MOST_JSON = 16 * 2**20  # bytes: some 30,000 epochs of history
TENSORS, REST = ".safetensors", ".json"
_OURS = re.compile(r"step-\d+\.(json|safetensors)|\.step-\d+\.\w+\.\w+\.tmp")


@dataclass(frozen=True)
class Checkpoint:
    """Contents of the JSON file of a checkpoint.

    Attributes
    ----------
    steps
        Number of updates up to it.
    loss
        Loss at the end of an epoch, on the validation data if there are any; None within an epoch.
    contents
        The data passed to `Checkpoints.save`.
    tensors
        Checksum and size of the arrays.
    versions
        Versions of Python and NumPy that wrote it.
    path
        Path of the file, which is not part of its contents.
    """

    format: int
    steps: Annotated[int, Whole(0)]
    loss: float | None
    contents: dict[str, Any]
    tensors: dict[str, Any]
    versions: dict[str, Any]
    path: Path = field(default=Path(), metadata=ADDED)

    @property
    def tensors_path(self) -> Path:
        """The file with the arrays."""
        return self.path.with_suffix(TENSORS)

    def arrays(self, most_bytes: int) -> dict[str, Array]:
        """Read the arrays.

        Raises
        ------
        CheckpointError
            If the file is missing, larger than `most_bytes`, or not the one that was written.
        """
        path = self.tensors_path
        arrays, metadata = load_tensors(path, max_bytes=most_bytes)
        checksum = self.tensors.get("checksum")
        if metadata.get("checksum") != checksum or _checksum(arrays) != checksum:
            raise CheckpointError(f"{path} is not the file that {self.path.name} was written with")
        return arrays


class CheckpointFolder:
    """A folder of checkpoints.

    Parameters
    ----------
    folder : str or Path
        Created if missing, when the first checkpoint is saved.
    keep : int, default 3
        Number of the newest checkpoints to keep; the one with the lowest loss is kept too.
    """

    def __init__(self, folder: str | Path, *, keep: int = 3) -> None:
        self.folder, self.keep = Path(folder), keep

    def save(
        self, steps: int, arrays: Mapping[str, Array], contents: dict[str, Any], loss: float | None = None
    ) -> Path | None:
        """Write a checkpoint, and remove those that are not kept.

        A full disk or a missing folder does not end a training run that may take hours.  It causes a warning,
        keeps the older checkpoints, and returns None.
        """
        path = self.folder / f"step-{steps:09}{REST}"
        checksum = _checksum(arrays)
        record = {
            "format": FORMAT,
            "steps": steps,
            "loss": loss,
            "contents": contents,
            "tensors": {"checksum": checksum, "bytes": sum(array.nbytes for array in arrays.values())},
            "versions": versions(),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_tensors(path.with_suffix(TENSORS), arrays, {"checksum": checksum})
            write_atomically(path, json.dumps({**record, "checksum": checksum_of(record)}, indent=1) + "\n")
        except OSError as error:
            last = self.newest_path()
            warnings.warn(
                f"the checkpoint {path} could not be written ({error.strerror or error}); training "
                f"continues, and the last good one is {last or 'none'}",
                RuntimeWarning,
                stacklevel=warning_level(),
            )
            return None
        self._remove_old(path)
        return path

    def newest(self, most_bytes: int) -> tuple[Checkpoint, dict[str, Array]] | None:
        """Return the newest whole checkpoint and its arrays; None in a folder without any.

        A warning names each damaged checkpoint that is skipped.

        Raises
        ------
        CheckpointError
            If there are checkpoints and none of them is whole, or one is larger than `most_bytes`.
        """
        for checkpoint in self.newest_first():
            try:
                arrays = checkpoint.arrays(most_bytes)
            except CheckpointError as error:
                warnings.warn(f"skipped: {error}", RuntimeWarning, stacklevel=warning_level())
                continue
            if checkpoint.versions != versions():
                warnings.warn(
                    f"{checkpoint.path} was written with {_listed(checkpoint.versions)}, and this is "
                    f"{_listed(versions())}: training continues, perhaps with other last bits",
                    RuntimeWarning,
                    stacklevel=warning_level(),
                )
            return checkpoint, arrays
        if self._paths():
            raise CheckpointError(
                f"none of the {len(self._paths())} checkpoints in {self.folder} is whole: remove the folder "
                "to begin again"
            )
        return None

    def best(self) -> Checkpoint | None:
        """Return the whole checkpoint with the lowest loss, the earliest of equals."""
        measured = [each for each in map(_if_whole, self._paths()) if each and each.loss is not None]
        return min(measured, key=lambda each: (each.loss, each.steps), default=None)

    def newest_first(self) -> Iterator[Checkpoint]:
        """Yield all whole checkpoints, newest first; each is read on demand."""
        for path in reversed(self._paths()):
            try:
                yield read_checkpoint(path)
            except CheckpointError as error:
                warnings.warn(f"skipped: {error}", RuntimeWarning, stacklevel=warning_level())

    def _paths(self) -> list[Path]:
        found = [
            path
            for path in self.folder.glob(f"step-*{REST}")
            if path.stem[5:].isdecimal() and not path.is_dir()  # a folder may be named like one
        ]
        return sorted(found, key=lambda path: int(path.stem[5:]))

    def newest_path(self) -> Path | None:
        """Return the path of the newest JSON file, which is not read."""
        return next(reversed(self._paths()), None)

    def most_bytes(self) -> int | None:
        """Return the size of the largest file of arrays; None in a folder without checkpoints."""
        files = [path.with_suffix(TENSORS) for path in self._paths()]
        return max((path.stat().st_size if path.is_file() else 0 for path in files), default=None)

    def files(self) -> list[Path]:
        """List the files in the folder that are named like a checkpoint's."""
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if _OURS.fullmatch(path.name))

    def _remove_old(self, newest: Path) -> None:
        """Keep the newest and the best; remove the rest and the remains of interrupted saves."""
        paths = self._paths()
        kept = {path.stem for path in paths[-self.keep :]} | {newest.stem}
        if len(paths) > self.keep:
            best = self.best()
            kept |= {best.path.stem} if best else set()
        for kind in (REST, TENSORS, ".tmp"):  # JSON first: a checkpoint with a JSON must always be whole
            for path in self.folder.iterdir():
                if _OURS.fullmatch(path.name) and path.suffix == kind and path.stem not in kept:
                    _remove(path)


def _remove(path: Path) -> None:
    """Remove a file or link.  Failure costs disk space and does not end the training."""
    if path.is_dir() and not path.is_symlink():
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        warnings.warn(
            f"{path} could not be removed ({error.strerror or error}); training continues",
            RuntimeWarning,
            stacklevel=warning_level(),
        )


def _if_whole(path: Path) -> Checkpoint | None:
    try:
        return read_checkpoint(path)
    except CheckpointError:
        return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read the JSON of a checkpoint.

    Raises
    ------
    CheckpointError
        If it is missing, damaged, or of another format.
    """
    record = read_json(path, max_bytes=MOST_JSON)
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a checkpoint of format {FORMAT}")
    checksum = record.pop("checksum", None)
    if checksum != checksum_of(record):
        raise CheckpointError(f"{path} is damaged: its checksum is not that of its content")
    return replace(read_record(Checkpoint, record, str(path)), path=path)


def versions() -> dict[str, str]:
    """Return the versions that the bits of a training run depend on, besides the machine."""
    return {"python": platform.python_version(), "numpy": np.__version__}


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def checksum_of(record: dict[str, Any]) -> str:
    """Return the SHA-256 of a checkpoint's JSON without the checksum itself."""
    canonical = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _checksum(arrays: Mapping[str, Array]) -> str:
    """Return the SHA-256 of names, dtypes, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
