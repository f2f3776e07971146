"""The command `bench`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import COUNT, data_option, jobs_option, load_images

_output = under("Output")


@click.command(
    cls=Command,
    short_help="Time steps against other frameworks.",
    examples=("--rounds 10", "--markdown > speed.md"),
)
@data_option
@under("Training")("--rounds", type=COUNT, default=30, help="Rounds in which the contestants alternate.")
@jobs_option
@_output("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@_output("--markdown", "as_markdown", is_flag=True, help="Print the tables in Markdown.")
def bench(data: Path | None, rounds: int, threads: int, as_json: bool, as_markdown: bool) -> None:
    """Time training steps of this package, plain NumPy and other frameworks.

    PyTorch, JAX, HIPS autograd and MyGrad take part where they are installed (the extra "bench").
    """
    from tinygrad_mnist import benchmark
    from tinygrad_mnist.cli import console

    with console.working() as report:
        figures = benchmark.run(lambda: load_images("mnist", data, 0), data, threads, rounds, report)
    if as_json:
        click.echo(json.dumps(figures.to_dict(), indent=2))
    elif as_markdown:
        click.echo(benchmark.markdown(figures))
    else:
        console.print_benchmark(benchmark.conditions(figures), benchmark.tables(figures))
