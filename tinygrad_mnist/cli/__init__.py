"""The command line."""

from __future__ import annotations

import warnings
from typing import Any

import click

from tinygrad_mnist import __version__
from tinygrad_mnist.cli.bench_command import bench
from tinygrad_mnist.cli.command import Context, write_exit_status
from tinygrad_mnist.cli.data_command import data
from tinygrad_mnist.cli.derive_command import derive
from tinygrad_mnist.cli.evaluate_command import evaluate
from tinygrad_mnist.cli.export_command import export
from tinygrad_mnist.cli.gradcheck_command import gradcheck
from tinygrad_mnist.cli.graph_command import graph
from tinygrad_mnist.cli.learn_command import learn
from tinygrad_mnist.cli.play_command import play
from tinygrad_mnist.cli.predict_command import predict
from tinygrad_mnist.cli.reproduce_command import reproduce
from tinygrad_mnist.cli.sweep_command import sweep
from tinygrad_mnist.cli.train_command import train
from tinygrad_mnist.errors import MissingExtraError, TinygradMnistError
from tinygrad_mnist.files import visible_lines

__all__ = ["main"]


def __dir__() -> list[str]:
    return __all__


_HEADINGS = {  # by use
    "Train and use a network": (train, evaluate, predict, export, data),
    "Look into a training step": (gradcheck, graph, play, derive),
    "Learn": (learn,),
    "Compare": (sweep, reproduce, bench),
}


class _Commands(click.Group):
    """Commands under headings; our errors become a sentence on stderr and exit status 2."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the help."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings."""
        for heading, commands in _HEADINGS.items():
            with formatter.section(heading):
                formatter.write_dl([(command.name or "", command.short_help or "") for command in commands])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit statuses."""
        write_exit_status(formatter)

    def invoke(self, context: click.Context) -> Any:
        """Run a command; a user's mistake needs no traceback."""
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(context)
            except click.ClickException as error:
                if _is_echo():
                    context.exit(2)
                error.message = visible_lines(error.message)  # type: ignore[misc]  # click declares it Final
                raise
            except (TinygradMnistError, OSError, MemoryError) as error:
                if isinstance(error, MissingExtraError) and _is_echo():
                    context.exit(2)
                _say("\n  ".join([f"Error: {error}", *getattr(error, "__notes__", ())]))
                context.exit(2)


def _show_warning(message: Warning | str, *place: Any, **output: Any) -> None:
    """Print a warning as a sentence: the line of code that warned tells a user nothing."""
    _say(f"Warning: {message}")


def _is_echo() -> bool:
    """Return True if another process on this machine has the same command line and reports its errors."""
    from tinygrad_mnist.training.distributed import is_first_here

    return not is_first_here()


def _say(text: str) -> None:
    from tinygrad_mnist.cli.console import say

    say(text, to_stderr=True)


@click.group(
    cls=_Commands,
    help="Train an MNIST perceptron; check, draw and print its gradients.",
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(__version__)
def main() -> None:
    """Run a command; a group of Click's, which ``tinygrad-mnist`` calls in a terminal.

    Raises
    ------
    SystemExit
        With status 0 after success, 1 if a check failed, 2 after bad usage or input.

    Examples
    --------
    ``tinygrad-mnist data --dataset digits`` from a test:

    >>> from click.testing import CliRunner
    >>> result = CliRunner().invoke(main, ["data", "--dataset", "digits"])
    >>> result.exit_code, result.stdout.splitlines()[0]
    (0, 'digits: 1,437 training and 360 test images, 8 x 8, in 10 classes')
    """


for _commands in _HEADINGS.values():
    for _command in _commands:
        main.add_command(_command)
