"""The command `graph`: a file for every suffix, and sentences for mistakes."""

import shutil

import pytest
from click.testing import CliRunner

from tinygrad_mnist.cli import main

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def run(*arguments):
    return CliRunner().invoke(main, ["graph", *map(str, arguments)])


@needs_dot
@pytest.mark.parametrize("suffix", ["html", "svg", "png"])
@pytest.mark.parametrize("detail", ["modules", "ops", "values"])
def test_command_draws_a_step_on_real_digits(mnist_folder, tmp_path, suffix, detail):
    path = tmp_path / f"step.{suffix}"
    result = run("--data", mnist_folder, "--detail", detail, "--backward", "-o", path)
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
    assert run("--data", mnist_folder, *options, "-o", path).exit_code == 0
    forward = path.read_text(encoding="utf-8")
    assert "tanh_2  = tanh(linear_1)  [4 × 12]" in forward
    assert "images  [4 × 784]  data" in forward
    assert "labels  [4]  data" in forward
    assert "gradient" not in forward
    assert run("--data", mnist_folder, *options, "--backward", "-o", path).exit_code == 0
    assert "gradient" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "step.xyz"], "path is step.xyz: expected a name that ends in .svg"),
        (["--layers", "5-4-3", "-o", "step.txt"], "--layers 784-4-10 would fit"),
        (["--layers", "784x10", "-o", "step.txt"], "such as 784-30-10"),
        (["-o", "missing/step.txt"], "missing"),
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
    result = run("--data", mnist_folder, "-o", tmp_path / "step.png")
    assert result.exit_code == 2
    assert "apt install graphviz" in result.output
    assert (tmp_path / "step.dot").exists()
