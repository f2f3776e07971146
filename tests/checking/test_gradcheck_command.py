"""tinygrad-mnist gradcheck."""

import pytest
from click.testing import CliRunner

from tinygrad_mnist.checking.wrong_rules import WRONG_RULES
from tinygrad_mnist.cli import main


def run(folder, *arguments, width=80):
    environment = {"TINYGRAD_MNIST_DATA": str(folder), "COLUMNS": str(width)}
    return CliRunner().invoke(main, ["gradcheck", *map(str, arguments)], env=environment)


SETTINGS = [
    (),
    ("--loss", "cross-entropy"),
    ("--activation", "relu", "--batch-size", 8),
    ("--activation", "tanh", "--seed", 3),
]


@pytest.mark.parametrize("options", SETTINGS)
def test_right_gradients_pass(mnist_folder, options):
    result = run(mnist_folder, *options, "--sample", 40)
    assert result.exit_code == 0, result.output
    assert "none is wrong" in result.output
    assert ("by hand" in result.output) == ("--activation" not in options)
    assert "derived by hand differs" not in result.output
    assert max(map(len, result.output.splitlines())) <= 80


@pytest.mark.parametrize("name", ["missing-transpose", "stale-activation", "broadcast-averaged"])
def test_wrong_rule_in_the_network_is_named(mnist_folder, name):
    result = run(mnist_folder, "--break", name, "--sample", 40, width=200)
    assert result.exit_code == 1, result.output
    assert WRONG_RULES[name].why in result.output
    assert "on 3 images of MNIST" in result.output
    assert "wrong rule" in result.output or WRONG_RULES[name].kind != "rule"
    assert "right rule" in result.output
    assert "Sequential/" in result.output


@pytest.mark.parametrize("name", ["each-tie-gets-all", "fan-out-overwritten", "wrong-sign"])
def test_wrong_rule_absent_from_network_is_shown_on_its_example(mnist_folder, name):
    result = run(mnist_folder, "--break", name, "--sample", 5)
    assert result.exit_code == 1, result.output
    assert "gradients of a small example" in result.output


def test_every_checks_all_entries_of_a_small_network(mnist_folder):
    result = run(mnist_folder, "--all-entries", "--layers", "784-2-10")
    assert result.exit_code == 0, result.output
    assert "1,600 of 1,600" in result.output


@pytest.mark.parametrize(("options", "status"), [(("--list-mistakes",), 0), (("--break", "nonsense"), 2)])
def test_all_wrong_rules_are_listed_with_their_reasons(mnist_folder, options, status):
    result = run(mnist_folder, *options, width=500)
    assert result.exit_code == status
    for wrong_rule in WRONG_RULES.values():
        assert wrong_rule.name in result.output
        assert wrong_rule.why in result.output


@pytest.mark.parametrize(("options", "message"), [
    (("--layers", "64-30-10"), "--layers 784-30-10 would fit"),
    (("--layers", "784"), "sizes of all layers"),
    (("--layers", "784-x-10"), "sizes of all layers"),
    (("--batch-size", 0), "not in the range"),
    (("--batch-size", 10**6), "more than the 60,000"),
    (("--all-entries", "--sample", 3), "leave out"),
    (("--data", "nowhere"), "expected a folder"),
])  # fmt: skip
def test_bad_input_is_a_sentence_and_status_2(mnist_folder, options, message):
    result = run(mnist_folder, *options)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert result.stderr[result.stderr.index("Error: ") :].strip().count("\n") == 0
