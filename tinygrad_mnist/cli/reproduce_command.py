"""The command `reproduce`."""

from __future__ import annotations

import time
from pathlib import Path

import click

from tinygrad_mnist.cli.options import data_option
from tinygrad_mnist.errors import MissingExtraError

MOST_SEED = 2**31 - 1  # R's integers


@click.command()
@click.argument("name", required=False)
@click.option("--all", "everything", is_flag=True, help="Run all experiments.")
@click.option("--list", "listing", is_flag=True, help="Say which experiments there are.")
@click.option(
    "--r-seed",
    type=click.IntRange(-MOST_SEED, MOST_SEED),
    help="Another seed than the article's: prints what R prints with it, judges only what holds for any.",
)
@click.option(
    "--quick", is_flag=True, help="The short form, in seconds: what can be shown in so short a time."
)
@click.option(
    "--processes", type=click.IntRange(1), default=2, help="Independent trainings run side by side."
)
@data_option
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    help="Where to make a folder for each experiment.  [default: runs/reproduce-TIME]",
)
@click.pass_context
def reproduce(context: click.Context, name: str | None, everything: bool, listing: bool, r_seed: int | None,
              quick: bool, processes: int, data: Path | None, output: Path | None) -> None:  # fmt: skip
    """Run the experiment NAME of one of the five articles again, and compare.

    The table shows each figure as published, as the original program gave it when it was run again, and as it
    comes out here.  The exit status is 1 when one of ours is not what it should be.  Pictures, the table and
    a report are in the output folder.
    """
    from threadpoolctl import threadpool_limits

    from tinygrad_mnist.cli import console
    from tinygrad_mnist.experiments import EXPERIMENTS, Setting, Workers
    from tinygrad_mnist.experiments.reproduce import reproduce as run

    if listing:
        rows = [(e.name, e.article, e.network) for e in EXPERIMENTS.values()]
        console.print_rows(("name", "article", "network"), rows)
        return
    if everything and name is not None:
        raise click.UsageError(f"give NAME or --all, not both: {name} is one of all")
    if not everything and name is None:
        raise click.UsageError("give the NAME of an experiment, or --all; --list says which there are")
    if name is not None and name not in EXPERIMENTS:
        raise click.BadParameter(f"there is no {name!r}: {', '.join(EXPERIMENTS)}", param_hint="NAME")
    chosen = list(EXPERIMENTS.values()) if name is None else [EXPERIMENTS[name]]
    folder = output or Path("runs") / f"reproduce-{time.strftime('%Y%m%d-%H%M%S')}"
    holds = True
    with threadpool_limits(1), Workers(processes) as workers:
        for experiment in chosen:
            setting = Setting(folder / experiment.name, data, r_seed, quick, workers)
            with console.working() as report:
                report(experiment.name)
                try:
                    done = run(experiment, setting)
                except MissingExtraError as error:
                    console.say(f"Error: {experiment.name} is left out: {error}", to_stderr=True)
                    holds = False
                    continue
            console.print_reproduction(done, listing=r_seed is not None)
            holds = holds and done.result.holds
    context.exit(0 if holds else 1)
