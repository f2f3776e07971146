"""Sentences of a training, its checkpoints and its run folder, word by word."""

import json
import re
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tests.snapshots import assert_as_kept
from tests.training.jobs import Job
from tests.training.test_requirements import WRONG, X, Y, arguments, model_of
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.files.records import read_record
from tinygrad_mnist.files.tensors import load_tensors, save_tensors
from tinygrad_mnist.training import Checkpoints, EarlyStopping, Progress, Recipe, evaluate, fit, predict
from tinygrad_mnist.training.checkpoint_files import checksum_of
from tinygrad_mnist.training.fresh import fresh_network
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.job import require_unfinished, resume_training, run_training
from tinygrad_mnist.training.run_config import CONFIG, RunOptions, read_settings, save_config
from tinygrad_mnist.training.run_data import load_run_data
from tinygrad_mnist.training.run_folder import (
    load_run,
    locked,
    make_folder,
    require_own_checkpoints,
    save_results,
)
from tinygrad_mnist.training.run_state import Parts, Position, RunState
from tinygrad_mnist.training.totals import Evaluation

SNAPSHOTS = Path(__file__).parent / "snapshots"


def said(folder, call, *given, **options):
    """The error, its notes, and the warnings of a call; the folder has another name each time."""
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            call(*given, **options)
            found = []
        except Exception as error:
            found = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]
    found += [f"{type(w.message).__name__}: {w.message}" for w in caught]
    text = "\n    ".join(found) or "nothing"
    text = re.sub(r"\d+\.\d+\.\d+", "N", text.replace(str(folder), "FOLDER"))
    return re.sub(r"0x\w+|\.py:\d+|\S*/datasets/\S*", "...", text)


def assert_said(name, lines):
    assert_as_kept(
        SNAPSHOTS / f"{name}.txt", "\n\n".join(f"{what}\n    {text}" for what, text in lines) + "\n"
    )


# Arguments


def nan_batch(row, shape=(4, 3)):
    x = np.ones(shape, np.float32)
    x[row] = np.nan
    return [(x, np.zeros(len(x), int))]


def test_wrong_arguments_of_a_training_word_by_word(tmp_path):
    calls = {name: (fit, given) for name, (given, _) in WRONG.items()}
    for name, changes in {
        "callbacks as one": {"callbacks": EarlyStopping()},
        "callbacks as text": {"callbacks": "Progress"},
        "a class as a callback": {"callbacks": [Progress(), EarlyStopping]},
        "a function as a callback": {"callbacks": [print]},
        "two checkpoints": {"callbacks": [Checkpoints(tmp_path), Checkpoints(tmp_path)]},
        "backend": {"backend": "replay"},
        "no batch": {"train": []},
        "one pass": {"train": iter([(X, Y)]), "epochs": 2},
        "one pass of a function": {"train": iter([(X, Y)]).__iter__, "epochs": 2},
        "NaN in the inputs": {"train": nan_batch(2)},
        "learning rate": {"optimizer": None},
    }.items():
        calls[name] = fit, arguments(**changes)
    model, loss = model_of(), nn.CrossEntropyLoss()
    lines = [(name, said(tmp_path, call, **given)) for name, (call, given) in calls.items()]
    for name, call in {
        "evaluate with separate targets": lambda: evaluate(model, loss, X, Y),
        "predict with separate targets": lambda: predict(model, X, Y),
        "evaluate nothing": lambda: evaluate(model, loss, []),
        "predict nothing": lambda: predict(model, []),
        "predict no rows": lambda: predict(model, X[:0]),
        "evaluate a class": lambda: evaluate(nn.Linear, loss, (X, Y)),
        "predict by a class": lambda: predict(nn.Linear, X),
        "loss as a class": lambda: evaluate(model, nn.MSELoss, (X, Y)),
        "patience": lambda: EarlyStopping(patience=0),
        "min_delta": lambda: EarlyStopping(min_delta=-1e-9),
        "every_steps": lambda: Checkpoints(tmp_path, every_steps=0),
        "every_seconds": lambda: Checkpoints(tmp_path, every_seconds=0.0),
        "keep": lambda: Checkpoints(tmp_path, keep=0),
    }.items():
        lines.append((name, said(tmp_path, call)))
    assert_said("arguments", lines)


def diverging(**options):
    """A training whose third batch holds an outlier that overflows, one step after another."""
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Linear(4, 2, rng=1))
    for parameter in model.parameters():
        parameter.data = np.full(parameter.shape, 0.5, np.float32)
    x = np.ones((24, 3), np.float32)
    x[11] = 3e38
    train = options.pop("train", lambda x, y: Loader(x, y, 4))(x, np.arange(24) % 2)
    optimizer = optim.SGD(model.parameters(), lr=options.pop("lr", 0.125))
    return fit(
        model,
        options.pop("loss", nn.CrossEntropyLoss()),
        optimizer,
        train,
        epochs=options.pop("epochs", 2),
        **options,
    )


def root_of_nothing(output, target):
    return ops.mean((output - output) ** 0.5)


def test_numbers_that_are_not_finite_word_by_word(tmp_path):
    as_list = {"train": lambda x, y: [(x[i : i + 4], y[i : i + 4]) for i in range(0, 24, 4)]}
    once = {"train": lambda x, y: iter([(x[i : i + 4], y[i : i + 4]) for i in range(0, 24, 4)]), "epochs": 1}
    held_out = {"train": lambda x, y: Loader(x[:8], y[:8], 4), "validation": [nan_batch(1)[0]]}
    lines = []
    for name, options in {
        "a loader": {},
        "a list": as_list,
        "batches of one pass": once,
        "watched": {"detect_anomaly": True},
        "an update": {
            "lr": 3e38,
            "train": lambda x, y: Loader(x[:8] * 9, y[:8] * 0, 4),
            "detect_anomaly": True,
        },
        "parameters": {"lr": 3e38, "epochs": 1, "train": lambda x, y: Loader(x[:8] * 9, y[:8] * 0, 8)},
        "validation": held_out,
        "the backward pass": {"loss": root_of_nothing, "train": lambda x, y: Loader(x[:8], y[:8], 4)},
        "the backward pass watched": {
            "loss": root_of_nothing,
            "train": lambda x, y: Loader(x[:8], y[:8], 4),
            "detect_anomaly": True,
        },
    }.items():
        lines.append((name, said(tmp_path, diverging, **options)))
    lines.append(
        (
            "with checkpoints",
            said(tmp_path, diverging, callbacks=[Checkpoints(tmp_path / "c", every_steps=1)]),
        )
    )
    assert_said("not-finite", lines)


class Branching(nn.Module):
    def __init__(self):
        self.layer = nn.Linear(3, 2, rng=0)

    def forward(self, x):
        return self.layer(x) if float(np.max(x)) > 0 else x


def test_uncapturable_step_warns_with_the_kept_sentence(tmp_path):
    model = Branching()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    parts = model, nn.CrossEntropyLoss(), optimizer, Loader(X, Y, 8)
    lines = [("numpy", said(tmp_path, fit, *parts, epochs=1))]
    lines.append(("native", said(tmp_path, fit, *parts, epochs=1, backend="native")))

    def root(output, target):
        return nn.CrossEntropyLoss()(output, target) * len(target) ** 0.5

    lines.append(("loss", said(tmp_path, evaluate, model_of(), root, Loader(X, Y, 40))))
    assert_said("captured", lines)


# Checkpoints


def test_checkpoints_of_another_training_word_by_word(tmp_path):
    folder = tmp_path / "checkpoints"
    Job().fit(Checkpoints(folder), epochs=1)
    lines = []
    others = {
        "hidden": {"hidden": 13},
        "batch_size": {"batch_size": 15},
        "no dropout": {"p": 0},
        "dropout": {"p": 0.5},
        "no schedule": {"schedule": False},
        "t_max": {"t_max": 7},
        "rate": {"lr": 0.05},
        "momentum": {"momentum": 0.8},
        "activation": {"activation": nn.Sigmoid},
        "loss": {"loss": nn.QuadraticLoss},
        "order": {"shuffle_seed": 4},
        "values": {"inputs": Job().train.inputs + 1},
        "seed": {"seed": 2},
        "same": {},
    }
    for name, settings in others.items():
        lines.append((name, said(tmp_path, Job(**settings).fit, Checkpoints(folder), epochs=1)))
    assert_said("other-trainings", lines)


def forged(path, change):
    record = json.loads(path.read_text())
    record.pop("checksum")
    change(record)
    path.write_text(json.dumps({**record, "checksum": checksum_of(record)}))


DAMAGES = {
    "format": lambda record: record.update(format=3),
    "no loss": lambda record: record.update(loss="low"),
    "no steps": lambda record: record.pop("steps"),
    "versions": lambda record: record.update(versions={"python": "2", "numpy": "old"}),
    "contents": lambda record: record.update(contents=[]),
    "tensors": lambda record: record.update(tensors={}),
    "place": lambda record: record["contents"].pop("place"),
    "counts": lambda record: record["contents"]["place"].update(step=-1),
    "kinds": lambda record: record["contents"]["place"].update(seconds="1"),
    "a step too far": lambda record: record["contents"]["place"].update(step=99),
    "history": lambda record: record["contents"].update(history={"epochs": [{}], "interrupted": False}),
    "rate": lambda record: record["contents"]["state"]["optimizer"]["param_groups"][0].update(lr="fast"),
    "generator": lambda record: record["contents"]["state"]["generators"]["model.2.rng"].update(
        state={"dtype": "O", "values": [1]}
    ),
}


def test_damaged_checkpoints_word_by_word(tmp_path):
    lines = []
    for name, change in DAMAGES.items():
        folder = tmp_path / "checkpoints" / name.replace(" ", "-")
        Job().fit(Checkpoints(folder), epochs=1)
        forged(Checkpoints(folder).newest_path(), change)
        lines.append((name, said(tmp_path, Job().fit, Checkpoints(folder), epochs=2)))
    newest = Checkpoints(tmp_path / "checkpoints" / "format").newest_path()
    newest.write_text("{}")
    lines.append(("empty", said(tmp_path, Job().fit, Checkpoints(newest.parent), epochs=2)))
    newest.write_text('{"format": 2, "checksum": "0"}')
    lines.append(("checksum", said(tmp_path, Job().fit, Checkpoints(newest.parent), epochs=2)))
    assert_said("damaged-checkpoints", lines)


def test_states_of_another_network_word_by_word(tmp_path):
    job = Job()
    parts = Parts(job.model, job.loss, job.optimizer, job.schedule)
    job.fit(epochs=1)
    lines = []
    for name, change in {
        "group": lambda state: state.arrays.update({"other.x": np.ones(1)}),
        "velocity": lambda state: state.arrays.update({"velocity.9": np.ones(1), "velocity.4": np.ones(1)}),
        "parameter": lambda state: state.arrays.pop("model.0.bias"),
        "schedule": lambda state: state.numbers.update(schedule=None),
        "generators": lambda state: state.numbers.update(generators={}),
        "optimizer": lambda state: state.numbers.update(optimizer=3),
        "numbers": lambda state: state.numbers.pop("generators"),
    }.items():
        state = RunState.of(parts)
        change(state)
        lines.append((name, said(tmp_path, state.put_back, parts)))
    for name, change in {"count": {"step": -1}, "text": {"epoch": "1"}, "seconds": {"seconds": None}}.items():
        place = asdict(Position()) | change
        lines.append((f"position: {name}", said(tmp_path, read_record, Position, place, "place")))
    assert_said("states", lines)


# Run folders


@pytest.fixture
def folder(tmp_path, digits):
    """A finished run, without a training."""
    recipe = Recipe(hidden=(4,), batch_size=16, epochs=1)
    save_config(tmp_path, recipe, RunOptions(), digits, History(), Evaluation(1.0, 0.5, 360))
    save_results(tmp_path, recipe.build_model(digits.image_shape, digits.classes), History())
    return tmp_path


CONFIGS = {
    "no recipe": lambda c: c.pop("recipe"),
    "recipe": lambda c: c["recipe"].update(lr=-1.0),
    "another name": lambda c: c["recipe"].update(colour="red"),
    "options": lambda c: c["options"].update(keep=0),
    "finished": lambda c: c.update(finished=1),
    "no name": lambda c: c["data"].pop("name"),
    "a long name": lambda c: c["data"].update(name="x" * 5000),
    "sides": lambda c: c["data"].update(image_shape=[8]),
    "side": lambda c: c["data"].update(image_shape=[8, 2**16 + 1]),
    "counts": lambda c: c["data"].update(counts=[1, 2]),
    "a negative count": lambda c: c["data"].update(counts=[1, 2, -1]),
    "classes": lambda c: c["data"].update(classes=257),
    "no class": lambda c: c["data"].update(classes=0),
    "pixel_max": lambda c: c["data"].update(pixel_max=256),
    "framing": lambda c: c["data"].update(framing={}),
    "class_names": lambda c: c["data"].update(class_names=["a", "a"]),
    "names of numbers": lambda c: c["data"].update(class_names=list(range(10))),
    "too large": lambda c: c["recipe"].update(hidden=[1_000_000, 1_000_000]),
    "larger than its weights": lambda c: c["recipe"].update(hidden=[5]),
    "no object": lambda c: [c.clear(), c.update(recipe=[])],
}


def test_damaged_run_folders_word_by_word(folder, tmp_path):
    path, lines = folder / CONFIG, []
    whole = path.read_text()
    for name, change in CONFIGS.items():
        config = json.loads(whole)
        change(config)
        path.write_text(json.dumps(config))
        lines.append((name, said(tmp_path, load_run, folder)))
    path.write_text("[]")
    lines.append(("a list", said(tmp_path, load_run, folder)))
    path.unlink()
    lines.append(("no config", said(tmp_path, load_run, folder)))
    path.write_text(whole)
    weights = folder / "weights.safetensors"
    arrays = {name: array.copy() for name, array in load_tensors(weights, max_bytes=2**20)[0].items()}
    for name, changed in {
        "double": arrays | {"1.weight": arrays["1.weight"].astype(np.float64)},
        "another shape": {n: a.T for n, a in arrays.items()},
        "one missing": {n: a for n, a in arrays.items() if n != "1.weight"}
        | {"9.weight": arrays["1.weight"]},
        "half": {"1.bias": arrays["1.bias"]},
    }.items():
        save_tensors(weights, changed)
        lines.append((f"weights: {name}", said(tmp_path, load_run, folder)))
    weights.unlink()
    lines.append(("no weights", said(tmp_path, load_run, folder)))
    lines.append(("no checkpoint", said(tmp_path, load_run, folder, "best")))
    assert_said("damaged-runs", lines)


def test_runs_that_cannot_begin_or_go_on_word_by_word(folder, tmp_path, digits):
    lines = [("a run is there", said(tmp_path, make_folder, folder))]
    lines.append(("a file is in the way", said(tmp_path, make_folder, folder / CONFIG)))
    lines.append(("a file is on the way", said(tmp_path, make_folder, folder / CONFIG / "run")))
    lines.append(("finished", said(tmp_path, resume_training, folder, digits)))
    settings = read_settings(folder)
    lines.append(("unfinished", said(tmp_path, require_unfinished, replace(settings, finished=False))))
    lines.append(("no checkpoints", said(tmp_path, require_own_checkpoints, settings)))
    Checkpoints(folder / "checkpoints").save(1, {"w": np.ones(2, np.float32)}, {}, 1.0)
    lines.append(("small checkpoints", said(tmp_path, require_own_checkpoints, settings)))
    lines.append(("weights of a checkpoint", said(tmp_path, load_run, folder, "last")))

    def twice():
        with locked(folder), locked(folder):
            pass

    lines.append(("locked", said(tmp_path, twice)))
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, "finished": False}))
    (folder / "weights.safetensors").unlink()
    lines.append(("not finished", said(tmp_path, load_run, folder)))
    for name, change in {
        "another shape": {"image_shape": (9, 9)},
        "fewer classes": {"class_names": ("0", "1")},
        "gone": {"data_name": "mine", "data_directory": folder / "gone"},
    }.items():
        lines.append((f"data: {name}", said(tmp_path, load_run_data, replace(settings, **change))))
    lines.append(("data: nowhere", said(tmp_path, load_run_data, settings, folder / "nowhere")))
    lines.append(("sizes", said(tmp_path, fresh_network, digits, (64, 30, 9), Recipe())))
    lines.append(("batch", said(tmp_path, fresh_network, digits, None, Recipe(batch_size=5000))))
    lines.append(("run again", said(tmp_path, run_training, Recipe(epochs=1), digits, folder)))
    assert_said("runs", lines)
