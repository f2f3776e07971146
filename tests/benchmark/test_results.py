"""Results of the benchmark: ratios, tables and the command."""

import json
import re

import pytest
from click.testing import CliRunner

from tinygrad_mnist.benchmark import CONTESTANTS, WORKLOADS, Timing, compare, results
from tinygrad_mnist.benchmark.contestants import native
from tinygrad_mnist.benchmark.processes import TrainingProcess
from tinygrad_mnist.benchmark.results import BenchmarkResults
from tinygrad_mnist.benchmark.tables import benchmark_tables, markdown
from tinygrad_mnist.cli import main
from tinygrad_mnist.datasets import write_idx

MACHINE = {
    "processor": "Abacus", "cores": 2, "system": "Linux", "python": "3.11", "numpy": "2.1", "blas": "none",
    "packages": {"torch": "2.0"},
}  # fmt: skip


@pytest.fixture
def figures():
    steps = [
        Timing("784-30-10, batch 10, quadratic", {
            "matrix products": [1e-6, 2e-6, 3e-6], "by hand, in place": [2e-6, 4e-6, 6e-6],
            "by hand": [4e-6] * 3, "replay": [2.1e-6, 4.2e-6, 9e-6], "eager": [8e-6] * 3,
            "PyTorch": [1e-5] * 3,
        }),
        Timing("iris, batch 150, cross-entropy", {
            "matrix products": [1.0], "by hand": [2.0], "eager": [3.0],
        }),
        Timing("LeNet, batch 64", {"replay": [2e-6], "PyTorch": [4e-6]}),
    ]  # fmt: skip
    epoch = Timing("MNIST", {"eager": [0.3], "eager, steps alone": [0.25], "PyTorch": [0.6]})
    memory = {"784-30-10, batch 10, quadratic": {"by hand": 2000, "eager": 3000}}
    imports, training = {"numpy": 0.1, "tinygrad_mnist": 0.2}, TrainingProcess(1.5, 2.5, 250_000_000)
    return BenchmarkResults(MACHINE, 1, steps, epoch, memory, imports, training)


def test_ratio_is_the_median_of_ratios_within_rounds():
    row = Timing("", {"a": [1.0, 20.0, 3.0], "b": [1.0, 10.0, 1.0]})  # of the medians it would be 3
    assert row.seconds("a") == 3
    assert row.ratio("a", "b") == 2
    assert row.ratio("a", "c") is None


def test_contestants_take_turns():
    turns = []
    steps = {name: lambda name=name: turns.append(name) for name in "abc"}
    row = compare("", steps, rounds=20, turn=0)
    assert [sorted(turns[i : i + 3]) for i in range(0, 60, 3)] == [["a", "b", "c"]] * 20
    assert len({tuple(turns[i : i + 3]) for i in range(0, 60, 3)}) > 1  # in changing order
    assert {name: len(seconds) for name, seconds in row.rounds.items()} == dict.fromkeys("abc", 20)


def test_tables_show_the_results(figures):
    text = markdown(figures, benchmark_tables(figures))
    rows = dict(re.findall(r"^\| (.+?) \| (.*) \|$", text, re.MULTILINE))
    assert rows["replay / by hand, in place"] == "1.05 | -"
    assert rows["eager / by hand"] == "2.00 | 1.50"
    assert "| by hand, in place | 4.0 (0.40 · 2.00) | - |" in text
    assert "| eager | 8.0 (0.80 · 4.00) | 3,000,000 (- · 3.00) |" in text
    assert "of other networks in µs (as multiples of PyTorch's)" in text
    assert "| replay | 2.0 (0.50) |" in text
    assert "| eager | 0.300 | 0.50 | 1.20 |" in text
    assert "| eager | 3.0 (1.50) |" in text  # memory
    assert rows["... its peak memory"] == "250 MB"
    assert text.startswith(
        "Abacus, 2 cores, Linux, Python 3.11, NumPy 2.1 with none, torch 2.0; float32, 1 thread "
    )


def test_json_has_medians_and_ratios(figures):
    step = json.loads(json.dumps(figures.to_dict()))["steps"][0]
    assert step["seconds"]["replay"] == 4.2e-6
    assert step["ratio to"]["by hand, in place"]["replay"] == pytest.approx(1.05)
    assert step["ratio to"]["PyTorch"]["eager"] == pytest.approx(0.8)


@pytest.fixture
def few_digits(digits, tmp_path):
    folder = tmp_path / "digits"
    folder.mkdir()
    for name, split in (("train", digits.train), ("t10k", digits.test)):
        write_idx(folder / f"{name}-images-idx3-ubyte", split.raw_images[:200])
        write_idx(folder / f"{name}-labels-idx1-ubyte", split.labels[:200])
    return folder


@pytest.mark.filterwarnings("default")  # of other frameworks
def test_bench_measures_installed_contestants(few_digits, monkeypatch):
    monkeypatch.setattr(results, "WORKLOADS", WORKLOADS[2:4])
    others = [contestant for contestant in CONTESTANTS if contestant is not native]  # slow to compile
    monkeypatch.setattr(results, "CONTESTANTS", others)
    command = ["bench", "--rounds", "1", "--data", str(few_digits), "--json"]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [step["name"] for step in found["steps"]] == [str(workload) for workload in WORKLOADS[2:4]]
    assert set(found["steps"][0]["seconds"]) <= {contestant.name for contestant in CONTESTANTS}
    assert found["epoch"]["seconds"]["eager"] > 0
    assert 0 < found["training"]["trained"] < found["training"]["finished"]
    assert found["imports"]["tinygrad_mnist"] > 0


def test_bench_prints_tables_that_fit_the_terminal(figures, monkeypatch):
    monkeypatch.setattr(results, "run", lambda *arguments: figures)
    result = CliRunner().invoke(main, ["bench"], env={"COLUMNS": "100"}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 100
    assert "replay / by hand, in place" in " ".join(result.stdout.split())


def test_table_of_speeds_has_all_rows(pytestconfig):
    text = (pytestconfig.rootpath / "examples" / "speed.md").read_text(encoding="utf-8")
    for workload in WORKLOADS:
        assert f"| {workload} |" in text
    for contestant in CONTESTANTS:
        assert f"\n| {contestant.name} | " in text
