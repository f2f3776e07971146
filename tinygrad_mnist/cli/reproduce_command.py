"""The command `reproduce`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from tinygrad_mnist.cli.command import Command, Whole, under
from tinygrad_mnist.cli.options import data_option, output_option
from tinygrad_mnist.errors import MissingExtraError
from tinygrad_mnist.files.limits import MOST_THREADS

MOST_SEED = 2**31 - 1  # R's integers
_articles = under("Experiment")


@click.command(
    cls=Command,
    short_help="Run an article again, or the record.",
    examples=("--list", "hot-dogs --output runs/hot-dogs"),
)
@click.argument("name", required=False)
@_articles("--all", "everything", is_flag=True, help="Run all experiments.")
@_articles("--list", "listing", is_flag=True, help="List the experiments.")
@_articles("--quick", is_flag=True, help="Run the short form, in seconds; it shows fewer numbers.")
@_articles(
    "--r-seed",
    type=Whole(-MOST_SEED, MOST_SEED),
    help="Seed in place of the article's. Prints what R prints; checks only what is true for any seed.",
)
@data_option
@under("Training")(
    "--jobs", type=Whole(1, MOST_THREADS), default=2, help="Networks to train at the same time."
)
@output_option(
    "Experiment", "Folder to create for the experiments.  [default: runs/reproduce-TIME]", metavar="DIR"
)
@click.pass_context
def reproduce(context: click.Context, name: str | None, everything: bool, listing: bool, quick: bool,
              r_seed: int | None, data: Path | None, jobs: int, output: Path | None) -> None:  # fmt: skip
    """Run the experiment NAME again, one of the five articles or the record on MNIST, and compare.

    The table shows each number as published, as printed by the original program when it was run again, and as
    computed here. The exit status is 1 if a number computed here is not the expected one. The output folder
    has the table, pictures and a report.
    """
    from joblib import parallel_config
    from threadpoolctl import threadpool_limits

    from tinygrad_mnist.cli import console
    from tinygrad_mnist.experiments import EXPERIMENTS, ExperimentOptions
    from tinygrad_mnist.experiments.reproduce import reproduce as run

    if listing:
        rows = [(e.name, e.article, e.network) for e in EXPERIMENTS.values()]
        console.print_rows(("name", "article", "network"), rows)
        return
    if everything and name is not None:
        raise click.UsageError(f"give NAME or --all, not both: {name} is one of all")
    if not everything and name is None:
        raise click.UsageError("give the NAME of an experiment, or --all; --list shows them")
    if name is not None and name not in EXPERIMENTS:
        raise click.BadParameter(f"there is no {name!r}: {', '.join(EXPERIMENTS)}", param_hint="NAME")
    chosen = list(EXPERIMENTS.values()) if name is None else [EXPERIMENTS[name]]
    folder = output or Path("runs") / f"reproduce-{time.strftime('%Y%m%d-%H%M%S')}"
    holds = True
    with threadpool_limits(1), parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
        for experiment in chosen:
            options = ExperimentOptions(folder / experiment.name, data, r_seed, quick)
            with console.working() as report:
                report(experiment.name)
                try:
                    done = run(experiment, options)
                except MissingExtraError as error:
                    console.say(f"Error: {experiment.name} is left out: {error}", to_stderr=True)
                    holds = False
                    continue
            console.print_reproduction(done, listing=r_seed is not None)
            holds = holds and done.result.holds
    context.exit(0 if holds else 1)
