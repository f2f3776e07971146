"""The command `gradcheck`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.options import data_options, load_images, model_options


def _mistake(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """A mistake by its name; "list" shows them all and ends."""
    from tinygrad_mnist.checking.wrong_rules import MISTAKES

    if value is None or value in MISTAKES:
        return MISTAKES.get(value or "")
    from tinygrad_mnist.cli import console

    if value != "list":
        console.say(f"Error: there is no mistake named {value!r}; there are these:", to_stderr=True)
    console.print_mistakes(list(MISTAKES.values()), to_stderr=value != "list")
    return context.exit(0 if value == "list" else 2)


@click.command()
@model_options
@click.option("--batch", type=click.IntRange(1), default=3, help="How many images.")
@click.option("--every", is_flag=True, help="Check every entry of every parameter (seconds).")
@click.option(
    "--sample", type=click.IntRange(1), help="Check so many entries of each parameter.  [default: 300]"
)
@click.option(
    "--break",
    "mistake",
    metavar="NAME",
    callback=_mistake,
    help="Put a classic mistake into the backward pass, and see it found; list shows them all.",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the weights, the batch and the sample.")
@data_options
def gradcheck(sizes: tuple[int, ...] | None, activation: str, loss: str, batch: int, every: bool,
              sample: int | None, mistake: Any, seed: int, dataset: str,
              data: Path | None) -> None:  # fmt: skip
    """Check a network's gradients on real digits.

    Reverse mode stands beside central differences, the complex step and, for sigmoids, the formulas derived
    by hand.  The exit status is 1 when something is wrong, and then the faulty op is named.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.cli.network_check import check_network
    from tinygrad_mnist.training.recipe import Recipe

    if every and sample is not None:
        raise click.UsageError("--every checks all entries: leave out --sample, or --every")
    recipe = Recipe(activation=activation, loss=loss, batch_size=batch, seed=seed)
    entries = None if every else sample or 300
    outcome = check_network(load_images(dataset, data, 0), sizes, recipe, entries, mistake)
    console.print_gradcheck(outcome, mistake)
    if not outcome.ok:
        click.get_current_context().exit(1)
