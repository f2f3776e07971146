"""Faults around a training, with real processes, signals and file systems."""

import contextlib
import errno
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from tests.fuzz import kills
from tinygrad_mnist.cli import main
from tinygrad_mnist.datasets import read_idx, write_idx
from tinygrad_mnist.training import Checkpoints

pytestmark = pytest.mark.long

LONG = ["--dataset", "digits", "--epochs", "400", "--checkpoint-steps", "5"]
SHORT = ["--dataset", "digits", "--epochs", "2"]
LONGEST = 600  # seconds: a guard against hanging, however busy the machine is


def train(*arguments, **options):
    """Run to the end."""
    return subprocess.run(
        kills.command(*arguments),
        capture_output=True,
        text=True,
        env=kills.ENVIRONMENT,
        timeout=LONGEST,
        **options,
    )


def here(*arguments):
    """Run to the end in this process: a refusal does not need a separate one."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    return subprocess.CompletedProcess(arguments, result.exit_code, result.stdout, result.stderr)


@contextlib.contextmanager
def training(folder, *settings):
    """Start a training; the process is ended by its id in any case."""
    process = kills.begin(*(settings or LONG), "--output", folder)
    try:
        deadline = time.monotonic() + LONGEST
        while not list(folder.glob("checkpoints/*.json")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def refused(done, *words):
    assert done.returncode == 2, done
    assert "Error: " in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert str(word) in done.stderr, done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return kills.whole_run(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    assert here("train", *SHORT, "--output", folder).returncode == 0
    return folder


@pytest.mark.parametrize("number", range(2))
def test_killed_training_resumes_to_the_same_files(whole, number):
    found = kills.one_round(4 * number, *whole)
    assert found["identical"] == 1
    assert found["damaged checkpoints"] == found["resumes that failed"] == found["DIFFERENT"] == 0


STOPPED = """
import os, sys
from tinygrad_mnist.cli import main
from tinygrad_mnist.training import Checkpoints

save, saved = Checkpoints.save, []

def save_and_signal(*arguments, **options):
    saved.append(save(*arguments, **options))
    if len(saved) == 20:
        os.kill(os.getpid(), int(sys.argv[1]))
    return saved[-1]

Checkpoints.save = save_and_signal
main(sys.argv[2:])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_training_writes_everything_and_resumes(tmp_path, whole, number):
    command = [sys.executable, "-c", STOPPED, str(int(number)), "train", *kills.SETTINGS]
    command += ["--output", tmp_path / "run"]
    output = subprocess.run(
        command,
        env={**kills.ENVIRONMENT, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
        timeout=LONGEST,
    ).stdout
    config = json.loads((tmp_path / "run/config.json").read_text())
    epochs = len((tmp_path / "run/history.jsonl").read_text().splitlines())
    assert config["interrupted"] is True
    assert epochs < config["recipe"]["epochs"]
    assert f"interrupted in epoch {epochs}: the weights" in output
    (accuracy,) = re.findall(r"test accuracy [\d.]+%", output)
    assert f"{accuracy[5:]}" in here("evaluate", tmp_path / "run").stdout
    assert (tmp_path / "run/report.html").exists()
    assert here("train", "--resume", tmp_path / "run").returncode == 0
    assert kills.files(tmp_path / "run") == whole[0]


def test_second_training_in_a_folder_is_refused(tmp_path, within_a_minute):
    with training(tmp_path / "run", *LONG, "--schedule", "constant") as process:
        process.send_signal(signal.SIGSTOP)  # it keeps its lock and leaves the processor to the others
        refused(here("train", *SHORT, "--output", tmp_path / "run"), "already contains a run")
        refused(here("train", "--resume", tmp_path / "run"), "another process is training into it")
        assert process.poll() is None
        process.kill()  # the lock ends with the process
        process.wait()
    config = json.loads((tmp_path / "run/config.json").read_text())
    config["recipe"]["epochs"] = 1  # 400 would take a while
    (tmp_path / "run/config.json").write_text(json.dumps(config))
    assert here("train", "--resume", tmp_path / "run").returncode == 0


def limited(nbytes):
    """Return a function that limits the file sizes of a process: acts like a full disk, on any machine."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, nbytes))

    return limit


def test_full_disk_keeps_older_checkpoints(tmp_path):
    first = train(*SHORT, "--output", tmp_path / "run", preexec_fn=limited(8_000))
    assert first.returncode == 2
    assert "could not be written (File too large); training continues" in first.stderr
    assert f"File too large: '{tmp_path / 'run/weights.safetensors'}'" in first.stderr
    assert f"continue with `train --resume {tmp_path / 'run'}`" in first.stderr
    assert not list((tmp_path / "run").rglob("*.tmp"))
    assert Checkpoints(tmp_path / "run/checkpoints").newest_path() is None
    assert here("train", "--resume", tmp_path / "run").returncode == 0


def test_full_disk_of_a_real_device_is_survived(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting is not permitted here")
    try:
        done = train(*SHORT, "--output", place / "run")
        refused(done, "No space left on device")
        subprocess.run(["mount", "-o", "remount,size=20m", place], check=True)
        assert here("train", "--resume", place / "run").returncode == 0
    finally:
        subprocess.run(["umount", place], check=True)


def test_unwritable_folder_is_refused(tmp_path):
    refused(here("train", *SHORT, "--output", "/proc/run"), "/proc/run")
    (tmp_path / "file").write_text("")
    refused(here("train", *SHORT, "--output", tmp_path / "file/run"), "a file is in the way")


def test_folder_that_cannot_be_created_is_refused(tmp_path, monkeypatch):
    def refuse(path, *arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.mkdir", refuse)  # mode bits do not stop root
    refused(here("train", *SHORT, "--output", tmp_path / "locked/run"), "Permission denied")


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
def test_folder_in_place_of_a_file_is_refused(tmp_path, finished, name):
    shutil.copytree(finished, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    (tmp_path / "run" / name).mkdir()
    refused(here("evaluate", tmp_path / "run"), name, "Is a directory")


def test_missing_or_changed_data_are_refused(tmp_path, mnist):
    data = tmp_path / "data"
    data.mkdir()
    for name, split in (("train", mnist.train), ("t10k", mnist.test)):
        write_idx(data / f"{name}-images-idx3-ubyte", split.raw_images[:1000])
        write_idx(data / f"{name}-labels-idx1-ubyte", split.labels[:1000])
    options = "--validation", "20", "--epochs", "400", "--checkpoint-steps", "5"
    with training(tmp_path / "run", "--data", data, *options):
        pass
    moved = data.rename(tmp_path / "moved")
    refused(
        here("train", "--resume", tmp_path / "run"), f"was trained on the files in {data}, which are gone"
    )
    labels = read_idx(moved / "train-labels-idx1-ubyte")
    labels[100] = (labels[100] + 1) % 10
    write_idx(moved / "train-labels-idx1-ubyte", labels)
    refused(here("train", "--resume", tmp_path / "run", "--data", moved), "was trained on other data")


def test_resume_refuses_what_it_cannot_do(tmp_path, finished):
    refused(here("train", "--resume", tmp_path / "none"), "contains no run")
    refused(here("train", "--resume", finished), "is finished: it has been through all its 2 epochs")
    for option, value, said in (("--lr", "3", "the run has 0.2"), ("--validation", "9", "leave it out")):
        done = here("train", "--resume", finished, option, value)
        assert done.returncode == 2
        assert f"{option} cannot change on --resume: {said}" in done.stderr


def test_weights_of_an_unfinished_run_need_a_choice(tmp_path):
    with training(tmp_path / "run"):
        pass

    unfinished = here("evaluate", tmp_path / "run")
    refused(unfinished, "is not finished: continue with `train --resume", "--weights last or best")
    assert "digits test: accuracy" in here("evaluate", tmp_path / "run", "--weights", "last").stdout
