"""Files of a run are read back unchanged, or refused with the name of the file."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_mnist.datasets import ImageDataset, Split
from tinygrad_mnist.errors import CheckpointError, DataError
from tinygrad_mnist.files import load_tensors, save_tensors
from tinygrad_mnist.files.records import read_record
from tinygrad_mnist.training import Epoch, History, Recipe, predict
from tinygrad_mnist.training.evaluation import evaluate
from tinygrad_mnist.training.job import run_training
from tinygrad_mnist.training.run_config import CONFIG, RunData, RunOptions, read_settings, save_config
from tinygrad_mnist.training.run_folder import HISTORY, TIMES, WEIGHTS, load_run, save_results
from tinygrad_mnist.training.totals import Evaluation


@pytest.fixture
def run(training, digits, tmp_path):
    """A folder as `run_training` leaves it, without the report, which takes most of the time."""
    job = training()
    test = evaluate(job.model, job.loss, digits.test.loader(100))
    history = job.fit(epochs=1)
    save_results(tmp_path, job.model, history)
    save_config(tmp_path, job.recipe, RunOptions(), digits, history, test)
    return tmp_path, job


def test_run_round_trips_through_its_folder(run, digits):
    folder, job = run
    trained = load_run(folder)
    assert trained.recipe == job.recipe
    assert (trained.image_shape, trained.pixel_max, trained.classes) == ((8, 8), 16, 10)
    for a, b in zip(*(predict(model, digits.test.loader(100)) for model in (trained.model, job.model))):
        np.testing.assert_array_equal(a, b)


def test_seconds_of_each_epoch_are_kept_to_the_millisecond(tmp_path):
    epochs = [
        Epoch(number, 0.1, 1.0, 0.5, None, None, 10, seconds) for number, seconds in ((1, 1.23456), (2, 0.0))
    ]
    save_results(tmp_path, Recipe(hidden=()).build_model((2, 2), 2), History(epochs))
    assert json.loads((tmp_path / TIMES).read_text()) == {"seconds of training": [1.235, 0.0]}


@pytest.mark.parametrize(
    ("name", "most"),
    [("threads", 1024), ("keep", 2**53), ("checkpoint_steps", 2**53), ("checkpoint_seconds", 2**53)],
)
def test_option_counts_from_1_to_its_bound(name, most):
    for value in (1, most):
        assert (
            getattr(read_record(RunOptions, {**asdict(RunOptions()), name: value}, "options"), name) == value
        )
    more = 2 * most if name == "checkpoint_seconds" else most + 1  # a float has no 2**53 + 1
    for value in (0, -1, more, True, "1", 1.5 if name != "checkpoint_seconds" else -0.5):
        with pytest.raises(CheckpointError, match=f"options: {name} is"):
            read_record(RunOptions, {**asdict(RunOptions()), name: value}, "options")


@pytest.mark.parametrize("name", ["doctor", "detect_anomaly"])
def test_option_that_is_a_flag_is_true_or_false(name):
    for value in (True, False):
        assert (
            getattr(read_record(RunOptions, {**asdict(RunOptions()), name: value}, "options"), name) is value
        )
    for value in (0, 1, None, "yes"):
        with pytest.raises(CheckpointError, match=f"options: {name} is"):
            read_record(RunOptions, {**asdict(RunOptions()), name: value}, "options")


def test_checkpoints_may_be_off_or_due_in_parts_of_a_second():
    options = asdict(RunOptions())
    half = {**options, "checkpoint_steps": None, "checkpoint_seconds": 0.5}
    assert read_record(RunOptions, half, "options").checkpoint_seconds == 0.5
    assert (
        read_record(RunOptions, {**options, "checkpoint_seconds": None}, "options").checkpoint_seconds is None
    )
    for change in ({"keep": None}, {"threads": None}, {"checkpoint_seconds": 0.0}, {"checkpoint_steps": 0.5}):
        with pytest.raises(CheckpointError):
            read_record(RunOptions, {**options, **change}, "options")


def edit_config(folder, change):
    config = json.loads((folder / CONFIG).read_text())
    change(config)
    (folder / CONFIG).write_text(json.dumps(config))


DAMAGES = {
    "no config": (CONFIG, lambda path: path.unlink(), "contains no run: there is no config.json in it"),
    "not JSON": (CONFIG, lambda path: path.write_text("{"), "line 1, column 2, offset 1"),
    "not text": (CONFIG, lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8 at offset 0"),
    "a list": (CONFIG, lambda path: path.write_text("[]"), "expected an object"),
    "no weights": (WEIGHTS, lambda path: path.unlink(), "No such file"),
    "truncated weights": (WEIGHTS, lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
    "foreign weights": (WEIGHTS, lambda path: path.write_bytes(b"GIF89a" * 9), "is damaged"),
}


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGES.values(), ids=DAMAGES)
def test_damaged_file_is_named(run, name, damage, message):
    damage(run[0] / name)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_run(run[0])
    assert name in str(caught.value)
    assert str(run[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("activation", "swish", "activation is 'swish': expected one of 'relu', 'sigmoid', 'tanh'"),
        ("hidden", "many", "hidden is 'many': expected a list"),
        ("hidden", [16.5], "hidden is 16.5: expected a whole number"),
        ("hidden", [-3], "is damaged"),
        ("hidden", [16], r"weights.safetensors: 1.weight has shape \(32, 64\) .* \(16, 64\) here"),
        ("hidden", [], "weights.safetensors: the saved state is of another model"),
        ("hidden", [10**6], r"recipe in config.json \(hidden: \[1000000\]\) requires 300000040"),
        ("hidden", [1] * 200_000, "hidden has the length 200000: expected at most 1000"),
        ("hidden", [0] * 1000, "hidden is 0: expected a whole number >= 1"),
        ("activation", ["relu"], r"activation is \['relu'\]: expected a text"),
        ("lr", "0.1", "lr is '0.1': expected a number"),
        ("epochs", True, "epochs is True: expected a whole number"),
        ("seed", -1, "seed is -1: expected a whole number >= 0"),
        ("unknown", 1, "'unknown' is unknown: expected the keys hidden, activation"),
    ],
)
def test_unfit_recipe_is_explained(run, key, value, message):
    edit_config(run[0], lambda config: config["recipe"].update({key: value}))
    with pytest.raises(CheckpointError, match=message) as caught:
        load_run(run[0])
    assert str(run[0]) in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image_shape", [10**6, 10**6], "image_shape is 1000000: expected a whole number <= 65536"),
        ("image_shape", [8, 8, 1], "image_shape has the length 3: expected 2"),
        ("image_shape", [65536, 65536], r"137438953834 parameters, expected at most 536870912 \(2 GiB\)"),
        ("classes", 0, "classes is 0: expected a whole number >= 1"),
        ("classes", 11, "they belong to different runs"),
        ("classes", 9, r"weights.safetensors: 3.weight has shape \(10, 32\) .* \(9, 32\) here"),
        ("pixel_max", 10**30, "pixel_max is 1000000000000000000000000000000: expected a whole number <= 255"),
        ("name", None, "data: name is None: expected a text"),
    ],
)
def test_impossible_data_are_refused(run, key, value, message):
    edit_config(run[0], lambda config: config["data"].update({key: value}))
    with pytest.raises(CheckpointError, match=message):
        load_run(run[0])


@pytest.mark.parametrize(
    ("key", "most", "more"),
    [
        ("classes", 256, 257),
        ("pixel_max", 255, 256),
        ("pixel_max", 1, 0),
        ("image_shape", [65536, 1], [65537, 1]),
        ("image_shape", [1, 65536], [1, 0]),
        ("counts", [0, 0, 0], [0, 0, -1]),
        ("counts", [2**40 - 1] * 3, [1, 1, 2**40]),
        ("counts", [1, 2, 3], [1, 2]),
        ("counts", [1, 2, 3], [1, 2, True]),
        ("name", "n" * 4096, "n" * 4097),
        ("directory", "/" * 4096, "/" * 4097),
        ("class_names", [*"abcdefghi", "j" * 4096], [*"abcdefghi", "j" * 4097]),
        ("class_names", list("abcdefghij"), list("abcdefghii")),
        ("class_names", list("abcdefghij"), [*"abcdefghi", 9]),
        ("class_names", list("abcdefghij"), "abcdefghij"),
    ],
)
def test_data_settings_are_accepted_up_to_their_bound(digits, tmp_path, key, most, more):
    expected = Path(most) if key == "directory" else tuple(most) if isinstance(most, list) else most

    def settings(value):
        save_config(tmp_path, Recipe(hidden=(1,)), RunOptions(), digits)
        edit_config(tmp_path, lambda config: config["data"].update({key: value}))
        if key == "image_shape":
            edit_config(tmp_path, lambda config: config["data"].pop("framing"))
        return getattr(
            read_settings(tmp_path), {"name": "data_name", "directory": "data_directory"}.get(key, key)
        )

    assert settings(most) == expected
    with pytest.raises(CheckpointError, match=f"data: {key}"):
        settings(more)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("recipe", "'recipe' is missing: expected the keys recipe, options, data, finished"),
        ("data", "'data' is missing: expected the keys recipe, options"),
    ],
)
def test_missing_part_of_the_config_is_named(run, key, message):
    edit_config(run[0], lambda config: config.pop(key))
    with pytest.raises(CheckpointError, match=message):
        load_run(run[0])


def test_weights_of_another_precision_are_refused(run):
    weights, _ = load_tensors(run[0] / WEIGHTS, max_bytes=10**6)
    weights["1.bias"] = weights["1.bias"].astype(np.float64) * 1e300
    save_tensors(run[0] / WEIGHTS, weights)
    with pytest.raises(CheckpointError, match=r"weights.safetensors: 1.bias is float64, expected float32"):
        load_run(run[0])


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_folder_in_place_of_a_file_is_named(run, name):
    (run[0] / name).unlink()
    (run[0] / name).mkdir()
    with pytest.raises(CheckpointError, match=f"{name}: Is a directory"):
        load_run(run[0])


def test_run_with_a_diverged_test_result_is_readable(run, digits):
    _, job = run
    folder = run[0] / "again"
    folder.mkdir()
    save_results(folder, job.model, History())
    save_config(folder, job.recipe, RunOptions(), digits, History(), Evaluation(float("inf"), 0.1, 10))
    assert load_run(folder).recipe == job.recipe


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
SETTINGS = [
    *(("recipe", name) for name in Recipe().to_dict()),
    *(("data", field.name) for field in fields(RunData)),
    *(("options", field.name) for field in fields(RunOptions)),
    *((name,) for name in ("recipe", "data", "options", "finished")),
]


@pytest.mark.parametrize(("most", "message"), [(0, "is damaged"), (1, "where at most .* are expected")])
def test_weights_are_read_up_to_six_times_the_size_of_the_recipe(digits, tmp_path, most, message):
    recipe = Recipe(hidden=(1,))
    save_config(tmp_path, recipe, RunOptions(), digits, History())
    promised = 4 * recipe.count_parameters(digits.image_shape, digits.classes)
    with open(tmp_path / WEIGHTS, "wb") as file:  # a checkpoint has the optimizer's arrays too, and a header
        file.truncate(6 * promised + 2**20 + most)
    with pytest.raises(CheckpointError, match=f"{WEIGHTS}.*{message}"):
        load_run(tmp_path)


@pytest.fixture(scope="module")
def small_run(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    model = Recipe(hidden=(2,)).build_model(digits.image_shape, digits.classes)
    save_results(folder, model, History())
    save_config(folder, Recipe(hidden=(2,)), RunOptions(), digits, History(), Evaluation(2.5, 0.1, 360))
    return folder, (folder / CONFIG).read_text()


@given(setting=st.sampled_from(SETTINGS), value=VALUES)
def test_any_setting_value_gives_a_run_or_an_error_with_the_file(small_run, setting, value):
    folder, config = small_run
    changed = json.loads(config)
    *outer, last = setting
    (changed[outer[0]] if outer else changed)[last] = value
    (folder / CONFIG).write_text(json.dumps(changed))
    try:
        loaded = load_run(folder)
    except CheckpointError as error:
        assert str(folder) in str(error)  # noqa: PT017
    else:
        loaded.recipe.build_optimizer(loaded.model)
        assert sum(parameter.size for parameter in loaded.model.parameters()) == 160


@given(
    name=st.sampled_from(["1.weight", "1.bias", "3.weight", "3.bias", "5.bias"]),
    array=hnp.arrays(
        st.sampled_from(["f4", "f8", "f2", "u1", "i8", "?", "c8"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=12),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
)
def test_any_tensor_is_loaded_or_refused_by_name(small_run, name, array):
    folder, config = small_run
    (folder / CONFIG).write_text(config)
    kept = (folder / WEIGHTS).read_bytes()
    weights, _ = load_tensors(folder / WEIGHTS, max_bytes=10**6)
    fits = name in weights and (array.shape, array.dtype) == (weights[name].shape, weights[name].dtype)
    save_tensors(folder / WEIGHTS, {**weights, name: array})
    try:
        if fits:
            np.testing.assert_array_equal(load_run(folder).model.state_dict()[name], array)
        else:
            with pytest.raises(CheckpointError, match=WEIGHTS):
                load_run(folder)
    finally:
        (folder / WEIGHTS).write_bytes(kept)


def test_weights_that_are_not_finite_are_refused(run):
    weights, _ = load_tensors(run[0] / WEIGHTS, max_bytes=10**6)
    weights["1.bias"] *= np.nan
    save_tensors(run[0] / WEIGHTS, weights)
    with pytest.raises(CheckpointError, match=r"weights.safetensors: 1.bias holds NaN"):
        load_run(run[0])


def test_run_never_overwrites_another_or_a_file(run, digits):
    folder, job = run
    with pytest.raises(
        CheckpointError, match="already contains a run: continue it with --resume, or choose another folder"
    ):
        run_training(job.recipe, digits, folder)
    with pytest.raises(CheckpointError, match="a file is in the way"):
        run_training(job.recipe, digits, folder / CONFIG)


def test_history_round_trips_through_its_file(tmp_path):
    first, second = Epoch(1, 0.1, 2.5, None, None, None, 100, 0.5), Epoch(2, 0.05, 1 / 3, 0.5, 1.0, 0.5, 7, 0)
    history = History([first, second])
    history.save(tmp_path / HISTORY)
    assert History.load(tmp_path / HISTORY) == History([replace(epoch, seconds=0.0) for epoch in history])
    assert "seconds" not in (tmp_path / HISTORY).read_text()
    assert (first.examples_per_second, second.examples_per_second) == (200, 0)
    assert len((tmp_path / HISTORY).read_text().splitlines()) == 2
    assert "2 epochs" in repr(history)


@pytest.mark.parametrize("loss", [float("inf"), float("nan")])
def test_loss_that_diverged_in_the_last_step_is_recorded(tmp_path, loss):
    History([Epoch(1, 0.1, 2.5, None, loss, 0.1, 100, 0.5)]).save(tmp_path / HISTORY)
    assert str(History.load(tmp_path / HISTORY)[0].validation_loss) == str(loss)


GOOD_LINE = (
    b'{"epoch": 1, "learning_rate": 0.1, "train_loss": 2, "train_accuracy": null, '
    b'"validation_loss": null, "validation_accuracy": null, "examples": 7, "seconds": 0.5}\n'
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"{}\n", "line 1: 'epoch' is missing: expected the keys epoch, learning_rate"),
        (GOOD_LINE + b"[1]\n", r"line 2: expected an object, found \[1\]"),
        (GOOD_LINE + b"{\n", rf"line 2, column 2, offset {len(GOOD_LINE) + 1}"),
        (b"\xff", "not UTF-8 at offset 0"),
        (GOOD_LINE.replace(b"7", b"7.5"), "line 1: examples is 7.5: expected a whole number"),
        (GOOD_LINE.replace(b"2,", b'"two",'), "line 1: train_loss is 'two': expected a number"),
        (GOOD_LINE.replace(b"2,", b"null,"), "line 1: train_loss is None: expected a number"),
        (GOOD_LINE.replace(b"2,", b"NaN,"), "NaN is not a JSON number"),
        (
            GOOD_LINE.replace(b'"epoch"', b'"era"'),
            "line 1: 'epoch' is missing: expected the keys epoch, learning_rate",
        ),
        (b"[" * 2**24 + b"]", "16777217 bytes where at most 16777216 are expected"),
    ],
)
def test_damaged_history_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / HISTORY).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"history.jsonl.*{message}"):
        History.load(tmp_path / HISTORY)


def test_empty_test_set_is_refused_before_the_folder_exists(tmp_path, digits):
    test = Split(digits.test.raw_images[:0], digits.test.labels[:0], 16)
    dataset = ImageDataset("digits", "a test", digits.train, digits.validation, test, 10)
    with pytest.raises(DataError, match="digits has no test images: expected one or more"):
        run_training(Recipe(epochs=1), dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_single_class_is_refused_before_the_folder_exists(tmp_path, digits):
    train, validation, test = (
        Split(split.raw_images, np.zeros_like(split.labels), 16)
        for split in (digits.train, digits.validation, digits.test)
    )
    dataset = ImageDataset("zeros", "a test", train, validation, test, 1)
    with pytest.raises(DataError, match="zeros has 1 class: expected two or more; add images"):
        run_training(Recipe(epochs=1), dataset, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_classes_keep_their_names_in_the_run(tmp_path, digits):
    def only(split):
        chosen = np.isin(split.labels, (3, 7))
        return Split(split.raw_images[chosen], (split.labels[chosen] == 7).astype(np.uint8), 16)

    parts = (only(part) for part in (digits.train, digits.validation, digits.test))
    dataset = ImageDataset("two", "a test", *parts, 2, class_names=("3", "7"))
    result = run_training(Recipe(hidden=(4,), batch_size=16, epochs=2), dataset, tmp_path / "run")
    assert result.test.accuracy > 0.9
    assert not result.near_chance
    run = load_run(tmp_path / "run")
    assert (run.classes, run.class_names) == (2, ("3", "7"))
