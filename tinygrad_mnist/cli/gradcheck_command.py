"""The command `gradcheck`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import (
    ARTICLES,
    COUNT,
    activation_option,
    batch_option,
    data_options,
    layers_option,
    load_images,
    loss_option,
    seed_option,
)

_check = under("Check")


def _wrong_rule(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """Return a wrong rule by its name; an unknown name lists those that exist, and ends."""
    from tinygrad_mnist.checking.wrong_rules import WRONG_RULES
    from tinygrad_mnist.cli import console

    if value is None or value in WRONG_RULES:
        return WRONG_RULES.get(value or "")
    console.say(f"Error: there is no wrong rule named {value!r}; there are these:", to_stderr=True)
    console.print_wrong_rules(list(WRONG_RULES.values()), to_stderr=True)
    return context.exit(2)


def _list_mistakes(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    from tinygrad_mnist.checking.wrong_rules import WRONG_RULES
    from tinygrad_mnist.cli import console

    if value:
        console.print_wrong_rules(list(WRONG_RULES.values()))
        context.exit()


@click.command(
    cls=Command,
    short_help="Check a network's gradients.",
    examples=("--activation tanh --all-entries --layers 784-2-10", "--break missing-transpose"),
)
@data_options
@batch_option(3)
@layers_option(30)
@activation_option("sigmoid", f", {ARTICLES}")
@loss_option("quadratic", f", {ARTICLES}")
@_check("--sample", type=COUNT, help="Check N entries of each parameter.  [default: 300]")
@_check("--all-entries", is_flag=True, help="Check every entry of every parameter (seconds).")
@_check(
    "--break",
    "wrong_rule",
    metavar="NAME",
    callback=_wrong_rule,
    help="Put a classic wrong rule into the backward pass and find it.",
)
@_check(
    "--list-mistakes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_mistakes,
    help="List the classic wrong rules and why people write them.",
)
@seed_option("Check", "weights, batch and sample")
def gradcheck(dataset: str, data: Path | None, batch_size: int, layers: tuple[int, ...] | None,
              activation: str, loss: str, sample: int | None, all_entries: bool, wrong_rule: Any,
              seed: int) -> None:  # fmt: skip
    """Check a network's gradients on real digits.

    Compares backpropagation with central differences, the complex step and, for sigmoid networks, formulas
    derived by hand, and names the faulty op, with the right rule beside the wrong one.
    """
    from tinygrad_mnist.checking.network import check_network
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.fresh import fresh_network
    from tinygrad_mnist.training.recipe import Recipe

    if all_entries and sample is not None:
        raise click.UsageError("--all-entries checks all: leave out --sample, or --all-entries")
    recipe = Recipe(activation=activation, loss=loss, batch_size=batch_size, seed=seed)
    entries = None if all_entries else sample or 300
    network = fresh_network(load_images(dataset, data, 0), layers, recipe)
    batch = network.images, network.labels
    checked = check_network(
        network.model, network.loss, batch, sample=entries, seed=seed, wrong_rule=wrong_rule
    )
    console.print_gradcheck(network.subject, checked, wrong_rule)
    if not checked.ok:
        click.get_current_context().exit(1)
