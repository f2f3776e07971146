"""Reports and diagnoses in all their forms, and refusals."""

import json
import re
import sys
from collections import Counter

import numpy as np
import pytest
from rich.console import Console

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.checking import assert_gradients, check_gradients, diagnose, verdicts, wrong_rules
from tinygrad_mnist.errors import GradientError, StaleGradientError


def network():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(4, 3, rng=rng), nn.Sigmoid(), nn.Linear(3, 2, rng=rng))
    return model, nn.CrossEntropyLoss(), (rng.uniform(0, 1, (3, 4)).astype(np.float32), np.array([0, 1, 1]))


@pytest.fixture(scope="module")
def broken():
    model, loss, (x, y) = network()
    with wrong_rules.sigmoid_of_the_output:
        return check_gradients(model, loss, (x, y)), diagnose(loss(model(x), y))


def printed(thing, width):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(thing)
    return capture.get()


@pytest.mark.parametrize("width", [60, 80, 150])
def test_table_fits_the_page(broken, width):
    text = printed(broken[0], width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for row in broken[0].rows:
        assert text.count(row.name) >= 1
        assert f"{row.reverse:.9g}" in text
    assert "wrong: disagrees with an independent derivative" in text
    assert "note: not float64" in text
    assert "rule of sigmoid" in text.replace("\n", " ")


def test_printed_forms_agree(broken):
    report, diagnosis = broken
    for thing in broken:
        assert json.loads(json.dumps(thing.to_dict()))["ok"] is False
        assert "<" in thing._repr_html_()
    assert set(report.wrong) == {"0.weight", "0.bias"}
    assert report.summary().endswith("wrong: 0.weight, 0.bias")
    assert report.summary() in str(report)
    assert report.summary() in report._repr_html_()
    assert diagnosis.findings[0].what in str(diagnosis)
    assert "sigmoid(y) * (1 - sigmoid(y))" in str(diagnosis)
    assert "sigmoid(y) * (1 - sigmoid(y))" in printed(diagnosis, 80)


def test_finding_names_op_module_line_and_leaves(broken):
    (finding,) = broken[1].findings
    assert (finding.kind, finding.primitive, finding.input, finding.position) == ("rule", "sigmoid", "x", 0)
    assert finding.op.startswith("sigmoid_")
    assert finding.operand.startswith("linear_")
    assert finding.scope == "Sequential/Sigmoid[1]"
    assert "test_report.py" in finding.where
    assert finding.affects == ("0.weight", "0.bias")
    assert finding.error > 0.01
    assert broken[1].verdicts[finding.op] == "wrong"
    assert sorted(broken[1].verdicts.values()) == ["correct"] * 4 + ["wrong"]


def test_hand_derived_values_are_shown_and_compared():
    x = np.array([1.0, 2.0])
    report = check_gradients(lambda x: (x**3).sum(), x, by_hand={"x": 3 * x**2})
    assert report.rows[0].by_hand == pytest.approx(report.rows[0].reverse)
    assert not report.notes
    report = check_gradients(lambda x: (x**3).sum(), x, by_hand={"x": 2 * x**2})
    assert report.notes == ("the gradient of x derived by hand differs from the numeric one",)
    assert "by hand" in str(report)


def test_sample_counts_its_entries_alone():
    report = check_gradients(lambda x: (x**3).sum(), np.ones((10, 10)), sample=7)
    assert report.rows[0].counts == {"correct": 7}
    assert report.summary().startswith("7 of 100 gradient entries tested")


def test_assert_gradients_raises_with_the_table():
    assert_gradients(*network())
    with wrong_rules.missing_transpose, pytest.raises(AssertionError, match=r"(?s)0\.weight.*wrong"):
        assert_gradients(*network())


def test_missing_and_misshapen_gradients_are_noted():
    x = np.array([1.0, 2.0])
    report = check_gradients(lambda x, y: (x * x).sum(), x, x)
    assert not report.ok
    assert report.notes == ("the function does not depend on y",)
    cut = check_gradients(lambda x: (Tensor(x.data) * 2.0).sum(), x)
    assert cut.wrong == ("x",)
    assert "no gradient arrives at x" in cut.notes[-1]
    with wrong_rules.unsummed_broadcast:
        report = check_gradients(lambda x, b: (x + b).sum(), np.ones((2, 3)), np.ones(3))
    assert "the gradient of b has shape (2, 3), and b has (3,)" in report.notes
    assert report.wrong == ("b",)


REFUSED = {
    "a vector": (lambda x: x * 2, [1.0, 2.0], "scalar result"),
    "nothing returned": (lambda x: None, [1.0], "lack a return"),
    "a text": (lambda x: "a", [1.0], "returns str"),
    "NaN": (lambda x: x.log().sum(), [-1.0], "finite real value"),
    "infinity": (lambda x: (1 / x).sum(), [0.0], "finite real value"),
    "no floats": (lambda x: x.sum(), [1, 2], "nothing to differentiate with respect to"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_bad_input_is_refused_in_a_sentence(what):
    function, x, message = REFUSED[what]
    with pytest.raises(GradientError, match=message):
        check_gradients(function, np.array(x))


def test_bad_settings_are_refused():
    x = np.ones(2)
    for options, message in (
        ({"order": 3}, "order is 3: expected 1"),
        ({"sample": 0}, "at least 1"),
        ({"by_hand": {"z": x}}, "by_hand names 'z'"),
        ({"by_hand": {"x": np.ones(3)}}, r"derived by hand has shape \(3,\)"),
    ):
        with pytest.raises(GradientError, match=message):
            check_gradients(lambda x: x.sum(), x, **options)


def test_diagnose_refuses_what_it_cannot_check():
    with pytest.raises(TypeError, match="expected the Tensor"):
        diagnose(np.ones(1))
    with pytest.raises(GradientError, match="no gradient"):
        diagnose(Tensor(1.0))
    model, loss, (x, y) = network()
    value = loss(model(x), y)
    parameter = next(model.parameters())
    parameter.data = parameter.data * 2
    with pytest.raises(StaleGradientError, match="diagnose before the update"):
        diagnose(value)


def test_diagnose_says_what_it_could_not_test():
    diagnosis = diagnose(Tensor([0.0, 1.0], requires_grad=True, name="x").sqrt().sum())
    assert diagnosis.ok
    assert len(diagnosis.untested) == 1
    assert "could not be tested" in str(diagnosis)
    assert "untested" in diagnosis.verdicts.values()


def test_diagnose_of_100_000_weights_calls_as_few_functions(mnist):
    images, labels = next(iter(mnist.train.loader(128)))

    def calls(pixels, hidden):
        rng = np.random.default_rng(0)
        model = nn.Sequential(nn.Linear(pixels, hidden, rng=rng), nn.ReLU(), nn.Linear(hidden, 10, rng=rng))
        loss = nn.CrossEntropyLoss()(model(images.reshape(128, -1)[:, :pixels]), labels)
        counted = Counter()
        sys.setprofile(lambda frame, event, argument: counted.update([event]))
        try:
            assert diagnose(loss).ok
        finally:
            sys.setprofile(None)
        return counted["call"]

    calls(784, 128)  # what is imported and cached at first is not counted
    assert calls(784, 128) < 1.2 * calls(400, 8)


def test_verdicts_have_their_colours_in_a_notebook(broken):
    page = broken[0]._repr_html_()
    for row in broken[0].rows:
        colour = verdicts.NOTEBOOK_COLOURS[row.verdict]
        tint = rf"<b style=.background: {colour}2e;[^>]*>"
        assert re.search(rf"{row.name}</td><td[^>]*>{tint}{row.verdict}", page)
    assert len(set(verdicts.NOTEBOOK_COLOURS.values())) == len(verdicts.VERDICTS)
