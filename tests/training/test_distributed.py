"""Training by several processes, which are threads here; ``test_mpi`` starts real ones."""

import sys
import types

import numpy as np
import pytest

from tests.training.callbacks import Calls
from tests.training.jobs import INPUTS, LABELS, Job
from tests.training.processes import together
from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import DivergenceError, MissingExtraError, ProcessError
from tinygrad_mnist.training import (
    MPI,
    Checkpoints,
    EarlyStopping,
    Progress,
    Recipe,
    evaluate,
    fit,
    tree_sums,
)
from tinygrad_mnist.training.distributed import Processes, number_started, started_processes
from tinygrad_mnist.training.evaluation import evaluate_together
from tinygrad_mnist.training.job import run_training
from tinygrad_mnist.training.run_config import RunOptions, save_config
from tinygrad_mnist.training.tree_sums import TreeSums


def networks(kind):
    """A network, its optimizer, and callbacks; all numbers follow from seeds."""
    first, last = nn.Linear(6, 12, rng=1), nn.Linear(12, 4, rng=2)
    if kind == "dropout":
        model = nn.Sequential(first, nn.Tanh(), nn.Dropout(0.3, rng=3), last)
        return model, optim.SGD(model.parameters(), 0.1, weight_decay=1e-3), []
    if kind == "momentum":
        model = nn.Sequential(first, nn.ReLU(), last)
        optimizer = optim.SGD(model.parameters(), 0.1, 0.9)
        return model, optimizer, [optim.EMA(model.parameters(), 0.9), EarlyStopping(1)]
    if kind == "adam":
        model = nn.Sequential(first, nn.LayerNorm(12), nn.ReLU(), last)
        return model, optim.Adam(model.parameters(), 0.01, amsgrad=True), []
    model = nn.Sequential(first, nn.BatchNorm1d(12), nn.ReLU(), last)
    return model, optim.Adam(model.parameters(), 0.01), []


def trained(kind, distributed=None, **options):
    """All that a training leaves: the bits of weights and of the optimizer, the history without seconds."""
    model, optimizer, callbacks = networks(kind)
    rows = 125 if kind == "batch normalization" else 135  # the last batch has 5 or 7 rows of 20 or 16
    loader = Loader(
        INPUTS[:rows],
        LABELS[:rows],
        20 if rows == 125 else 16,
        shuffle=True,
        seed=3,
        transform=(lambda x, rng: x + rng.standard_normal(x.shape, x.dtype)) if kind == "momentum" else None,
    )
    options = {"epochs": 2, "micro_batches": 2 if rows == 125 else 8, "progress": False} | options
    history = fit(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        loader,
        Loader(INPUTS, LABELS, 20),
        distributed=distributed,
        callbacks=callbacks,
        **options,
    )
    kept = [a.tobytes() for state in optimizer.state_dict()["state"].values() for a in arrays(state)]
    weights = {name: array.tobytes() for name, array in model.state_dict().items()}
    return weights, kept, [{**record, "seconds": 0} for record in history.records()]


def arrays(state):
    return [value for value in state.values() if isinstance(value, np.ndarray)]


@pytest.mark.parametrize("backend", ["numpy", "eager", pytest.param("native", marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["dropout", "momentum", "adam", "batch normalization"])
def test_any_number_of_processes_gives_the_same_bits(kind, backend):
    expected = trained(kind, backend=backend)
    sizes = (1, 2) if kind == "batch normalization" else (1, 2, 4, 8)
    for size in sizes[:2] if backend == "native" else sizes:  # each compiles in each process
        assert together(size, lambda c: trained(kind, c, backend=backend)) == [expected] * size


@pytest.mark.parametrize("backend", ["numpy", "eager", pytest.param("native", marks=pytest.mark.long)])
@pytest.mark.parametrize("kind", ["dropout", "adam"])
def test_gradients_that_travel_early_have_the_same_bits(kind, backend, monkeypatch):
    monkeypatch.setattr(tree_sums, "_PIECE", 64)
    early = []
    begin = TreeSums.begin

    def noted(sums, *arguments, **options):
        begin(sums, *arguments, **options)
        early.append(sums.is_early)

    monkeypatch.setattr(TreeSums, "begin", noted)
    expected = trained(kind, backend=backend)
    assert not any(early)
    for size in (2,) if backend == "native" else (2, 8):
        assert together(size, lambda c: trained(kind, c, backend=backend)) == [expected] * size
        assert any(early)


@pytest.mark.parametrize(
    "loss",
    [
        nn.CrossEntropyLoss(),
        nn.CrossEntropyLoss(reduction="sum"),
        nn.CrossEntropyLoss(weight=[1.0, 2.0, 0.5, 3.0]),
        nn.CrossEntropyLoss(ignore_index=1),
        nn.QuadraticLoss(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("rows", [23, 3])
def test_gradient_and_loss_are_those_of_the_batch(loss, rows):
    inputs, labels = INPUTS[:rows].astype(float), LABELS[:rows]
    found = []
    for count in (None, 8):
        model = nn.Sequential(
            nn.Linear(6, 5, rng=0, dtype=float), nn.Tanh(), nn.Linear(5, 4, rng=1, dtype=float)
        )
        optimizer = optim.SGD(model.parameters(), 1.0)
        loader = Loader(inputs, labels, rows, dtype=float)
        history = fit(model, loss, optimizer, loader, epochs=1, micro_batches=count, progress=False)
        found.append((history[0].train_loss, history[0].train_accuracy, *model.state_dict().values()))
    for whole, shared in zip(*found):
        np.testing.assert_allclose(shared, whole, rtol=1e-12, atol=1e-14)


def test_a_parameter_without_gradient_is_not_updated():
    model = nn.Sequential(nn.Linear(6, 4, rng=0), nn.ReLU())
    unused = nn.Parameter(np.ones(3, np.float32))
    optimizer = optim.SGD([*model.parameters(), unused], 0.1, weight_decay=0.5)
    loader = Loader(INPUTS[:16], LABELS[:16], 16)
    fit(model, nn.CrossEntropyLoss(), optimizer, loader, epochs=1, micro_batches=4, progress=False)
    assert unused.data.tolist() == [1, 1, 1]


def test_running_statistics_move_by_the_mean_of_the_parts():
    layer = nn.BatchNorm1d(6, momentum=0.25)
    constant = layer.constant = nn.Buffer(np.float32([0.1, 0.3]))
    model = nn.Sequential(layer, nn.Linear(6, 4, rng=0))
    loader = Loader(INPUTS[:20], LABELS[:20], 20)
    optimizer = optim.SGD(model.parameters(), 0.1)
    fit(model, nn.CrossEntropyLoss(), optimizer, loader, epochs=1, micro_batches=4, progress=False)
    np.testing.assert_allclose(layer.running_mean.data, 0.25 * INPUTS[:20].mean(axis=0), rtol=1e-5, atol=1e-7)
    variance = INPUTS[:20].reshape(4, 5, 6).var(axis=1, ddof=1).mean(axis=0)
    np.testing.assert_allclose(layer.running_var.data, 0.75 + 0.25 * variance, rtol=1e-5)
    assert layer.num_batches_tracked.item() == 1
    assert constant.data.tolist() == np.float32([0.1, 0.3]).tolist()


def test_dropout_masks_differ_between_micro_batches():
    masks = []
    model = nn.Sequential(nn.Dropout(0.5, rng=0), nn.Linear(6, 4, rng=0))
    model[1].register_forward_hook(lambda module, inputs, output: masks.append(inputs[0].data.tolist()))
    same = np.ones((8, 6), np.float32)
    optimizer = optim.SGD(model.parameters(), 0.1)
    loader = Loader(same, LABELS[:8], 8)
    loss = nn.CrossEntropyLoss()
    fit(model, loss, optimizer, loader, epochs=2, micro_batches=4, backend="eager", progress=False)
    assert len({str(mask) for mask in masks}) == 8


@pytest.mark.parametrize(("before", "after"), [(4, 1), (1, 8), (2, 4)])
def test_another_number_of_processes_resumes_to_the_same_bits(tmp_path, before, after):
    def stop(training):
        if training.all_steps == 11:
            training.stop("for the test")

    def run(distributed, *callbacks, folder=tmp_path):
        job = Job()
        options = {"micro_batches": 8, "progress": False, "callbacks": callbacks, "distributed": distributed}
        return job.end(job.fit(Checkpoints(folder, every_steps=2), **options))

    expected = run(None, folder=tmp_path / "whole")
    together(before, lambda c: run(c, Calls(after_step=stop)))
    assert together(after, run) == [expected] * after


def test_a_signal_to_one_process_stops_all_at_the_same_step():
    def run(communicator):
        def ask(training):
            if training.all_steps == 3 and communicator.rank == 1:
                training._micro_batches.stop_requested = lambda: True

        job = Job()
        history = job.fit(callbacks=[Calls(after_step=ask)], distributed=communicator, progress=False)
        return history.interrupted, history[-1].examples

    assert together(2, run) == [(True, 64)] * 2  # the step after the signal is the last


def test_process_0_alone_saves_and_reports(tmp_path, capsys):
    def run(communicator):
        job = Job()
        folder = tmp_path / str(communicator.rank)
        job.fit(Checkpoints(folder), callbacks=[Progress()], distributed=communicator, epochs=1)

    together(2, run)
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
    assert capsys.readouterr().out.count("epoch") == 1


def test_evaluation_together_has_the_bits_of_evaluation():
    model, _, _ = networks("adam")
    batches = Loader(INPUTS, LABELS, 20)
    expected = evaluate(model, nn.CrossEntropyLoss(), batches)
    found = together(4, lambda c: evaluate_together(networks("adam")[0], nn.CrossEntropyLoss(), batches, c))
    assert found == [expected] * 4


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"p": 0.5}, "model.2.p: expected 0.3 as in process 0, and process 1 has 0.5; start all alike"),
        ({"momentum": 0.8}, "optimizer.momentum: expected 0.9 as in process 0, and process 1 has 0.8"),
        (
            {"schedule": False},
            "schedule: expected CosineAnnealingLR as in process 0, and process 1 has NoneType",
        ),
        ({"inputs": -INPUTS}, "the values of train: expected "),
        ({"seed": 2}, "the random numbers: expected "),
        ({"shuffle_seed": 4}, "train.seed: expected 3 as in process 0, and process 1 has 4"),
        ({"batch_size": 32}, "train.batch_size: expected 16 as in process 0, and process 1 has 32"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_a_process_that_differs_is_refused_by_name(changed, sentence):
    found = together(2, lambda c: Job(**(changed if c.rank else {})).fit(distributed=c, progress=False))
    assert all(isinstance(error, ProcessError) and str(error).startswith(sentence) for error in found), found


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"micro_batches": 4}, "micro_batches: expected 8 as in process 0, and process 1 has 4"),
        ({"epochs": 2}, "epochs: expected 3 as in process 0, and process 1 has 2"),
        ({"clip_norm": 1.0}, "clip_norm: expected none as in process 0, and process 1 has 1.0"),
        ({"backend": "native"}, "backend: expected none as in process 0, and process 1 has native"),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else "",
)
def test_other_arguments_of_a_process_are_refused_by_name(options, sentence):
    found = together(2, lambda c: Job().fit(distributed=c, progress=False, **(options if c.rank else {})))
    assert all(isinstance(error, ProcessError) and str(error).startswith(sentence) for error in found), found


def test_another_version_is_refused_by_name(monkeypatch):
    from tinygrad_mnist.training import distributed

    machine = distributed.machine
    names = iter(["1.0", "2.0"])
    monkeypatch.setattr(distributed, "machine", lambda: machine() | {"version of numpy": next(names)})
    found = together(2, lambda c: Job().fit(distributed=c, progress=False))
    assert str(found[0]) == str(found[1])
    assert str(found[0]).startswith("version of numpy: expected ")


def test_batches_that_cannot_be_compared_are_refused():
    job = Job()
    batches = [(INPUTS[:16], LABELS[:16])]
    parts = job.model, job.loss, job.optimizer, lambda: iter(batches)
    found = together(2, lambda c: fit(*parts, epochs=1, distributed=c, progress=False))
    assert {str(error).split(":")[0] for error in found} == {
        "the values of train cannot be compared between processes"
    }


@pytest.mark.parametrize(
    ("size", "options", "sentence"),
    [
        (3, {}, "the number of processes is 3: expected 1, 2, 4 or another power of two that divides the 8"),
        (4, {"micro_batches": 2}, "the number of processes is 4: expected 1, 2, 4 .*; write mpiexec -n 2"),
        (1, {"micro_batches": 6}, "micro_batches is 6: expected a power of two; write 4"),
        (1, {"micro_batches": 0}, "micro_batches is 0: expected a whole number >= 1"),
        (1, {"detect_anomaly": True}, "detect_anomaly is True: expected False with micro-batches"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(size, options, sentence):
    communicator = types.SimpleNamespace(rank=0, size=size, gather=Processes().gather, exchange=None)
    with pytest.raises(ValueError, match=sentence):
        Job().fit(distributed=communicator, progress=False, **options)


@pytest.mark.parametrize("value", [MPI, True, 4, "mpi"])
def test_other_values_for_processes_are_refused(value):
    with pytest.raises(TypeError, match=r"distributed is .*: expected MPI\(\); write distributed=MPI\(\)"):
        Job().fit(distributed=value)


def test_a_loss_whose_divisor_is_unknown_is_refused():
    with pytest.raises(TypeError, match=r"loss is .*: expected one of nn with micro-batches"):
        Job(loss=lambda: lambda output, target: output.sum()).fit(micro_batches=8, progress=False)


def test_another_number_of_micro_batches_is_refused_on_resuming(tmp_path):
    Job().fit(Checkpoints(tmp_path), epochs=1, micro_batches=8, progress=False)
    with pytest.raises(ValueError, match="micro_batches is 4: expected 8, as at its first step"):
        Job().fit(Checkpoints(tmp_path), micro_batches=4, progress=False)


def test_divergence_is_explained_alike_in_all_processes():
    def run(communicator):
        job = Job(lr=1e22, activation=nn.ReLU)
        try:
            job.fit(distributed=communicator, progress=False)
        except DivergenceError as error:
            weights = [array.tolist() for array in job.model.state_dict().values()]
            return str(error), error.__notes__, error.step, error.examples, weights

    found = together(2, run)
    assert found[0] == found[1] == run(Processes())
    message, notes, step, examples, weights = found[0]
    assert (message, step) == ("the loss became nan in epoch 1, step 2, at the learning rate 1e+22", 2)
    assert "Linear[3]" in notes[0]
    assert set(examples) < set(Job().train.rows(0, 1))
    assert np.isfinite(np.concatenate([np.ravel(array) for array in weights])).all()


def test_without_the_extra_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(MissingExtraError, match=r"mpi4py and MPICH: pip install -e '.\[mpi\]'"):
        MPI()


@pytest.fixture
def library(monkeypatch):
    """A library that finds one process."""
    copies = iter(["a copy of the world"])
    world = types.SimpleNamespace(rank=0, size=1, Dup=lambda: next(copies))
    library = types.ModuleType("mpi4py")
    library.MPI = types.SimpleNamespace(COMM_WORLD=world)
    monkeypatch.setitem(sys.modules, "mpi4py", library)


def test_several_objects_report_an_error_once(library, monkeypatch):
    monkeypatch.setattr(sys, "excepthook", print)
    first, hook = MPI(), sys.excepthook
    assert hook is not print
    assert MPI()._errors is first._errors
    assert sys.excepthook is hook


def test_a_launcher_of_another_library_is_refused(library, monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    with pytest.raises(ProcessError, match="mpiexec started 4 processes, and mpi4py finds 1"):
        MPI()


@pytest.mark.parametrize("variable", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_one_started_process_needs_no_library(variable, monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    for name in ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    assert number_started() is None
    monkeypatch.setenv(variable, "1")
    assert number_started() == 1
    with started_processes() as processes:
        assert (processes.rank, processes.size) == (0, 1)


def test_a_recipe_of_whole_batches_is_refused_for_several_processes(digits, tmp_path):
    def run(communicator):
        run_training(Recipe(hidden=(4,), epochs=1), digits, tmp_path / "run", distributed=communicator)

    found = together(2, run)
    assert [str(error)[:50] for error in found] == ["micro_batches is None: expected a number with 2 pr"] * 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (RunOptions(detect_anomaly=True), "detect_anomaly is True: expected False with micro-batches"),
        (RunOptions(threads=2), "threads is 2: expected 1 with micro-batches"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_the_folder_is_made(digits, tmp_path, options, sentence):
    recipe = Recipe(hidden=(4,), epochs=1, micro_batches=8)
    with pytest.raises(ProcessError, match=sentence):
        run_training(recipe, digits, tmp_path / "run", options)
    assert not (tmp_path / "run").exists()


def test_the_folder_of_another_run_is_refused_in_all_processes(digits, tmp_path):
    recipe = Recipe(hidden=(4,), epochs=1, micro_batches=8)
    save_config(tmp_path, recipe, RunOptions(), digits)
    found = together(2, lambda c: run_training(recipe, digits, tmp_path, distributed=c))
    assert all(str(error).startswith(f"{tmp_path} already contains a run: ") for error in found)


@pytest.mark.parametrize(("name", "value"), [("lr", 0.5), ("epochs", 2), ("seed", 4), ("micro_batches", 4)])
def test_a_recipe_that_differs_is_refused_before_the_folder_is_made(digits, tmp_path, name, value):
    same = {"hidden": (4,), "epochs": 1, "micro_batches": 8, "lr": 0.1, "seed": 0}

    def run(communicator):
        own = Recipe(**(same | {name: value} if communicator.rank else same))
        run_training(own, digits, tmp_path / "run", distributed=communicator)

    sentence = f"{name}: expected {same[name]} as in process 0, and process 1 has {value}; start all alike"
    assert all(str(error).startswith(sentence) for error in together(2, run))
    assert not (tmp_path / "run").exists()


def test_run_by_several_processes_has_the_files_of_one(digits, tmp_path):
    recipe = Recipe(hidden=(16,), dropout=0.2, epochs=1, batch_size=16, micro_batches=8)
    run_training(recipe, digits, tmp_path / "one")
    found = together(2, lambda c: run_training(recipe, digits, tmp_path / "two", distributed=c))
    assert found[0].test == found[1].test
    for name in ("weights.safetensors", "history.jsonl", "config.json", "report.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("kind", [np.random.MT19937, np.random.Philox, np.random.SFC64])
def test_dropout_with_any_generator_gives_the_same_bits(kind):
    """A loss of numbers, which has no accuracy, and a generator that two layers share."""

    def run(communicator):
        rng = np.random.Generator(kind(5))
        model = nn.Sequential(nn.Dropout(0.2, rng=rng), nn.Linear(6, 3, rng=0), nn.Dropout(0.2, rng=rng))
        optimizer = optim.SGD(model.parameters(), 0.1)
        train = (INPUTS, INPUTS[:, :3])
        options = {"micro_batches": 4, "distributed": communicator, "progress": False}
        history = fit(model, nn.MSELoss(), optimizer, train, train, epochs=2, **options)
        assert history[-1].train_accuracy is None
        state = str(rng.bit_generator.state)
        return state, [array.tobytes() for array in model.state_dict().values()], history[-1].validation_loss

    assert together(4, run) == [run(None)] * 4
