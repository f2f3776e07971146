"""How cost grows: the networks, the tables and the picture, and the command."""

import json

import pytest
from click.testing import CliRunner

from tinygrad_mnist.benchmark import Timing, scaling
from tinygrad_mnist.benchmark.contestants import native
from tinygrad_mnist.benchmark.scaling_report import scaling_picture, scaling_tables
from tinygrad_mnist.cli import main


def test_networks_grow_along_one_axis_each():
    widths, depths, batches = scaling.networks().values()
    assert [(size, network.sizes, network.batch) for size, network in widths][::6] == [
        (64, (784, 64, 10), 64),
        (4096, (784, 4096, 10), 64),
    ]
    assert [size for size, network in depths if len(network.sizes) == size + 2] == [1, 2, 4, 8, 16, 32, 64]
    assert [(size, network.batch) for size, network in batches][::6] == [(1, 1), (4096, 4096)]


def measured(size):
    times = {"by hand, in place": [size * 1e-6], "replay": [size * 1.5e-6], "eager": [size * 4e-6]}
    times |= {"matrix products": [size * 0.5e-6], "by hand": [size * 2e-6]}
    return scaling.Point(size, Timing("", times), {"by hand": 1000 * size, "replay": 2500 * size})


def test_tables_and_picture_show_all_points():
    axes = {"width of the hidden layer (784-w-10)": [measured(size) for size in (64, 4096)]}
    figures = scaling.ScalingResults({}, 1, axes, [scaling.Chain(1000, 6e-6, 1e-6)])
    width, chains = scaling_tables(figures)
    rows = {row[0]: row[1:] for row in width.rows}
    assert rows["by hand, in place, µs",] == [("64.0",), ("4,096",)]
    assert rows["replay, µs",] == [("96.0",), ("6,144",)]
    assert ("native, µs",) not in rows
    assert rows["replay / by hand, in place",] == [("1.50",)] * 2
    assert rows["memory: replay, kB",] == [("160",), ("10,240",)]
    assert ("replay / PyTorch",) not in rows  # not installed
    assert chains.rows == [[("1,000",), ("6.0",), ("1.0",)]]
    picture = scaling_picture(figures)
    assert [words for _, words in picture.key] == ["eager", "replay", "by hand, in place"]
    for words in ("4,096", "time (784-w-10)", "memory (784-w-10)", "1 ms", "10 MB"):
        assert f">{words}<" in picture.to_svg()


@pytest.mark.long
@pytest.mark.filterwarnings("default")  # of other frameworks
def test_bench_measures_how_cost_grows(monkeypatch, tmp_path):
    without = [contestant for contestant in scaling.CONTESTANTS if contestant is not native]  # compiles
    monkeypatch.setattr(scaling, "CONTESTANTS", without)
    file = tmp_path / "scaling.svg"
    command = ["bench", "--scaling", "--quick", "--rounds", "1", "--json", "-o", str(file)]
    result = CliRunner().invoke(main, command, catch_exceptions=False)
    found = json.loads(result.stdout)
    assert [[point["size"] for point in points] for points in found["axes"].values()] == [
        [64, 128],
        [1, 2],
        [1, 4, 16, 64],
    ]
    assert found["chains"][-1]["eager"] > found["chains"][-1]["alone"] > 0
    assert file.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--quick"], "--quick needs --scaling"),
        (["-o", "x.svg"], "--output needs --scaling"),
        (["--scaling", "-o", "x.png"], "expected a name that ends in .svg"),
        (["--scaling", "-o", "nowhere/x.svg"], "nowhere is not a folder: make it first"),
        (["--scaling", "--data", "."], "leave out --data"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, said):
    result = CliRunner().invoke(main, ["bench", *options])
    assert result.exit_code == 2
    assert said in " ".join(result.output.replace("│", " ").split())
