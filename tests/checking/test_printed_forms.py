"""Results of checks as they are printed in terminals of several widths and shown in a notebook."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tests.snapshots import assert_as_kept
from tinygrad_mnist.checking.rule_findings import RuleDiagnosis, RuleFinding
from tinygrad_mnist.checking.slopes import Line
from tinygrad_mnist.checking.v_curve import Curve, VCurve
from tinygrad_mnist.checking.verdicts import GradReport, GradRow
from tinygrad_mnist.graph.data import Right, Statistics

SNAPSHOTS = Path(__file__).parent / "snapshots"


def row(name, verdict, counts=None, shape=(2, 3), by_hand=None, error=1e-11):
    numbers = {"reverse": 1.23456789012, "central": -0.5, "complex_step": 1.5e-7, "by_hand": by_hand}
    return GradRow(name, shape, counts or {verdict: 6}, (1, 2), **numbers, error=error,
               central_difference=1e-11, complex_difference=None, verdict=verdict)  # fmt: skip


def number(value):
    return Statistics.of(np.array(value))


RIGHT = Right("g @ <x>", number([[1.5, -2.0]]), number([[0.5, -2.0]]), (0, 0), 1.5, 0.5, "the right rule")
SLOPE = Right("", None, None, (12, 290), 0.25, -0.00012345, "the complex step", "-g")
TOTAL = Right("the contribution of sin_1 and of multiply_2", None, number(2.0), (), None, 2.0)


def finding(kind="rule", op="linear_7", formula="g.T @ x", spoils=("0.weight",), error=0.5, right=RIGHT):
    place = ("x", 0, "data_1", "Sequential/Linear[0]", "layers.py:59: return x")
    said = f"The rule of {op} is <wrong>."
    return RuleFinding(kind, op, op.rpartition("_")[0], *place, formula, error, said, spoils, right)


def curve(method, errors, truncation=None, rounding=None):
    return Curve(method, errors, truncation, rounding, 1e-3, min(errors))


def line(slope):
    return Line(slope, 0.0, 0, 3)


MANY = {"correct": 1200, "untested": 34, "wrong": 2}
FORMS = {
    "report-right": GradReport((row("x", "correct"),)),
    "report-second-order": GradReport((row("x", "correct", shape=()),), order=2),
    "report-by-hand": GradReport((row("x", "correct", by_hand=2.0), row("y", "correct")), ("a <note>",)),
    "report-wrong": GradReport(
        (
            row("0.weight", "wrong", MANY, (1000, 2000), error=0.5),
            row("0.bias", "untested", shape=(6,)),
            row("2.weight", "precision", {"precision": 5, "correct": 1}),
            row("a.long.name.of.a.parameter", "correct"),
        ),
        ("the gradient of x derived by hand differs from the numeric one",),
        findings=(finding(), finding(right=SLOPE), finding(right=None), finding()),
    ),
    "report-empty": GradReport((row("x", "correct", {"correct": 0}, (0, 3)),)),
    "diagnosis-right": RuleDiagnosis((), 1, (), (), {"exp_1": "correct"}),
    "diagnosis-untested": RuleDiagnosis((), 2, (), ("sqrt_1",), {"sqrt_1": "untested", "exp_2": "correct"}),
    "diagnosis-one": RuleDiagnosis(
        (finding(),), 2, ("relu_2",), (), {"linear_7": "wrong", "relu_2": "correct"}
    ),
    "diagnosis-two": RuleDiagnosis(
        (
            finding(), finding("fan-out", "tanh_2", "", (), None, TOTAL),
            finding(right=SLOPE), finding(right=None),
        ),
        5, (), ("sqrt_9", "log_10"), dict.fromkeys(("linear_7", "tanh_2", "sqrt_9", "log_10"), "wrong"),
    ),
    "v-curve": VCurve(
        "weight", (3, 5), 0.123456789, 2.718281828459, "the complex step", True, (0.1, 0.01, 0.001),
        (
            curve("central", (1e-3, 1e-5, 1e-7), line(2.0)),
            curve("forward", (1e-3, float("nan"), 1e-2), line(1.001), line(-0.98)),
        ),
        ("no <complex> step",),
    ),
    "v-curve-absolute": VCurve("x", (), 1.0, 0.0, "reverse mode", False, (0.1,), (curve("complex", (0.0,)),)),
}  # fmt: skip


def printed(value, width, **terminal):
    console = Console(width=width, file=io.StringIO(), **{"color_system": None, **terminal})
    console.print(value)
    return "\n".join(text.rstrip() for text in console.file.getvalue().splitlines())


@pytest.mark.parametrize("name", FORMS)
def test_printed_form_is_as_kept(name):
    form = FORMS[name]
    shown = [f"{width} columns\n{printed(form, width)}" for width in (60, 80, 150)]
    assert_as_kept(
        SNAPSHOTS / f"{name}.txt", "\n\n".join([*shown, form._repr_html_(), str(form.to_dict())]) + "\n"
    )


def test_colours_of_printed_forms_are_as_kept():
    lines = []
    for name, form in FORMS.items():
        for width in (60, 150):
            text = printed(form, width, color_system="standard", force_terminal=True)
            styled = re.findall(r"\x1b\[([\d;]+)m(.*?)\x1b\[0m", text)
            lines += [f"{name}: {style} {words.strip()}" for style, words in styled if style != "1"]
    assert_as_kept(SNAPSHOTS / "colours.txt", "\n".join(dict.fromkeys(lines)) + "\n")


@pytest.mark.parametrize("columns", [20, 60, 150])
def test_report_as_text_is_as_wide_as_the_terminal_at_least_60(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    report = FORMS["report-wrong"]
    text = "\n".join(text.rstrip() for text in str(report).splitlines())
    assert text == printed(report, max(columns, 60))


@pytest.mark.parametrize(
    ("width", "tables"), [(40, 4), (44, 4), (45, 3), (60, 3), (61, 2), (93, 2), (94, 1), (124, 1), (125, 0)]
)
def test_tables_are_as_few_as_the_width_allows(width, tables):
    """A column per variable in some tables; with room for all columns one table with a line per variable."""
    text = printed(FORMS["report-wrong"], width)
    assert max(map(len, text.splitlines())) <= width
    has_a_line_per_variable = text.index("verdict") < text.index("0.weight")
    assert text.count("┏") == (tables or 1)
    assert has_a_line_per_variable == (tables == 0)
