"""The command `sweep`: runs, their page, and sentences for mistakes."""

import re

import pytest
from click.testing import CliRunner

from tinygrad_mnist.cli import main
from tinygrad_mnist.training.run_config import read_settings

pytest.importorskip("optuna", reason="the sweep extra is not installed")


def run(*arguments):
    return CliRunner().invoke(main, ["sweep", *map(str, arguments)])


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "study"
    options = ["--vary", "lr=0.03,0.3", "--vary", "hidden=8,8-4", "--dataset", "digits", "--epochs", "1"]
    return folder, options, run(folder, *options)


def test_a_sweep_trains_every_combination(swept):
    folder, _, result = swept
    assert result.exit_code == 0, result.output
    assert result.output.count("validation loss") == 4
    recipes = [read_settings(folder / f"trial-{number:04d}" / "run").recipe for number in range(4)]
    assert [(r.lr, r.hidden, r.seed) for r in recipes] == [
        (0.03, (8,), 0), (0.03, (8, 4), 1), (0.3, (8,), 2), (0.3, (8, 4), 3),
    ]  # fmt: skip


def test_the_page_of_a_sweep_ranks_the_trials_and_links_to_the_best(swept):
    folder, _, result = swept
    page = (folder / "sweep.html").read_text(encoding="utf-8")
    losses = [float(text) for text in re.findall(r"validation loss ([\d.]+)", result.output)]
    best = losses.index(min(losses))
    link = re.search(r'<a href="(trial-\d+/run/report.html)">Report of trial (\d+)</a>', page)
    assert int(link[2]) == best
    assert (folder / link[1]).exists()
    order = [int(number) for number in re.findall(r'<tr><th scope="row" class="number">(\d+)</th>', page)]
    assert order == sorted(range(4), key=losses.__getitem__)


def test_the_same_command_again_trains_nothing_twice(swept):
    folder, options, _ = swept
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trial-*/run/*.safetensors")}
    result = run(folder, *options)
    assert result.exit_code == 0
    assert "validation loss" not in result.output
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--vary", "lr"], "lr: expected NAME=VALUES"),
        (["--vary", "lr=a..b"], "lr=a..b: expected two numbers"),
        (["--vary", "rate=0.1"], "the setting is 'rate': expected one of 'hidden'"),
        (["--vary", "lr=0..1"], "lr is a range, which a grid cannot cover"),
        (["--vary", "lr=0.1", "--validation", "0"], "has no validation images"),
        (["--vary", "lr=-1"], "lr is -1"),
        (["--vary", "lr=0.1,-1"], "lr is -1"),
        (["--vary", "hidden=8,a"], "hidden is 'a': expected sizes of layers"),
        (["--vary", "dropout=0.5..1.5", "--sampler", "tpe", "--trials", "2"], "dropout is 1.5"),
        (
            ["--vary", "lr=0.1", "--vary", "lr=0.2"],
            "a setting is given twice: expected all",
        ),
        (["--vary", "optimizer=sgd,adam"], "optimizer: expected lr too"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(tmp_path, arguments, said):
    result = run(tmp_path / "study", *arguments, "--dataset", "digits")
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_another_recipe_in_the_folder_is_refused(swept):
    folder, options, _ = swept
    result = run(folder, *options[:-1], "2")
    assert result.exit_code == 2
    assert "has a sweep with epochs 1: expected 2; choose another folder" in result.output


def test_settings_in_parentheses_have_commas(tmp_path):
    schedule = "sequential(schedulers=(linear, cosine), milestones=(1,))"
    optimizers = "adam(betas=(0.9, 0.99), amsgrad=True)", "sgd"
    varied = f"optimizer={', '.join(optimizers)}", f"schedule={schedule}", "lr=0.01", "hidden=4"
    given = [word for each in varied for word in ("--vary", each)]
    result = run(tmp_path, *given, "--dataset", "digits", "--epochs", "1", "--trials", "1")
    assert result.exit_code == 0, result.output
    recipe = read_settings(tmp_path / "trial-0000" / "run").recipe
    assert (recipe.optimizer, recipe.schedule) == (optimizers[0], schedule)
    assert "1 trial: " in result.output


def test_ctrl_c_says_how_to_continue(tmp_path, monkeypatch):
    def interrupt(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygrad_mnist.training.sweeps.sweep", interrupt)
    result = run(tmp_path, "--vary", "lr=0.1", "--dataset", "digits")
    assert result.exit_code == 1
    assert result.output == "Error: interrupted; start the same command again to continue\n"
