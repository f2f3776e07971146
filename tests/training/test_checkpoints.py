"""A stopped and resumed training ends like one that was never stopped, bit for bit."""

import contextlib
import json
import shutil
import signal
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.callbacks import Calls
from tests.training.jobs import END, EPOCHS, INPUTS, STEPS, Job, Killed, killed_after, uninterrupted
from tinygrad_mnist import nn
from tinygrad_mnist.doctor import Doctor
from tinygrad_mnist.errors import CheckpointError, DivergenceError
from tinygrad_mnist.training import Checkpoints
from tinygrad_mnist.training.checkpoint_files import checksum_of, read_checkpoint


def go_on(folder, **options):
    job = Job()
    return job.end(job.fit(Checkpoints(folder, **options)))


@settings(max_examples=25)
@given(
    kills=st.lists(st.integers(1, EPOCHS * STEPS), max_size=3),
    every_steps=st.one_of(st.none(), st.integers(1, 12)),
    keep=st.integers(1, 3),
    backend=st.sampled_from(["numpy", "eager"]),
)
def test_any_stops_anywhere_change_nothing(tmp_path_factory, kills, every_steps, keep, backend):
    folder = tmp_path_factory.mktemp("checkpoints")
    for steps in kills:
        job = Job()
        try:
            job.fit(
                Checkpoints(folder, every_steps=every_steps, keep=keep),
                callbacks=[killed_after(steps)],
                backend=backend,
            )
        except Killed:
            continue
    assert go_on(folder, every_steps=every_steps, keep=keep) == END


@pytest.mark.long
@pytest.mark.parametrize("steps", [1, 2, STEPS + 3])
def test_training_by_native_code_resumes_to_the_same_bits(tmp_path, steps):
    """Its first calls, which run on NumPy, count neither at the start nor after a stop."""
    pytest.importorskip("numba", reason="the native extra is not installed")
    whole = Job()
    expected = whole.end(whole.fit(backend="native"))
    with pytest.raises(Killed):
        Job().fit(Checkpoints(tmp_path, every_steps=1), callbacks=[killed_after(steps)], backend="native")
    resumed = Job()
    assert resumed.end(resumed.fit(Checkpoints(tmp_path), backend="native")) == expected


def test_resumed_training_does_not_start_afresh(tmp_path):
    with pytest.raises(Killed):
        Job().fit(Checkpoints(tmp_path, every_steps=2), callbacks=[killed_after(STEPS + 5)])
    seen = []
    job = Job()
    job.fit(
        Checkpoints(tmp_path),
        callbacks=[Calls(after_step=lambda training: seen.append((training.epoch, training.step)))],
    )
    assert seen[0] == (2, 4)
    assert len(seen) == EPOCHS * STEPS - (STEPS + 3)
    finished = Job()
    assert finished.end(finished.fit(Checkpoints(tmp_path), callbacks=[Calls(after_step=seen.append)])) == END
    assert len(seen) == EPOCHS * STEPS - (STEPS + 3)


@pytest.mark.parametrize("kind", ["MT19937", "PCG64DXSM", "Philox", "SFC64"])
def test_random_generators_of_any_kind_resume(tmp_path, kind):
    def job():
        made = Job()
        made.model[2].rng = np.random.Generator(getattr(np.random, kind)(7))
        return made

    whole, killed, resumed = job(), job(), job()
    with pytest.raises(Killed):
        killed.fit(Checkpoints(tmp_path, every_steps=2), callbacks=[killed_after(STEPS + 3)])
    assert resumed.end(resumed.fit(Checkpoints(tmp_path))) == whole.end(whole.fit())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("step", [1, 4, STEPS])
def test_signal_saves_the_current_step(tmp_path, number, step):
    def on_step(training):
        if (training.epoch, training.step) == (2, step):
            signal.raise_signal(number)

    job = Job()
    history = job.fit(Checkpoints(tmp_path), callbacks=[Calls(after_step=on_step)])
    assert history.interrupted
    assert [epoch.examples for epoch in history] == [135, min(step * 16, 135)]
    seen = []
    job = Job()
    history = job.fit(
        Checkpoints(tmp_path), callbacks=[Calls(after_step=lambda training: seen.append(training.step))]
    )
    assert not history.interrupted
    assert len(seen) == 2 * STEPS - step
    assert job.end(history) == END


def test_newest_and_the_best_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    losses = iter([3.0, 1.0, 2.0, 1.0, 5.0, 6.0])
    for steps in range(1, 7):
        checkpoints.save(steps, {"w": np.array([float(steps)])}, {}, next(losses))
    assert [each.steps for each in checkpoints.newest_first()] == [6, 5, 2]
    assert checkpoints.best().steps == 2
    assert checkpoints.best().arrays(10_000)["w"] == [2.0]
    checkpoints.save(7, {"w": np.zeros(1)}, {})  # within an epoch: nothing was measured
    assert [each.steps for each in checkpoints.newest_first()] == [7, 6, 2]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"step-00000000{k}.{kind}" for k in (2, 6, 7) for kind in ("json", "safetensors")]


def test_remains_of_an_interrupted_save_are_removed_by_the_next(tmp_path):
    for name in ("step-000000001.safetensors", ".step-000000002.json.0123456789abcdef.tmp"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / "notes.txt").write_text("mine")
    Checkpoints(tmp_path).save(3, {}, {})
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["notes.txt", "step-000000003.json", "step-000000003.safetensors"]


def test_other_files_are_ignored_and_ten_digits_follow_nine(tmp_path):
    (tmp_path / "step-by-step.json").write_text("{")
    checkpoints = Checkpoints(tmp_path, keep=1)
    assert checkpoints.newest(1000) is None
    for steps in (999_999_999, 1_000_000_000):
        checkpoints.save(steps, {}, {})
    assert [each.steps for each in checkpoints.newest_first()] == [1_000_000_000]
    assert (tmp_path / "step-by-step.json").exists()


def test_seconds_follow_the_monotonic_clock(tmp_path, monkeypatch):
    import time

    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "time", lambda: -1e9 * now[0])  # the time of day is set back
    checkpoints = Checkpoints(tmp_path, every_seconds=60)
    now[0] = 159.0
    assert not checkpoints.due(1)
    now[0] = 160.0
    assert checkpoints.due(2)
    checkpoints.save(2, {}, {})
    assert not checkpoints.due(3)


DAMAGES = {
    "truncated": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "a flipped bit": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    "longer": lambda content: content + b"\0",
    "foreign": lambda content: b"GIF89a",
}


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_checkpoint_is_skipped_with_its_name(tmp_path, suffix, damage):
    with pytest.raises(Killed):
        Job().fit(Checkpoints(tmp_path, every_steps=4), callbacks=[killed_after(STEPS + 7)])
    newest = Checkpoints(tmp_path).newest_path().with_suffix(suffix)
    newest.write_bytes(damage(newest.read_bytes()))
    with pytest.warns(RuntimeWarning, match=f"skipped: .*{newest.name}"):
        end = go_on(tmp_path)
    assert end == END


def test_checkpoint_without_arrays_is_skipped(tmp_path):
    with pytest.raises(Killed):
        Job().fit(Checkpoints(tmp_path, every_steps=4), callbacks=[killed_after(STEPS + 7)])
    newest = Checkpoints(tmp_path).newest_path()
    newest.with_suffix(".safetensors").unlink()
    with pytest.warns(RuntimeWarning, match="skipped"):
        assert go_on(tmp_path) == END


def test_checkpoint_with_arrays_of_another_step_is_skipped(tmp_path):
    with pytest.raises(Killed):
        Job().fit(Checkpoints(tmp_path, every_steps=4), callbacks=[killed_after(STEPS + 7)])
    newest, before = (each.path for each in list(Checkpoints(tmp_path).newest_first())[:2])
    newest.with_suffix(".safetensors").write_bytes(before.with_suffix(".safetensors").read_bytes())
    with pytest.warns(RuntimeWarning, match="is not the file that step-"):
        assert go_on(tmp_path) == END


def test_folder_without_a_whole_checkpoint_is_an_error(tmp_path):
    Job().fit(Checkpoints(tmp_path), epochs=2)
    for path in tmp_path.glob("*.json"):
        path.write_text("{}")
    with (
        pytest.warns(RuntimeWarning),
        pytest.raises(CheckpointError, match=r"none of the 2 .*remove the folder"),
    ):
        go_on(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"hidden": 13}, r"does not fit: 0.weight has shape \(12, 6\) where it was saved and \(13, 6\)"),
        ({"batch_size": 15}, r"the training data were {'rows': 135, 'batch_size': 16, .* and are .*15"),
        ({"p": 0}, "does not fit: random numbers are drawn by nothing here"),
        ({"schedule": False}, "does not fit: one has a learning-rate schedule"),
    ],
)
def test_checkpoint_of_another_training_is_refused(tmp_path, settings, message):
    Job().fit(Checkpoints(tmp_path), epochs=1)
    with pytest.raises(CheckpointError, match=message) as caught:
        Job(**settings).fit(Checkpoints(tmp_path))
    assert str(tmp_path) in str(caught.value)


OTHERS = {
    "learning rate": ({"lr": 0.05}, r"optimizer.lr is 0.05: expected 0.1"),
    "momentum": ({"momentum": 0.8}, r"optimizer.momentum is 0.8: expected 0.9"),
    "schedule": ({"t_max": 7}, r"schedule.T_max is 7: expected 3"),
    "activation": ({"activation": nn.Sigmoid}, r"model.1 is Sigmoid: expected Tanh"),
    "loss": ({"loss": nn.QuadraticLoss}, r"loss is QuadraticLoss: expected CrossEntropyLoss"),
    "dropout": ({"p": 0.5}, r"model.2.p is 0.5: expected 0.3"),
    "data": ({"inputs": INPUTS + 1}, r"the values of train have changed"),
    "seed of the order": ({"shuffle_seed": 4}, r"'seed': 3.* and are .*'seed': 4"),
}


@pytest.mark.parametrize(("settings", "message"), OTHERS.values(), ids=OTHERS)
def test_another_setting_is_named_with_both_values(tmp_path, settings, message):
    Job().fit(Checkpoints(tmp_path), epochs=1)
    job = Job(**settings)
    before = job.model.state_dict()
    with pytest.raises(CheckpointError, match=message):
        job.fit(Checkpoints(tmp_path))
    for name, array in job.model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert go_on(tmp_path) == END


def test_same_objects_may_resume_after_an_epoch(tmp_path):
    job = Job()
    job.fit(Checkpoints(tmp_path), epochs=1)
    assert job.end(job.fit(Checkpoints(str(tmp_path)))) == END


@pytest.mark.parametrize("steps", [STEPS + 2, STEPS + 5, 2 * STEPS + 1])
def test_same_objects_resume_after_an_error(tmp_path, steps):
    job = Job()
    with pytest.raises(Killed):
        job.fit(Checkpoints(tmp_path, every_steps=4), callbacks=[killed_after(steps)])
    with pytest.warns(RuntimeWarning, match=r"^the weights and the random numbers given to fit are not"):
        assert job.end(job.fit(Checkpoints(tmp_path))) == END


def test_different_seed_causes_a_warning(tmp_path):
    Job().fit(Checkpoints(tmp_path), epochs=1)
    job = Job(seed=2)
    with pytest.warns(
        RuntimeWarning, match=r"another seed.*give another folder for a new training$"
    ) as caught:
        assert job.end(job.fit(Checkpoints(tmp_path))) == END
    assert caught[0].filename.endswith("jobs.py"), "the line that calls fit"


def test_checkpoint_without_settings_is_resumed(tmp_path):
    Job().fit(Checkpoints(tmp_path), epochs=1)
    forge(Checkpoints(tmp_path).newest_path(), lambda contents: contents.pop("settings"))
    assert go_on(tmp_path) == END


def forge(path, change):
    """Change the contents of a checkpoint and correct its checksum, as an attacker would."""
    record = json.loads(path.read_text())
    record.pop("checksum")
    change(record["contents"])
    path.write_text(json.dumps({**record, "checksum": checksum_of(record)}))


def test_different_numpy_version_causes_a_warning(tmp_path):
    Job().fit(Checkpoints(tmp_path), epochs=1)
    path = Checkpoints(tmp_path).newest_path()
    record = json.loads(path.read_text())
    record.pop("checksum")
    record["versions"]["numpy"] = "1.0"
    path.write_text(json.dumps({**record, "checksum": checksum_of(record)}))
    with pytest.warns(RuntimeWarning, match=r"was written with python .*, numpy 1\.0, and this is"):
        assert go_on(tmp_path) == END


def dropout(contents):
    return contents["state"]["generators"]["model.2.rng"]


def saved_group(contents):
    return contents["state"]["optimizer"]["param_groups"][0]


FORGERIES = {
    "a step beyond the epoch": lambda contents: contents["place"].update(step=10**12),
    "a negative step": lambda contents: contents["place"].update(step=-1),
    "no place": lambda contents: contents.pop("place"),
    "an unknown field": lambda contents: contents["place"].update(more=1),
    "text for a number": lambda contents: contents["place"]["totals"].update(examples="many"),
    "a negative epoch": lambda contents: contents["place"].update(loader_epoch=-1),
    "a rate that is text": lambda contents: saved_group(contents).update(lr="fast"),
    "a negative rate": lambda contents: saved_group(contents).update(lr=-1.0),
    "no optimizer": lambda contents: contents["state"].pop("optimizer"),
    "a list of generators": lambda contents: contents["state"].update(generators=[1]),
    "another generator": lambda contents: dropout(contents).update(bit_generator="MT19937"),
    "a generator out of range": lambda contents: contents["state"]["generators"]["model.2.rng"][
        "state"
    ].update(state=-1),
    "a loader epoch that is text": lambda contents: contents.update({"first loader epoch": "two"}),
    "callbacks in a list": lambda contents: contents.update(callbacks=[1]),
    "history that is none": lambda contents: contents.update(history={"epochs": [1]}),
    "a schedule of text": lambda contents: contents["state"]["schedule"].update(epoch="two"),
}


@pytest.mark.parametrize("change", FORGERIES.values(), ids=FORGERIES)
def test_forged_checkpoint_raises_checkpoint_error(tmp_path, change):
    Job().fit(Checkpoints(tmp_path), epochs=1)
    path = Checkpoints(tmp_path).newest_path()
    forge(path, change)
    with pytest.raises(CheckpointError, match=path.name):
        go_on(tmp_path)


def places(value, path=()):
    """Yield the keys that lead to each part of nested JSON."""
    yield path
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


ODD = [
    None,
    True,
    -1,
    0,
    3,
    10**12,
    10**30,
    0.5,
    -1e308,
    "",
    "nan",
    [],
    {},
    [[]],
    {"dtype": "O", "values": [1]},
]


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "epoch"
    Job().fit(Checkpoints(folder), epochs=1)
    return folder


@settings(max_examples=200)
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_refused(one_epoch, tmp_path_factory, data):
    folder = shutil.copytree(one_epoch, tmp_path_factory.mktemp("forged") / "epoch")
    path = Checkpoints(folder).newest_path()

    def change(contents):
        *way, last = data.draw(st.sampled_from([place for place in places(contents) if place]))
        for key in way:
            contents = contents[key]
        contents[last] = data.draw(st.sampled_from(ODD))

    forge(path, change)
    job = Job()
    with contextlib.suppress(CheckpointError, DivergenceError), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the (weights|random numbers)", RuntimeWarning)
        backend = data.draw(st.sampled_from(["eager", "numpy"]))
        job.end(job.fit(Checkpoints(folder), epochs=2, backend=backend))


def test_full_disk_causes_a_warning_and_training_continues(tmp_path, monkeypatch):
    from tinygrad_mnist.training import checkpoint_files as module

    def full(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_atomically", full)
        with pytest.warns(
            RuntimeWarning, match=r"could not be written \(No space left.*the last good one is none"
        ):
            assert go_on(tmp_path) == END
    assert go_on(tmp_path) == END


@pytest.mark.parametrize("setting", [{"every_steps": 0}, {"every_seconds": 0.0}, {"keep": 0}])
def test_impossible_settings_are_refused(tmp_path, setting):
    with pytest.raises(ValueError, match=f"{next(iter(setting))} is 0"):
        Checkpoints(tmp_path, **setting)


def test_doctor_resumes_from_a_checkpoint(tmp_path):
    expected = uninterrupted(callbacks=[Doctor()])
    for steps in (3, STEPS, 5):
        with pytest.raises(Killed):
            Job().fit(Checkpoints(tmp_path, every_steps=2), callbacks=[Doctor(), killed_after(steps)])
    job = Job()
    assert job.end(job.fit(Checkpoints(tmp_path), callbacks=[Doctor()])) == expected


def test_without_warnings(tmp_path):
    with warnings.catch_warnings(action="error"):
        go_on(tmp_path, every_seconds=1e-9, every_steps=1)


def test_changed_digit_in_the_record_is_damage(tmp_path):
    path = Checkpoints(tmp_path).save(12, {"w": np.ones(2)}, {"a": 1}, 0.5)
    record = json.loads(path.read_text())
    assert (record["format"], record["steps"], record["loss"]) == (2, 12, 0.5)
    assert (record["tensors"]["bytes"], record["contents"]) == (16, {"a": 1})
    for change in ({"steps": 13}, {"loss": 0.25}, {"contents": {"a": 2}}, {"checksum": "0" * 64}):
        path.write_text(json.dumps(record | change))
        with pytest.raises(CheckpointError, match="its checksum is not that of its content"):
            read_checkpoint(path)
    for other in (0, 1, "1", None):
        path.write_text(json.dumps(record | {"format": other}))
        with pytest.raises(CheckpointError, match="is not a checkpoint of format 2"):
            read_checkpoint(path)
    path.write_text(json.dumps(record))
    assert read_checkpoint(path).steps == 12


@pytest.mark.parametrize(
    ("every", "due"), [(1, [True] * 6), (3, [False, False, True] * 2), (None, [False] * 6)]
)
def test_checkpoint_is_due_every_n_steps(tmp_path, every, due):
    checkpoints = Checkpoints(tmp_path, every_steps=every)
    assert [checkpoints.due(steps) for steps in range(1, 7)] == due


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_requested_number_of_newest_checkpoints_is_kept(tmp_path, keep):
    checkpoints = Checkpoints(tmp_path, keep=keep)
    for steps in range(1, 5):
        checkpoints.save(steps, {}, {})
    assert [each.steps for each in checkpoints.newest_first()] == [4, 3, 2, 1][:keep]
