"""The commands as a person types them: what they leave, what they say, and how they refuse.

One thread each: the tests themselves run side by side.
"""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tinygrad_mnist import __version__
from tinygrad_mnist.cli import main
from tinygrad_mnist.datasets import write_idx
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.training.run_config import read_settings

PICTURES = {"curves.svg", "confusion.svg", "misread.svg", "first_layer.svg"}
ONE = "--jobs", 1


def run(*arguments, environment=None):
    result = CliRunner().invoke(
        main, [str(a) for a in arguments], env={"COLUMNS": "200", **(environment or {})}
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def succeed(*arguments, **options):
    result = run(*arguments, **options)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits") / "run"
    return folder, succeed("train", "--dataset", "digits", "--epochs", 2, *ONE, "--output", folder)


@pytest.fixture(scope="module")
def mnist_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mnist") / "run"
    return folder, succeed("train", "--epochs", 1, *ONE, "--output", folder)


def percentage(output):
    return float(re.search(r"accuracy ([\d.]+)%", output.replace("validation accuracy", "")).group(1))


def test_training_writes_everything_into_its_folder(digits_run):
    folder, output = digits_run
    names = {"config.json", "history.jsonl", "weights.safetensors", "report.html"} | PICTURES
    names |= {"times.json", "checkpoints", ".lock"}
    found = {path.name for path in folder.iterdir()}
    assert found == names | ({"graph.svg"} if shutil.which("dot") else {"graph.dot"})
    history = (folder / "history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in history] == [1, 2]
    assert "report.html" in output
    assert "epoch   2/2" in output


def test_report_is_one_file_that_fetches_nothing(digits_run):
    page = (digits_run[0] / "report.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == len(PICTURES) + bool(shutil.which("dot"))
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:|#)|url\((?!#)|@import""", page)


def test_epoch_of_mnist_reads_more_than_95_percent(mnist_run):
    assert percentage(mnist_run[1]) > 95


@pytest.mark.parametrize("which", ["digits_run", "mnist_run"])
def test_evaluate_repeats_the_accuracy_of_training(which, request, mnist_folder):
    folder, output = request.getfixturevalue(which)
    options = ["--data", mnist_folder] if which == "mnist_run" else []
    assert percentage(succeed("evaluate", folder, *ONE, *options)) == percentage(output)


def test_defaults_suit_the_digits_too(tmp_path):
    output = succeed("train", "--dataset", "digits", *ONE, "--output", tmp_path / "run")
    assert percentage(output) > 89


def test_same_command_gives_the_same_weights(digits_run, tmp_path):
    again = tmp_path / "run"
    succeed("train", "--dataset", "digits", "--epochs", 2, *ONE, "--output", again)
    assert (again / "weights.safetensors").read_bytes() == (
        digits_run[0] / "weights.safetensors"
    ).read_bytes()


def predicted(output):
    return re.findall(r"│ +(\d) +│ +([\d.]+)%", output)


def test_digit_is_read_the_same_in_any_picture(mnist_run, mnist, tmp_path):
    digits = mnist.test.raw_images[:3]
    for i, digit in enumerate(digits):
        large = np.asarray(Image.fromarray(digit).resize((280, 280), Image.Resampling.BICUBIC))
        pictures = {"as_is": digit, "inverted": 255 - digit, "large": 255 - np.pad(large, 60)}
        for name, picture in pictures.items():
            Image.fromarray(picture).save(tmp_path / f"{i}_{name}.png")
    output = succeed("predict", mnist_run[0], *sorted(tmp_path.glob("*.png")))
    classes = [int(digit) for digit, _ in predicted(output)]
    assert classes == [label for label in mnist.test.labels[:3] for _ in range(3)]


@pytest.mark.parametrize("which", ["digits", "mnist"])
def test_idx_file_is_read_row_by_row(which, request, tmp_path):
    split = request.getfixturevalue(which).test
    path = tmp_path / "some-idx3-ubyte.gz"
    write_idx(path, split.raw_images[:50])
    output = succeed("predict", request.getfixturevalue(f"{which}_run")[0], path)
    classes = np.array([int(digit) for digit, _ in predicted(output)])
    assert (classes == split.labels[:50]).mean() >= 0.8
    assert f"{path.name}[49]" in output


@pytest.mark.parametrize("which", ["digits", "mnist"])
def test_enlarged_test_digit_is_read_as_the_original(which, request, tmp_path):
    split, folder = request.getfixturevalue(which).test, request.getfixturevalue(f"{which}_run")[0]
    write_idx(tmp_path / "own.gz", split.raw_images[:20])
    for number, image in enumerate(split.raw_images[:20] * (255 // split.pixel_max)):
        large = Image.fromarray(255 - image).resize((160, 160), Image.Resampling.BICUBIC)
        large.save(tmp_path / f"{number:02}.png")
    own = [digit for digit, _ in predicted(succeed("predict", folder, tmp_path / "own.gz"))]
    found = [digit for digit, _ in predicted(succeed("predict", folder, *sorted(tmp_path.glob("*.png"))))]
    assert np.mean([a == b for a, b in zip(own, found, strict=True)]) >= 0.9


def test_pictures_without_a_run_are_read_by_the_network_of_the_package(mnist, tmp_path):
    write_idx(tmp_path / "digits.gz", mnist.test.raw_images[:10])
    Image.fromarray(255 - mnist.test.raw_images[10]).save(tmp_path / "one.png")
    result = run("predict", tmp_path / "digits.gz", tmp_path / "one.png")
    assert result.exit_code == 0
    assert [int(digit) for digit, _ in predicted(result.stdout)] == mnist.test.labels[:11].tolist()
    assert "no RUN is named: the network 'record' of the package, of 2" in result.stderr
    refused = run("predict", tmp_path / "one.png", "--weights", "best")
    assert (refused.exit_code, "--weights is best: expected none without a RUN" in refused.stderr) == (
        2,
        True,
    )
    missing = run("predict", tmp_path / "runs", tmp_path / "one.png")
    assert (missing.exit_code, "runs contains no run" in missing.stderr) == (2, True)
    alone = run("predict", tmp_path)
    assert (alone.exit_code, "there are no IMAGES" in alone.stderr) == (2, True)


def test_bad_picture_is_one_error_line_and_status_2(digits_run, digits, tmp_path):
    good, blank, missing = (tmp_path / f"{name}.png" for name in ("good", "blank", "missing"))
    Image.fromarray(digits.test.raw_images[0] * 15).save(good)
    Image.new("L", (50, 50), 200).save(blank)
    result = run("predict", digits_run[0], blank, good, missing, good)
    assert result.exit_code == 2
    assert len(predicted(result.stdout)) == 2
    first, second = result.stderr.strip().splitlines()
    assert "blank.png: there is no digit in it: expected strokes" in first
    assert "missing.png: there is no such file" in second


def test_answer_below_one_half_is_called_unsure(digits_run, tmp_path):
    path = tmp_path / "odd.gz"
    write_idx(path, np.random.default_rng(0).integers(0, 17, (30, 8, 8), np.uint8))
    output = succeed("predict", digits_run[0], path)
    doubted = sum(float(share) < 50 for _, share in predicted(output))
    assert doubted > 0
    assert output.count("unsure: ") == doubted
    assert f"unsure of {doubted} of 30: no digit reaches 50%" in output


def test_show_prints_the_input_of_the_network(digits_run, digits, tmp_path):
    path = tmp_path / "digit.png"
    Image.fromarray(digits.test.raw_images[0] * 15).save(path)
    shown = succeed("predict", digits_run[0], path, "--show").split("+----------------+")[1].strip()
    rows = [line.strip("|")[::2] for line in shown.splitlines()]
    ink = np.array([[character not in " .░" for character in row] for row in rows])
    assert ink.shape == (8, 8)
    assert (ink == (digits.test.raw_images[0] >= 7)).all()


@pytest.mark.parametrize(("which", "side"), [("digits_run", "height"), ("mnist_run", "longest")])
def test_run_keeps_the_position_of_the_ink(which, side, request, tmp_path):
    folder = request.getfixturevalue(which)[0]
    assert read_settings(folder).framing.side == side
    config = json.loads((folder / "config.json").read_text())
    del config["data"]["framing"]  # as runs of older versions are
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read_settings(tmp_path).framing.side == side


def test_framing_of_one_centre_is_read(mnist_run, tmp_path):
    config = json.loads((mnist_run[0] / "config.json").read_text())
    config["data"]["framing"].update(centre="mass", size=[18, 20, 20])  # boxes without their soft edges
    (tmp_path / "config.json").write_text(json.dumps(config))
    found = read_settings(tmp_path).framing
    assert (found.centre, found.size) == (("mass", "mass"), (18.5, 20.5, 20.5))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("side", "depth"),
        ("centre", ["mass"]),
        ("size", [1, 2]),
        ("row", [0, 99, 0]),
        ("paper", 2),
        ("size", [0] * 3),
    ],
)
def test_damaged_framing_is_refused(digits_run, tmp_path, name, value):
    config = json.loads((digits_run[0] / "config.json").read_text())
    config["data"]["framing"][name] = value
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=rf"framing: {name} is"):
        read_settings(tmp_path)


def test_data_shows_source_sizes_and_classes():
    output = succeed("data", environment={"TINYGRAD_MNIST_DATA": ""})
    assert "MNIST: 60,000 training and 10,000 test images, 28 x 28, in 10 classes" in output
    assert "source: the files bundled with this package" in output
    assert re.search(r"│ 0 +│ 5,923 +│ 980 ", output)
    assert "digits: 1,437 training and 360 test images, 8 x 8" in succeed("data", "--dataset", "digits")


def test_run_finds_its_data_again(mnist_run, tmp_path):
    elsewhere = {"TINYGRAD_MNIST_DATA": str(tmp_path)}  # an empty folder
    assert percentage(succeed("evaluate", mnist_run[0], environment=elsewhere)) == percentage(mnist_run[1])


def test_data_shows_the_named_folder(mnist, tmp_path):
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", mnist.test.raw_images[:40])
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", mnist.test.labels[:40])
    by_environment = succeed("data", environment={"TINYGRAD_MNIST_DATA": str(tmp_path)})
    for output in (by_environment, succeed("data", "--data", tmp_path)):
        assert f"{tmp_path.name}: 40 training and 40 test images" in output
        assert f"source: the IDX files in {tmp_path}" in output


def truncated(mnist_folder, folder):
    folder.mkdir()
    for path in mnist_folder.iterdir():
        shutil.copy(path, folder) if path.is_file() else None
    images = next(folder.glob("t10k-images*"))
    images.write_bytes(images.read_bytes()[:-1000])
    return folder


def damaged(run_folder, name, folder):
    shutil.copytree(run_folder, folder)
    (folder / name).write_bytes(b"not what it was")
    return folder


def refusals(place, run_folder, mnist_folder):
    """Commands that cannot work, and what they say."""
    (place / "foreign.png").write_text("not a picture")
    Image.new("L", (50, 50)).save(place / "blank.png")
    small = ["train", "--dataset", "digits", "--epochs", 1, *ONE, "--output"]
    return {
        "no run": (["evaluate", place], "contains no run"),
        "a file as a run": (["evaluate", place / "foreign.png"], "contains no run"),
        "corrupt weights": (
            ["evaluate", damaged(run_folder, "weights.safetensors", place / "w")],
            "weights.safetensors is damaged",
        ),
        "corrupt config": (
            ["predict", damaged(run_folder, "config.json", place / "c"), place / "blank.png"],
            "config.json is damaged",
        ),
        "other images": (["evaluate", run_folder, "--data", mnist_folder], "was trained on digits, 8 x 8"),
        "foreign picture": (["predict", run_folder, place / "foreign.png"], "not a readable picture"),
        "blank picture": (["predict", run_folder, place / "blank.png"], "there is no digit in it"),
        "no picture": (["predict", run_folder, place / "none.png"], "there is no such file"),
        "a folder as a picture": (["predict", run_folder, place], "Is a directory"),
        "no folder": (["train", "--data", place / "none"], "expected a folder"),
        "no folder to show": (["data", "--data", place / "none"], "expected a folder"),
        "no files": (["train", "--data", place], "lacks train-images-idx3-ubyte"),
        "truncated": (["train", "--data", truncated(mnist_folder, place / "t")], "t10k-images"),
        "a run there already": ([*small, run_folder], "already contains a run"),
        "a file in the way": ([*small, place / "foreign.png"], "a file is in the way"),
        "layers words": ([*small, place / "x", "--layers", "many"], "such as 784-30-10"),
        "layers nothing": ([*small, place / "x", "--layers", "64-3-0-10"], "sizes[2] is 0"),
        "layers too large": ([*small, place / "x", "--layers", "64-1000000-1000000-10"], "allocate"),
        "threads too many": ([*small, place / "x", "--jobs", 10**30], "is not in the range"),
        "epochs too many": ([*small, place / "x", "--epochs", 10**30], "is not in the range"),
        "batch too large": ([*small, place / "x", "--batch-size", 10**30], "is not in the range"),
        "layers too many": ([*small, place / "x", "--layers", "64-" + "3-" * 1001 + "10"], "at most 1,000"),
        "lr nan": ([*small, place / "x", "--lr", "nan"], "not a finite number"),
        "lr negative": ([*small, place / "x", "--lr", "-1"], "not in the range"),
        "lr too large": ([*small, place / "y", "--lr", "1e30"], "lower the learning rate"),
        "two datasets": ([*small, place / "x", "--data", mnist_folder], "leave out --data"),
        "no command": (["nonsense"], "No such command"),
    }


def test_bad_input_gives_a_sentence_and_status_2(tmp_path, digits_run, mnist_folder):
    for what, (arguments, message) in refusals(tmp_path, digits_run[0], mnist_folder).items():
        result = run(*arguments)
        assert result.exit_code == 2, (what, result.output)
        assert message in result.stderr, (what, result.output)
        error = result.stderr[result.stderr.index("Error: ") :].strip()
        notes = error.splitlines()[1:]
        assert all(note.startswith("  ") for note in notes), (what, error)
        assert not notes or what == "lr too large", (what, error)


def test_help_is_readable_from_a_shell():
    command = [sys.executable, "-W", "error", "-m", "tinygrad_mnist", "--help"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert not re.search(r"\w\.\.\.\n", result.stdout)  # no summary of a command is cut short
    for command in main.commands:
        assert f"\n  {command} " in result.stdout
        assert "--help" in succeed(command, "--help")


def test_version_is_that_of_the_package():
    assert succeed("--version").endswith(f"version {__version__}\n")


def test_training_that_ends_at_chance_causes_a_warning(tmp_path, digits_run):
    settings = "--dataset", "digits", "--epochs", 1, "--lr", 1e9, "--loss", "quadratic"
    output = succeed("train", *settings, *ONE, "--output", tmp_path / "run")
    assert re.search(r"close to chance \(1\d%\).*run again with --doctor", output)
    assert "close to chance" not in digits_run[1]
    asked = succeed("train", *settings, "--doctor", *ONE, "--output", tmp_path / "asked")
    assert re.search(r"close to chance \(1\d%\).*see the doctor's advice above", asked)


@pytest.mark.parametrize("command", [("gradcheck", "--sample", 5), ("graph", "-o", "step.txt"), ("derive",)])
def test_dataset_digits_works_in_every_command(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = succeed(*command, "--dataset", "digits")
    assert "64-30-10" in output
    assert "of digits" in output
    result = run(*command, "--dataset", "digits", "--data", tmp_path)
    assert result.exit_code == 2
    assert "--dataset digits are bundled: leave out --data" in result.output
