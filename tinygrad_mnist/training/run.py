"""A run folder: what a training leaves behind, and how it is read again.

config.json            the recipe, the data, versions, the test result, and what the doctor found
history.jsonl          an object an epoch
weights.safetensors    the parameters, keys as in ``state_dict``
*.png, graph.svg       pictures
report.html            all of it on one page
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.loop import Evaluation
from tinygrad_mnist.training.recipe import Recipe

CONFIG, HISTORY, WEIGHTS, REPORT = "config.json", "history.jsonl", "weights.safetensors", "report.html"


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
    from safetensors.numpy import save_file

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
        "test": asdict(test),
        "interrupted": history.interrupted,
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }
    if history.findings is not None:
        config["findings"] = [finding.to_dict() for finding in history.findings]
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    history.save(folder / HISTORY)
    save_file(model.state_dict(), folder / WEIGHTS)


def load_run(folder: Path) -> Run:
    """Rebuild the network of a run.

    Raises
    ------
    CheckpointError
        When the folder holds no run, or its files are damaged or do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    settings, weights = folder / CONFIG, folder / WEIGHTS
    try:
        config = json.loads(settings.read_text(encoding="utf-8"))
        recipe, data = Recipe.from_dict(config["recipe"]), config["data"]
        height, width = (int(side) for side in data["image_shape"])
        directory = Path(data["directory"]) if data["directory"] else None
        name, pixel_max, classes = str(data["name"]), int(data["pixel_max"]), int(data["classes"])
        model = recipe.build_model((height, width), classes)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(
            f"{folder} holds no run: there is no {CONFIG} in it; give a folder that `train` wrote"
        ) from error
    except CheckpointError as error:
        raise CheckpointError(f"{settings}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, MemoryError) as error:
        raise CheckpointError(f"{settings} is damaged: {error!r}") from error
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, KeyError) as error:
        raise CheckpointError(f"{weights} is damaged: {error}") from error
    except CheckpointError as error:
        raise CheckpointError(f"{weights}: {error}") from error
    return Run(folder, recipe, name, directory, (height, width), pixel_max, classes, model)
