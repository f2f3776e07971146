"""The command play: a page for each kind of data, and for a run."""

import numpy as np
import pytest
from click.testing import CliRunner

from tests.play.pages import data_in, numbers
from tinygrad_mnist import load_pretrained
from tinygrad_mnist.cli import main
from tinygrad_mnist.datasets.bundled import BUNDLED
from tinygrad_mnist.training.run_folder import load_run


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


def page(tmp_path, *arguments):
    """Return the data of the page that the command writes."""
    path = tmp_path / "page.html"
    result = run("play", *arguments, "-o", path)
    assert result.exit_code == 0, result.output
    html = path.read_text("utf-8")
    data = data_in(html)
    assert result.stdout == f"{data['title']}: wrote {path}; open it in a browser\n"
    return data


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (["--dataset", "digits"], "64-32-10 on digits"),
        (["--layers", "64-10", "--loss", "quadratic"], "64-10 on digits"),
        (["--data", BUNDLED["digits"], "--layers", "64-5-10"], "64-5-10 on digits"),
        (["--dataset", "spirals", "--seed", "3"], "2-16-16-2 on spirals"),
        (["--dataset", "moons", "--activation", "tanh"], "2-8-8-2 on moons"),
        pytest.param(["--dataset", "mnist"], "784-30-10 on MNIST", marks=pytest.mark.long),
    ],
)
def test_fresh_network_is_written_for_each_data_set(arguments, title, tmp_path):
    data = page(tmp_path, *arguments)
    assert data["title"] == title
    assert data["loss"] == ("quadratic" if "quadratic" in arguments else "cross-entropy")
    assert data["layers"][-1]["title"].startswith("Sigmoid" if "quadratic" in arguments else "Linear")
    assert ("Tanh" in [layer["title"] for layer in data["layers"]]) == ("tanh" in arguments)
    start = data["start"]["example"]
    assert 0 <= start < data["test"]["count"]


def test_network_of_the_record_is_written_without_a_run(tmp_path):
    data = page(tmp_path)
    state = load_pretrained("record").state_dict()
    for each in (*data["parameters"], *data["buffers"]):
        found = numbers(each["values"], each["dtype"]).reshape(each["shape"])
        assert np.array_equal(found, state.pop(each["name"]))
    assert state == {}
    assert data["read"]["share"] >= 0.995
    assert {"look", "loss", "blame", "step"} <= data["programs"].keys()


def test_run_is_written_with_its_weights_and_settings(tmp_path):
    folder = tmp_path / "run"
    trained = run("train", "--dataset", "digits", "--epochs", 1, "--layers", "64-6-10", "--dropout", 0.1,
                  "--lr", 0.2, "--momentum", 0.5, "--batch-size", 64, "--jobs", 1,
                  "--output", folder)  # fmt: skip
    assert trained.exit_code == 0, trained.output
    data = page(tmp_path, folder)
    assert data["title"] == "64-6-10 on digits"
    assert data["training"] == {"lr": 0.05, "momentum": 0.5, "batch": 16}
    state = load_run(folder).model.state_dict()
    assert {each["name"] for each in data["parameters"]} == state.keys()
    for each in data["parameters"]:
        assert np.array_equal(numbers(each["values"]).reshape(each["shape"]), state[each["name"]])
    refused = run("play", folder, "--layers", "64-10")
    assert (refused.exit_code, "RUN has its own network and data: leave --layers out" in refused.output) == (
        2,
        True,
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--layers", "64-9-3"], "expected 64 inputs and 10 outputs, as digits has; write --layers 64-9-10"),
        (["--dataset", "moons", "--layers", "3-2"], "--layers is 3-2: expected 2 inputs and 2 outputs"),
        (["--dataset", "moons", "--data", "."], "--dataset moons is drawn at random: leave out --data"),
        (["--dataset", "digits", "--data", "."], "--dataset digits are bundled: leave out --data"),
        (["--weights", "best"], "there are no checkpoints without a RUN: leave --weights out"),
        (["--dataset", "moons", "-o", "nowhere/page.html"], "the folder is missing"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_refused_in_a_sentence(arguments, sentence):
    result = run("play", *arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output
