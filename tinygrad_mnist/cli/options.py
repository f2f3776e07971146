"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Decorator, Finite, Whole, under
from tinygrad_mnist.files.limits import MOST_COUNT, MOST_LAYERS, MOST_THREADS, MOST_UNITS

ARTICLES = "as in the articles; train has its own default"
COUNT = Whole(1, MOST_COUNT)

run_argument = click.argument("run", type=click.Path(path_type=Path))
data_option = under("Data")(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder with another data set in MNIST's four files, such as Fashion-MNIST.",
)
_dataset_option = under("Data")(
    "--dataset",
    type=click.Choice(["mnist", "digits"]),
    default="mnist",
    help="Bundled data: MNIST, or 1,797 digits of 8 x 8 for quick tests.",
)
weights_option = under("Network")(
    "--weights",
    type=click.Choice(["final", "best", "last"]),
    default="final",
    help="Which weights to load: final, best or last checkpoint.",
)
validation_option = under("Data")(
    "--validation",
    type=Whole(0, MOST_COUNT),
    default=10_000,
    help="Training images to hold out for validation, at most 200 of the digits.",
)
jobs_option = under("Training")(
    "--jobs",
    "threads",
    type=Whole(1, MOST_THREADS),
    default=1,
    help="BLAS threads. More than 1 helps only for large layers.",
)


def data_options(command: Any) -> Any:
    """Add the options that name a data set: --dataset and --data."""
    return _dataset_option(data_option(command))


def load_images(dataset: str, data: Path | None, validation: int) -> Any:
    """Load the images that --dataset and --data name."""
    from tinygrad_mnist import datasets

    if dataset == "mnist":
        return datasets.load_mnist(data, validation=validation)
    if data is not None:
        raise click.UsageError("--dataset digits are bundled: leave out --data, or the dataset")
    return datasets.load_digits(validation=min(validation, 200))


def layers_option(hidden: int) -> Decorator:
    """Return the option --layers; by default the network has one hidden layer of this size."""
    return sizes_option(f"784-{hidden}-10, or 64-{hidden}-10 for the digits")


def sizes_option(default: str) -> Decorator:
    """Return the option --layers; `default` describes its default in words."""
    return under("Network")(
        "--layers",
        metavar="SIZES",
        callback=_layers,
        help="Sizes of all layers, from inputs to classes; 784-10 has no hidden layer.  "
        f"[default: {default}]",
    )


def _layers(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, ...] | None:
    """Return the sizes of "784-30-10" as numbers."""
    from tinygrad_mnist.nn.perceptrons import layer_sizes

    if value is None:
        return None
    try:
        sizes = layer_sizes(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    if max(sizes) > MOST_UNITS:
        raise click.BadParameter(f"a layer has 1 to {MOST_UNITS:,} units")
    if len(sizes) > MOST_LAYERS + 2:
        raise click.BadParameter(f"a network has at most {MOST_LAYERS:,} hidden layers")
    return sizes


def activation_option(default: str, said: str = "") -> Decorator:
    """Return the option --activation; `said` follows its help."""
    return under("Network")(
        "--activation",
        type=click.Choice(["relu", "sigmoid", "tanh"]),
        default=default,
        help=f"Activation of the hidden layers{said}.",
    )


def loss_option(default: str, said: str = "") -> Decorator:
    """Return the option --loss; `said` follows its help."""
    return under("Network")(
        "--loss",
        type=click.Choice(["cross-entropy", "quadratic"]),
        default=default,
        help=f"Loss; quadratic is half the squared distance, with sigmoid outputs{said}.",
    )


def batch_option(default: int) -> Decorator:
    """Return the option --batch-size of a command that looks into one step."""
    return under("Data")("--batch-size", type=COUNT, default=default, help="Images in the batch.")


def lr_option(default: float) -> Decorator:
    """Return the option --lr."""
    return under("Training")("--lr", type=Finite("rate"), default=default, help="Learning rate.")


def seed_option(heading: str, drawn: str) -> Decorator:
    """Return the option --seed; `drawn` names the random things."""
    return under(heading)("--seed", type=Whole(0, MOST_COUNT), default=0, help=f"Seed for {drawn}.")


def output_option(heading: str, text: str, **settings: Any) -> Decorator:
    """Return the option -o, --output."""
    return under(heading)("-o", "--output", type=click.Path(path_type=Path), help=text, **settings)


def refuse_options(context: click.Context, reasons: dict[str, str]) -> None:
    """Refuse options that were given; the reasons stand by the names of their parameters."""
    for name, why in reasons.items():
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{why}: leave --{name.replace('_', '-')} out")


def limit_threads(count: int) -> Any:
    """Limit the BLAS threads while the block runs."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(count)
