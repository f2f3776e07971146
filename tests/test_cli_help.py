"""The help of every command: order, options, examples, exit statuses."""

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from tinygrad_mnist.cli import main

COMMANDS = list(main.commands.values())
OPTIONS = [
    pytest.param(option, id=f"{command.name} {option.opts[0]}")
    for command in COMMANDS
    for option in command.params
    if isinstance(option, click.Option)
]
OLD = "--hidden", "--model", "--batch", "--every", "--threads", "--processes", "--eager"


def help_of(*arguments):
    result = CliRunner().invoke(main, [*arguments, "--help"], terminal_width=80)
    assert result.exit_code == 0
    return result.output


def test_commands_are_listed_by_use_under_headings():
    text = help_of()
    assert re.findall(r"^  (\w+)  ", text, re.MULTILINE) == [
        "train", "evaluate", "predict", "export", "data", "gradcheck", "graph", "play", "derive",
        "learn", "sweep", "reproduce", "bench",
    ]  # fmt: skip
    headings = re.findall(r"^(\w.*):$", text, re.MULTILINE)
    assert headings == [
        "Options", "Train and use a network", "Look into a training step", "Learn", "Compare",
    ]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_command_has_summary_statuses_and_two_examples(command):
    assert len(command.short_help) < 45
    assert len(command.examples) == 2
    text = help_of(command.name)
    assert "Exit status: 0 success, 1 a check failed, 2 bad usage or input." in text
    for example in command.examples:
        assert f"  tinygrad-mnist {command.name} {example}".rstrip() in text.replace(
            "main ", "tinygrad-mnist "
        )
        arguments = shlex.split(example.split(" > ")[0])
        if "--list" not in arguments:
            assert command.make_context(command.name, arguments)


@pytest.mark.parametrize("option", OPTIONS)
def test_option_has_help_one_bracket_and_a_plain_metavar(option):
    context = click.Context(main, show_default=True)
    names, text = option.get_help_record(context)
    assert option.help
    assert text.count("[") <= 1
    assert not re.search("RANGE|INTEGER|FLOAT|TEXT|PATH", names)
    assert not set(option.opts) & set(OLD)


def test_options_of_train_stand_in_five_groups():
    headings = re.findall(r"^(\w.*):$", help_of("train"), re.MULTILINE)
    assert headings == [
        "Data", "Network", "Training", "Output and checkpoints", "Debugging", "Help", "Examples",
    ]  # fmt: skip
    group = help_of("train").split("Output and checkpoints:\n")[1]
    assert group.startswith("  --resume RUN")


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_breaks_no_word_and_no_example(command, columns):
    text = CliRunner().invoke(main, [command.name, "--help"], terminal_width=columns).output
    assert not re.search(r"\w-$", text, re.MULTILINE)
    for example in command.examples:
        assert f" {command.name} {example}".rstrip() + "\n" in text


def test_unknown_suffix_is_refused_before_data_are_loaded(tmp_path):
    result = CliRunner().invoke(main, ["graph", "-o", "x.jpg", "--data", str(tmp_path / "none")])
    assert result.exit_code == 2
    assert "path is x.jpg: expected a name that ends in .svg" in result.output
    assert not result.output.startswith("\n")
