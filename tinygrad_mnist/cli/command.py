"""Commands and options as click classes: help with headings, examples and exit statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import isfinite
from typing import Any

import click

Decorator = Callable[[Any], Any]
FEW_OPTIONS = 8  # fewer are listed in one block
_HYPHEN = "\N{NON-BREAKING HYPHEN}"  # stands for a hyphen while a text is wrapped
EXIT_STATUS = "Exit status: 0 success, 1 a check failed, 2 bad usage or input."


class Formatter(click.HelpFormatter):
    """A formatter that wraps at spaces only: an option or a name broken at its hyphen reads as two."""

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write names with their descriptions."""
        whole = [(name, text.replace("-", _HYPHEN)) for name, text in rows]
        super().write_dl(whole, col_max, col_spacing)

    def write_text(self, text: str) -> None:
        """Write a paragraph."""
        super().write_text(text.replace("-", _HYPHEN))

    def write(self, string: str) -> None:
        """Write text that has been wrapped."""
        super().write(string.replace(_HYPHEN, "-"))


class Context(click.Context):
    """A context whose help is written by our formatter."""

    formatter_class = Formatter


class Option(click.Option):
    """An option that the help lists under a heading."""

    def __init__(self, *arguments: Any, heading: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.heading = heading


def under(heading: str) -> Callable[..., Decorator]:
    """Return `click.option` for options that are listed under a heading."""
    return partial(click.option, cls=Option, heading=heading)


class Command(click.Command):
    """A command with options under headings, examples, and the exit statuses in its help."""

    context_class = Context

    def __init__(self, *arguments: Any, examples: Sequence[str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under their headings, in the order of declaration."""
        options = [option for option in self.get_params(ctx) if isinstance(option, click.Option)]
        records: dict[str, list[tuple[str, str]]] = {}
        for option in options:
            record = option.get_help_record(ctx)
            heading = getattr(option, "heading", "Help") if len(options) >= FEW_OPTIONS else "Options"
            if record is not None:
                records.setdefault(heading, []).append(record)
        for heading, rows in records.items():
            with formatter.section(heading):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples and the exit statuses."""
        with formatter.section("Examples"):
            for example in self.examples:
                line = f"  {ctx.command_path} {example}".rstrip()
                formatter.write(f"{line}\n")  # never wrapped, so that it can be copied
        write_exit_status(formatter)


class Group(Command, click.Group):
    """A command `NAME [FOLDER]` with commands of its own, `NAME [FOLDER] VERB`.

    Its first parameter is the folder, a text that is empty if it is left out.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the folder, which may be left out, off the arguments."""
        if args and args[0] in self.commands:
            args = ["", *args]
        ctx.allow_interspersed_args = not (len(args) > 1 and args[1] in self.commands)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, and the commands below them."""
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


class Whole(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A whole number within limits."""

    name = "N"

    def __init__(self, least: int, most: int) -> None:
        self.range = click.IntRange(least, most)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail with the limits."""
        return self.range.convert(value, param, ctx)


class Finite(click.ParamType):  # type: ignore[type-arg]  # generic in new versions only
    """A finite number from 0; click's own type takes nan and inf."""

    def __init__(self, metavar: str, *, below: float | None = None, zero: bool = True) -> None:
        self.name = metavar
        self.range = click.FloatRange(0, below, min_open=not zero, max_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or fail with the limits."""
        number = self.range.convert(value, param, ctx)
        return number if isfinite(number) else self.fail(f"{value} is not a finite number", param, ctx)


def write_exit_status(formatter: click.HelpFormatter) -> None:
    """Write the exit statuses, which are the same for all commands."""
    formatter.write_paragraph()
    formatter.write_text(EXIT_STATUS)
