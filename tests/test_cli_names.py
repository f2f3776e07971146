"""Names and settings from anywhere are shown as they are, in any terminal, and do nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner
from PIL import Image

from tinygrad_mnist.cli import main
from tinygrad_mnist.datasets.bundled import BUNDLED
from tinygrad_mnist.training import Checkpoints

SMALL = "--dataset", "digits", "--layers", "64-4-10", "--epochs", 1
# A name of a file, and how it is shown.
NAMES = {
    "a\x1b[31mred": r"a\x1b[31mred",
    "a\x1b]0;title\x07": r"a\x1b]0;title\x07",
    "a\x9b2Jb": r"a\x9b2Jb",
    "a\nb": r"a\nb",
    "a\rb\tc": r"a\rb\tc",
    "\u202eb": r"\u202eb",
    os.fsdecode(b"caf\xe9"): r"caf\xe9",
    "[red]x[reset]": "[red]x[reset]",
    ":smile:": ":smile:",
    "fünf": "fünf",
}
UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")


def run(*arguments):
    result = CliRunner().invoke(main, [str(a) for a in arguments], env={"COLUMNS": "400"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    assert not UNSEEN.search(result.output), result.output
    return result


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "run"
    assert run("train", *SMALL, "--output", folder).exit_code == 0
    return folder


@pytest.fixture
def pictures(digits, tmp_path):
    paths = [tmp_path / f"{name}.png" for name in NAMES]
    for path in paths:
        Image.fromarray(digits.test.raw_images[0] * 15).save(path)
    return paths


def test_names_of_pictures_are_shown_in_the_table(small, pictures):
    result = run("predict", small, *pictures)
    assert result.exit_code == 0
    for shown in NAMES.values():
        assert f"/{shown}.png" in result.stdout
    assert (
        len({len(line) for line in result.stdout.splitlines() if "%" in line}) == 1
    )  # the table is straight


@pytest.mark.parametrize(("name", "shown"), NAMES.items(), ids=NAMES.values())
def test_names_are_shown_in_errors(small, tmp_path, name, shown):
    shown = shown.replace(r"\n", "\n")  # a sentence may have several lines
    for arguments in (["evaluate", tmp_path / name], ["train", "--data", tmp_path / name]):
        result = run(*arguments)
        assert result.exit_code == 2
        assert shown in result.stderr
    assert shown in run("evaluate", small, name).stderr  # an argument too many


def test_run_folder_may_have_any_name(tmp_path):
    parts = ["a\x1b[31mred", os.fsdecode(b"caf\xe9"), "[red]x[reset]"]
    name, shown = "".join(parts), "".join(NAMES[part] for part in parts)
    data = tmp_path / f"data of {name}"
    shutil.copytree(BUNDLED["digits"], data)
    folder = tmp_path / name
    result = run("train", "--data", data, "--validation", 10, *SMALL[2:], "--output", folder)
    assert result.exit_code == 0
    assert f"{shown}/report.html" in result.stdout
    config = json.loads((folder / "config.json").read_text(encoding="ascii"))
    assert config["data"]["name"] == data.name
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"data of {shown}" in page
    assert not UNSEEN.search(page)
    assert run("evaluate", folder).exit_code == 0


def test_warnings_are_complete_sentences(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "a\x1b[31mred")
    Checkpoints(folder / "checkpoints").newest_path().write_text("{")
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "tinygrad_mnist", "evaluate", folder, "--weights", "last"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Warning: skipped: {tmp_path}/a\\x1b[31mred/checkpoints/step-")
    assert not UNSEEN.search(done.stderr)


def test_settings_are_shown_in_errors(small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    config["data"].update(name="x\x1b[2J", classes=9)
    config["recipe"].update(activation="\x1b[2J")
    (folder / "config.json").write_text(json.dumps(config))
    assert r"\x1b[2J" in run("evaluate", folder).stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "latin-1", "C"],
)
def test_terminal_without_unicode_shows_escapes(small, digits, tmp_path, environment):
    Image.fromarray(digits.test.raw_images[0] * 15).save(tmp_path / "fünf→.png")
    command = [sys.executable, "-m", "tinygrad_mnist", "predict", small, "fünf→.png", "→.png"]
    environment = {**os.environ, "COLUMNS": "200", **environment}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, env=environment)
    assert done.returncode == 2, done.stderr  # of the second picture, which is missing
    assert re.search(rb"f(\\xfc|\xfc|\\xc3\\xbc)nf(\\u2192|\\xe2\\x86\\x92)\.png", done.stdout), done.stdout
    assert re.search(rb"(\\u2192|\\xe2\\x86\\x92)\.png", done.stderr), done.stderr
    assert b"Traceback" not in done.stderr
