"""The command `bench`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import COUNT, data_option, jobs_option, load_images, output_option

_output = under("Output")


@click.command(
    cls=Command,
    short_help="Time steps against other frameworks.",
    examples=("--scaling -o scaling.svg", "--to-accuracy --jobs 2 --markdown > speed.md"),
)
@data_option
@under("Training")(
    "--rounds",
    type=COUNT,
    help="Rounds in which the contestants alternate.  [default: 30; 5 with --to-accuracy]",
)
@jobs_option
@under("Training")("--scaling", is_flag=True, help="Time steps over width, depth and batch instead.")
@under("Training")("--to-accuracy", is_flag=True, help="Time whole training runs to 98 and 98.5 % instead.")
@under("Training")("--quick", is_flag=True, help="With --scaling: small sizes only, in seconds.")
@_output("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@_output("--markdown", "as_markdown", is_flag=True, help="Print the tables in Markdown.")
@output_option("Output", "File for a picture of --scaling (.svg).", metavar="FILE")
def bench(data: Path | None, rounds: int | None, threads: int, scaling: bool, to_accuracy: bool, quick: bool,
          as_json: bool, as_markdown: bool, output: Path | None) -> None:  # fmt: skip
    """Time training steps of this package, plain NumPy and other frameworks.

    PyTorch, JAX, HIPS autograd, MyGrad and Keras take part where they are installed (the extra "bench").
    """
    from tinygrad_mnist.benchmark.results import BenchmarkResults, run
    from tinygrad_mnist.benchmark.scaling import ScalingResults, run_scaling
    from tinygrad_mnist.benchmark.scaling_report import scaling_picture, scaling_tables
    from tinygrad_mnist.benchmark.tables import benchmark_tables, conditions, markdown
    from tinygrad_mnist.benchmark.to_accuracy import AccuracyResults, accuracy_tables, run_to_accuracy
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.datasets.bundled import BUNDLED

    if not scaling and (quick or output):
        raise click.UsageError(f"{'--quick' if quick else '--output'} needs --scaling")
    if scaling and data:
        raise click.UsageError("--scaling measures on random numbers: leave out --data")
    if to_accuracy and data:
        raise click.UsageError("--to-accuracy measures on the bundled MNIST: leave out --data")
    if output and output.suffix != ".svg":
        raise click.BadParameter("expected a name that ends in .svg", param_hint="--output")
    if output and not output.parent.is_dir():  # before minutes of measuring
        raise click.BadParameter(f"{output.parent} is not a folder: make it first", param_hint="--output")
    if scaling and to_accuracy:
        raise click.UsageError("--scaling and --to-accuracy are two measurements: expected one of them")
    figures: BenchmarkResults | ScalingResults | AccuracyResults
    with console.working() as report:
        if scaling:
            figures = run_scaling(threads, rounds or 30, quick=quick, report=report)
            tables = scaling_tables(figures)
        elif to_accuracy:
            figures = run_to_accuracy(BUNDLED["MNIST"], threads, rounds or 5, report=report)
            tables = accuracy_tables(figures)
        else:
            figures = run(lambda: load_images("mnist", data, 0), data, threads, rounds or 30, report)
            tables = benchmark_tables(figures)
    if as_json:
        click.echo(json.dumps(figures.to_dict(), indent=2))
    elif as_markdown:
        click.echo(markdown(figures, tables))
    else:
        console.print_benchmark(conditions(figures), tables)
    if isinstance(figures, ScalingResults) and output:
        scaling_picture(figures).save(output)
