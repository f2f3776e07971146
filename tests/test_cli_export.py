"""The command export: the files of a run give its numbers in other programs."""

import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner

from tinygrad_mnist.cli import main
from tinygrad_mnist.files import load_tensors
from tinygrad_mnist.training.run_folder import load_run


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments], env={"COLUMNS": "200"})


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "run"
    trained = run("train", "--dataset", "digits", "--epochs", 2, "--jobs", 1, "--output", folder)
    assert trained.exit_code == 0, trained.output
    return folder


def exported(digits_run, path):
    result = run("export", digits_run, "-o", path)
    assert (result.exit_code, result.stdout) == (0, f"wrote {path}\n"), result.output
    return path


def expected(digits_run, digits):
    return load_run(digits_run).model.eval()(digits.test.images).data


def test_onnx_gives_the_logits_of_the_run(digits_run, digits, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = onnxruntime.InferenceSession(str(exported(digits_run, tmp_path / "digits.onnx")))
    (found,) = session.run(None, {session.get_inputs()[0].name: digits.test.images})
    np.testing.assert_allclose(found, expected(digits_run, digits), rtol=1e-5, atol=1e-5)


def test_python_code_gives_the_logits_of_the_run(digits_run, digits, tmp_path):
    exported(digits_run, tmp_path / "network.py")
    np.save(tmp_path / "images.npy", digits.test.images)
    code = "import numpy as np, network; np.save('found.npy', network.run(np.load('images.npy')))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), expected(digits_run, digits))


def test_safetensors_has_the_weights_of_the_run(digits_run, tmp_path):
    found, _ = load_tensors(exported(digits_run, tmp_path / "digits.safetensors"), max_bytes=2**20)
    weights = load_run(digits_run).model.state_dict()
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name], array)


def test_another_ending_is_refused(digits_run, tmp_path):
    result = run("export", digits_run, "-o", tmp_path / "digits.pt")
    assert result.exit_code == 2
    assert "digits.pt: expected a name that ends in .onnx, .safetensors or .py" in result.output
