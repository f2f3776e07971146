"""Run folders: the files of a training, written and read.

config.json            the recipe, the options, the data; at the end the test result and the doctor's findings
checkpoints/           states to resume from
history.jsonl          one object per epoch
weights.safetensors    the parameters, keys as in ``state_dict``
times.json             the seconds of each epoch
*.svg                  pictures
report.html            all of it on one page
"""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.datasets import Framing, ImageDataset, load_digits
from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files import (
    finite_or_text,
    load_tensors,
    read_json,
    require_empty_file,
    require_file,
    require_folder,
    save_tensors,
    write_atomically,
)
from tinygrad_mnist.files.limits import MOST_COUNT, MOST_LETTERS, MOST_THREADS
from tinygrad_mnist.files.records import ADDED, Length, Number, Whole, read_record
from tinygrad_mnist.files.tensors import MOST_HEADER_BYTES
from tinygrad_mnist.program import Backend
from tinygrad_mnist.training.checkpoint_files import CheckpointFolder, versions
from tinygrad_mnist.training.checkpoints import averages_in
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.totals import Evaluation
from tinygrad_mnist.typing import Array

CONFIG, HISTORY, WEIGHTS, REPORT = "config.json", "history.jsonl", "weights.safetensors", "report.html"
TIMES, CHECKPOINTS, LOCK = "times.json", "checkpoints", ".lock"
PICTURES = (
    *("curves.svg", "confusion.svg", "misread.svg", "first_layer.svg", "distorted.svg"),
    *("graph.svg", "graph.dot"),
)
FILES = (CONFIG, HISTORY, WEIGHTS, TIMES, REPORT, *PICTURES)
MOST_CONFIG_BYTES = 2**20
MOST_WEIGHTS_BYTES = 2 * 2**30
Text = Annotated[str, Length(MOST_LETTERS)]
Side = Annotated[int, Whole(1, 2**16)]
Images = Annotated[int, Whole(0, 2**40 - 1)]
Weights = Literal["final", "best", "last"]


@dataclass(frozen=True)
class RunOptions:
    """Options for running and saving a training; none of them is part of the recipe.

    Attributes
    ----------
    backend, detect_anomaly
        As in `fit`.
    doctor
        True for the callback `Doctor`.
    checkpoint_steps, checkpoint_seconds, keep
        As ``every_steps``, ``every_seconds`` and ``keep`` of `Checkpoints`.
    threads
        Threads of the matrix products.  Another number may round differently.
    """

    doctor: bool = False
    detect_anomaly: bool = False
    checkpoint_steps: Annotated[int | None, Whole(1, MOST_COUNT)] = None
    checkpoint_seconds: Annotated[float | None, Number(low=1e-9, high=MOST_COUNT)] = 60.0
    keep: Annotated[int, Whole(1, MOST_COUNT)] = 3
    threads: Annotated[int, Whole(1, MOST_THREADS)] = 1
    backend: Backend = field(default="numpy", metadata=ADDED)


@dataclass(frozen=True)
class RunData:
    """The data set of a run, as its config has it: `framing` is None for configs of older versions."""

    name: Text
    directory: Text
    image_shape: tuple[Side, Side]
    pixel_max: Annotated[int, Whole(1, 255)]
    classes: Annotated[int, Whole(1, 256)]
    counts: tuple[Images, Images, Images]
    sha256: Text
    origin: Any = field(default=None, metadata=ADDED)
    framing: Any = field(default=None, metadata=ADDED)
    class_names: tuple[Text, ...] | None = field(default=None, metadata=ADDED)


@dataclass(frozen=True)
class ConfigFile:
    """The config of a run as its file has it; the results are there once it is finished."""

    recipe: Recipe
    options: RunOptions
    data: RunData
    finished: bool
    versions: Any = field(default=None, metadata=ADDED)
    test: Any = field(default=None, metadata=ADDED)
    interrupted: Any = field(default=None, metadata=ADDED)
    findings: Any = field(default=None, metadata=ADDED)


@dataclass(frozen=True)
class RunConfig:
    """Contents of a run's config: recipe, options, data, and the results once it is finished."""

    folder: Path
    recipe: Recipe
    options: RunOptions
    data_name: str
    data_directory: Path | None
    image_shape: tuple[int, int]
    pixel_max: int
    framing: Framing
    classes: int
    class_names: tuple[str, ...]
    counts: tuple[int, int, int]
    data_sha256: str
    finished: bool


@dataclass(frozen=True)
class Run(RunConfig):
    """A trained network with the config of its run."""

    model: nn.Sequential

    def probabilities(self, images: Array) -> Array:
        """Return the probability of each class for images (n, height, width): (n, classes)."""
        with no_grad():
            outputs = self.model.eval()(images)
        return self.recipe.probabilities(outputs.data)


def make_folder(folder: Path) -> Path:
    """Create the folder of a new run.

    Raises
    ------
    CheckpointError
        If it already contains a run.
    """
    if (folder / CONFIG).exists():
        raise CheckpointError(
            f"{folder} already contains a run: continue it with --resume, or choose "
            "another folder with --output"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CheckpointError(
            f"{folder}: a file is in the way: choose another folder with --output"
        ) from error
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock the folder against training by other processes, until this process ends in any way.

    Raises
    ------
    CheckpointError
        If another process has the lock, or another kind of file is in the place of one of the run.
    """
    from filelock import FileLock, Timeout

    _require_own_files(folder)
    try:
        with FileLock(folder / LOCK, blocking=False):
            yield
    except Timeout as error:
        raise CheckpointError(
            f"{folder}: another process is training into it: wait until it finishes, or choose another folder"
        ) from error


def _require_own_files(folder: Path) -> None:
    """Refuse a folder with links to elsewhere: a run changes files only in its folder."""
    require_empty_file(folder / LOCK, folder)
    require_folder(folder / CHECKPOINTS, folder)
    saved = [path for path in CheckpointFolder(folder / CHECKPOINTS).files() if not path.is_dir()]
    for path in (*(folder / name for name in FILES), *saved):
        require_file(path, folder)


def save_config(
    folder: Path,
    recipe: Recipe,
    options: RunOptions,
    dataset: ImageDataset,
    history: History | None = None,
    test: Evaluation | None = None,
) -> None:
    """Write the config of a run; with a test result, the run counts as finished."""
    config: dict[str, Any] = {
        "recipe": recipe.to_dict(),
        "options": asdict(options),
        "data": {
            "name": dataset.name,
            "origin": dataset.origin,
            "directory": str(dataset.directory or ""),
            "image_shape": dataset.image_shape,
            "pixel_max": dataset.train.pixel_max,
            "framing": dataset.framing().to_dict(),
            "classes": dataset.classes,
            "class_names": dataset.class_names if dataset.has_named_classes else None,
            "counts": [len(dataset.train), len(dataset.validation), len(dataset.test)],
            "sha256": dataset.checksum(),
        },
        "versions": versions(),
        "finished": history is not None and not history.interrupted,
    }
    if history is not None and test is not None:
        config["test"] = finite_or_text(asdict(test))
        config["interrupted"] = history.interrupted
        if history.findings is not None:
            config["findings"] = [finding.to_dict() for finding in history.findings]
    write_atomically(folder / CONFIG, json.dumps(config, indent=2) + "\n")


def save_results(folder: Path, model: nn.Module, history: History) -> None:
    """Write weights, history, and in a separate file the seconds, which differ between runs."""
    save_tensors(folder / WEIGHTS, model.state_dict())
    history.save(folder / HISTORY)
    seconds = {"seconds of training": [round(epoch.seconds, 3) for epoch in history]}
    write_atomically(folder / TIMES, json.dumps(seconds) + "\n")


def read_settings(folder: Path) -> RunConfig:
    """Read a run's config.

    Raises
    ------
    CheckpointError
        If the folder contains no run, or its config is damaged.
    """
    path = folder / CONFIG
    if not os.path.exists(path):
        raise CheckpointError(
            f"{folder} contains no run: there is no {CONFIG} in it; give a folder that `train` wrote"
        )
    config = read_record(ConfigFile, read_json(path, max_bytes=MOST_CONFIG_BYTES), f"{path} is damaged")
    data = config.data
    try:
        framing, names = _framing(data), _class_names(data)
        _require_learnable(config.recipe.count_parameters(data.image_shape, data.classes))
    except CheckpointError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from error
    return RunConfig(
        folder,
        config.recipe,
        config.options,
        data.name,
        Path(data.directory) if data.directory else None,
        data.image_shape,
        data.pixel_max,
        framing,
        data.classes,
        names,
        data.counts,
        data.sha256,
        config.finished,
    )


def load_run(folder: Path, weights: Weights = "final") -> Run:
    """Rebuild the network of a run.

    Parameters
    ----------
    weights
        "final": the weights at its end.  "best": those of the checkpoint with the lowest validation loss.
        "last": those of the newest checkpoint, which an unfinished run has too.

    Raises
    ------
    CheckpointError
        If the folder contains no run, or its files are damaged or do not fit each other.
    """
    settings = read_settings(folder)
    path = folder / WEIGHTS if weights == "final" else _checkpointed(folder, weights)
    if weights == "final" and not settings.finished and not os.path.exists(path):
        raise CheckpointError(
            f"{folder} is not finished: continue with `train --resume {folder}`, or take the weights of a "
            "checkpoint with --weights last or best"
        )
    return Run(**vars(settings), model=_load_model(path, settings))


def require_own_checkpoints(settings: RunConfig) -> None:
    """Refuse a config whose network is far larger than its checkpoints, before building it.

    Raises
    ------
    CheckpointError
        If no checkpoint is large enough for the recipe's network.
    """
    found = CheckpointFolder(settings.folder / CHECKPOINTS).most_bytes()
    if found is not None:
        _require_enough(settings.folder / CHECKPOINTS, found, settings)


def _checkpointed(folder: Path, weights: Weights) -> Path:
    checkpoints = CheckpointFolder(folder / CHECKPOINTS)
    found = checkpoints.best() if weights == "best" else next(checkpoints.newest_first(), None)
    if found is None:
        raise CheckpointError(f"{folder} has no whole checkpoint to take weights from")
    return found.tensors_path


def _load_model(weights: Path, settings: RunConfig) -> nn.Sequential:
    """Build the recipe's network and load the weights, after a check of their number."""
    recipe, shape, classes = settings.recipe, settings.image_shape, settings.classes
    promised = 4 * recipe.count_parameters(shape, classes)
    # A checkpoint has the arrays of the optimizer, moving averages and the best weights too.
    most_bytes = min(6 * promised, MOST_WEIGHTS_BYTES) + MOST_HEADER_BYTES
    arrays, _ = load_tensors(weights, max_bytes=most_bytes)
    own = {name[6:]: array for name, array in arrays.items() if name.startswith("model.")}
    tensors = own or arrays
    _require_enough(weights, sum(array.nbytes for array in tensors.values()), settings)
    # Start from zeros: random numbers in double precision would be drawn in vain.
    model = recipe.build_model(shape, classes, weight_init=lambda shape, rng: np.broadcast_to(0.0, shape))
    tensors |= averages_in(arrays, [name for name, _ in model.named_parameters()])
    try:
        _require_float32(tensors)
        model.load_state_dict(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{weights}: {error}") from error
    return model


def _require_enough(path: Path, found: int, settings: RunConfig) -> None:
    recipe = settings.recipe
    promised = 4 * recipe.count_parameters(settings.image_shape, settings.classes)
    if found < promised:
        raise CheckpointError(
            f"{path}: {found} bytes of parameters, and the recipe in {CONFIG} (hidden: "
            f"{reprlib.repr(list(recipe.hidden))}) requires {promised}: they belong to different runs"
        )


def _require_learnable(parameters: int) -> None:
    if 4 * parameters > MOST_WEIGHTS_BYTES:
        raise CheckpointError(
            f"recipe: {parameters} parameters, expected at most {MOST_WEIGHTS_BYTES // 4} (2 GiB)"
        )


def _require_float32(tensors: Mapping[str, Array]) -> None:
    """Refuse other dtypes, which ``load_state_dict`` would convert: a run saves float32."""
    for name, array in tensors.items():
        if array.dtype != np.float32:
            raise CheckpointError(f"{name} is {array.dtype}, expected float32")


def _framing(data: RunData) -> Framing:
    """Return the framing of the data set; configs of older versions have none."""
    if data.framing is not None:
        try:
            return Framing.from_dict(data.framing, data.image_shape)
        except DataError as error:
            raise CheckpointError(f"data: {error}") from error
    return load_digits().framing() if data.name == "digits" else Framing.of_mnist(data.image_shape)


def _class_names(data: RunData) -> tuple[str, ...]:
    """Return the names of the classes; the numbers from 0 if none are saved."""
    names = data.class_names
    if names is None:
        return tuple(map(str, range(data.classes)))
    if not len(set(names)) == len(names) == data.classes:
        raise CheckpointError(f"data: class_names is {shown(names)}: expected {data.classes} different names")
    return names
