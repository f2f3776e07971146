"""`tinygrad-mnist reproduce` as a person types it."""

import json

import pytest
from click.testing import CliRunner

from tinygrad_mnist import experiments
from tinygrad_mnist.cli import main
from tinygrad_mnist.experiments import EXPERIMENTS, flowers


def run(*arguments):
    result = CliRunner().invoke(main, ["reproduce", *map(str, arguments)], env={"COLUMNS": "200"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def test_experiment_writes_its_folder_and_holds(tmp_path):
    result = run("iris", "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert "151.054969487204" in result.output
    assert "OFF" not in result.output
    folder = tmp_path / "iris"
    content = json.loads((folder / "result.json").read_text())
    assert content["holds"] is True
    assert content["figures"][0]["ours"] == "151.054969487204"
    assert (
        (folder / "output.txt").read_text().startswith("Iteration 1000\tLoss 151.054969487204\tAccuracy 0.68")
    )
    report = (folder / "report.html").read_text()
    assert "original re-measured" in report
    assert report.count("<figure>") == 1
    assert (folder / "loss.svg").exists()
    again = run("iris", "--output", tmp_path)
    assert again.exit_code == 2
    assert "--output" in again.output


def test_figure_that_is_off_makes_the_exit_status_1(tmp_path, monkeypatch):
    monkeypatch.setattr(flowers, "LOSSES", ("151.054969487205", *flowers.LOSSES[1:]))
    result = run("iris", "--output", tmp_path)
    assert result.exit_code == 1
    assert result.output.count("OFF") == 1
    assert json.loads((tmp_path / "iris" / "result.json").read_text())["holds"] is False


def test_another_seed_prints_the_listing_of_r(tmp_path):
    result = run("iris", "--r-seed", "7", "--output", tmp_path)
    assert result.exit_code == 0
    assert "Iteration 9000" in result.output
    assert "holds" not in result.output
    assert json.loads((tmp_path / "iris" / "result.json").read_text())["r_seed"] == 7


def test_all_runs_every_experiment(tmp_path, monkeypatch):
    few = {name: EXPERIMENTS[name] for name in ("iris", "hot-dogs")}
    monkeypatch.setattr(experiments, "EXPERIMENTS", few)
    result = run("--all", "--quick", "--jobs", 1, "--output", tmp_path)
    assert result.exit_code == 0, result.output
    assert all(json.loads((tmp_path / name / "result.json").read_text())["holds"] for name in few)


def test_list_names_all_experiments():
    output = run("--list").output
    assert all(name in output for name in EXPERIMENTS)


@pytest.mark.parametrize("arguments", [(), ("iris", "--all"), ("rose",)])
def test_missing_double_or_unknown_name_is_refused(arguments):
    result = run(*arguments)
    assert result.exit_code == 2
    assert "iris" in result.output or "--list" in result.output


def test_missing_images_are_refused_in_a_sentence(tmp_path):
    result = run("two-layer", "--data", tmp_path / "nowhere", "--output", tmp_path)
    assert result.exit_code == 2
    assert "nowhere" in result.output
