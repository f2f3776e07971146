"""Trainings by real processes under mpiexec: long tests, and only where mpi4py and MPICH are installed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest

from tests.fuzz.kills import damaged, files

MPIEXEC = shutil.which(
    "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)
pytestmark = pytest.mark.long
SETTINGS = ["--dataset", "digits", "--epochs", "3", "--layers", "64-64-32-10", "--checkpoint-steps", "3"]
NETWORKS = {
    "dropout": ["--dropout", "0.3"],
    "momentum": ["--batch-size", "100", "--ema-decay", "0.9", "--clip-norm", "1"],
    "adam": ["--optimizer", "adam(amsgrad=True)", "--early-stopping", "2"],
}
DROPOUT = [*SETTINGS, *NETWORKS["dropout"]]
KILLS = int(os.environ.get("MPI_KILLS", "2"))
COMMAND = [sys.executable, "-m", "tinygrad_mnist", "train"]


@pytest.fixture(autouse=True)
def _has_mpi():
    pytest.importorskip("mpi4py")
    assert MPIEXEC, "mpi4py is installed and mpiexec is not: pip install -e '.[mpi]'"


def start(size, *arguments, other=(), launcher=()):
    """Start a training of some processes; the last gets arguments of its own in place of the rest."""
    own = [*map(str, arguments)]
    groups = [(size, own)] if not other else [(size - 1, own), (1, [*map(str, other)])]
    command = [MPIEXEC, *launcher]
    for number, (started, words) in enumerate(groups):
        command += [*([":"] if number else []), "-n", str(started), *COMMAND, *words]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


def trained(folder, size, *settings, launcher=()):
    process = start(size, *settings, "--output", folder, launcher=launcher)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert output.count("epoch   1/3") == 1  # process 0 alone prints
    return files(folder)


@pytest.mark.parametrize("network", NETWORKS)
def test_files_are_the_same_for_any_number_of_processes(tmp_path, network):
    settings = [*SETTINGS, *NETWORKS[network]]
    alone = tmp_path / "alone"
    subprocess.run([*COMMAND, *settings, "--micro-batches", "8", "--output", alone], check=True)
    for size in (1, 2, 8) if network == "dropout" else (4,):
        assert trained(tmp_path / str(size), size, *settings) == files(alone), size


def test_native_code_gives_the_same_files_for_any_number_of_processes(tmp_path):
    settings = [*DROPOUT, "--backend", "native"]
    expected = trained(tmp_path / "1", 1, *settings)
    assert trained(tmp_path / "2", 2, *settings) == expected


def test_two_machines_give_the_same_files_over_tcp(tmp_path):
    """Two addresses of this machine stand in for two machines, and a script for ssh."""
    hosts, enter = tmp_path / "hosts", tmp_path / "enter"
    hosts.write_text("127.0.0.1:1\n127.0.0.2:1\n")
    enter.write_text(f'#!/bin/sh\necho "$2" >> {tmp_path}/entered\nshift 2\nexec sh -c "$*"\n')
    enter.chmod(0o755)
    launcher = ["-f", str(hosts), "-launcher-exec", str(enter), "-genv", "UCX_TLS", "tcp"]
    settings = [*DROPOUT, "--layers", "64-600-600-10"]  # large enough to travel early
    expected = trained(tmp_path / "1", 1, *settings)
    assert trained(tmp_path / "2", 2, *settings, launcher=launcher) == expected
    assert (tmp_path / "entered").read_text() == "127.0.0.2\n"


def test_killed_processes_resume_in_another_number_to_the_same_files(tmp_path):
    begin = time.monotonic()
    expected = trained(tmp_path / "whole", 2, *DROPOUT)
    seconds = time.monotonic() - begin
    moments, kills, folders = random.Random(1), 0, count()
    while kills < KILLS:
        folder = tmp_path / str(next(folders))  # a new one also after a training that nothing killed
        arguments = [*DROPOUT, "--output", folder]
        while True:
            size = moments.choice((2, 4))
            process = start(size, *arguments)
            deadline = time.monotonic() + moments.uniform(0.5, 1.5) * seconds
            while time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.01)
            victims = workers(process.pid)
            if process.poll() is not None or len(victims) < size:
                process.communicate(timeout=300)
                break
            os.kill(moments.choice(victims), signal.SIGKILL)
            killed_at = time.monotonic()
            message = "".join(process.communicate(timeout=60))
            assert time.monotonic() - killed_at < 30
            assert message.count("BAD TERMINATION") == 1
            kills += 1
            assert damaged(folder) == 0
            if (folder / "config.json").exists():
                arguments = ["--resume", folder]
            if kills >= KILLS:
                errors = start(8, *arguments).communicate(timeout=300)[1]
                assert errors == "" or "is finished" in errors  # killed after its last file
                break
        assert files(folder) == expected


def workers(launcher):
    """The processes of Python that a launcher has below it."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,comm"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    below, found = {str(launcher)}, []
    for _ in range(3):
        children = [(pid, name) for pid, parent, name in rows if parent in below]
        found += [int(pid) for pid, name in children if name.startswith("python")]
        below = {pid for pid, _ in children}
    return found


@pytest.mark.parametrize(
    ("size", "settings", "other", "sentence"),
    [
        (
            2,
            ["--lr", "0.1"],
            ["--lr", "0.5"],
            "lr: expected 0.1 as in process 0, and process 1 has 0.5; start",
        ),
        (2, [], ["--seed", "4"], "seed: expected 0 as in process 0, and process 1 has 4"),
        (2, [], ["--validation", "100"], "data: expected ImageDataset(digits: "),
        (3, [], [], "the number of processes is 3: expected 1, 2, 4 or another power of two"),
        (2, ["--jobs", "2"], [], "threads is 2: expected 1 with micro-batches"),
        (2, ["--micro-batches", "6"], [], "micro_batches is 6: expected a power of two; write 4"),
        (2, ["--epoch", "3"], [], "No such option"),
    ],
    ids=["rate", "seed", "data", "number", "threads", "micro-batches", "usage"],
)
def test_processes_that_do_not_fit_are_refused_once(tmp_path, size, settings, other, sentence):
    own = [*SETTINGS, "--output", tmp_path / "run"]
    process = start(size, *own, *settings, other=[*own, *other] if other else ())
    errors = process.communicate(timeout=120)[1]
    assert process.returncode == 2
    assert f"Error: {sentence}" in errors
    assert errors.count("Error: ") == 1
    assert "Abort" not in errors  # all end by themselves
    assert not (tmp_path / "run").exists()


def test_ctrl_c_ends_all_and_the_run_resumes(tmp_path):
    expected = trained(tmp_path / "whole", 1, *DROPOUT)
    folder = tmp_path / "run"
    process = start(2, *DROPOUT, "--output", folder)
    while not list(folder.glob("checkpoints/*.json")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=120)
    assert errors == ""
    if "interrupted in epoch" in output:
        assert start(4, "--resume", folder).communicate(timeout=300)[1] == ""
    assert files(folder) == expected


SCRIPT = """
import numpy as np
from tinygrad_mnist import nn, optim
from tinygrad_mnist.training import MPI, fit
model = nn.Linear(3, 2, rng=0)
processes = MPI()
x = np.ones((16, 3), np.float32)
if processes.rank == 1:
    x = x[None]["no such row"]
optimizer = optim.SGD(model.parameters(), 0.1)
fit(model, nn.MSELoss(), optimizer, (x, x[:, :2]), epochs=1, distributed=processes)
"""


def test_an_error_of_one_process_ends_a_script_with_its_traceback(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    command = [MPIEXEC, "-n", "2", sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("Traceback") == 1
    assert "IndexError" in done.stderr
    assert "Abort" not in done.stderr


def test_without_mpi4py_one_sentence_says_what_to_install(tmp_path):
    (tmp_path / "mpi4py.py").write_text("raise ImportError('not here')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [MPIEXEC, "-n", "2", *COMMAND, *SETTINGS, "--output", str(tmp_path / "run")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 2
    assert done.stderr == (
        "Error: training by several processes needs mpi4py and MPICH: pip install -e '.[mpi]'\n"
    )
