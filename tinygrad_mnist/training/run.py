"""A run folder: what a training leaves behind, and how it is read again.

config.json            the recipe, the data, versions, the test result, and what the doctor found
history.jsonl          an object an epoch
weights.safetensors    the parameters, keys as in ``state_dict``
*.png, graph.svg       pictures
report.html            all of it on one page
"""

from __future__ import annotations

import json
import os
import platform
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import nn
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files import finite_or_text, load_tensors, read_json, save_tensors, write_atomically
from tinygrad_mnist.files.tensors import MOST_HEADER_BYTES
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.loop import Evaluation
from tinygrad_mnist.training.recipe import Recipe

CONFIG, HISTORY, WEIGHTS, REPORT = "config.json", "history.jsonl", "weights.safetensors", "report.html"
MOST_CONFIG_BYTES = 2**20
MOST_WEIGHTS_BYTES = 2 * 2**30
DATA_SETTINGS = {"name": str, "directory": str, "image_shape": list, "pixel_max": int, "classes": int}


@dataclass(frozen=True)
class Run:
    """A trained network and where it came from."""

    folder: Path
    recipe: Recipe
    data_name: str
    data_directory: Path | None
    image_shape: tuple[int, int]
    pixel_max: int
    classes: int
    model: nn.Sequential


def make_folder(folder: Path) -> Path:
    """Create the folder of a new run.

    Raises
    ------
    CheckpointError
        When it holds a run already.
    """
    if (folder / CONFIG).exists():
        raise CheckpointError(f"{folder} holds a run already: choose another folder with --output")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise CheckpointError(
            f"{folder}: a file is in the way: choose another folder with --output"
        ) from error
    return folder


def save_run(
    folder: Path, recipe: Recipe, model: nn.Module, dataset: ImageDataset, history: History, test: Evaluation
) -> None:
    """Write config, history and weights."""
    config = {
        "recipe": recipe.to_dict(),
        "data": {
            "name": dataset.name,
            "origin": dataset.origin,
            "directory": str(dataset.directory or ""),
            "image_shape": dataset.image_shape,
            "pixel_max": dataset.train.pixel_max,
            "classes": dataset.classes,
            "counts": [len(dataset.train), len(dataset.validation), len(dataset.test)],
        },
        "test": finite_or_text(asdict(test)),
        "interrupted": history.interrupted,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }
    if history.findings is not None:
        config["findings"] = [finding.to_dict() for finding in history.findings]
    history.save(folder / HISTORY)
    save_tensors(folder / WEIGHTS, model.state_dict())
    write_atomically(
        folder / CONFIG, json.dumps(config, indent=2) + "\n"
    )  # last: it makes a run of the folder


def load_run(folder: Path) -> Run:
    """Rebuild the network of a run.

    Raises
    ------
    CheckpointError
        When the folder holds no run, or its files are damaged or do not fit each other.
    """
    settings, weights = folder / CONFIG, folder / WEIGHTS
    if not os.path.exists(settings):
        raise CheckpointError(
            f"{folder} holds no run: there is no {CONFIG} in it; give a folder that `train` wrote"
        )
    config = _checked(f"{settings}:", read_json(settings, max_bytes=MOST_CONFIG_BYTES), {"data": dict})
    try:
        recipe = Recipe.from_dict(config.get("recipe"))
        data = _checked("data:", config["data"], DATA_SETTINGS)
        image_shape = _image_shape(data["image_shape"])
        _require_within("classes", data["classes"], 256)
        _require_within("pixel_max", data["pixel_max"], 255)
    except CheckpointError as error:
        raise CheckpointError(f"{settings} is damaged: {error}") from error
    model = _load_model(weights, recipe, image_shape, data["classes"])
    directory = Path(data["directory"]) if data["directory"] else None
    return Run(
        folder, recipe, data["name"], directory, image_shape, data["pixel_max"], data["classes"], model
    )


def _load_model(weights: Path, recipe: Recipe, image_shape: tuple[int, int], classes: int) -> nn.Sequential:
    """Build the recipe's network, once the file is known to hold as many numbers, and fill it."""
    promised = 4 * recipe.count_parameters(image_shape, classes)
    tensors, _ = load_tensors(weights, max_bytes=min(promised, MOST_WEIGHTS_BYTES) + MOST_HEADER_BYTES)
    found = sum(array.nbytes for array in tensors.values())
    if found < promised:
        raise CheckpointError(
            f"{weights}: {found} bytes of parameters, and the recipe in {CONFIG} (hidden: "
            f"{reprlib.repr(list(recipe.hidden))}) means {promised}: the two are not of one run"
        )
    model = recipe.build_model(image_shape, classes)
    try:
        _require_float32(tensors)
        model.load_state_dict(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{weights}: {error}") from error
    return model


def _require_float32(tensors: Mapping[str, NDArray[Any]]) -> None:
    """Hold the dtype, where ``load_state_dict`` would convert: what a run saves is float32."""
    for name, array in tensors.items():
        if array.dtype != np.float32:
            raise CheckpointError(f"{name} is {array.dtype}, expected float32")


def _checked(where: str, settings: Any, kinds: Mapping[str, type]) -> dict[str, Any]:
    """Return the settings, which are an object that has these keys with values of these types."""
    if type(settings) is not dict:
        raise CheckpointError(f"{where} expected an object, found {reprlib.repr(settings)}")
    for key, kind in kinds.items():
        if type(settings.get(key)) is not kind:
            found = reprlib.repr(settings[key]) if key in settings else "none"
            raise CheckpointError(f"{where} expected a {kind.__name__} as {key!r}, found {found}")
    return settings


def _image_shape(sides: list[Any]) -> tuple[int, int]:
    if len(sides) != 2:
        raise CheckpointError(f"data: image_shape has {len(sides)} sides, expected 2")
    for side in sides:
        _require_within("image_shape", side, 2**16)
    return sides[0], sides[1]


def _require_within(name: str, value: Any, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise CheckpointError(f"data: {name} is {reprlib.repr(value)}, expected 1 to {most}")
