"""An untrusted run folder is resumed without touching other files, or refused in one sentence."""

import json
import os
import shutil
import socket
import tracemalloc

import pytest

from tinygrad_mnist.datasets.image_dataset import ImageDataset, Split
from tinygrad_mnist.errors import CheckpointError, TinygradMnistError
from tinygrad_mnist.training import Checkpoints, Recipe
from tinygrad_mnist.training.job import resume_training, run_training
from tinygrad_mnist.training.run_config import CONFIG, RunOptions
from tinygrad_mnist.training.run_folder import CHECKPOINTS, FILES, LOCK, load_run


@pytest.fixture(scope="module")
def few_digits(digits):
    parts = (digits.train, digits.validation, digits.test)
    few = (Split(part.raw_images[:20], part.labels[:20], part.pixel_max) for part in parts)
    return ImageDataset("few digits", "a test", *few, classes=10)


@pytest.fixture(scope="module")
def stopped(few_digits, tmp_path_factory):
    """A run whose last epoch is trained and whose results are not written yet."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    run_training(Recipe(hidden=(3,), epochs=1), few_digits, folder, RunOptions(keep=1))
    edit(folder, lambda config: config.update(finished=False))
    return folder


@pytest.fixture
def run(stopped, tmp_path):
    return shutil.copytree(stopped, tmp_path / "run")


def edit(folder, change):
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config))


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def test_run_writes_no_other_files(run, few_digits):
    for path in run.iterdir():
        if path.name not in (CONFIG, CHECKPOINTS):
            remove(path)
    resume_training(run, few_digits)
    assert {path.name for path in run.iterdir()} <= {*FILES, LOCK, CHECKPOINTS}


@pytest.mark.parametrize("name", [*FILES, LOCK, CHECKPOINTS, f"{CHECKPOINTS}/step-000000009.json"])
@pytest.mark.parametrize("victim", ["there", "missing"])
def test_link_out_of_the_folder_is_refused(run, few_digits, tmp_path, name, victim):
    outside = tmp_path / "outside"
    outside.mkdir()
    target = outside if name == CHECKPOINTS else outside / "victim"
    (outside / "step-000000001.json").write_text("kept")
    if victim == "there" and name != CHECKPOINTS:
        target.write_text((run / CONFIG).read_text())
    elif victim == "missing":
        target = tmp_path / "missing" / "victim"
    before = {path.name: path.read_text() for path in outside.iterdir()}
    remove(run / name)
    (run / name).symlink_to(target)
    with pytest.raises(CheckpointError, match=run.name) as caught:
        resume_training(run, few_digits)
    assert "is a link to" in str(caught.value) or name == CONFIG  # which is read before
    assert {path.name: path.read_text() for path in outside.iterdir()} == before


def put(kind, path):
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            here = os.getcwd()
            os.chdir(path.parent)  # a socket's path has at most 108 bytes
            end.bind(path.name)
            os.chdir(here)
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    elif kind == "link to itself":
        path.symlink_to(path.name)


@pytest.mark.parametrize("kind", ["folder", "pipe", "socket", "link to a device", "link to itself"])
@pytest.mark.parametrize("name", ["report.html", "curves.svg", "weights.safetensors", LOCK])
def test_non_file_is_refused(run, few_digits, kind, name):
    remove(run / name)
    put(kind, run / name)
    with pytest.raises(CheckpointError, match=rf"{name} (is a|cannot be read)") as caught:
        resume_training(run, few_digits)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["pipe", "socket", "file"])
def test_non_folder_is_refused_as_checkpoints(run, few_digits, kind):
    remove(run / CHECKPOINTS)
    put(kind, run / CHECKPOINTS) if kind != "file" else (run / CHECKPOINTS).write_text("")
    with pytest.raises(CheckpointError, match=f"{CHECKPOINTS} is a {kind}: expected a folder"):
        resume_training(run, few_digits)


def test_lock_with_content_is_refused(run, few_digits):
    (run / LOCK).unlink()
    os.link(run / "weights.safetensors", run / LOCK)
    before = (run / LOCK).read_bytes()
    with pytest.raises(CheckpointError, match=r"is a file of \d+ bytes: expected an empty file"):
        resume_training(run, few_digits)
    assert (run / LOCK).read_bytes() == before


def test_links_inside_and_hard_links_are_replaced(run, few_digits, tmp_path):
    (run / "notes.txt").write_text("mine")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to("notes.txt")
    (tmp_path / "elsewhere").write_text("mine too")
    (run / "curves.svg").unlink()
    os.link(tmp_path / "elsewhere", run / "curves.svg")
    (tmp_path / "shortcut").symlink_to(run)
    resume_training(tmp_path / "shortcut", few_digits)
    assert (run / "notes.txt").read_text() == "mine"
    assert (tmp_path / "elsewhere").read_text() == "mine too"
    assert (run / "report.html").read_bytes().startswith(b"<!DOCTYPE html>")


def test_folders_named_like_checkpoints_are_skipped(tmp_path):
    for name in ("step-000000001.json", "step-000000002.safetensors", ".step-000000003.json.ab.tmp"):
        (tmp_path / name).mkdir()
    checkpoints = Checkpoints(tmp_path, keep=1)
    assert checkpoints.newest(1000) is None
    for steps in (4, 5):
        assert checkpoints.save(steps, {}, {}) is not None
    assert [each.steps for each in checkpoints.newest_first()] == [5]
    assert len(list(tmp_path.iterdir())) == 5


def test_unremovable_checkpoint_does_not_end_the_training(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, keep=1)
    checkpoints.save(1, {}, {})

    def fail(*arguments, **options):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("pathlib.Path.unlink", fail)
    with pytest.warns(RuntimeWarning, match="could not be removed .*training continues"):
        assert checkpoints.save(2, {}, {}) is not None


DEEP = "[" * 60 + "]" * 60
ABSURD = {
    "threads": ("options", [10**30, 2**53, -1, 0, 1.5, "1", None, True]),
    "keep": ("options", [10**30, -1, 0, [1]]),
    "checkpoint_steps": ("options", [10**30, -(10**30)]),
    "checkpoint_seconds": ("options", [-1.0, "60", 0]),
    "hidden": ("recipe", [[10**30], [10**6, 10**6], [3] * 5000, [-1], [True], [[3]], "3", [2.0]]),
    "epochs": ("recipe", [10**30, 0, -1, 1.5]),
    "batch_size": ("recipe", [10**30, 0]),
    "seed": ("recipe", [-1, 1.0]),
    "lr": ("recipe", [-1.0, "0.1", True]),
    "dropout": ("recipe", [1.0, 10**30, -0.5]),
    "activation": ("recipe", ["x" * 900_000, json.loads(DEEP)]),
    "name": ("data", ["x" * 900_000, json.loads(DEEP)]),
    "directory": ("data", ["/" * 900_000]),
    "image_shape": ("data", [[10**30, 1], [65536, 65536], [0, 8], [8]]),
    "classes": ("data", [10**30, 0, True]),
}


@pytest.mark.parametrize("key", ABSURD)
def test_absurd_setting_is_refused_in_one_short_sentence(run, few_digits, key):
    part, values = ABSURD[key]
    for value in values:
        edit(run, lambda config: config[part].update({key: value}))  # noqa: B023
        tracemalloc.start()
        for read in (load_run, lambda folder: resume_training(folder, few_digits)):
            with pytest.raises(TinygradMnistError, match=CONFIG) as caught:
                read(run)
            assert "\n" not in str(caught.value)
            assert len(str(caught.value)) < 600
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
        tracemalloc.stop()


@pytest.mark.parametrize(("key", "value"), [("seed", 10**38), ("lr", 10**39), ("weight_decay", 1e300)])
def test_large_meaningful_numbers_are_read(run, key, value):
    edit(run, lambda config: config["recipe"].update({key: value}))
    assert getattr(load_run(run).recipe, key) in (value, float(value))


def test_recipe_larger_than_its_checkpoints_is_refused(run, few_digits):
    edit(run, lambda config: config["recipe"].update(hidden=[20_000, 20_000]))
    tracemalloc.start()
    with pytest.raises(CheckpointError, match="they belong to different runs"):
        resume_training(run, few_digits)
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
