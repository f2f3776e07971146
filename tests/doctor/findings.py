"""Findings of the doctor for each planted bug, word for word, kept in findings.txt.

``python -m tests.doctor.findings`` writes it anew, after a change that is meant: read the diff.
"""

import re
from pathlib import Path

import numpy as np

from tests.doctor.patients import SICK
from tests.doctor.variants import VARIANTS
from tinygrad_mnist.datasets import load_mnist

FILE = Path(__file__).with_suffix(".txt")
CASES = {name: make for name, (make, _) in SICK.items()} | VARIANTS
_NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d[\d,]*\.?\d*(?:e[+-]?\d+)?)")


def described(diagnosis):
    """Return the findings as text, without line numbers and without the last value of an exploding loss."""
    parts = [f"({diagnosis.subject})"]
    for finding in diagnosis:
        numbers = ", ".join(f"{key} {value:.4g}" for key, value in finding.numbers.items())
        parts += [f"{finding.name}, {finding.severity}: {finding}", f"    numbers: {numbers}"]
    text = re.sub(r"\.py:\d+", ".py", "\n".join(parts))
    return re.sub(r"(steps it is|loss after) ([\w.+-]+)", r"\1 ...", text)


def words_and_numbers(text):
    """Return the text with # for each number, and the numbers, which differ a little between machines."""
    numbers = [float(number.replace(",", "")) for number in _NUMBER.findall(text)]
    return _NUMBER.sub("#", text), numbers


def kept():
    """Return the cases by name."""
    cases = FILE.read_text(encoding="utf-8").split("\n\n# ")
    return dict(case.strip().split("\n", 1) for case in cases[1:])


def main():
    mnist = load_mnist()
    with np.errstate(all="ignore"):
        cases = [f"# {name}\n{described(make(mnist).diagnose())}" for name, make in CASES.items()]
    FILE.write_text(
        "\n\n".join(["What the doctor says of each planted bug", *cases]) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
