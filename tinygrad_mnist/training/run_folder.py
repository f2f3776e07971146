"""Run folders: the files of a training run, written and read.

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
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files import (
    load_tensors,
    require_empty_file,
    require_file,
    require_folder,
    save_tensors,
    write_atomically,
)
from tinygrad_mnist.files.tensors import MOST_HEADER_BYTES
from tinygrad_mnist.training.checkpoint_files import CheckpointFolder
from tinygrad_mnist.training.checkpoints import averages_in
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.run_config import CONFIG, MOST_WEIGHTS_BYTES, RunConfig, read_settings
from tinygrad_mnist.typing import Array

HISTORY, WEIGHTS, REPORT = "history.jsonl", "weights.safetensors", "report.html"
TIMES, CHECKPOINTS, LOCK = "times.json", "checkpoints", ".lock"
PICTURES = (
    *("curves.svg", "confusion.svg", "misread.svg", "first_layer.svg", "distorted.svg"),
    *("graph.svg", "graph.dot"),
)
FILES = (CONFIG, HISTORY, WEIGHTS, TIMES, REPORT, *PICTURES)
Weights = Literal["final", "best", "last"]


@dataclass(frozen=True)
class Run(RunConfig):
    """A trained network with the config of its run."""

    model: nn.Sequential

    def probabilities(self, images: Array) -> Array:
        """Return the probability of each class for images (n, height, width): (n, classes)."""
        with no_grad():
            outputs = self.model.eval()(images)
        return self.recipe.probabilities(outputs.data)


def require_no_run(folder: Path) -> None:
    """Refuse the folder of another run for a new one."""
    if (folder / CONFIG).exists():
        raise CheckpointError(
            f"{folder} already contains a run: continue it with --resume, or choose "
            "another folder with --output"
        )


def make_folder(folder: Path) -> Path:
    """Create the folder of a new run.

    Raises
    ------
    CheckpointError
        If it already contains a run.
    """
    require_no_run(folder)
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


def save_results(folder: Path, model: nn.Module, history: History) -> None:
    """Write weights, history, and in a separate file the seconds, which differ between runs."""
    save_tensors(folder / WEIGHTS, model.state_dict())
    history.save(folder / HISTORY)
    seconds = {"seconds of training": [round(epoch.seconds, 3) for epoch in history]}
    write_atomically(folder / TIMES, json.dumps(seconds) + "\n")


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


def _require_float32(tensors: Mapping[str, Array]) -> None:
    """Refuse other dtypes, which ``load_state_dict`` would convert: a run saves float32."""
    for name, array in tensors.items():
        if array.dtype != np.float32:
            raise CheckpointError(f"{name} is {array.dtype}, expected float32")
