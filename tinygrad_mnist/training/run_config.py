"""Config of a run: recipe, options and data; at the end the test result and the findings of the doctor."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.datasets import Framing, ImageDataset, load_digits
from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files import finite_or_text, read_json, write_atomically
from tinygrad_mnist.files.limits import MOST_COUNT, MOST_LETTERS, MOST_THREADS
from tinygrad_mnist.files.records import ADDED, Length, Number, Whole, read_record
from tinygrad_mnist.program import Backend
from tinygrad_mnist.training.checkpoint_files import versions
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.totals import Evaluation

CONFIG = "config.json"
MOST_CONFIG_BYTES = 2**20
MOST_WEIGHTS_BYTES = 2 * 2**30
Text = Annotated[str, Length(MOST_LETTERS)]
Side = Annotated[int, Whole(1, 2**16)]
Images = Annotated[int, Whole(0, 2**40 - 1)]


@dataclass(frozen=True)
class RunOptions:
    """Options for running and saving training; none of them is part of the recipe.

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


def _require_learnable(parameters: int) -> None:
    if 4 * parameters > MOST_WEIGHTS_BYTES:
        raise CheckpointError(
            f"recipe: {parameters} parameters, expected at most {MOST_WEIGHTS_BYTES // 4} (2 GiB)"
        )


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
